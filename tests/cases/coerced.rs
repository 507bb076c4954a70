//! Documents, variables and answers as the specification has them: what is not given fills nothing, what must be given is,
//! one field is executed once, what failed is null, and of several operations the one that is meant counts.

use crate::gateway::{city, request};
use docket_tests::TestStore;
use docket_tests::server::{Client, Server};
use docket_tests::staff::PASSWORD;
use reqwest::StatusCode;
use serde_json::{Value, json};

async fn begin(login: &str) -> (TestStore, Server, Client) {
    let store = TestStore::sqlite();
    let server = city(&store).await;
    let client = server.client().logged_in(login, PASSWORD).await;
    (store, server, client)
}

/// An answer with its status, in the media type that has one for it.
async fn asked(server: &Server, client: &Client, body: Value) -> (StatusCode, Value) {
    let response = reqwest::Client::new()
        .post(format!("{}/graphql", server.url))
        .header("accept", "application/graphql-response+json")
        .bearer_auth(client.token().unwrap_or_default())
        .json(&body)
        .send()
        .await
        .unwrap();
    (response.status(), response.json().await.unwrap())
}

#[tokio::test]
async fn a_variable_that_is_not_given_takes_nothing_away() {
    let (_store, _server, admin) = begin("admin").await;
    let id = admin.data("{ me { id } }", json!({})).await["me"]["id"].take();
    let change = "mutation($id: ID!, $name: String, $m: String) { \
         changeAccount(input: { id: $id, name: $name, mobile: $m }) { account { name mobile } } }";
    let told = admin
        .data(change, json!({ "id": id, "m": "13912345678" }))
        .await;
    assert_eq!(told["changeAccount"]["account"]["mobile"], "13912345678");
    let told = admin
        .data(change, json!({ "id": id, "name": "管理员" }))
        .await;
    let account = json!({ "name": "管理员", "mobile": "13912345678" });
    assert_eq!(told["changeAccount"]["account"], account);
    // What is given as null is taken away.
    let told = admin.data(change, json!({ "id": id, "m": null })).await;
    assert_eq!(told["changeAccount"]["account"]["mobile"], Value::Null);
}

#[tokio::test]
async fn a_variable_that_may_be_left_out_may_be() {
    let (_store, _server, clerk) = begin("clerk").await;
    let query = "query($o: InboxOrder, $first: Int, $b: Boolean, $f: InboxFilter) { \
         a: inbox(tab: TO_SIGN, orderBy: $o, first: $first) { totalCount } \
         b: inbox(tab: TO_SIGN, filter: { mine: $b }) { totalCount } \
         c: inbox(tab: TO_SIGN, filter: $f) { totalCount } }";
    let none = json!({ "totalCount": 0 });
    let told = clerk.data(query, json!({})).await;
    assert_eq!(told, json!({ "a": none, "b": none, "c": none }));
    let query = "query($f: Boolean = true) { me { login name @include(if: $f) } }";
    assert!(clerk.data(query, json!({})).await["me"]["name"].is_string());
    let query = "query($f: Boolean = true) { me { login name @skip(if: $f) } }";
    let told = clerk.data(query, json!({})).await;
    assert_eq!(told["me"], json!({ "login": "clerk" }));
}

#[tokio::test]
async fn nothing_is_done_where_a_variable_is_missing() {
    let (_store, server, operator) = begin("operator").await;
    let query = "mutation($a: ReceiveTicketInput!, $b: ID!) { \
         receiveTicket(input: $a) { position } viewTicket(input: { id: $b }) { position } }";
    let before = server.app.desk.journal().head().await.unwrap();
    for variables in [
        json!({ "a": request() }),
        json!({ "a": request(), "b": null }),
    ] {
        let body = json!({ "query": query, "variables": variables });
        let (status, told) = asked(&server, &operator, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(told.get("data").is_none(), "{told}");
        let error = &told["errors"][0];
        assert_eq!(error["extensions"]["code"], "BAD_REQUEST");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("$b") || message.contains("input.id"),
            "{told}"
        );
    }
    assert_eq!(server.app.desk.journal().head().await.unwrap(), before);
}

#[tokio::test]
async fn one_field_is_one_command() {
    let (_store, server, operator) = begin("operator").await;
    let head = async || server.app.desk.journal().head().await.unwrap();
    let twice = "mutation($i: ReceiveTicketInput!) { \
         receiveTicket(input: $i) { ticket { number } } receiveTicket(input: $i) { position } }";
    let apart = "mutation($i: ReceiveTicketInput!) { ...A ...B } \
         fragment A on Mutation { receiveTicket(input: $i) { ticket { number } } } \
         fragment B on Mutation { receiveTicket(input: $i) { position } }";
    for query in [twice, apart] {
        let before = head().await;
        let told = operator.data(query, json!({ "i": request() })).await;
        let received = &told["receiveTicket"];
        assert!(received["ticket"]["number"].is_string(), "{told}");
        assert_eq!(received["position"], (before + 1).to_string());
        assert_eq!(head().await, before + 1);
    }
    // Under names of their own they are two.
    let two = "mutation($i: ReceiveTicketInput!) { \
         a: receiveTicket(input: $i) { position } b: receiveTicket(input: $i) { position } }";
    let before = head().await;
    operator.data(two, json!({ "i": request() })).await;
    assert_eq!(head().await, before + 2);
}

#[tokio::test]
async fn whoever_sends_several_operations_names_one() {
    let (_store, server, clerk) = begin("clerk").await;
    let query = "query A { me { login } } subscription B { inboxChanged { position } } \
         mutation C { logout { loggedOut } }";
    for _ in 0..8 {
        let (status, told) = asked(&server, &clerk, json!({ "query": query })).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{told}");
        assert!(told.get("data").is_none(), "{told}");
    }
    let named = json!({ "query": query, "operationName": "A" });
    let (status, told) = asked(&server, &clerk, named).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(told["data"], json!({ "me": { "login": "clerk" } }));
}

/// What is told twice: when a document is judged, and when it was.
async fn told_twice(server: &Server, client: &Client, body: Value) -> (StatusCode, Value) {
    let mut first = asked(server, client, body.clone()).await;
    let mut second = asked(server, client, body).await;
    for (_, told) in [&mut first, &mut second] {
        if let Some(told) = told.as_object_mut() {
            told.remove("extensions");
        }
    }
    assert_eq!(first, second);
    first
}

#[tokio::test]
async fn what_failed_is_null_or_takes_its_parent() {
    let (_store, server, clerk) = begin("clerk").await;
    let me = json!({ "login": "clerk" });
    for (query, data, path) in [
        (
            "{ x: ticket(id: \"nothing\") { id } me { login } }",
            json!({ "x": null, "me": me }),
            json!(["x"]),
        ),
        (
            "{ ticket(id: \"nothing\") { id } }",
            json!({ "ticket": null }),
            json!(["ticket"]),
        ),
        (
            "{ me { login } account(id: \"nothing\") { id } }",
            Value::Null,
            json!(["account"]),
        ),
    ] {
        let (status, told) = told_twice(&server, &clerk, json!({ "query": query })).await;
        assert_eq!(status, StatusCode::OK, "{told}");
        assert_eq!(told["data"], data, "{query}");
        assert!(told.get("data").is_some());
        assert_eq!(told["errors"][0]["path"], path);
    }
}

#[tokio::test]
async fn an_object_of_which_nothing_is_wanted_is_one() {
    let (_store, server, clerk) = begin("clerk").await;
    let id = clerk.data("{ me { id } }", json!({})).await["me"]["id"].take();
    for (query, data) in [
        ("{ me { id @include(if: false) } }", json!({ "me": {} })),
        ("{ me @include(if: false) { id } }", json!({})),
        (
            "{ ...A ...B } fragment A on Query { me { id @skip(if: true) } } \
             fragment B on Query { me { login } }",
            json!({ "me": { "login": "clerk" } }),
        ),
        (
            "query($i: ID!) { node(id: $i) { ... on Ticket { number } } }",
            json!({ "node": {} }),
        ),
        (
            "query($i: ID!) { node(id: $i) { ... on Ticket { number } ... on Account { login } } }",
            json!({ "node": { "login": "clerk" } }),
        ),
        (
            "query($i: ID!) { nodes(ids: [$i]) { ... on Ticket { number } id } }",
            json!({ "nodes": [{ "id": id }] }),
        ),
    ] {
        let variables = if query.contains("$i") {
            json!({ "i": id })
        } else {
            json!({})
        };
        let body = json!({ "query": query, "variables": variables });
        let (_, told) = told_twice(&server, &clerk, body).await;
        assert_eq!(told, json!({ "data": data }), "{query}");
    }
}

/// Whatever is wrong with a document is told before it is executed, whatever it is sent with.
#[tokio::test]
async fn all_of_a_document_is_valid() {
    let (_store, server, clerk) = begin("clerk").await;
    for query in [
        "{ me { login nothing @skip(if: true) } }",
        "query A { me { login } } query B { me { nothing } }",
        "query A($x: Position) { colleagues(minPosition: $x) { id } } query B { nothing }",
        "query A { me { login } } fragment F on Account { id }",
        "{ me { x: login } ...F } fragment F on Query { me { x: name } }",
        "{ me { x: login } ...F @include(if: false) } fragment F on Query { me { x: name } }",
        "{ me { ...F ...G } } fragment F on Account { x: name } fragment G on Account { x: login }",
        "query($x: Boolean) { me(foo: $x) { id } }",
        "query($x: Boolean) { inbox(tab: TO_SIGN, first: $x) { totalCount } }",
        "query($x: [Int]) { inbox(tab: TO_SIGN, first: $x) { totalCount } }",
        "query($x: Int, $y: Int) { inbox(tab: TO_SIGN, first: $x) { totalCount } inbox(tab: TO_SIGN, first: $y) { totalCount } }",
        "{ me { __typename(x: 1) } }",
        "{ me { __typename @nothing } }",
        "{ me { __typename @skip } }",
        "{ me { login ...X ...X } }",
    ] {
        let mut body = json!({ "query": query });
        if query.contains("query A") {
            body["operationName"] = "A".into();
        }
        let (status, told) = told_twice(&server, &clerk, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}: {told}");
        assert_eq!(told["errors"][0]["extensions"]["code"], "BAD_REQUEST");
        assert!(told.get("data").is_none(), "{query}: {told}");
        let message = told["errors"][0]["message"].as_str().unwrap();
        assert!(!message.contains("引用了自身"), "{query}: {told}");
    }
}

/// What the library would refuse, or answer otherwise.
#[tokio::test]
async fn what_is_valid_is_executed() {
    let (_store, server, clerk) = begin("clerk").await;
    let id = clerk.data("{ me { id } }", json!({})).await["me"]["id"].take();
    let none = json!({ "inbox": { "totalCount": 0 } });
    let me = json!({ "me": { "login": "clerk" } });
    for (query, variables, data) in [
        (
            "query($o: InboxOrder) { inbox(tab: TO_SIGN, orderBy: $o) { totalCount } }",
            json!({ "o": "DUE_FIRST" }),
            none.clone(),
        ),
        (
            "query($t: Boolean!) { me { __typename @skip(if: $t) login } }",
            json!({ "t": true }),
            me.clone(),
        ),
        (
            "query A($x: ID!) { node(id: $x) { id } } query B($x: Int) { inbox(tab: DONE, first: $x) { totalCount } }",
            json!({ "x": id }),
            json!({ "node": { "id": id } }),
        ),
        (
            "query($f: Boolean = true) { me { login name @skip(if: $f) } }",
            json!({}),
            me.clone(),
        ),
        (
            "{ me { login ... on Node { ... on Ticket { id } } } }",
            json!({}),
            me.clone(),
        ),
        (
            "{ me { login ...F } } fragment F on Node { ... on Ticket { title } }",
            json!({}),
            me,
        ),
        (
            "query($x: ID!) { nodes(ids: [$x]) { ...N ... on Account { ...N } } } fragment N on Node { ... on Ticket { title } ... on Account { login } }",
            json!({ "x": id }),
            json!({ "nodes": [{ "login": "clerk" }] }),
        ),
    ] {
        let mut body = json!({ "query": query, "variables": variables });
        if query.contains("query A") {
            body["operationName"] = "A".into();
        }
        let (_, told) = told_twice(&server, &clerk, body).await;
        assert_eq!(told, json!({ "data": data }), "{query}");
    }
}

#[tokio::test]
async fn a_variable_is_of_its_type() {
    let (_store, server, clerk) = begin("clerk").await;
    for (query, variables, path) in [
        (
            "query($f: InboxFilter) { inbox(tab: TO_SIGN, filter: $f) { totalCount } }",
            json!({ "f": [] }),
            "$f ",
        ),
        (
            "query($f: InboxFilter) { inbox(tab: TO_SIGN, filter: $f) { totalCount } }",
            json!({ "f": { "王小明": 1 } }),
            "$f ",
        ),
        (
            "query($s: Int) { inbox(tab: TO_SIGN, first: $s) { totalCount } }",
            json!({ "s": "王小明" }),
            "$s ",
        ),
    ] {
        let body = json!({ "query": query, "variables": variables });
        let (status, told) = told_twice(&server, &clerk, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{told}");
        let message = told["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains(path), "{told}");
        // What was given is not quoted: a person may be named there.
        assert!(!told.to_string().contains("王小明"), "{told}");
    }
}

/// Nor where a command that is asked for with others is malformed, whether a document was judged already or not.
#[tokio::test]
async fn nothing_is_done_where_an_input_is_malformed() {
    let (_store, server, operator) = begin("operator").await;
    let received = "receiveTicket(input: $a) { position }";
    let query = format!(
        "mutation($a: ReceiveTicketInput!, $b: ViewTicketInput!) {{ {received} viewTicket(input: $b) {{ position }} }}"
    );
    let literal = |command: &str| {
        format!(
            "mutation($a: ReceiveTicketInput!) {{ {received} viewTicket(input: {{ id: \"x\", commandId: \"{command}\" }}) {{ position }} }}"
        )
    };
    let well_formed =
        json!({ "id": "ticket:1", "commandId": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff" });
    let body = json!({ "query": query, "variables": { "a": request(), "b": well_formed } });
    let (status, _) = asked(&server, &operator, body).await;
    assert_eq!(status, StatusCode::OK);
    let before = server.app.desk.journal().head().await.unwrap();
    for (query, b) in [
        (
            query.clone(),
            json!({ "id": "ticket:1", "commandId": "nope-9619ff-8b86-4d01-b42d-00cf4fc964ff" }),
        ),
        (
            query.clone(),
            json!({ "id": "ticket:1", "expectedRevision": 3_000_000_000_u64 }),
        ),
        (query.clone(), json!(5)),
        (query.clone(), json!([])),
        (query, json!({ "id": "ticket:1", "nothing": 1 })),
        (literal("nope"), Value::Null),
    ] {
        let variables = if query.contains("$b") {
            json!({ "a": request(), "b": b })
        } else {
            json!({ "a": request() })
        };
        let body = json!({ "query": query, "variables": variables });
        let (status, told) = told_twice(&server, &operator, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{told}");
        assert!(told.get("data").is_none(), "{told}");
    }
    assert_eq!(server.app.desk.journal().head().await.unwrap(), before);
}

/// What a stranger sends is looked at in no more time than it takes to read it.
#[tokio::test]
async fn fragments_with_many_arguments_are_refused_at_once() {
    let (_store, server, _) = begin("clerk").await;
    let arguments: String = (0..1_600).map(|n| format!("a{n}:1 ")).collect();
    let (g, f) = ("...G ".repeat(30), "...F ".repeat(30));
    let query = format!(
        "{{ me {{ {g} }} }} fragment G on Account {{ {f} }} fragment F on Account {{ id({arguments}) }}"
    );
    let began = std::time::Instant::now();
    let stranger = server.client();
    let (status, told) = asked(&server, &stranger, json!({ "query": query })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{told}");
    let took = began.elapsed();
    // Far more than it takes, for a machine that is busy with other tests; it took 16 s.
    assert!(took < std::time::Duration::from_secs(10), "{took:?}");
}

#[tokio::test]
async fn only_the_operation_that_is_meant_is_weighed() {
    let (_store, server, clerk) = begin("clerk").await;
    let query = "query Light($n: Int) { inbox(tab: TO_SIGN, first: 1) { totalCount } ticket(number: \"261127080000000001\") { timeline(first: $n) { nodes { at } } } } \
         query Heavy { inbox(tab: TO_SIGN, first: 500) { nodes { ticket { timeline(first: 100) { nodes { at label } } } } } } \
         mutation Beside($n: Int) { viewTicket(input: { id: \"ticket:1\", expectedRevision: $n }) { position } }";
    let ask = async |name: &str, n: Value| {
        let body = json!({ "query": query, "operationName": name, "variables": { "n": n } });
        let (_, told) = asked(&server, &clerk, body).await;
        let code = told["errors"][0]["extensions"]["code"].clone();
        let cost = told["extensions"]["cost"]["complexity"].clone();
        (code, cost, told)
    };
    let (code, cost, told) = ask("Light", json!(2)).await;
    assert_eq!(code, "NOT_FOUND", "{told}");
    assert!(cost.as_u64().unwrap() < 200, "{cost}");
    assert_eq!(ask("Heavy", json!(2)).await.0, "TOO_LARGE");
    // So many rows are asked for by the one, and not by the other.
    assert_eq!(ask("Light", json!(501)).await.0, "TOO_LARGE");
    assert_ne!(ask("Beside", json!(501)).await.0, "TOO_LARGE");
    assert_eq!(ask("Light", json!(-1)).await.0, "BAD_REQUEST");
    assert_eq!(ask("Light", json!(2.5)).await.0, "BAD_REQUEST");
}
