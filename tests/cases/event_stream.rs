//! GraphQL over server-sent events: what is sent, and how a client comes back.

use crate::gateway::{city, request};
use crate::live::person;
use docket_tests::server::Client;
use docket_tests::staff::PASSWORD;
use docket_tests::{TestStore, on_both_stores};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

const INBOX: &str = "subscription { inboxChanged(after: \"0\") { position type } }";

/// One event as it was sent.
#[derive(Debug, Default, PartialEq)]
struct Event {
    id: Option<String>,
    name: String,
    data: Value,
}

struct Events {
    response: Response,
    buffer: String,
}

impl Events {
    async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            buffer: String::new(),
        }
    }

    /// The text up to an end, with it.
    async fn until(&mut self, end: &str) -> Option<String> {
        loop {
            if let Some(at) = self.buffer.find(end) {
                let rest = self.buffer.split_off(at + end.len());
                return Some(std::mem::replace(&mut self.buffer, rest));
            }
            let chunk = self.response.chunk().await.unwrap()?;
            self.buffer.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn next(&mut self) -> Option<Event> {
        let text = self.until("\n\n").await?;
        let mut event = Event::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            match line.split_once(':').expect("a field") {
                ("id", id) => event.id = Some(id.trim().into()),
                ("event", name) => event.name = name.trim().into(),
                ("data", "") | ("", _) => {}
                ("data", data) => event.data = serde_json::from_str(data).unwrap(),
                other => panic!("{other:?}"),
            }
        }
        Some(event)
    }

    /// Errors alone, and the end.
    async fn fails_with(mut self, code: &str) {
        let event = self.next().await.unwrap();
        assert_eq!((event.name.as_str(), &event.id), ("next", &None));
        assert_eq!(
            event.data["errors"][0]["extensions"]["code"], code,
            "{event:?}"
        );
        assert_eq!(event.data.get("data"), None, "{event:?}");
        self.ends().await;
    }

    async fn ends(mut self) {
        let complete = Event {
            name: "complete".into(),
            ..Event::default()
        };
        assert_eq!(self.next().await, Some(complete));
        assert_eq!(self.next().await, None);
    }
}

fn post(client: &Client, query: &str) -> RequestBuilder {
    let request = reqwest::Client::new()
        .post(format!("{}/graphql", client.url))
        .header("accept", "text/event-stream")
        .json(&json!({ "query": query }));
    match &client.token {
        Some(token) => request.bearer_auth(token),
        None => request,
    }
}

async fn a_client_comes_back_with_the_last_events_id(store: &TestStore) {
    let server = city(store).await;
    let operator = person(&server, "operator").await;
    for _ in 0..3 {
        operator.act("receiveTicket", request()).await;
    }
    let mut events = Events::of(post(&operator, INBOX)).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let event = events.next().await.unwrap();
        let told = &event.data["data"]["inboxChanged"];
        assert_eq!(told["type"], "received", "{event:?}");
        assert_eq!(event.id.as_deref(), told["position"].as_str(), "{event:?}");
        seen.push(event);
    }
    drop(events);
    // The same request again, as an EventSource makes it, by POST and by GET: only what came after.
    let last = seen[1].id.clone().unwrap();
    let again = post(&operator, INBOX).header("last-event-id", &last);
    let get = reqwest::Client::new()
        .get(format!("{}/graphql", server.url))
        .query(&[("query", INBOX)])
        .bearer_auth(operator.token.as_deref().unwrap())
        .header("accept", "text/event-stream")
        .header("last-event-id", &last);
    for request in [again, get] {
        let mut events = Events::of(request).await;
        assert_eq!(events.next().await.as_ref(), Some(&seen[2]));
    }
    let nonsense = post(&operator, INBOX).header("last-event-id", "yesterday");
    Events::of(nonsense).await.fails_with("BAD_REQUEST").await;
}

/// Where a position is not asked for, the id is there all the same.
async fn the_id_does_not_hang_on_the_selection(store: &TestStore) {
    let server = city(store).await;
    let operator = person(&server, "operator").await;
    let received = operator.mutate("receiveTicket", request()).await;
    let query = "subscription($id: ID!) { changed: ticketChanged(id: $id, after: \"0\") { type } }";
    let body = json!({ "query": query, "variables": { "id": received["ticket"]["id"] } });
    let mut events = Events::of(post(&operator, "").json(&body)).await;
    let event = events.next().await.unwrap();
    assert_eq!(event.id.as_deref(), received["position"].as_str());
    assert_eq!(
        event.data["data"],
        json!({ "changed": { "type": "received" } })
    );
    assert!(event.data["extensions"]["position"].is_string());
}

async fn a_stream_ends_with_its_session(store: &TestStore) {
    let server = city(store).await;
    let clerk = person(&server, "clerk").await;
    let query = "subscription { inboxChanged { position } }";
    let events = Events::of(post(&clerk, query)).await;
    clerk
        .data("mutation { logout { loggedOut } }", json!({}))
        .await;
    // The next event makes it look.
    let operator = person(&server, "operator").await;
    operator.act("receiveTicket", request()).await;
    events.fails_with("UNAUTHENTICATED").await;
}

#[tokio::test]
async fn one_result_is_a_short_stream() {
    let store = TestStore::sqlite();
    let server = city(&store).await;
    let mut events = Events::of(post(&server.client(), "{ __typename }")).await;
    let next = events.next().await.unwrap();
    assert_eq!((next.id, next.name.as_str()), (None, "next"));
    assert_eq!(next.data["data"], json!({ "__typename": "Query" }));
    events.ends().await;
}

/// An `EventSource` shows its page nothing of an answer that is no stream.
#[tokio::test]
async fn errors_come_through_the_stream() {
    let store = TestStore::sqlite();
    let server = city(&store).await;
    let clerk = person(&server, "clerk").await;
    for (query, code) in [
        ("{", "BAD_REQUEST"),
        ("subscription { nothing }", "BAD_REQUEST"),
        (
            "subscription { ticketChanged(id: \"ticket:00000000-0000-7000-8000-000000000000\") { type } }",
            "NOT_FOUND",
        ),
    ] {
        Events::of(post(&clerk, query)).await.fails_with(code).await;
    }
    let nobody = server.client();
    Events::of(post(&nobody, INBOX))
        .await
        .fails_with("UNAUTHENTICATED")
        .await;
    let malformed = post(&nobody, "").body("{");
    Events::of(malformed).await.fails_with("BAD_REQUEST").await;
}

#[tokio::test]
async fn a_stream_is_for_those_who_take_one() {
    let store = TestStore::sqlite();
    let server = city(&store).await;
    let clerk = server.client().logged_in("clerk", PASSWORD).await;
    let sent = async |method: Method, accept: &str, query: &str| {
        let request =
            reqwest::Client::new().request(method.clone(), format!("{}/graphql", server.url));
        let request = match method {
            Method::GET => request.query(&[("query", query)]),
            _ => request.json(&json!({ "query": query })),
        };
        let request = request.header("accept", accept);
        let request = request.bearer_auth(clerk.token.as_deref().unwrap());
        let response = request.send().await.unwrap();
        let media = response.headers()["content-type"].to_str().unwrap();
        let streamed = media.starts_with("text/event-stream");
        (response.status().as_u16(), streamed)
    };
    let logout = "mutation { logout { loggedOut } }";
    assert_eq!(
        sent(Method::POST, "application/json", INBOX).await,
        (406, false)
    );
    assert_eq!(
        sent(Method::GET, "application/graphql-response+json", INBOX).await,
        (406, false)
    );
    assert_eq!(
        sent(Method::GET, "text/event-stream", logout).await,
        (405, false)
    );
    assert_eq!(
        sent(Method::PUT, "text/event-stream", INBOX).await,
        (405, false)
    );
    // As urql has it: a single result is not made a stream of, a subscription is.
    let all =
        "application/graphql-response+json, application/json, text/event-stream, multipart/mixed";
    let query = "{ __typename }";
    assert_eq!(sent(Method::POST, all, query).await, (200, false));
    assert_eq!(
        sent(Method::POST, "text/event-stream", query).await,
        (200, true)
    );
    assert_eq!(sent(Method::POST, all, INBOX).await, (200, true));
}

/// A comment alone, so that no parser takes it for an event.
#[tokio::test]
async fn a_silent_stream_is_kept_alive() {
    let store = TestStore::sqlite();
    let server = city(&store).await;
    let clerk = person(&server, "clerk").await;
    let query = "subscription { inboxChanged { position } }";
    let mut events = Events::of(post(&clerk, query)).await;
    assert_eq!(events.until("\n").await.as_deref(), Some(":\n"));
}

on_both_stores! {
    a_client_comes_back_with_the_last_events_id,
    the_id_does_not_hang_on_the_selection,
    a_stream_ends_with_its_session,
}
