//! What there is beside tickets, asked for by everybody: accounts, notices, lists and logs.

use super::tickets::City;
use super::{Got, OTHERS, Path, Schema, column, got};
use docket_domain::ids::TicketId;
use docket_tests::server::Client;
use docket_tests::staff::{PASSWORD, STAFF};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What is asked for: a name for it, its type, and the field it is had by.
struct Asked {
    name: &'static str,
    of: &'static str,
    by: String,
}

/// Types that no table shows, and why nobody is kept from a field of theirs.
const NOT_SHOWN: &[(&str, &str)] = &[
    ("AccountRowOutcome", "what became of one's own command"),
    ("TicketOutcome", "what became of one's own command"),
    ("UserError", "what became of one's own command"),
    ("LoggedIn", "one's own session"),
    ("RecoveryTried", "one's own try"),
    ("Captcha", "a picture for whoever asks"),
    (
        "RecoveryQuestion",
        "the same for every login, known or unknown",
    ),
    ("InboxChange", "a ticket, and where it is in the log"),
    ("TicketChange", "a ticket, and where it is in the log"),
    ("PageInfo", "where a page begins and ends"),
    ("Unit", "the same for whoever asks, as a department is"),
    ("Query", "what can be asked for"),
    ("Mutation", "what can be done"),
    ("Subscription", "what can be followed"),
];

/// Types that no table shows, and that nobody has said why of.
pub fn not_shown(schema: &Schema) -> Vec<&str> {
    let mut shown = BTreeSet::new();
    let roots = [
        "Ticket",
        "Account",
        "AccountConnection",
        "Department",
        "NoticeConnection",
        "ExclusionConnection",
        "SecurityLogConnection",
        "EventConnection",
        "InboxConnection",
        "Phrase",
        "StatisticsRow",
        "RulePack",
        "Progress",
    ];
    for root in roots {
        reached(schema, root, &mut shown);
    }
    let said = |name: &str| NOT_SHOWN.iter().any(|(known, _)| *known == name);
    let types = schema.0.keys().map(String::as_str);
    types
        .filter(|name| !shown.contains(name) && !said(name))
        .filter(|name| !name.starts_with("__") && !name.ends_with("Payload"))
        .collect()
}

fn reached<'s>(schema: &'s Schema, of: &str, shown: &mut BTreeSet<&'s str>) {
    let Some((name, fields)) = schema.0.get_key_value(of) else {
        return;
    };
    if shown.insert(name) {
        // Those that are asked for by their id alone have tables of their own.
        let whole = fields.iter().map(|(_, kind)| kind.as_str());
        for kind in whole.filter(|kind| !OTHERS.contains(kind)) {
            reached(schema, kind, shown);
        }
    }
}

/// The clerk's account with all that one can have, a notice to the clerk's department, and a phrase of the department's.
async fn furnish(city: &City, people: &[Client]) {
    let by = |login: &str| &people[column(login)];
    let clerk = city.actor("clerk").await.account;
    let department = docket_domain::ticket::scenario::DEPARTMENT;
    for (login, mutation, input) in [
        (
            "admin",
            "changeAccount(input: $i)",
            json!({ "id": format!("account:{}", clerk.0), "mobile": "13800000077", "smsQuota": 5 }),
        ),
        (
            "office",
            "publishNotice(input: $i)",
            json!({ "title": "通知", "body": "内容", "departmentIds": [format!("department:{department}")] }),
        ),
        (
            "leader",
            "addPhrase(input: $i)",
            json!({ "kind": "PHRASE", "title": "甲", "text": "乙" }),
        ),
    ] {
        let mut kind = mutation.split_once('(').unwrap().0.to_owned();
        kind[..1].make_ascii_uppercase();
        let query =
            format!("mutation($i: {kind}Input!) {{ {mutation} {{ userErrors {{ code }} }} }}");
        let done = by(login).data(&query, json!({ "i": input })).await;
        assert!(done.to_string().contains("\"userErrors\":[]"), "{done}");
    }
    let read = "{ notices { edges { node { id } } } }";
    let notices = by("clerk").data(read, json!({})).await;
    let id = &notices["notices"]["edges"][0]["node"]["id"];
    let read =
        format!("mutation {{ markNoticeRead(input: {{ id: {id} }}) {{ userErrors {{ code }} }} }}");
    by("clerk").data(&read, json!({})).await;
}

async fn all_asked(city: &City, asker: &Client, ticket: TicketId) -> Vec<Asked> {
    let clerk = city.actor("clerk").await.account;
    let told = asker
        .data(
            "query($id: ID!) { ticket(id: $id) { number queryCode } }",
            json!({ "id": format!("ticket:{}", ticket.0) }),
        )
        .await;
    let (number, code) = (&told["ticket"]["number"], &told["ticket"]["queryCode"]);
    let asked = |name, of, by: &str| Asked {
        name,
        of,
        by: by.to_owned(),
    };
    let days = "from: \"2020-01-01\", to: \"2035-12-31\"";
    vec![
        asked(
            "account",
            "Account",
            &format!("account(id: \"account:{}\")", clerk.0),
        ),
        asked("own-account", "Account", "me"),
        asked("account-colleague", "Account", "colleagues"),
        asked("account-kept", "Account", "accounts"),
        asked("staff", "AccountConnection", "staff"),
        asked(
            "account-in-ticket",
            "Account",
            &format!("ticket(id: \"ticket:{}\")", ticket.0),
        ),
        asked("notices", "NoticeConnection", "notices"),
        asked("exclusions", "ExclusionConnection", "exclusions"),
        asked("inbox", "InboxConnection", "inbox(tab: TO_SIGN)"),
        asked("phrases", "Phrase", "phrases"),
        asked(
            "statistics",
            "StatisticsRow",
            &format!("statistics({days})"),
        ),
        asked("security-log", "SecurityLogConnection", "securityLog"),
        asked("events", "EventConnection", "events(first: 500)"),
        asked("departments", "Department", "departments"),
        asked("rule-pack", "RulePack", "rulePack"),
        asked(
            "progress",
            "Progress",
            &format!("progress(input: {{ number: {number}, queryCode: {code} }})"),
        ),
    ]
}

/// Who gets what of each; each with its name, its fields, and a column for everybody.
pub async fn asked(
    city: &City,
    schema: &Schema,
    ticket: TicketId,
) -> Vec<(&'static str, Vec<Path>, Vec<Vec<Got>>)> {
    let mut people = Vec::new();
    for (login, ..) in STAFF {
        people.push(city.server.client().logged_in(login, PASSWORD).await);
    }
    furnish(city, &people).await;
    let head = city.desk().journal().head().await.unwrap();
    let wait = "query($p: Position) { exclusions(minPosition: $p) { pageInfo { hasNextPage } } }";
    let office = &people[column("office")];
    let clerk = format!("account:{}", city.actor("clerk").await.account.0);
    office.data(wait, json!({ "p": head.to_string() })).await;
    let mut tables = Vec::new();
    for Asked { name, of, by } in all_asked(city, office, ticket).await {
        let mut paths = Vec::new();
        let mut selection = schema.selection(of, &Vec::new(), &mut paths);
        if name == "account-in-ticket" {
            selection = format!("timeline {{ nodes {{ by {{ {selection} }} }} }}");
        }
        let query = format!("{{ of: {by} {{ {selection} }} }}");
        let mut columns = Vec::new();
        for client in &people {
            let told = client.run(&query, json!({})).await;
            let refused = told["errors"][0]["extensions"]["code"].as_str();
            assert!(
                matches!(refused, None | Some("FORBIDDEN" | "NOT_FOUND")),
                "{name}: {told:#}"
            );
            let of = meant(name, &told["data"]["of"], &clerk);
            columns.push(paths.iter().map(|path| got(&of, path)).collect());
        }
        check(name, &paths, &columns);
        tables.push((name, paths, columns));
    }
    tables
}

/// What is meant of an answer: of several accounts the clerk's, since everybody reads their own.
fn meant(name: &str, of: &Value, clerk: &str) -> Value {
    let accounts: Vec<&Value> = match name {
        "account-colleague" | "account-kept" => of.as_array().into_iter().flatten().collect(),
        "account-in-ticket" => {
            let steps = of["timeline"]["nodes"].as_array();
            steps
                .into_iter()
                .flatten()
                .map(|step| &step["by"])
                .collect()
        }
        _ => return of.clone(),
    };
    let clerks = accounts.into_iter().filter(|one| one["id"] == clerk);
    clerks.cloned().collect()
}

/// Who has anything at all of a field.
fn readers<'s>(n: usize, columns: &[Vec<Got>]) -> Vec<&'s str> {
    let logins = STAFF.iter().map(|one| one.0);
    let seen = logins.zip(columns).filter(|(_, of)| of[n] != Got::Nothing);
    seen.map(|(login, _)| login).collect()
}

/// What must hold whatever the table says.
fn check(name: &str, paths: &[Path], columns: &[Vec<Got>]) {
    for (n, path) in paths.iter().enumerate() {
        let readers = readers(n, columns);
        let field = path.last().unwrap().as_str();
        let of_clerk = name.starts_with("account");
        let only: Option<&[&str]> = match (name, field) {
            (_, "login" | "mobile" | "smsQuota") if of_clerk => Some(&["clerk", "leader", "admin"]),
            (_, "mustChangePassword") if of_clerk => Some(&["clerk"]),
            ("security-log" | "events", _) => Some(&["auditor"]),
            ("phrases", _) => Some(&["clerk", "leader", "unit-clerk"]),
            _ => None,
        };
        if let Some(only) = only {
            let others = readers.iter().filter(|reader| !only.contains(reader));
            assert_eq!(others.count(), 0, "{name}: {path:?}: {readers:?}");
        }
        let never: &[&str] = match name {
            "account-kept" => &["clerk", "operator", "citizen", "auditor", "analyst"],
            "account-colleague" | "exclusions" | "inbox" | "phrases" => {
                &["citizen", "other-citizen", "analyst", "admin"]
            }
            _ if of_clerk => &["citizen", "other-citizen", "analyst"],
            "notices" => &[
                "citizen",
                "other-citizen",
                "analyst",
                "admin",
                "other-clerk",
            ],
            "statistics" => &["citizen", "other-citizen", "admin"],
            _ => &[],
        };
        let kept = readers.iter().find(|reader| never.contains(reader));
        assert_eq!(kept, None, "{name}: {path:?}");
        if path.iter().any(|part| part == "readBy") {
            assert_eq!(readers, ["office", "auditor"], "{name}: {path:?}");
        }
    }
}
