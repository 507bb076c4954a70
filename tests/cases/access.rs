//! Who comes in: refreshed sessions, the security log, rates, tokens of an identity provider, pages of other origins.

mod fields;
mod oidc;
mod origins;
mod rates;
mod refreshed;
mod repeated;
mod security_log;

use docket_core::clock::Clock;
use docket_gateway::app::{App, Founding};
use docket_gateway::settings::{Access, Limits};
use docket_tests::TestStore;
use docket_tests::city::found;
use docket_tests::server::Server;
use docket_tests::staff::hire_all;
use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;

/// The small city with its staff, letting in whom a test says.
async fn city(store: &TestStore, clock: Arc<dyn Clock>, limits: Limits, access: Access) -> Server {
    let app = App::start(store.options(clock), &Founding::default()).await;
    let app = app.unwrap().within(limits).letting_in(access).unwrap();
    found(&app.desk).await;
    hire_all(&app.desk, &app.store.ops).await;
    Server::of(app).await
}

/// No limit of rates.
fn unhurried() -> Limits {
    Limits {
        rate_account: 0,
        rate_address: 0,
        ..Limits::default()
    }
}

/// A POST of a query, to be sent with more or less.
fn posted(server: &Server, query: &str) -> RequestBuilder {
    let body = json!({ "query": query });
    reqwest::Client::new()
        .post(format!("{}/graphql", server.url))
        .json(&body)
}

async fn sent(request: RequestBuilder) -> (StatusCode, HeaderMap, Value) {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    (status, headers, response.json().await.unwrap())
}

fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"]
        .as_str()
        .unwrap_or("")
}
