//! The gateway over the wire: who may see and do what, and what a client is told.

use docket_domain::ticket::scenario::{DEPARTMENT, OTHER_DEPARTMENT, UNIT};
use docket_tests::city::found;
use docket_tests::server::{Client, Server};
use docket_tests::staff::{PASSWORD, hire_all};
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};

/// A server with the small city and its staff.
pub async fn city(store: &TestStore) -> Server {
    let server = Server::start(store).await;
    found(&server.app.desk).await;
    hire_all(&server.app.desk, &server.app.store.ops).await;
    server
}

async fn person(server: &Server, login: &str) -> Client {
    server.client().logged_in(login, PASSWORD).await
}

pub fn request() -> Value {
    json!({
        "kind": "COMPLAIN", "channel": "phone", "title": "夜间施工扰民", "body": "连续三天夜里施工。",
        "caller": { "name": "王小明", "phone": "13800000001" }, "respondent": "某某公司",
    })
}

pub fn department() -> String {
    format!("department:{DEPARTMENT}")
}

fn reply(id: &Value) -> Value {
    json!({
        "id": id, "opinion": "已核实", "answer": "已停工", "contacted": true, "solved": true,
        "handler": "李工", "phone": "13800000002",
    })
}

async fn one_ticket_goes_all_the_way(store: &TestStore) {
    let server = city(store).await;
    let operator = person(&server, "operator").await;
    let ticket = operator.act("receiveTicket", request()).await;
    let id = &ticket["id"];
    assert_eq!(ticket["state"], "RECEIVED");
    assert_eq!(ticket["number"].as_str().unwrap().len(), 18);
    assert_eq!(ticket["queryCode"].as_str().unwrap().len(), 8);
    let dispatcher = person(&server, "dispatcher").await;
    let other = format!("department:{OTHER_DEPARTMENT}");
    let assign =
        json!({ "id": id, "leadId": department(), "assistIds": [other], "instruction": "请尽快" });
    dispatcher.act("assignTicket", assign).await;
    let clerk = person(&server, "clerk").await;
    let viewed = clerk.act("viewTicket", json!({ "id": id })).await;
    assert_eq!(
        viewed["availableActions"],
        json!([
            "view",
            "sign",
            "hand_over",
            "return",
            "print",
            "attach_file"
        ])
    );
    clerk
        .act("signTicket", json!({ "id": id, "expectedRevision": 2 }))
        .await;
    let unit = format!("unit:{UNIT}");
    clerk
        .act(
            "delegateTicket",
            json!({ "id": id, "unitId": unit, "instruction": "请核实" }),
        )
        .await;
    let unit_clerk = person(&server, "unit-clerk").await;
    let delegated = unit_clerk.act("signTicket", json!({ "id": id })).await;
    assert_eq!(
        delegated["availableActions"],
        json!([
            "view",
            "hand_over",
            "contact",
            "return",
            "save_draft",
            "reply",
            "print",
            "attach_file"
        ])
    );
    unit_clerk.act("replyTicket", reply(id)).await;
    let leader = person(&server, "leader").await;
    let replied = leader.act("replyTicket", reply(id)).await;
    assert_eq!(replied["state"], "REPLIED");
    let rated = operator
        .mutate(
            "rateTicket",
            json!({ "id": id, "satisfaction": "SATISFIED" }),
        )
        .await;
    check_the_end(&leader, id, &rated["position"]).await;
}

/// What a reader sees of the whole life.
async fn check_the_end(leader: &Client, id: &Value, position: &Value) {
    let query = "query($id: ID!, $p: Position!) { ticket(id: $id, minPosition: $p) { state title
        assignments { no part state unit { name } answer { text opinion } } lastRating { satisfaction relayed }
        timeline { nodes { type label by { name } texts { field text } } } } }";
    let seen = leader.data(query, json!({ "id": id, "p": position })).await;
    let seen = &seen["ticket"];
    let states: Vec<_> = seen["assignments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| &a["state"])
        .collect();
    assert_eq!(states, ["REPLIED", "RELEASED", "REPLIED"]);
    assert_eq!(
        seen["lastRating"],
        json!({ "satisfaction": "SATISFIED", "relayed": true })
    );
    let steps: Vec<_> = seen["timeline"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["type"].as_str().unwrap())
        .collect();
    let expected = [
        "received",
        "assigned",
        "viewed",
        "signed",
        "delegated",
        "signed",
        "replied",
        "replied",
        "rated",
    ];
    assert_eq!(steps, expected);
    let instruction = json!({ "field": "instruction", "text": "请核实" });
    assert_eq!(seen["timeline"]["nodes"][4]["texts"][0], instruction);
}

async fn whoever_may_not_know_of_a_ticket_learns_nothing(store: &TestStore) {
    let server = city(store).await;
    let ticket = person(&server, "operator")
        .await
        .act("receiveTicket", request())
        .await;
    let dispatcher = person(&server, "dispatcher").await;
    dispatcher
        .act(
            "assignTicket",
            json!({ "id": ticket["id"], "leadId": department() }),
        )
        .await;
    let nowhere = "ticket:00000000-0000-0000-0000-000000000001";
    let query = "query($id: ID, $n: String) { ticket(id: $id, number: $n) { number } }";
    for login in ["other-clerk", "unit-clerk", "citizen", "admin"] {
        let stranger = person(&server, login).await;
        for id in [&ticket["id"], &json!(nowhere)] {
            let told = stranger.fault(query, json!({ "id": id })).await;
            assert_eq!(told, "NOT_FOUND", "{login}");
            let refused = stranger.refused("signTicket", json!({ "id": id })).await;
            assert_eq!(refused, "NOT_FOUND", "{login}");
        }
        let told = stranger
            .fault(query, json!({ "n": ticket["number"] }))
            .await;
        assert_eq!(told, "NOT_FOUND", "{login}");
    }
    let auditor = person(&server, "auditor").await;
    let refused = auditor
        .refused("signTicket", json!({ "id": ticket["id"] }))
        .await;
    assert_eq!(refused, "ROLE_NOT_ALLOWED");
}

async fn without_a_session_there_is_nothing(store: &TestStore) {
    let server = city(store).await;
    let nobody = server.client();
    for query in [
        "{ me { id } }",
        "{ ticket(number: \"261123100000000001\") { id } }",
        "{ inbox(tab: TO_SIGN) { totalCount } }",
        "{ departments { id } }",
        "{ events { head } }",
        "{ statistics(from: \"2026-01-01\", to: \"2026-12-31\") { received } }",
        "mutation { logout { loggedOut } }",
        "mutation { signTicket(input: { id: \"ticket:00000000-0000-0000-0000-000000000001\" }) { position } }",
    ] {
        assert_eq!(
            nobody.fault(query, json!({})).await,
            "UNAUTHENTICATED",
            "{query}"
        );
        // Whatever is no token is worth nothing: that is all a log-out says.
        if !query.contains("logout") {
            let mut forged = nobody.clone();
            forged.token = Some("forged".into());
            assert_eq!(
                forged.fault(query, json!({})).await,
                "UNAUTHENTICATED",
                "{query}"
            );
        }
    }
    let clerk = person(&server, "clerk").await;
    clerk
        .data("mutation { logout { loggedOut } }", json!({}))
        .await;
    assert_eq!(
        clerk.fault("{ me { id } }", json!({})).await,
        "UNAUTHENTICATED"
    );
}

async fn a_new_password_ends_the_other_sessions(store: &TestStore) {
    let server = city(store).await;
    let (here, there) = (
        person(&server, "clerk").await,
        person(&server, "clerk").await,
    );
    let change = "mutation($old: String!, $new: String!) {
        changePassword(input: { oldPassword: $old, newPassword: $new }) {
            changed userErrors { code path } } }";
    let ask = async |client: &Client, old: &str, new: &str| {
        let data = client.data(change, json!({ "old": old, "new": new })).await;
        data["changePassword"].clone()
    };
    let new = "ein neues Passwort";
    let wrong = ask(&here, "falsch falsch", new).await;
    assert_eq!(wrong["userErrors"][0]["code"], "WRONG_CREDENTIALS");
    assert_eq!(
        wrong["userErrors"][0]["path"],
        json!(["input", "oldPassword"])
    );
    let unfit = ask(&here, PASSWORD, "kurz").await;
    assert_eq!(unfit["userErrors"][0]["code"], "UNFIT_PASSWORD");
    assert_eq!(
        unfit["userErrors"][0]["path"],
        json!(["input", "newPassword"])
    );
    let who = "{ me { id } }";
    assert!(there.data(who, json!({})).await["me"]["id"].is_string());
    let changed = ask(&here, PASSWORD, new).await;
    assert_eq!(changed, json!({ "changed": true, "userErrors": [] }));
    assert!(here.data(who, json!({})).await["me"]["id"].is_string());
    let ended = there.run(who, json!({})).await;
    assert_eq!(ended["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    let again = server.client().logged_in("clerk", new).await;
    assert!(again.data(who, json!({})).await["me"]["id"].is_string());
    for _ in 0..docket_core::ops::FAILURES_MAX {
        let wrong = ask(&again, PASSWORD, new).await;
        assert_eq!(wrong["userErrors"][0]["code"], "WRONG_CREDENTIALS");
    }
    let locked = ask(&again, new, PASSWORD).await;
    assert_eq!(locked["userErrors"][0]["code"], "LOGIN_LOCKED");
}

async fn each_query_has_its_readers(store: &TestStore) {
    let server = city(store).await;
    let queries = [
        ("{ events { head } }", vec!["auditor"]),
        (
            "{ inbox(tab: TO_SIGN) { totalCount } }",
            vec![
                "operator",
                "dispatcher",
                "call-back",
                "supervisor",
                "office",
                "joint-meeting",
                "clerk",
                "leader",
                "unit-clerk",
                "other-clerk",
                "other-unit-clerk",
            ],
        ),
        (
            "{ statistics(from: \"2026-01-01\", to: \"2026-12-31\") { received } }",
            vec![
                "operator",
                "dispatcher",
                "call-back",
                "supervisor",
                "office",
                "joint-meeting",
                "clerk",
                "leader",
                "unit-clerk",
                "other-clerk",
                "other-unit-clerk",
                "auditor",
                "analyst",
            ],
        ),
    ];
    for (login, ..) in docket_tests::staff::STAFF {
        let client = person(&server, login).await;
        for (query, readers) in &queries {
            let response = client.run(query, json!({})).await;
            let refused = response["errors"][0]["extensions"]["code"] == "FORBIDDEN";
            assert_eq!(
                !refused,
                readers.contains(login),
                "{login}: {query}: {response}"
            );
        }
    }
    let clerk = person(&server, "clerk").await;
    let mixed = "query($d: ID) { statistics(filter: { from: \"2026-01-01\", to: \"2026-12-31\" }, departmentId: $d) { received } }";
    let loose = json!({ "d": department() });
    assert_eq!(clerk.fault(mixed, loose).await, "BAD_REQUEST");
    assert!(clerk.data(mixed, json!({})).await["statistics"].is_array());
    let foreign = "query($d: ID!) { statistics(filter: { from: \"2026-01-01\", to: \"2026-12-31\", departmentId: $d }) { received } }";
    let other = json!({ "d": format!("department:{OTHER_DEPARTMENT}") });
    assert_eq!(clerk.fault(foreign, other).await, "FORBIDDEN");
    clerk.data(foreign, json!({ "d": department() })).await;
}

async fn personal_data_is_shown_masked_or_hidden_by_role(store: &TestStore) {
    let server = city(store).await;
    let mut input = request();
    input["secrecy"] = json!("CONFIDENTIAL");
    let ticket = person(&server, "operator")
        .await
        .act("receiveTicket", input)
        .await;
    let dispatcher = person(&server, "dispatcher").await;
    let payload = dispatcher
        .mutate(
            "assignTicket",
            json!({ "id": ticket["id"], "leadId": department() }),
        )
        .await;
    let query = "query($id: ID!, $p: Position) { ticket(id: $id, minPosition: $p) {
        caller { name phone } respondent title queryCode } }";
    let at = json!({ "id": ticket["id"], "p": payload["position"] });
    let seen = async |login: &str| {
        person(&server, login).await.data(query, at.clone()).await["ticket"].take()
    };
    let operator = seen("operator").await;
    assert_eq!(
        operator["caller"],
        json!({ "name": "王小明", "phone": "13800000001" })
    );
    assert_eq!(operator["queryCode"], ticket["queryCode"]);
    let clerk = seen("clerk").await;
    assert_eq!(clerk["caller"], Value::Null);
    assert_eq!(clerk["queryCode"], Value::Null);
    assert_eq!(clerk["title"], "夜间施工扰民");
    let auditor = seen("auditor").await;
    assert_eq!(
        auditor["caller"],
        json!({ "name": "王*明", "phone": "1*********1" })
    );
    assert_eq!(auditor["respondent"], "某**司");
    assert_eq!(auditor["queryCode"], Value::Null);
}

async fn a_confidential_citizen_is_not_named_in_the_timeline(store: &TestStore) {
    let server = city(store).await;
    let mut input = request();
    input["secrecy"] = json!("CONFIDENTIAL");
    let ticket = person(&server, "citizen")
        .await
        .act("receiveTicket", input)
        .await;
    let assign = json!({ "id": ticket["id"], "leadId": department() });
    let dispatcher = person(&server, "dispatcher").await;
    let payload = dispatcher.mutate("assignTicket", assign).await;
    let query = "query($id: ID!, $p: Position) { ticket(id: $id, minPosition: $p) {
        timeline { nodes { by { id name } } } } }";
    let at = json!({ "id": ticket["id"], "p": payload["position"] });
    for login in ["clerk", "auditor"] {
        let seen = person(&server, login).await.data(query, at.clone()).await;
        let nodes = &seen["ticket"]["timeline"]["nodes"];
        assert_eq!(nodes[0]["by"], Value::Null, "{login}");
        assert_eq!(nodes[1]["by"]["name"], "dispatcher by name", "{login}");
    }
    let seen = dispatcher.data(query, at).await;
    assert_eq!(
        seen["ticket"]["timeline"]["nodes"][0]["by"]["name"],
        "citizen by name"
    );
}

async fn a_citizen_sees_and_rates_only_their_own(store: &TestStore) {
    let server = city(store).await;
    let citizen = person(&server, "citizen").await;
    let ticket = citizen.act("receiveTicket", request()).await;
    let id = &ticket["id"];
    let dispatcher = person(&server, "dispatcher").await;
    let note = json!({ "id": id, "leadId": department(), "instruction": "内部" });
    dispatcher.act("assignTicket", note).await;
    let clerk = person(&server, "clerk").await;
    clerk.act("signTicket", json!({ "id": id })).await;
    clerk.act("replyTicket", reply(id)).await;
    let stranger = person(&server, "other-citizen").await;
    let rating = json!({ "id": id, "satisfaction": "FAIRLY" });
    assert_eq!(
        stranger.refused("rateTicket", rating.clone()).await,
        "NOT_FOUND"
    );
    let payload = citizen.mutate("rateTicket", rating).await;
    let query = "query($id: ID!, $p: Position) { ticket(id: $id, minPosition: $p) {
        answer { text opinion handler } assignments { no } lastRating { relayed }
        timeline { nodes { type by { id } texts { field } } } } }";
    let seen = citizen
        .data(query, json!({ "id": id, "p": payload["position"] }))
        .await;
    let seen = &seen["ticket"];
    assert_eq!(
        seen["answer"],
        json!({ "text": "已停工", "opinion": null, "handler": null })
    );
    assert_eq!(seen["assignments"], json!([]));
    assert_eq!(seen["lastRating"]["relayed"], false);
    assert_eq!(
        seen["timeline"]["nodes"][1],
        json!({ "type": "assigned", "by": null, "texts": [] })
    );
}

async fn refusals_name_the_field_in_the_language_asked_for(store: &TestStore) {
    let server = city(store).await;
    let operator = person(&server, "operator").await;
    let mut input = request();
    input["title"] = json!("   ");
    let payload = operator.mutate("receiveTicket", input).await;
    let error = &payload["userErrors"][0];
    assert_eq!(error["code"], "REQUIRED");
    assert_eq!(error["path"], json!(["input", "title"]));
    assert_eq!(error["message"], "必填项为空");
    let mut input = request();
    input["channel"] = json!("pigeon");
    let payload = operator.mutate("receiveTicket", input).await;
    let message = &payload["userErrors"][0]["message"];
    assert_eq!(message, "取值无效（须为规则包中的渠道）");
    for (field, value, code) in [
        ("channel", json!("pigeon"), "INVALID_VALUE"),
        ("earlier", json!("12"), "INVALID_VALUE"),
        ("topic", json!("王小明"), "INVALID_VALUE"),
        ("caller", json!({ "name": "王小明" }), "REQUIRED"),
    ] {
        let mut input = request();
        input[field] = value;
        assert_eq!(
            operator.refused("receiveTicket", input).await,
            code,
            "{field}"
        );
    }
}

async fn repeated_commands_take_effect_once(store: &TestStore) {
    let server = city(store).await;
    let operator = person(&server, "operator").await;
    let mut input = request();
    input["commandId"] = json!("0192f0c1-2345-7890-abcd-0123456789ab");
    let first = operator.mutate("receiveTicket", input.clone()).await;
    assert_eq!(operator.mutate("receiveTicket", input.clone()).await, first);
    input["title"] = json!("另一件事");
    assert_eq!(
        operator.refused("receiveTicket", input).await,
        "COMMAND_REUSED"
    );
    let received = server
        .app
        .desk
        .journal()
        .streams_of("ticket", 10)
        .await
        .unwrap();
    assert_eq!(received.len(), 1);
}

async fn inboxes_page_without_gap_or_double(store: &TestStore) {
    let server = city(store).await;
    let operator = person(&server, "operator").await;
    let mut position = Value::Null;
    for _ in 0..7 {
        position = operator.mutate("receiveTicket", request()).await["position"].take();
    }
    for order in ["DUE_FIRST", "OLDEST_FIRST", "NEWEST_FIRST", "LATEST_FIRST"] {
        let query = "query($after: String, $order: InboxOrder!, $p: Position) {
            inbox(tab: TO_ASSIGN, first: 3, after: $after, orderBy: $order, minPosition: $p) {
                totalCount edges { node { ticket { id } } } pageInfo { hasNextPage endCursor } } }";
        let mut seen = Vec::new();
        let mut after = Value::Null;
        loop {
            let page = operator
                .data(
                    query,
                    json!({ "after": after, "order": order, "p": position }),
                )
                .await;
            let page = &page["inbox"];
            assert_eq!(page["totalCount"], 7);
            for edge in page["edges"].as_array().unwrap() {
                seen.push(edge["node"]["ticket"]["id"].as_str().unwrap().to_owned());
            }
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        let mut unique = seen.clone();
        unique.sort();
        unique.dedup();
        assert_eq!((seen.len(), unique.len()), (7, 7), "{order}");
    }
    let query = "query($n: Int) { inbox(tab: TO_ASSIGN, first: $n) { edges { cursor } } }";
    for (first, code) in [(-1, "BAD_REQUEST"), (501, "TOO_LARGE")] {
        let told = operator.fault(query, json!({ "n": first })).await;
        assert_eq!(told, code, "first: {first}");
    }
    let none = "{ inbox(tab: TO_ASSIGN, first: 0) { totalCount edges { cursor } pageInfo { hasNextPage } } }";
    assert_eq!(
        operator.data(none, json!({})).await["inbox"],
        json!({ "totalCount": 7, "edges": [], "pageInfo": { "hasNextPage": true } })
    );
    for (first, rows) in [(1, 1), (500, 7)] {
        let page = operator.data(query, json!({ "n": first })).await;
        assert_eq!(
            page["inbox"]["edges"].as_array().unwrap().len(),
            rows,
            "first: {first}"
        );
    }
    let bad = "{ inbox(tab: TO_ASSIGN, after: \"bm9wZQ\") { totalCount } }";
    assert_eq!(operator.fault(bad, json!({})).await, "BAD_CURSOR");
    let mixed = "query($c: String) { inbox(tab: TO_ASSIGN, orderBy: NEWEST_FIRST, after: $c) { totalCount } }";
    let page = operator
        .data(
            "{ inbox(tab: TO_ASSIGN) { pageInfo { endCursor } } }",
            json!({}),
        )
        .await;
    let cursor = &page["inbox"]["pageInfo"]["endCursor"];
    assert_eq!(
        operator.fault(mixed, json!({ "c": cursor })).await,
        "BAD_CURSOR"
    );
}

async fn a_position_never_reached_is_a_coded_timeout(store: &TestStore) {
    let server = city(store).await;
    let operator = person(&server, "operator").await;
    let query = "{ inbox(tab: TO_SIGN, minPosition: \"999999\") { totalCount } }";
    assert_eq!(operator.fault(query, json!({})).await, "VIEWS_BEHIND");
}

on_both_stores! {
    one_ticket_goes_all_the_way,
    whoever_may_not_know_of_a_ticket_learns_nothing,
    without_a_session_there_is_nothing,
    a_new_password_ends_the_other_sessions,
    each_query_has_its_readers,
    personal_data_is_shown_masked_or_hidden_by_role,
    a_citizen_sees_and_rates_only_their_own,
    a_confidential_citizen_is_not_named_in_the_timeline,
    refusals_name_the_field_in_the_language_asked_for,
    repeated_commands_take_effect_once,
    inboxes_page_without_gap_or_double,
    a_position_never_reached_is_a_coded_timeout,
}
