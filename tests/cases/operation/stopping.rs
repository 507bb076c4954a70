//! A stop: readiness goes first, subscriptions end by code, and what does not end is cut off. That no acknowledged
//! command is lost by it is tested with the faults.

use super::{serve, serving, set_up};
use docket_tests::server::{Client, ServerProcess};
use docket_tests::staff::PASSWORD;
use docket_tests::{TestStore, on_both_stores};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const SUBSCRIPTION: &str = "subscription { inboxChanged { position } }";

/// A socket with one subscription that has begun, since it has pushed something.
async fn subscribed(operator: &Client) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
    let url = operator.url.replace("http://", "ws://");
    let mut handshake = format!("{url}/graphql").into_client_request().unwrap();
    let protocol = "graphql-transport-ws".parse().unwrap();
    handshake
        .headers_mut()
        .insert("sec-websocket-protocol", protocol);
    let mut socket = connect_async(handshake).await.unwrap().0;
    let token = operator.token.as_deref().unwrap();
    for message in [
        json!({ "type": "connection_init", "payload": { "Authorization": format!("Bearer {token}") } }),
        json!({ "id": "1", "type": "subscribe", "payload": {
            "query": "subscription { inboxChanged(after: \"0\") { position } }" } }),
    ] {
        socket
            .send(Message::text(message.to_string()))
            .await
            .unwrap();
    }
    for expected in ["connection_ack", "next"] {
        let Message::Text(text) = socket.next().await.unwrap().unwrap() else {
            panic!("no text");
        };
        let told: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(told["type"], expected);
    }
    socket
}

/// What a socket says until it is closed: the types of its messages, and the code.
async fn to_the_end(
    mut socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
) -> (Vec<String>, Option<CloseCode>) {
    let mut types = Vec::new();
    while let Some(Ok(message)) = socket.next().await {
        match message {
            Message::Text(text) => {
                let told: Value = serde_json::from_str(&text).unwrap();
                types.push(told["type"].as_str().unwrap().to_owned());
            }
            Message::Close(frame) => return (types, frame.map(|frame| frame.code)),
            _ => {}
        }
    }
    (types, None)
}

/// Server-sent events of a subscription that has begun.
async fn streaming(operator: &Client) -> reqwest::Response {
    let request = reqwest::Client::new()
        .post(format!("{}/graphql", operator.url))
        .header("accept", "text/event-stream")
        .bearer_auth(operator.token.as_deref().unwrap())
        .json(&json!({ "query": SUBSCRIPTION }));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    response
}

async fn readiness_goes_first_and_subscriptions_end_by_code(store: &TestStore) {
    set_up(store).await;
    let mut server = serve(
        store,
        &[("DOCKET_DRAIN_NOTICE", "2s"), ("DOCKET_DRAIN", "1min")],
    );
    let operator = server.client().logged_in("operator", PASSWORD).await;
    operator
        .act("receiveTicket", crate::gateway::request())
        .await;
    let (socket, stream) = (subscribed(&operator).await, streaming(&operator).await);
    let ready = format!("{}/readyz", server.url);
    assert_eq!(reqwest::get(&ready).await.unwrap().status(), 200);
    let told = Instant::now();
    server.terminate();
    // Each request on a new connection: it is not ready, and still open to who has not noticed.
    let stopping = loop {
        let answer = reqwest::get(&ready).await.unwrap();
        if answer.status() == 503 {
            assert_eq!(
                answer.headers()["connection"],
                "close",
                "for the next, another process"
            );
            break answer.text().await.unwrap();
        }
    };
    assert_eq!(stopping, "the server is stopping\n");
    operator
        .act("receiveTicket", crate::gateway::request())
        .await;
    let (types, code) = to_the_end(socket).await;
    assert_eq!(code, Some(CloseCode::Away), "{types:?}");
    // A client that was told that its subscription is complete would not come again.
    let is_push = |kind: &String| kind == "next";
    assert!(types.iter().all(is_push), "{types:?}");
    let streamed = stream.text().await.unwrap();
    assert!(streamed.contains("event: next\n"), "{streamed}");
    // Nor would one here.
    assert!(!streamed.contains("event: complete"), "{streamed}");
    assert!(told.elapsed() >= Duration::from_secs(2), "after the notice");
    let (status, _) = server.wait();
    assert_eq!(status.code(), Some(0));
    assert!(
        told.elapsed() < Duration::from_secs(30),
        "nothing was left to wait for"
    );
}

/// Begins a request and never ends it.
async fn never_ending(server: &ServerProcess) -> TcpStream {
    let address = server.url.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).await.unwrap();
    let head = "POST /graphql HTTP/1.1\r\nhost: docket\r\ncontent-type: application/json\r\n\
                content-length: 100\r\nexpect: 100-continue\r\n\r\n";
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut told = [0; 25];
    connection.read_exact(&mut told).await.unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    connection
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_end_in_time_is_cut_off() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        set_up(store).await;
        let variables = [("DOCKET_DRAIN", "1s"), ("DOCKET_REQUEST_TIMEOUT", "1h")];
        let mut server = serve(store, &variables);
        let mut connection = never_ending(&server).await;
        let told = Instant::now();
        server.terminate();
        let mut answer = Vec::new();
        let _ = connection.read_to_end(&mut answer).await;
        assert!(answer.is_empty(), "it was never answered");
        let (status, _) = server.wait();
        assert_eq!(status.code(), Some(0));
        let took = told.elapsed();
        assert!(
            took >= Duration::from_secs(1) && took < Duration::from_secs(20),
            "{took:?}"
        );
    })
    .await;
}

/// On a full disk, or where whoever read its log is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_cannot_be_written_stops_nothing() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        set_up(store).await;
        let mut serve = serving(store, &[("DOCKET_LOG", "debug")]);
        let full = std::fs::File::options().write(true).open("/dev/full");
        serve.stderr(full.unwrap());
        let mut server = ServerProcess::spawn(serve);
        let operator = server.client().logged_in("operator", PASSWORD).await;
        operator
            .act("receiveTicket", crate::gateway::request())
            .await;
        server.terminate();
        assert_eq!(server.wait().0.code(), Some(0));
    })
    .await;
}

on_both_stores! { readiness_goes_first_and_subscriptions_end_by_code }
