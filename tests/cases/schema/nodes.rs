//! Whatever has a global id, found by it, as far as the account may know of it.

use super::{person, with_requests};
use crate::gateway::department;
use docket_domain::ticket::scenario::UNIT;
use docket_tests::server::{Client, Server};
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};

const NODES: &str =
    "query($ids: [ID!]!, $p: Position) { nodes(ids: $ids, minPosition: $p) { __typename id } }";
const NOWHERE: &str = "00000000-0000-0000-0000-000000000001";

/// What an account finds: the names of types, null for what it may not know of.
async fn found(client: &Client, ids: &[&Value], position: &Value) -> Vec<Value> {
    let data = client
        .data(NODES, json!({ "ids": ids, "p": position }))
        .await;
    let nodes = data["nodes"].as_array().unwrap().clone();
    for (node, id) in nodes.iter().zip(ids) {
        assert!(node.is_null() || node["id"] == **id, "{node} for {id}");
    }
    nodes
        .into_iter()
        .map(|mut node| node["__typename"].take())
        .collect()
}

async fn id_of(client: &Client) -> Value {
    client.data("{ me { id } }", json!({})).await["me"]["id"].take()
}

/// A notice to another department, and a phrase of one's own: their ids, and the notice's position.
async fn notice_and_phrase(server: &Server) -> (Value, Value, Value) {
    let publish = "mutation($d: [ID!]) { publishNotice(input: { title: \"通知\", body: \"请周知\", departmentIds: $d }) {
        position notice { id } } }";
    let office = person(server, "office").await;
    let mut told = office.data(publish, json!({ "d": [department()] })).await;
    let add = "mutation { addPhrase(input: { kind: PHRASE, title: \"a\", text: \"b\" }) { phrase { id } } }";
    let mut added = person(server, "leader").await.data(add, json!({})).await;
    let told = &mut told["publishNotice"];
    let phrase = added["addPhrase"]["phrase"]["id"].take();
    (told["notice"]["id"].take(), phrase, told["position"].take())
}

async fn nodes_are_found_by_whoever_may_know_of_them(store: &TestStore) {
    let (server, tickets, _) = with_requests(store, 2).await;
    let dispatcher = person(&server, "dispatcher").await;
    let assign = json!({ "id": tickets[0], "leadId": department() });
    dispatcher.act("assignTicket", assign).await;
    let (notice, phrase, position) = notice_and_phrase(&server).await;
    let clerk = person(&server, "clerk").await;
    let other = person(&server, "other-clerk").await;
    let (own, foreign) = (id_of(&clerk).await, id_of(&other).await);
    let (office, unit) = (json!(department()), json!(format!("unit:{UNIT}")));
    let ids = [
        &tickets[0],
        &tickets[1],
        &own,
        &foreign,
        &office,
        &unit,
        &notice,
        &phrase,
    ];
    let seen = found(&clerk, &ids, &position).await;
    let expected = json!([
        "Ticket",
        null,
        "Account",
        null,
        "Department",
        "Unit",
        "Notice",
        "Phrase"
    ]);
    assert_eq!(json!(seen), expected);
    let seen = found(&other, &ids, &position).await;
    let expected = json!([
        null,
        null,
        null,
        "Account",
        "Department",
        "Unit",
        null,
        null
    ]);
    assert_eq!(json!(seen), expected);
    let seen = found(&person(&server, "admin").await, &ids, &position).await;
    let expected = json!([
        null,
        null,
        "Account",
        "Account",
        "Department",
        "Unit",
        null,
        null
    ]);
    assert_eq!(json!(seen), expected);
    // One alone is as one of many, in any order, and named twice it is there twice.
    let one = "query($id: ID!) { node(id: $id) { ... on Ticket { number state } } }";
    let data = clerk.data(one, json!({ "id": tickets[0] })).await;
    assert_eq!(data["node"]["state"], "ASSIGNED");
    assert_eq!(
        other.data(one, json!({ "id": tickets[0] })).await["node"],
        Value::Null
    );
    let twice = found(&clerk, &[&own, &tickets[0], &own], &position).await;
    assert_eq!(json!(twice), json!(["Account", "Ticket", "Account"]));
    let coded = server
        .client()
        .fault(one, json!({ "id": tickets[0] }))
        .await;
    assert_eq!(coded, "UNAUTHENTICATED");
}

async fn an_attachment_is_a_node(store: &TestStore) {
    let (server, tickets, _) = with_requests(store, 1).await;
    let operator = person(&server, "operator").await;
    let ask = "mutation($id: ID!) { requestUpload(input: { id: $id, part: MATTER, name: \"a.pdf\",
        mediaType: \"application/pdf\", size: 9 }) { uploadUrl attachmentId userErrors { code } } }";
    let asked = operator.data(ask, json!({ "id": tickets[0] })).await;
    let asked = &asked["requestUpload"];
    let file = &asked["attachmentId"];
    let before = found(&operator, &[file], &Value::Null).await;
    assert_eq!(before, [Value::Null], "nothing is recorded yet: {asked}");
    let link = format!("{}{}", server.url, asked["uploadUrl"].as_str().unwrap());
    let put = reqwest::Client::new()
        .put(link)
        .body("%PDF-1.4\n")
        .send()
        .await
        .unwrap();
    let put: Value = put.json().await.unwrap();
    let position = &put["position"];
    assert_eq!(
        json!(found(&operator, &[file], position).await),
        json!(["Attachment"]),
        "{put}"
    );
    let one = "query($id: ID!) { node(id: $id) { ... on Attachment { name size } } }";
    let data = operator.data(one, json!({ "id": file })).await;
    assert_eq!(data["node"], json!({ "name": "a.pdf", "size": 9 }));
    let clerk = person(&server, "clerk").await;
    assert_eq!(found(&clerk, &[file], position).await, [Value::Null]);
}

async fn what_is_no_id_is_a_coded_error(store: &TestStore) {
    let (server, tickets, _) = with_requests(store, 1).await;
    let operator = person(&server, "operator").await;
    let uuid = tickets[0].as_str().unwrap().split_once(':').unwrap().1;
    for id in [
        "",
        "ticket",
        "ticket:",
        "ticket:1",
        uuid,
        &format!("pigeon:{uuid}"),
        &format!(" ticket:{uuid}"),
    ] {
        let asked = json!({ "ids": [tickets[0], id] });
        assert_eq!(operator.fault(NODES, asked).await, "BAD_REQUEST", "{id}");
    }
    // Of the right form, and nobody's.
    let kinds = [
        "account",
        "attachment",
        "department",
        "notice",
        "phrase",
        "ticket",
        "unit",
    ];
    let ids: Vec<Value> = kinds
        .iter()
        .map(|kind| json!(format!("{kind}:{NOWHERE}")))
        .collect();
    let ids: Vec<&Value> = ids.iter().collect();
    assert_eq!(
        found(&operator, &ids, &Value::Null).await,
        vec![Value::Null; 7]
    );
    let many = |n: usize| json!({ "ids": vec![&tickets[0]; n] });
    let data = operator.data(NODES, many(100)).await;
    assert_eq!(data["nodes"].as_array().unwrap().len(), 100);
    assert_eq!(operator.fault(NODES, many(101)).await, "TOO_LARGE");
    assert_eq!(operator.data(NODES, many(0)).await["nodes"], json!([]));
}

on_both_stores! {
    nodes_are_found_by_whoever_may_know_of_them,
    an_attachment_is_a_node,
    what_is_no_id_is_a_coded_error,
}
