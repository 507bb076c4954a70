//! How many SQL statements an operation needs: those of its fields, however many rows it has.
//!
//! A server process logs each statement. The least of several tries counts, since the views are followed meanwhile.

use crate::gateway::{department, request};
use docket_tests::city::found;
use docket_tests::server::{Client, Server, ServerProcess, command, store_arguments};
use docket_tests::staff::PASSWORD;
use docket_tests::staff::hire_all;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::fs::File;
use std::path::PathBuf;

const BINARY: &str = env!("CARGO_BIN_EXE_docket-under-test");
/// Tries of which the least counts.
const TRIES: usize = 6;
/// Statements more that a long list may need: texts of ids are cut into pieces by powers of two, and reads of the
/// journal are gathered as they come.
const SLACK: usize = 12;

struct Counted {
    _server: ServerProcess,
    log: PathBuf,
    url: String,
}

impl Counted {
    /// Serves a store, telling of every statement.
    fn start(store: &TestStore) -> Self {
        let log = store.dir().join("statements.log");
        let mut serve = command(BINARY, store);
        serve
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(store_arguments(store))
            .env("DOCKET_LOG", "sqlx::query=debug")
            .env("DOCKET_LOG_FORMAT", "json")
            .stderr(File::create(&log).unwrap());
        let server = ServerProcess::spawn(serve);
        Self {
            url: server.url.clone(),
            log,
            _server: server,
        }
    }

    fn told(&self) -> usize {
        let text = std::fs::read_to_string(&self.log).unwrap();
        text.lines()
            .filter(|line| line.contains("\"sqlx::query\""))
            .count()
    }

    /// The least number of statements while an operation is answered; and the answer.
    async fn of(&self, client: &Client, query: &str, variables: &Value) -> (usize, Value) {
        let (mut least, mut answer) = (usize::MAX, Value::Null);
        for _ in 0..TRIES {
            let before = self.told();
            answer = client.data(query, variables.clone()).await;
            least = least.min(self.told() - before);
        }
        (least, answer)
    }
}

const TICKET: &str = "id number queryCode state revision kind channel title body place respondent caller { name phone }
    earlier accusedDepartment { name } availableActions suggestedDepartments { name }
    attachments { name by { name } }
    assignments { no officeName department { name region } unit { name } handler { name department { name } }
        answer { text } draft { answer } returns { __typename } extensions { __typename } }
    mergedInto { number } followers { number } supervision { by { name } } exclusions { __typename } pauses { __typename }";

const STEPS: &str = "id title timeline(first: 6) { nodes { type at label by { name department { name } }
    offices { name department { name } } texts { field text } } pageInfo { hasNextPage hasPreviousPage } }";

/// So many tickets assigned and signed, notices and texts: by a server of the test's own, which is then gone.
async fn fill(store: &TestStore, tickets: usize) -> Value {
    let server = Server::start(store).await;
    if store.rows("journal", "events").await < 10 {
        found(&server.app.desk).await;
        hire_all(&server.app.desk, &server.app.store.ops).await;
    }
    let person = async |login: &str| server.client().logged_in(login, PASSWORD).await;
    let (operator, dispatcher, clerk) = (
        person("operator").await,
        person("dispatcher").await,
        person("clerk").await,
    );
    let (office, leader) = (person("office").await, person("leader").await);
    let mut position = Value::Null;
    let mut earlier = Value::Null;
    for n in 0..tickets {
        let mut input = request();
        input["earlier"] = earlier;
        input["caller"] = json!({ "name": "王小明", "phone": format!("1380000{n:04}") });
        let ticket = operator.act("receiveTicket", input).await;
        earlier = ticket["number"].clone();
        let id = &ticket["id"];
        let assign = json!({ "id": id, "leadId": department(), "instruction": "请尽快" });
        dispatcher.act("assignTicket", assign).await;
        clerk.act("signTicket", json!({ "id": id })).await;
        let answered = operator.act("receiveTicket", request()).await;
        let id_of = |input: Value| {
            let mut input = input;
            input["id"] = answered["id"].clone();
            input
        };
        let lead = id_of(json!({ "leadId": department() }));
        dispatcher.act("assignTicket", lead).await;
        clerk.act("signTicket", id_of(json!({}))).await;
        clerk
            .act("replyTicket", id_of(crate::stories::reply(&Value::Null)))
            .await;
        let ask = id_of(json!({ "ground": "FORCE_MAJEURE", "text": "暴雨" }));
        leader.act("askExclusion", ask).await;
        let urge = json!({ "id": id, "text": "请尽快" });
        dispatcher.act("urgeTicket", urge).await;
        let publish = "mutation($d: [ID!]) { publishNotice(input: { title: \"通知\", body: \"请周知\", departmentIds: $d }) {
            position } }";
        position =
            office.data(publish, json!({ "d": [department()] })).await["publishNotice"]["position"]
                .take();
        let add = "mutation { addPhrase(input: { kind: PHRASE, title: \"a\", text: \"b\" }) { phrase { id } } }";
        leader.data(add, json!({})).await;
    }
    position
}

/// Operations by who asks them; the rows of each grow with what [`fill`] makes.
fn operations() -> Vec<(&'static str, &'static str, String, &'static str)> {
    vec![
        (
            "inbox",
            "clerk",
            format!("query($p: Position) {{ inbox(tab: IN_PROGRESS, first: 25, minPosition: $p) {{ totalCount unassignedSince
                counts {{ count }} pageInfo {{ hasNextPage hasPreviousPage endCursor }}
                edges {{ cursor node {{ overdue dueAt dueProvisional unviewed ticket {{ {TICKET} }} }} }} }} }}"),
            "/inbox/edges",
        ),
        (
            "inbox of the centre",
            "dispatcher",
            format!("query($p: Position) {{ inbox(tab: IN_PROGRESS, first: 25, minPosition: $p) {{
                nodes {{ ticket {{ {TICKET} }} }} }} }}"),
            "/inbox/nodes",
        ),
        (
            "timelines",
            "clerk",
            format!(
                "query($p: Position) {{ inbox(tab: IN_PROGRESS, first: 25, minPosition: $p) {{
                nodes {{ ticket {{ {STEPS} }} }} }} }}"
            ),
            "/inbox/nodes",
        ),
        (
            "notices",
            "office",
            "query($p: Position) { notices(first: 25, minPosition: $p) { nodes { id title body publishedAt read }
                pageInfo { hasNextPage hasPreviousPage } } }"
                .into(),
            "/notices/nodes",
        ),
        (
            "exclusions",
            "office",
            "query($p: Position) { exclusions(first: 25, minPosition: $p) { pageInfo { hasNextPage hasPreviousPage }
                nodes { state text opinion askedBy { name } department { name } ticket { number title } } } }"
                .into(),
            "/exclusions/nodes",
        ),
        ("phrases", "leader", "{ phrases { id title text kind } }".into(), "/phrases"),
        (
            "events",
            "auditor",
            "{ events(last: 150) { nodes { position data canonicalHash } } }".into(),
            "/events/nodes",
        ),
        (
            "security log",
            "auditor",
            "{ securityLog(first: 100) { nodes { kind subject count } pageInfo { hasNextPage } } }".into(),
            "/securityLog/nodes",
        ),
    ]
}

async fn statements_do_not_grow_with_rows(store: &TestStore) {
    let mut counts: Vec<Vec<(usize, usize)>> = Vec::new();
    for tickets in [3, 21] {
        let position = fill(store, tickets).await;
        let server = Counted::start(store);
        let nobody = Client::new(&server.url);
        let mut round = Vec::new();
        for (name, login, query, at) in operations() {
            let client = nobody.logged_in(login, PASSWORD).await;
            let variables = json!({ "p": position });
            let (statements, answer) = server.of(&client, &query, &variables).await;
            let rows = answer.pointer(at).unwrap().as_array().unwrap().len();
            println!("{name}: {statements} statements for {rows} rows");
            round.push((statements, rows));
        }
        counts.push(round);
    }
    for ((name, ..), (few, many)) in operations().iter().zip(counts[0].iter().zip(&counts[1])) {
        let told = format!("{name}: {few:?} and {many:?} (statements, rows)");
        assert!(few.0 > 0, "statements are told of: {told}");
        // The security log has as many rows as kinds of logins.
        assert!(many.1 >= few.1 + 15 || *name == "security log", "{told}");
        assert!(many.0 <= few.0 + SLACK, "{told}");
    }
}

/// What is listed whole: accounts, colleagues and departments, and whatever is asked for by many ids.
async fn many_at_one_time_are_few_statements(store: &TestStore) {
    let position = fill(store, 40).await;
    let server = Counted::start(store);
    let nobody = Client::new(&server.url);
    let admin = nobody.logged_in("admin", PASSWORD).await;
    let accounts = "{ accounts { id name login roles department { name } unit { name } } }";
    let (statements, answer) = server.of(&admin, accounts, &json!({})).await;
    assert_eq!(answer["accounts"].as_array().unwrap().len(), 16);
    assert!(statements <= SLACK, "accounts: {statements}");
    let clerk = nobody.logged_in("clerk", PASSWORD).await;
    let inbox = "query($p: Position) { inbox(tab: IN_PROGRESS, first: 40, minPosition: $p) { nodes { ticket { id } } } }";
    let (_, answer) = server.of(&clerk, inbox, &json!({ "p": position })).await;
    let ids: Vec<_> = answer["inbox"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n["ticket"]["id"].clone())
        .collect();
    assert_eq!(ids.len(), 40);
    let nodes = "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Ticket { title
        timeline(first: 5) { nodes { type by { name } } } } } }";
    let (statements, answer) = server.of(&clerk, nodes, &json!({ "ids": ids })).await;
    assert!(
        answer["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .all(|node| node["title"].is_string())
    );
    // Two hundred steps name their people: the journal reads up to 64 of those that are asked for by one statement.
    assert!(statements <= 2 * SLACK, "nodes: {statements}");
}

on_both_stores! {
    statements_do_not_grow_with_rows,
    many_at_one_time_are_few_statements,
}
