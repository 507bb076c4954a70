//! Tables in the documentation that the code yields: written by these tests, reviewed, and failing when
//! stale.

use docket_domain::Reason;
use docket_domain::people::Role;
use docket_domain::ticket::{ACTIONS, Gate, Level, TicketState, available_actions};
use docket_domain::ticket::{Ticket, scenario};
use docket_gateway::error::Code;
use docket_gateway::import::rejects::Why;
use docket_tests::TestStore;
use docket_tests::server::Server;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

/// Replaces what stands between a document's markers, and fails if that changed anything.
pub(crate) fn generated(document: &str, name: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .join(document);
    let text = std::fs::read_to_string(&path).unwrap();
    let begin = format!("<!-- generated: {name} -->\n");
    let (before, rest) = text
        .split_once(&begin)
        .unwrap_or_else(|| panic!("{document} lacks {begin}"));
    let end = "<!-- end generated -->";
    let (_, after) = rest
        .split_once(end)
        .unwrap_or_else(|| panic!("{document} lacks {end}"));
    let place = format!("../../{document}");
    docket_tests::golden::golden(&place, &format!("{before}{begin}\n{table}\n{end}{after}"));
}

#[test]
fn the_refusals() {
    let mut table = "| Code | 中文 | English | What to do |\n|---|---|---|---|\n".to_owned();
    for reason in Reason::ALL {
        let _ = writeln!(
            table,
            "| `{}` | {} | {} | {} |",
            reason.code(),
            reason.zh(),
            reason.en(),
            reason.remedy()
        );
    }
    generated("docs/errors.md", "refusals", &table);
}

#[test]
fn the_faults() {
    let mut table = "| Code | 中文 | English | What to do |\n|---|---|---|---|\n".to_owned();
    for code in Code::ALL {
        let _ = writeln!(
            table,
            "| `{}` | {} | {} | {} |",
            code.code(),
            code.zh(),
            code.en(),
            code.remedy()
        );
    }
    generated("docs/errors.md", "faults", &table);
}

#[test]
fn the_rejects() {
    let mut table = "| Code | 中文 | English | What to do |\n|---|---|---|---|\n".to_owned();
    for why in Why::ALL {
        let _ = writeln!(
            table,
            "| `{}` | {} | {} | {} |",
            why.code(),
            why.zh(),
            why.en(),
            why.remedy()
        );
    }
    generated("docs/errors.md", "rejects", &table);
}

#[test]
fn the_actions() {
    let mut table = "| Action | 中文 | Event | Who | From |\n|---|---|---|---|---|\n".to_owned();
    for spec in ACTIONS {
        let mut roles: Vec<&str> = spec.roles.iter().map(|r| r.name()).collect();
        if roles.is_empty() {
            roles.push("(Docket itself)");
        }
        let from = match spec.gate {
            Gate::New => "(makes the ticket)".to_owned(),
            Gate::Ticket(states) => {
                format!(
                    "ticket {}",
                    states
                        .iter()
                        .map(|s| s.name())
                        .collect::<Vec<_>>()
                        .join(", ")
                )
            }
            Gate::Assignment { states, level } => {
                let states: Vec<&str> = states.iter().map(|s| s.name()).collect();
                let level = match level {
                    Some(Level::Department) => " (level 1)",
                    Some(Level::Unit) => " (level 2)",
                    None => "",
                };
                format!("own assignment {}{level}", states.join(", "))
            }
        };
        let _ = writeln!(
            table,
            "| {} | {} | `{}` | {} | {from} |",
            spec.name,
            spec.zh,
            spec.event,
            roles.join(", ")
        );
    }
    table.push_str("\nWhat each account may do with a ticket of the small city, by its state:\n\n");
    table.push_str(&cells());
    generated("docs/domain.md", "actions", &table);
}

/// Every mutation with the fields of its input, as the schema tells them.
#[tokio::test]
async fn the_mutations() {
    let query = "{ __schema { mutationType { fields { name description args { type { ofType {
        inputFields { name type { kind } } } } } } } } }";
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let server = Server::start(store).await;
        let schema = server.client().data(query, json!({})).await;
        document_mutations(&schema);
    })
    .await;
}

fn document_mutations(told: &Value) {
    let mut table = "| Mutation | Input | |\n|---|---|---|\n".to_owned();
    let fields = told["__schema"]["mutationType"]["fields"].as_array();
    for field in fields.unwrap() {
        let inputs = field["args"][0]["type"]["ofType"]["inputFields"].as_array();
        let of_all = ["commandId", "expectedRevision"];
        let names = inputs.into_iter().flatten().filter_map(|input| {
            let name = input["name"].as_str()?;
            let mark = if input["type"]["kind"] == "NON_NULL" {
                "!"
            } else {
                ""
            };
            (!of_all.contains(&name)).then(|| format!("`{name}{mark}`"))
        });
        let names: Vec<String> = names.collect();
        let description = field["description"].as_str().unwrap().replace('\n', " ");
        let name = field["name"].as_str().unwrap();
        let _ = writeln!(table, "| `{name}` | {} | {description} |", names.join(", "));
    }
    generated("docs/api.md", "mutations", &table);
}

/// A ticket in every state.
fn tickets() -> Vec<(&'static str, Ticket)> {
    let awaiting = scenario::delegated()
        .and(scenario::unit_clerk(), scenario::sign())
        .and(scenario::unit_clerk(), scenario::reply());
    vec![
        ("absent", Ticket::default()),
        ("received", scenario::received().fold()),
        ("assigned", scenario::assigned().fold()),
        ("in_progress", scenario::signed().fold()),
        ("delegated", scenario::delegated().fold()),
        ("awaiting_summary", awaiting.fold()),
        ("returned", scenario::returned().fold()),
        (
            "replied (the citizen's own)",
            scenario::own_replied().fold(),
        ),
        ("awaiting_call_back", scenario::reviewed().fold()),
        ("awaiting_redo", scenario::unsolved().fold()),
        (
            "closed",
            scenario::reviewed()
                .and(scenario::caller_back(), scenario::call_back())
                .fold(),
        ),
        (
            "declined",
            scenario::received()
                .and(scenario::operator(), scenario::decline())
                .fold(),
        ),
        (
            "withdrawn",
            scenario::assigned()
                .and(scenario::operator(), scenario::withdraw())
                .fold(),
        ),
        (
            "transferred",
            scenario::received()
                .and(scenario::operator(), scenario::transfer())
                .fold(),
        ),
        (
            "merged",
            scenario::signed()
                .and(scenario::dispatcher(), scenario::merge())
                .fold(),
        ),
        (
            "terminated",
            scenario::signed()
                .and(scenario::clerk(), scenario::ask_termination())
                .and(scenario::office(), scenario::terminate())
                .fold(),
        ),
        (
            "archived",
            scenario::reviewed()
                .and(scenario::caller_back(), scenario::call_back())
                .and(scenario::office(), scenario::archive())
                .fold(),
        ),
    ]
}

/// State × person → actions, reckoned by the product's own guard.
fn cells() -> String {
    let people = scenario::everybody();
    let tickets = tickets();
    assert_eq!(
        tickets.len(),
        TicketState::ALL.len(),
        "a row for every state"
    );
    assert!(
        people
            .iter()
            .flat_map(|(_, p)| &p.roles)
            .collect::<std::collections::HashSet<_>>()
            .len()
            == Role::ALL.len()
    );
    let mut table = format!(
        "| State | {} |\n|---|",
        people.iter().map(|p| p.0).collect::<Vec<_>>().join(" | ")
    );
    table.push_str(&"---|".repeat(people.len()));
    for (state, ticket) in &tickets {
        assert!(state.starts_with(ticket.state.name()), "{state}");
        let cells = people
            .iter()
            .map(|(_, actor)| available_actions(ticket, &scenario::context(actor.clone())))
            .map(|actions| actions.join(", "));
        let _ = write!(
            table,
            "\n| {state} | {} |",
            cells.collect::<Vec<_>>().join(" | ")
        );
    }
    table.push('\n');
    table
}
