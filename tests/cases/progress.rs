//! The citizen without an account: progress and rating by number and query code.

use crate::gateway::{city, department, request};
use docket_core::ops::FAILURES_MAX;
use docket_tests::server::{Client, Server};
use docket_tests::staff::PASSWORD;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};

on_both_stores! {
    a_citizen_follows_and_rates_by_code,
    a_code_cannot_be_guessed,
    few_codes_are_looked_at_in_one_request,
}

const PROGRESS: &str = "query($input: ProgressInput!) { progress(input: $input) {
    number state receivedAt title department dueAt answer answeredAt satisfaction } }";

async fn progress(nobody: &Client, ticket: &Value) -> Value {
    let input = json!({ "number": ticket["number"], "queryCode": ticket["queryCode"] });
    let data = nobody.data(PROGRESS, json!({ "input": input })).await;
    data["progress"].clone()
}

/// The code of the error that a wrong number or code gets.
async fn turned_away(nobody: &Client, number: &Value, code: &str) -> Value {
    let input = json!({ "number": number, "queryCode": code });
    let response = nobody.run(PROGRESS, json!({ "input": input })).await;
    assert_eq!(response["data"], Value::Null, "nothing else is told");
    response["errors"][0]["extensions"]["code"].clone()
}

async fn received(server: &Server) -> Value {
    let operator = server.client().logged_in("operator", PASSWORD).await;
    operator.act("receiveTicket", request()).await
}

async fn a_citizen_follows_and_rates_by_code(store: &TestStore) {
    let server = city(store).await;
    let ticket = received(&server).await;
    let nobody = server.client();
    let seen = progress(&nobody, &ticket).await;
    assert_eq!(seen["state"], "RECEIVED");
    assert_eq!(seen["title"], request()["title"]);
    for unknown in [
        "department",
        "dueAt",
        "answer",
        "answeredAt",
        "satisfaction",
    ] {
        assert_eq!(seen[unknown], Value::Null, "{unknown}");
    }
    let mut rating = json!({
        "number": ticket["number"], "queryCode": ticket["queryCode"], "satisfaction": "SATISFIED",
    });
    let early = nobody.rate_by_code(rating.clone()).await;
    assert_eq!(early["userErrors"][0]["code"], "WRONG_STATE");

    let dispatcher = server.client().logged_in("dispatcher", PASSWORD).await;
    let id = &ticket["id"];
    let assign = json!({ "id": id, "leadId": department(), "instruction": "请尽快" });
    dispatcher.act("assignTicket", assign).await;
    let seen = progress(&nobody, &ticket).await;
    assert_eq!(seen["department"], "城市管理局");
    assert!(seen["dueAt"].is_string());
    let clerk = server.client().logged_in("clerk", PASSWORD).await;
    clerk.act("signTicket", json!({ "id": id })).await;
    let reply = json!({
        "id": id, "opinion": "已核实", "answer": "已停工", "contacted": true, "solved": true,
        "handler": "李工", "phone": "13800000002",
    });
    clerk.act("replyTicket", reply).await;
    let seen = progress(&nobody, &ticket).await;
    assert_eq!(seen["answer"], "已停工");
    assert_eq!(seen["dueAt"], Value::Null, "nothing is due any more");

    // As it is typed from a text message, and sent twice.
    let code = ticket["queryCode"].as_str().unwrap().to_lowercase();
    rating["queryCode"] = json!(format!(" {code} "));
    rating["commandId"] = json!("0e0f1c2e-9f50-4dd2-8a6b-6fb1c0c1a111");
    let rated = nobody.rate_by_code(rating.clone()).await;
    assert_eq!(rated["userErrors"], json!([]));
    assert_eq!(rated["progress"]["satisfaction"], "SATISFIED");
    let again = nobody.rate_by_code(rating).await;
    assert_eq!(again["position"], rated["position"]);
    let query = "query($id: ID!, $at: Position) {
        ticket(id: $id, minPosition: $at) { lastRating { satisfaction relayed } } }";
    let variables = json!({ "id": id, "at": rated["position"] });
    let data = dispatcher.data(query, variables).await;
    let rating = &data["ticket"]["lastRating"];
    assert_eq!(
        *rating,
        json!({ "satisfaction": "SATISFIED", "relayed": false })
    );
}

async fn a_code_cannot_be_guessed(store: &TestStore) {
    let server = city(store).await;
    let (ticket, other) = (received(&server).await, received(&server).await);
    let nobody = server.client();
    let others = other["queryCode"].as_str().unwrap();
    for _ in 1..FAILURES_MAX {
        let code = turned_away(&nobody, &ticket["number"], others).await;
        assert_eq!(code, "WRONG_QUERY_CODE", "another ticket's code is none");
    }
    let seen = progress(&nobody, &ticket).await;
    assert_eq!(seen["state"], "RECEIVED", "a right one clears the count");
    for number in [ticket["number"].clone(), json!("000000000000000000")] {
        for _ in 0..FAILURES_MAX {
            let code = turned_away(&nobody, &number, "AAAAAAAA").await;
            assert_eq!(code, "WRONG_QUERY_CODE");
        }
        let code = turned_away(&nobody, &number, "AAAAAAAA").await;
        assert_eq!(
            code, "QUERY_CODE_LOCKED",
            "whether there is a ticket or not"
        );
    }
    let right = ticket["queryCode"].as_str().unwrap();
    let code = turned_away(&nobody, &ticket["number"], right).await;
    assert_eq!(code, "QUERY_CODE_LOCKED", "even the right one");
    let rating =
        json!({ "number": ticket["number"], "queryCode": right, "satisfaction": "SATISFIED" });
    let refused = nobody.rate_by_code(rating).await;
    assert_eq!(refused["userErrors"][0]["code"], "QUERY_CODE_LOCKED");
    assert_eq!(progress(&nobody, &other).await["state"], "RECEIVED");
    assert_eq!(
        turned_away(&nobody, &json!("12"), right).await,
        "WRONG_QUERY_CODE"
    );

    // Guesses sent all at once do not slip in before the count.
    let third = received(&server).await;
    let tries = (0..40).map(|_| turned_away(&nobody, &third["number"], "AAAAAAAA"));
    let told = futures_util::future::join_all(tries).await;
    let looked_at = told
        .iter()
        .filter(|code| **code == "WRONG_QUERY_CODE")
        .count();
    assert_eq!(i64::try_from(looked_at).unwrap(), FAILURES_MAX);
    // And right ones sent all at once lock nobody out.
    let looks = (0..40).map(|_| progress(&nobody, &other));
    for seen in futures_util::future::join_all(looks).await {
        assert_eq!(seen["state"], "RECEIVED");
    }
}

async fn few_codes_are_looked_at_in_one_request(store: &TestStore) {
    let server = city(store).await;
    let ticket = received(&server).await;
    let (number, code) = (&ticket["number"], &ticket["queryCode"]);
    let looks = |count: usize| {
        let look = |n| {
            format!("a{n}: progress(input: {{ number: {number}, queryCode: {code} }}) {{ state }}")
        };
        format!(
            "{{ {} }}",
            (0..count).map(look).collect::<Vec<_>>().join(" ")
        )
    };
    let nobody = server.client();
    let nine = nobody.data(&looks(9), json!({})).await;
    assert_eq!(nine["a8"]["state"], "RECEIVED");
    let ten = nobody.run(&looks(10), json!({})).await;
    assert_eq!(ten["errors"][0]["extensions"]["code"], "TOO_LARGE", "{ten}");
    assert_eq!(ten["data"], Value::Null);
}
