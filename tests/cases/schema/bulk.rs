//! Signing and assigning in bulk: each ticket for itself, in order, and again without doing anything twice.

use super::{person, with_requests};
use crate::gateway::{city, department, request};
use docket_gateway::settings::Limits;
use docket_tests::server::{Client, Server};
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};

const ASSIGN: &str = "mutation($input: AssignTicketsInput!) { assignTickets(input: $input) {
    position userErrors { code path message }
    outcomes { ticketId position ticket { id state revision } userErrors { code path } } } }";
const SIGN: &str = "mutation($input: SignTicketsInput!) { signTickets(input: $input) {
    position userErrors { code path message }
    outcomes { ticketId position ticket { id state revision } userErrors { code path } } } }";

async fn assign(client: &Client, input: Value) -> Value {
    client.data(ASSIGN, json!({ "input": input })).await["assignTickets"].take()
}

async fn sign(client: &Client, input: Value) -> Value {
    client.data(SIGN, json!({ "input": input })).await["signTickets"].take()
}

fn codes(payload: &Value) -> Vec<&str> {
    let outcomes = payload["outcomes"].as_array().unwrap();
    let code = |outcome: &'_ Value| -> bool { outcome["ticket"].is_null() };
    let told = outcomes.iter().map(|outcome| {
        assert_eq!(
            code(outcome),
            !outcome["userErrors"].as_array().unwrap().is_empty()
        );
        outcome["userErrors"][0]["code"].as_str().unwrap_or("")
    });
    told.collect()
}

async fn each_has_its_outcome_in_order(store: &TestStore) {
    let (server, tickets, _) = with_requests(store, 5).await;
    let dispatcher = person(&server, "dispatcher").await;
    let nowhere = json!("ticket:00000000-0000-0000-0000-000000000001");
    let to = |id: &Value| json!({ "id": id, "leadId": department(), "instruction": "请尽快" });
    let mut stale = to(&tickets[2]);
    stale["expectedRevision"] = json!(7);
    let mut fresh = to(&tickets[3]);
    fresh["expectedRevision"] = json!(1);
    let items = [to(&tickets[0]), to(&nowhere), stale, to(&tickets[0]), fresh];
    let payload = assign(&dispatcher, json!({ "items": items })).await;
    let expected = ["", "NOT_FOUND", "STALE_REVISION", "DUPLICATE_ITEM", ""];
    assert_eq!(codes(&payload), expected, "{payload:#}");
    let outcomes = payload["outcomes"].as_array().unwrap();
    for (item, outcome) in items.iter().zip(outcomes) {
        assert_eq!(item["id"], outcome["ticketId"]);
    }
    assert_eq!(outcomes[4]["ticket"]["state"], "ASSIGNED");
    assert_eq!(payload["userErrors"].as_array().unwrap().len(), 3);
    assert_eq!(
        payload["userErrors"][2]["path"],
        json!(["input", "items", "3", "id"])
    );
    let last = outcomes
        .iter()
        .filter_map(|o| o["position"].as_str()?.parse::<u64>().ok())
        .max();
    assert_eq!(payload["position"], json!(last.unwrap().to_string()));
    // What was not asked for is as it was.
    let operator = person(&server, "operator").await;
    let query = "query($id: ID!) { ticket(id: $id) { state } }";
    let seen = operator.data(query, json!({ "id": tickets[4] })).await;
    assert_eq!(seen["ticket"]["state"], "RECEIVED");
    let clerk = person(&server, "clerk").await;
    let all: Vec<_> = tickets.iter().map(|id| json!({ "id": id })).collect();
    let payload = sign(&clerk, json!({ "items": all })).await;
    // What is not the clerk's to know of is not there.
    assert_eq!(
        codes(&payload),
        ["", "NOT_FOUND", "NOT_FOUND", "", "NOT_FOUND"]
    );
}

async fn sent_again_nothing_is_done_twice(store: &TestStore) {
    let (server, tickets, _) = with_requests(store, 30).await;
    let dispatcher = person(&server, "dispatcher").await;
    let items: Vec<_> = tickets
        .iter()
        .map(|id| json!({ "id": id, "leadId": department() }))
        .collect();
    let whole = json!("0192f0c1-2345-7890-abcd-0123456789ab");
    let input = json!({ "items": items, "commandId": whole });
    let part = json!({ "items": items[..10], "commandId": whole });
    let first_part = assign(&dispatcher, part).await;
    // Broken off after ten: sent again whole, twice at the same time.
    let (one, two) = tokio::join!(
        assign(&dispatcher, input.clone()),
        assign(&dispatcher, input.clone())
    );
    assert_eq!(one, two);
    assert_eq!(codes(&one), vec![""; 30]);
    let of = |payload: &Value| payload["outcomes"].as_array().unwrap()[..10].to_vec();
    assert_eq!(of(&one), of(&first_part), "the first outcome stands");
    assert_eq!(assign(&dispatcher, input).await, one);
    let journal = server.app.desk.journal();
    for ticket in &tickets {
        let id = ticket
            .as_str()
            .unwrap()
            .split_once(':')
            .unwrap()
            .1
            .parse()
            .unwrap();
        assert_eq!(
            journal.version(id).await.unwrap(),
            2,
            "received and assigned"
        );
    }
    // One id for two tickets, and for another command.
    let clerk = person(&server, "clerk").await;
    let own = json!("0192f0c1-2345-7890-abcd-000000000001");
    let twice = [
        json!({ "id": tickets[0], "commandId": own }),
        json!({ "id": tickets[1], "commandId": own }),
    ];
    let payload = sign(&clerk, json!({ "items": twice })).await;
    let mut told = codes(&payload);
    told.sort_unstable();
    assert_eq!(told, ["", "COMMAND_REUSED"]);
}

async fn what_is_malformed_or_too_much_does_nothing(store: &TestStore) {
    let (server, tickets, _) = with_requests(store, 1).await;
    let dispatcher = person(&server, "dispatcher").await;
    let good = json!({ "id": tickets[0], "leadId": department() });
    for bad in [
        json!({ "id": "ticket:1", "leadId": department() }),
        json!({ "id": tickets[0], "leadId": "unit:1" }),
    ] {
        let input = json!({ "input": { "items": [good, bad] } });
        assert_eq!(dispatcher.fault(ASSIGN, input).await, "BAD_REQUEST");
    }
    let many = json!({ "input": { "items": vec![&good; 101] } });
    assert_eq!(dispatcher.fault(ASSIGN, many).await, "TOO_LARGE");
    assert_eq!(
        server
            .client()
            .fault(SIGN, json!({ "input": { "items": [] } }))
            .await,
        "UNAUTHENTICATED"
    );
    let nothing = assign(&dispatcher, json!({ "items": [] })).await;
    assert_eq!(
        nothing,
        json!({ "position": null, "userErrors": [], "outcomes": [] })
    );
    let operator = person(&server, "operator").await;
    let query = "query($id: ID!) { ticket(id: $id) { state } }";
    let seen = operator.data(query, json!({ "id": tickets[0] })).await;
    assert_eq!(seen["ticket"]["state"], "RECEIVED");
}

/// A batch counts for as many requests as it has tickets, and its complexity for as many commands.
async fn a_batch_counts_for_its_tickets(store: &TestStore) {
    let server = city(store).await;
    let limits = Limits {
        rate_account: 3,
        rate_address: 0,
        ..Limits::default()
    };
    let slow = Server::of(server.app.clone().within(limits)).await;
    let operator = person(&server, "operator").await;
    let ticket = operator.act("receiveTicket", request()).await;
    let dispatcher = person(&server, "dispatcher").await.at(&slow.url);
    let nowhere = |n: usize| json!({ "id": format!("ticket:00000000-0000-0000-0000-{n:012}"), "leadId": department() });
    let items: Vec<_> = (0..28).map(nowhere).collect();
    let told = dispatcher
        .run(ASSIGN, json!({ "input": { "items": items } }))
        .await;
    assert!(told["errors"].is_null(), "{told:#}");
    assert_eq!(told["extensions"]["cost"]["complexity"], 28 * 16);
    // Ten seconds hold thirty: 28 are gone, and this one asks for five.
    let items: Vec<_> = (0..4)
        .map(nowhere)
        .chain([json!({ "id": ticket["id"], "leadId": department() })])
        .collect();
    let told = dispatcher
        .run(ASSIGN, json!({ "input": { "items": items } }))
        .await;
    assert_eq!(told["errors"][0]["extensions"]["code"], "RATE_LIMITED");
    assert!(told["errors"][0]["extensions"]["retryAfter"].is_number());
    let query = "query($id: ID!) { ticket(id: $id) { state } }";
    let seen = operator.data(query, json!({ "id": ticket["id"] })).await;
    assert_eq!(seen["ticket"]["state"], "RECEIVED");
}

on_both_stores! {
    each_has_its_outcome_in_order,
    sent_again_nothing_is_done_twice,
    what_is_malformed_or_too_much_does_nothing,
    a_batch_counts_for_its_tickets,
}
