//! Readers that are slow: told of each ticket once a page, as it is then; and let go by a code where that does not help.

use super::Socket;
use crate::gateway::request;
use crate::limits::city_within;
use docket_gateway::settings::Limits;
use docket_tests::server::{Client, Server};
use docket_tests::staff::PASSWORD;
use docket_tests::store::PATIENCE;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, client_async};

/// Bytes that the system keeps for a reader: as few as it lets one.
const BUFFER: u32 = 4_096;
/// Commands that change one ticket while nobody reads: several pages of the log.
const CHANGES: usize = 700;
/// Characters of the ticket's text, which every push has many times over.
const BODY_CHARS: usize = 1_500;

/// A socket whose system keeps little of what is not read.
async fn slow_socket(client: &Client) -> Socket {
    let address = client.url.strip_prefix("http://").unwrap().parse().unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(BUFFER).unwrap();
    let stream = socket.connect(address).await.unwrap();
    let url = format!("{}/graphql", client.url.replace("http://", "ws://"));
    let mut request = url.into_client_request().unwrap();
    let protocol = "graphql-transport-ws".parse().unwrap();
    request
        .headers_mut()
        .insert("sec-websocket-protocol", protocol);
    let (socket, _) = client_async(request, MaybeTlsStream::Plain(stream))
        .await
        .unwrap();
    let mut socket = Socket(socket);
    let token = client.token.as_deref().unwrap();
    let payload = json!({ "Authorization": format!("Bearer {token}") });
    socket
        .send(json!({ "type": "connection_init", "payload": payload }))
        .await;
    assert_eq!(socket.next().await["type"], "connection_ack");
    socket
}

/// A subscription whose pushes are large, so that few of them fill whatever is between.
fn large() -> String {
    let bodies: String = (0..90).map(|n| format!("b{n}: body ")).collect();
    format!(
        "subscription($after: Position) {{ inboxChanged(after: $after) {{ position type ticket {{ id revision {bodies} }} }} }}"
    )
}

async fn received(operator: &Client) -> Value {
    let mut input = request();
    input["body"] = json!("长".repeat(BODY_CHARS));
    operator.mutate("receiveTicket", input).await
}

/// Changes a ticket so many times; the position of the last.
async fn change(operator: &Client, ticket: &Value, times: usize) -> u64 {
    let query = "mutation($id: ID!, $to: Secrecy!) { setSecrecy(input: { id: $id, secrecy: $to, text: \"x\" }) {
        position userErrors { code } } }";
    let mut last = 0;
    for n in 0..times {
        let to = ["CONFIDENTIAL", "OPEN"][n % 2];
        let data = operator
            .data(query, json!({ "id": ticket["id"], "to": to }))
            .await;
        let payload = &data["setSecrecy"];
        assert_eq!(payload["userErrors"], json!([]), "{payload}");
        last = payload["position"].as_str().unwrap().parse().unwrap();
    }
    last
}

fn position(push: &Value) -> u64 {
    push["position"].as_str().unwrap().parse().unwrap()
}

async fn a_slow_reader_is_told_once_of_what_changed_often(store: &TestStore) {
    let limits = Limits {
        send_timeout: PATIENCE,
        ..Limits::default()
    };
    let server = city_within(store, limits).await;
    let operator = server.client().logged_in("operator", PASSWORD).await;
    let dispatcher = server.client().logged_in("dispatcher", PASSWORD).await;
    let ticket = received(&operator).await;
    let start = position(&ticket);
    let mut slow = slow_socket(&dispatcher).await;
    slow.subscribe(&large(), json!({ "after": "0" })).await;
    // What there was before is told every change of: it resumes.
    assert_eq!(position(&slow.push("inboxChanged").await), start);
    let last = change(&operator, &ticket["ticket"], CHANGES).await;
    let mut told = vec![start];
    while *told.last().unwrap() < last {
        let push = slow.push("inboxChanged").await;
        assert_eq!(push["ticket"]["id"], ticket["ticket"]["id"]);
        told.push(position(&push));
    }
    assert!(
        told.is_sorted_by(|one, next| one < next),
        "in order, and none twice: {told:?}"
    );
    println!("{} pushes of {CHANGES} changes", told.len());
    assert!(told.len() < CHANGES * 3 / 4, "{} pushes", told.len());
    // Whoever comes back to an earlier position is told of every change, however many there are.
    let mut again = Socket::open(&dispatcher).await;
    let query = "subscription($after: Position) { inboxChanged(after: $after) { position } }";
    again
        .subscribe(query, json!({ "after": start.to_string() }))
        .await;
    for expected in start + 1..=last {
        assert_eq!(position(&again.push("inboxChanged").await), expected);
    }
}

/// How many subscriptions there are, as the metrics tell.
async fn subscriptions(metrics: &str) -> u64 {
    let page = reqwest::get(metrics).await.unwrap().text().await.unwrap();
    let mut lines = page.lines();
    let line = lines.find_map(|line| line.strip_prefix("docket_subscriptions_open "));
    line.unwrap().parse().unwrap()
}

async fn metrics_of(server: &Server) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/metrics", listener.local_addr().unwrap());
    let router = docket_gateway::meters::router(server.app.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn whoever_takes_nothing_is_closed_by_a_code(store: &TestStore) {
    let limits = Limits {
        send_timeout: Duration::from_secs(1),
        ..Limits::default()
    };
    let server = city_within(store, limits).await;
    let metrics = metrics_of(&server).await;
    let operator = server.client().logged_in("operator", PASSWORD).await;
    let dispatcher = server.client().logged_in("dispatcher", PASSWORD).await;
    let ticket = received(&operator).await;
    let mut slow = slow_socket(&dispatcher).await;
    slow.subscribe(&large(), json!({ "after": "0" })).await;
    slow.push("inboxChanged").await;
    // Far more than fits between: it does not read, and the server gives it up.
    change(&operator, &ticket["ticket"], 60).await;
    let given_up = async { while subscriptions(&metrics).await > 0 {} };
    timeout(PATIENCE, given_up)
        .await
        .expect("the server does not wait for ever");
    // Now it reads: what was on its way, and then why it is over.
    let code = loop {
        let told = slow.next().await;
        if let Some(code) = told["closed"].as_u64() {
            break code;
        }
        assert_eq!(told["type"], "next", "{told}");
    };
    assert_eq!(code, 1013);
    // Others were never held up.
    dispatcher.data("{ me { login } }", json!({})).await;
}

async fn whoever_falls_too_far_behind_is_told_so(store: &TestStore) {
    let limits = Limits {
        subscription_lag_max: 100,
        send_timeout: PATIENCE,
        ..Limits::default()
    };
    let server = city_within(store, limits).await;
    let operator = server.client().logged_in("operator", PASSWORD).await;
    let dispatcher = server.client().logged_in("dispatcher", PASSWORD).await;
    let ticket = received(&operator).await;
    let mut slow = slow_socket(&dispatcher).await;
    slow.subscribe(&large(), json!({ "after": "0" })).await;
    slow.push("inboxChanged").await;
    let last = change(&operator, &ticket["ticket"], CHANGES).await;
    let mut reached = 0;
    let told = loop {
        let told = slow.next().await;
        match &told["payload"]["data"]["inboxChanged"] {
            Value::Null => break told,
            push => reached = position(push),
        }
    };
    assert_eq!(
        (&told["type"], &told["payload"][0]["extensions"]["code"]),
        (&json!("error"), &json!("TOO_SLOW"))
    );
    assert!(reached < last);
    // The connection stays, and there it goes on after the last position: nothing is lost.
    slow.subscribe(&large(), json!({ "after": reached.to_string() }))
        .await;
    assert_eq!(position(&slow.push("inboxChanged").await), reached + 1);
}

/// The same over an event stream: once it reads again, it is told why its stream is over.
async fn whoever_takes_nothing_of_a_stream_is_told_so_at_its_end(store: &TestStore) {
    const SEND_TIMEOUT: Duration = Duration::from_secs(1);
    let limits = Limits {
        send_timeout: SEND_TIMEOUT,
        ..Limits::default()
    };
    let server = city_within(store, limits).await;
    let operator = server.client().logged_in("operator", PASSWORD).await;
    let dispatcher = server.client().logged_in("dispatcher", PASSWORD).await;
    let ticket = received(&operator).await;
    let address = server.url.strip_prefix("http://").unwrap().parse().unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(BUFFER).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let body = json!({ "query": large(), "variables": { "after": "0" } }).to_string();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nhost: docket\r\nconnection: close\r\naccept: text/event-stream\r\n\
         accept-language: en\r\ncontent-type: application/json\r\nauthorization: Bearer {}\r\n\
         content-length: {}\r\n\r\n{body}",
        dispatcher.token.as_deref().unwrap(),
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 1_024];
    stream.read_exact(&mut first).await.unwrap();
    // Far more than fits between, and then for longer than it may take.
    change(&operator, &ticket["ticket"], 60).await;
    let full = Instant::now();
    while full.elapsed() < 3 * SEND_TIMEOUT {
        change(&operator, &ticket["ticket"], 2).await;
    }
    let mut rest = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    read.expect("the stream ends").unwrap();
    let told = String::from_utf8_lossy(&rest);
    let last = told.rfind("event: next").unwrap();
    let last = &told[last..];
    assert!(last.contains("\"code\":\"TOO_SLOW\""), "{last}");
    assert!(last.contains("has fallen too far behind"), "{last}");
    assert!(last.contains("event: complete"), "{last}");
    dispatcher.data("{ me { login } }", json!({})).await;
}

on_both_stores! {
    whoever_takes_nothing_of_a_stream_is_told_so_at_its_end,
    a_slow_reader_is_told_once_of_what_changed_often,
    whoever_takes_nothing_is_closed_by_a_code,
    whoever_falls_too_far_behind_is_told_so,
}
