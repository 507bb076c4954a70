//! What is asked a second time is answered as the first time, though it is not judged again; and what is asked in another form
//! is judged for itself.

use super::{person, with_requests};
use docket_tests::server::Client;
use docket_tests::{TestStore, on_both_stores};
use reqwest::header::ACCEPT_LANGUAGE;
use serde_json::{Value, json};

on_both_stores! {
    asked_again_the_answer_is_the_same,
    fields_and_fragments_say_the_same,
    another_form_is_judged_for_itself,
}

async fn asked(client: &Client, language: &str, query: &str, variables: &Value) -> Value {
    let mut request = reqwest::Client::new()
        .post(format!("{}/graphql", client.url))
        .header(ACCEPT_LANGUAGE, language)
        .json(&json!({ "query": query, "variables": variables }));
    if let Some(token) = &client.token {
        request = request.bearer_auth(token);
    }
    request.send().await.unwrap().json().await.unwrap()
}

const ROWS: &str = "assignmentNo unviewed dueAt tab overdue ticket {
    __typename id number state kind urgency receivedAt title revision lead: availableActions }";

async fn asked_again_the_answer_is_the_same(store: &TestStore) {
    let (server, tickets, _) = with_requests(store, 3).await;
    let dispatcher = person(&server, "dispatcher").await;
    let nobody = server.client();
    let page = format!(
        "query($n: Int) {{ inbox(tab: TO_ASSIGN, first: $n) {{ totalCount
        edges {{ cursor node {{ {ROWS} }} }} nodes {{ {ROWS} }} pageInfo {{ endCursor }} }} }}"
    );
    let one = "query($id: ID) { ticket(id: $id) { number timeline(first: 2) { nodes { type } } } }";
    let events = "{ events(first: 1) { head } }";
    let ask = async |client: &Client, query: &str, variables: Value| {
        for language in ["zh", "en"] {
            let first = asked(client, language, query, &variables).await;
            for _ in 0..2 {
                assert_eq!(asked(client, language, query, &variables).await, first);
            }
            assert!(first["extensions"]["position"].is_string(), "{first}");
        }
        asked(client, "en", query, &variables).await
    };
    let told = ask(&dispatcher, &page, json!({ "n": 2 })).await;
    assert_eq!(told["data"]["inbox"]["nodes"].as_array().unwrap().len(), 2);
    assert!(told["extensions"]["cost"]["complexity"].is_u64(), "{told}");
    let told = ask(&dispatcher, one, json!({ "id": tickets[0] })).await;
    assert_eq!(told["errors"], Value::Null, "{told}");
    // Another one in the same form is another one all the same.
    let other = ask(&dispatcher, one, json!({ "id": tickets[1] })).await;
    assert_ne!(
        told["data"]["ticket"]["number"],
        other["data"]["ticket"]["number"]
    );
    // Faults keep code, language and place.
    let told = ask(&dispatcher, events, json!({})).await;
    assert_eq!(told["errors"][0]["extensions"]["code"], "FORBIDDEN");
    assert_eq!(told["errors"][0]["path"], json!(["events"]));
    let told = ask(&nobody, &page, json!({})).await;
    assert_eq!(told["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    let told = ask(&dispatcher, one, json!({ "id": "nonsense" })).await;
    assert_eq!(told["errors"][0]["extensions"]["code"], "BAD_REQUEST");
    let zh = asked(&dispatcher, "zh", one, &json!({ "id": "nonsense" })).await;
    assert_ne!(zh["errors"][0]["message"], told["errors"][0]["message"]);
    // A command of the same form is another command.
    let sign = "mutation($id: ID!) { viewTicket(input: { id: $id }) { ticket { id } userErrors { code } } }";
    for ticket in tickets.iter().chain(&tickets) {
        let told = asked(&dispatcher, "en", sign, &json!({ "id": ticket })).await;
        let payload = &told["data"]["viewTicket"];
        let refused = &payload["userErrors"][0]["code"];
        assert!(
            payload["ticket"]["id"] == *ticket || refused.is_string(),
            "{told}"
        );
    }
}

async fn fields_and_fragments_say_the_same(store: &TestStore) {
    let (server, ..) = with_requests(store, 3).await;
    let dispatcher = person(&server, "dispatcher").await;
    let shapes = [
        format!("nodes {{ {ROWS} }}"),
        format!("nodes {{ ... {{ {ROWS} }} }}"),
        "nodes { ...row } ".to_owned(),
        format!("nodes {{ ticket {{ id }} {ROWS} ticket {{ number }} }}"),
        format!("nodes {{ {ROWS} tab @include(if: true) }}"),
    ];
    let mut all = Vec::new();
    for shape in shapes {
        let fragment = if shape.contains("...row") {
            format!("fragment row on InboxItem {{ {ROWS} }}")
        } else {
            String::new()
        };
        let query = format!("{{ inbox(tab: TO_ASSIGN) {{ {shape} }} }} {fragment}");
        for _ in 0..2 {
            let told = asked(&dispatcher, "en", &query, &json!({})).await;
            assert_eq!(told["errors"], Value::Null, "{query}");
            all.push(told["data"]["inbox"]["nodes"].clone());
        }
    }
    assert_eq!(all[0].as_array().unwrap().len(), 3);
    for other in &all[1..] {
        assert_eq!(other, &all[0]);
    }
}

async fn another_form_is_judged_for_itself(store: &TestStore) {
    let (server, ..) = with_requests(store, 1).await;
    let dispatcher = person(&server, "dispatcher").await;
    let query = "query($tab: InboxTab!, $n: Int, $f: InboxFilter) {
        inbox(tab: $tab, first: $n, filter: $f) { nodes { tab } } }";
    let good = json!({ "tab": "TO_ASSIGN", "n": 5, "f": { "unviewed": true } });
    let with = |name: &str, value: Value| {
        let mut variables = good.clone();
        variables[name] = value;
        variables
    };
    let bad = [
        with("tab", json!("TO_NOWHERE")),
        with("tab", json!("to nowhere")),
        with("tab", json!(7)),
        with("tab", Value::Null),
        with("n", json!("5")),
        with("n", json!(-1)),
        with("n", json!(5_000)),
        with("n", json!(1.5)),
        with("f", json!({ "unviewed": "yes" })),
        with("f", json!({ "unknown": true })),
        with("f", json!("unviewed")),
    ];
    for _ in 0..2 {
        for variables in &bad {
            let told = asked(&dispatcher, "en", query, variables).await;
            let code = told["errors"][0]["extensions"]["code"].as_str();
            assert!(
                matches!(code, Some("BAD_REQUEST" | "TOO_LARGE")),
                "{variables}: {told}"
            );
            assert_eq!(told["data"], Value::Null, "{variables}: {told}");
            let told = asked(&dispatcher, "en", query, &good).await;
            assert_eq!(told["errors"], Value::Null, "{told}");
        }
    }
}
