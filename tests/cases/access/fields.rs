//! Who reads which field: every field of a ticket, asked for by everybody on a server, in four situations; and of whatever
//! else is not for all. What comes of it stands in `docs/field-rights.md`; fields are found in the schema, so that none can
//! be left out, and so are types.

mod others;
mod tickets;

use super::{city, unhurried};
use docket_core::clock::ManualClock;
use docket_domain::ids::TicketId;
use docket_domain::ticket::{Secrecy, scenario};
use docket_gateway::settings::{Access, Limits};
use docket_tests::TestStore;
use docket_tests::server::Client;
use docket_tests::staff::{PASSWORD, STAFF};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use tickets::City;

/// Types asked for by their id alone: what is in them is theirs to show.
const OTHERS: &[&str] = &["Account", "Department", "Ticket", "Unit"];
/// Types of which nothing is anybody's secret.
const PLAIN: &[&str] = &["PageInfo"];

/// A field of a ticket, as a path.
type Path = Vec<String>;

/// The types of the schema: each one's fields with what they are of.
struct Schema(BTreeMap<String, Vec<(String, String)>>);

impl Schema {
    async fn of(client: &Client) -> Self {
        let query = "{ __schema { types { name kind fields { name type { name ofType { name ofType { name ofType { name } } } } } } } }";
        let told = client.data(query, json!({})).await;
        let named = |mut of: &Value| {
            while of["name"].is_null() {
                of = &of["ofType"];
            }
            of["name"].as_str().unwrap().to_owned()
        };
        let name = |of: &Value| of["name"].as_str().unwrap().to_owned();
        let types = told["__schema"]["types"].as_array().unwrap().iter();
        let objects = types.filter(|one| one["kind"] == "OBJECT").map(|one| {
            let fields = one["fields"].as_array().unwrap().iter();
            let fields = fields.map(|field| (name(field), named(&field["type"])));
            (name(one), fields.collect())
        });
        Self(objects.collect())
    }

    /// What to select of a type to have all of it, and the path of each field.
    fn selection(&self, of: &str, within: &Path, paths: &mut Vec<Path>) -> String {
        let mut selection = String::new();
        for (field, kind) in &self.0[of] {
            let mut path = within.clone();
            path.push(field.clone());
            if PLAIN.contains(&kind.as_str()) {
                continue;
            }
            let _ = write!(selection, "{field} ");
            if OTHERS.contains(&kind.as_str()) {
                selection += "{ id } ";
                paths.push(path);
            } else if self.0.contains_key(kind) {
                let inner = self.selection(kind, &path, paths);
                let _ = write!(selection, "{{ {inner} }} ");
            } else {
                paths.push(path);
            }
        }
        selection
    }
}

/// What somebody gets of a field, over every element of the lists on its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Got {
    Nothing,
    Masked,
    All,
}

fn got(value: &Value, path: &[String]) -> Got {
    match value {
        Value::Null => Got::Nothing,
        Value::Array(list) => list
            .iter()
            .map(|one| got(one, path))
            .max()
            .unwrap_or(Got::Nothing),
        _ if !path.is_empty() => got(&value[&path[0]], &path[1..]),
        Value::String(text) if text.contains('*') => Got::Masked,
        _ => Got::All,
    }
}

/// The texts of a ticket's steps, each by what happened and by its field.
fn texts(ticket: &Value) -> BTreeMap<Path, Got> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut texts = BTreeMap::new();
    for step in list(&ticket["timeline"]["nodes"]) {
        for text in list(&step["texts"]) {
            let (of, field) = (step["type"].as_str(), text["field"].as_str());
            let name = format!("texts({}.{})", of.unwrap(), field.unwrap());
            let path = vec!["timeline".to_owned(), name];
            let seen = texts.entry(path).or_insert(Got::Nothing);
            *seen = got(&text["text"], &[]).max(*seen);
        }
    }
    texts
}

/// Who gets what of each field of a ticket: a column for everybody, and what it is of.
async fn asked(
    city: &City,
    id: TicketId,
    selection: &str,
    paths: &[Path],
) -> (Vec<Path>, Vec<Vec<Got>>) {
    let query = format!(
        "query($id: ID!, $p: Position) {{ ticket(id: $id, minPosition: $p) {{ {selection} }} }}"
    );
    let head = city.desk().journal().head().await.unwrap();
    let mut seen = Vec::new();
    for (login, ..) in STAFF {
        let client = city.server.client().logged_in(login, PASSWORD).await;
        let variables = json!({ "id": format!("ticket:{}", id.0), "p": head.to_string() });
        let mut told = client.run(&query, variables).await;
        let ticket = &told["data"]["ticket"];
        let hidden = told["errors"][0]["extensions"]["code"] == "NOT_FOUND";
        assert_eq!(ticket.is_null(), hidden, "{login}: {told:#}");
        assert!(hidden || told["errors"].is_null(), "{login}: {told:#}");
        seen.push(told["data"]["ticket"].take());
    }
    let steps: BTreeSet<Path> = seen
        .iter()
        .flat_map(|ticket| texts(ticket).into_keys())
        .collect();
    let column = |ticket: &Value| {
        let texts = texts(ticket);
        let of_step = |path| texts.get(path).copied().unwrap_or(Got::Nothing);
        let fields = paths.iter().map(|path| got(ticket, path));
        fields.chain(steps.iter().map(of_step)).collect()
    };
    let columns = seen.iter().map(column).collect();
    (
        paths.iter().cloned().chain(steps.iter().cloned()).collect(),
        columns,
    )
}

/// Fields that have the same readers are one row.
fn table(paths: &[Path], columns: &[Vec<Got>]) -> String {
    let mut text = "| Field |".to_owned();
    for (login, ..) in STAFF {
        let _ = write!(text, " {login} |");
    }
    let _ = write!(text, "\n|---|{}\n", "---|".repeat(STAFF.len()));
    let mut rows: Vec<(Vec<Got>, Vec<String>)> = Vec::new();
    for (n, path) in paths.iter().enumerate() {
        let row: Vec<_> = columns.iter().map(|column| column[n]).collect();
        if row.iter().all(|got| *got == Got::Nothing) {
            continue;
        }
        let name = format!("`{}`", path.join("."));
        match rows.iter_mut().find(|(known, _)| *known == row) {
            Some((_, names)) => names.push(name),
            None => rows.push((row, vec![name])),
        }
    }
    for (row, names) in rows {
        let _ = write!(text, "| {} |", names.join(" "));
        for got in row {
            let sign = match got {
                Got::Nothing => "",
                Got::Masked => "masked",
                Got::All => "✓",
            };
            let _ = write!(text, " {sign} |");
        }
        text.push('\n');
    }
    text
}

fn column(login: &str) -> usize {
    STAFF.iter().position(|one| one.0 == login).unwrap()
}

/// What must hold whatever the table says.
fn check(name: &str, paths: &[Path], columns: &[Vec<Got>]) {
    for nobody in [
        "analyst",
        "admin",
        "other-clerk",
        "other-unit-clerk",
        "other-citizen",
    ] {
        let column = &columns[column(nobody)];
        assert!(
            column.iter().all(|got| *got == Got::Nothing),
            "{name}: {nobody}"
        );
    }
    for (n, path) in paths.iter().enumerate() {
        let seen = |login: &str| columns[column(login)][n];
        let path: Vec<_> = path.iter().map(String::as_str).collect();
        match path[..] {
            ["caller" | "respondent", ..] => {
                assert_ne!(seen("auditor"), Got::All, "{name}: {path:?}");
                let offices = [seen("clerk"), seen("leader")];
                let hidden = name == "confidential" || name == "given-back";
                assert!(
                    !hidden
                        || path[0] == "respondent" && name == "confidential"
                        || offices == [Got::Nothing; 2],
                    "{name}: {path:?}"
                );
            }
            ["queryCode"] => {
                assert_eq!(seen("citizen"), Got::All);
                assert_eq!([seen("clerk"), seen("auditor")], [Got::Nothing; 2]);
            }
            ["assignments", "draft", ..] => {
                for login in ["operator", "office", "auditor", "unit-clerk", "citizen"] {
                    assert_eq!(seen(login), Got::Nothing, "{name}: {login} {path:?}");
                }
            }
            [
                "assignments" | "supervision" | "dispute" | "ruling" | "exclusions" | "termination",
                ..,
            ] => {
                assert_eq!(seen("citizen"), Got::Nothing, "{name}: {path:?}");
            }
            [
                "unassignedSince" | "suggestedDepartments" | "possibleDuplicates",
                ..,
            ] => {
                assert_eq!([seen("clerk"), seen("citizen")], [Got::Nothing; 2]);
            }
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_asks_for_every_field() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let clock = Arc::new(ManualClock::at(scenario::now()));
        let limits = Limits {
            complexity_max: 10_000_000,
            depth_max: 100,
            ..unhurried()
        };
        let server = city(store, clock.clone(), limits, Access::default()).await;
        let city = City { server, clock };
        let schema = Schema::of(&city.server.client()).await;
        let mut paths = Vec::new();
        let selection = schema.selection("Ticket", &Vec::new(), &mut paths);
        let situations = [
            ("in-hand", city.in_hand(Secrecy::Open).await),
            ("confidential", city.in_hand(Secrecy::Confidential).await),
            ("closed", city.closed().await),
            ("given-back", city.given_back().await),
        ];
        let mut unread: BTreeSet<usize> = (0..paths.len()).collect();
        let mut tables = Vec::new();
        for (name, id) in situations {
            let (of, columns) = asked(&city, id, &selection, &paths).await;
            check(name, &of, &columns);
            unread.retain(|n| columns.iter().all(|column| column[*n] == Got::Nothing));
            tables.push((name, table(&of, &columns)));
        }
        tables.push((
            "further",
            further(&city, &selection, &paths, &mut unread).await,
        ));
        let unread: Vec<_> = unread
            .iter()
            .map(|n| format!("`{}`", paths[*n].join(".")))
            .collect();
        tables.push(("unread", format!("{}\n", unread.join(" "))));
        let none: Vec<&str> = Vec::new();
        assert_eq!(others::not_shown(&schema), none, "types without a table");
        let mut unread = String::new();
        for (name, paths, columns) in others::asked(&city, &schema, situations[2].1).await {
            tables.push((name, table(&paths, &columns)));
            for (n, path) in paths.iter().enumerate() {
                if columns.iter().all(|column| column[n] == Got::Nothing) {
                    let _ = write!(unread, "`{name}: {}` ", path.join("."));
                }
            }
        }
        tables.push(("others-unread", format!("{}\n", unread.trim_end())));
        write_down(&tables);
        accounts(&city).await;
    })
    .await;
}

/// Of the fields that were empty so far those that are not in some further situation, each of which has little else.
async fn further(
    city: &City,
    selection: &str,
    paths: &[Path],
    unread: &mut BTreeSet<usize>,
) -> String {
    let mut names = Vec::new();
    let mut all = vec![Vec::new(); STAFF.len()];
    for (name, id) in city.further().await {
        let (of, columns) = asked(city, id, selection, paths).await;
        check(name, &of, &columns);
        let is_read = |n: &usize| columns.iter().any(|column| column[*n] != Got::Nothing);
        for n in unread.iter().copied().filter(|n| is_read(n)) {
            names.push(
                [
                    vec![format!("{name}: {}", paths[n][0])],
                    paths[n][1..].to_vec(),
                ]
                .concat(),
            );
            for (all, column) in all.iter_mut().zip(&columns) {
                all.push(column[n]);
            }
        }
        unread.retain(|n| !is_read(n));
    }
    table(&names, &all)
}

/// All of the page at once, so that one run writes it.
fn write_down(tables: &[(&str, String)]) {
    let place = "../../docs/field-rights.md";
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/field-rights.md");
    let mut text = std::fs::read_to_string(page).unwrap();
    for (name, table) in tables {
        let (begin, end) = (
            format!("<!-- generated: {name} -->\n"),
            "<!-- end generated -->",
        );
        let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{begin}"));
        let (_, after) = rest.split_once(end).unwrap();
        text = format!("{before}{begin}\n{table}\n{end}{after}");
    }
    docket_tests::golden::golden(place, &text);
}

/// What is inner to an account is for its person and its keepers, and a citizen learns no other's name.
async fn accounts(city: &City) {
    let clerk = city.actor("clerk").await.account;
    let query =
        "query($id: ID!) { account(id: $id) { name login mobile smsQuota mustChangePassword } }";
    for (login, ..) in STAFF {
        let client = city.server.client().logged_in(login, PASSWORD).await;
        let told = client
            .run(query, json!({ "id": format!("account:{}", clerk.0) }))
            .await;
        let keeps = matches!(*login, "admin" | "leader");
        let account = &told["data"]["account"];
        assert_eq!(account["login"] == "clerk", keeps, "{login}: {told}");
        assert_eq!(account["smsQuota"] == 5, keeps, "{login}: {told}");
        assert_eq!(
            account["mustChangePassword"],
            Value::Null,
            "told of one's own alone"
        );
        let me = client
            .data(
                "{ me { name login smsQuota mustChangePassword } }",
                json!({}),
            )
            .await;
        let quota = if *login == "clerk" { 5 } else { 0 };
        let own = json!({ "name": format!("{login} by name"), "login": login, "smsQuota": quota, "mustChangePassword": false });
        assert_eq!(me["me"], own);
    }
}
