//! The schema, and what every answer keeps to: described, found by id, paged both ways, retried, in bulk.

mod answers;
mod bulk;
mod guarded;
mod judged;
mod nodes;
mod pages;
mod rules;
mod staff;
mod statements;
mod wordings;

use crate::gateway::{city, request};
use docket_tests::TestStore;
use docket_tests::server::{Client, Server};
use docket_tests::staff::PASSWORD;
use serde_json::Value;

async fn person(server: &Server, login: &str) -> Client {
    server.client().logged_in(login, PASSWORD).await
}

/// A small city, so many requests received, and the position of the last.
async fn with_requests(store: &TestStore, wanted: usize) -> (Server, Vec<Value>, Value) {
    let server = city(store).await;
    let operator = person(&server, "operator").await;
    let (mut tickets, mut position) = (Vec::new(), Value::Null);
    for _ in 0..wanted {
        let mut payload = operator.mutate("receiveTicket", request()).await;
        position = payload["position"].take();
        tickets.push(payload["ticket"]["id"].take());
    }
    (server, tickets, position)
}
