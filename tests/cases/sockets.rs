//! The protocol graphql-transport-ws: what it answers, and by which code it closes.

use crate::gateway::city;
use crate::live::{Socket, person};
use docket_gateway::settings::Limits;
use docket_tests::TestStore;
use docket_tests::server::Server;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

const PROTOCOL: Option<&str> = Some("graphql-transport-ws");
const INBOX: &str = "subscription { inboxChanged { position } }";

fn init() -> Value {
    json!({ "type": "connection_init" })
}

fn subscribe(id: &str, query: &str) -> Value {
    json!({ "id": id, "type": "subscribe", "payload": { "query": query } })
}

/// What a server says to these messages, one after another, last: mostly the code it closes by.
async fn told(server: &Server, messages: &[Value]) -> Value {
    let mut socket = Socket::connect(&server.url, PROTOCOL).await;
    for message in messages {
        socket.send(message.clone()).await;
    }
    loop {
        let told = socket.next().await;
        if told["type"] != "connection_ack" {
            return told;
        }
    }
}

#[tokio::test]
async fn every_fault_has_its_code() {
    let store = TestStore::sqlite();
    let server = city(&store).await;
    let query = subscribe("1", "{ __typename }");
    let forever = subscribe("1", INBOX);
    let wrong = json!({ "Authorization": "Bearer none" });
    let wrong = json!({ "type": "connection_init", "payload": wrong });
    let old = json!({ "id": "1", "type": "start", "payload": { "query": "{ __typename }" } });
    let large = "x".repeat(Limits::default().body_bytes_max);
    for (messages, code) in [
        (vec![], 4408),
        (vec![query.clone()], 4401),
        (vec![wrong], 4403),
        (vec![init(), init()], 4429),
        (vec![init(), json!([])], 4400),
        (vec![init(), old], 4400),
        (vec![init(), json!({ "type": "connection_ack" })], 4400),
        (
            vec![init(), json!({ "id": "1", "type": "subscribe" })],
            4400,
        ),
        (
            vec![json!({ "type": "connection_init", "payload": 1 })],
            4400,
        ),
        (
            vec![init(), json!({ "type": "ping", "payload": { "x": large } })],
            1009,
        ),
    ] {
        let closed = told(&server, &messages).await;
        let messages = json!(messages).to_string();
        let shown = &messages[..messages.len().min(200)];
        assert_eq!(closed, json!({ "closed": code }), "{shown}");
    }
    let clerk = person(&server, "clerk").await;
    let mut socket = Socket::open(&clerk).await;
    socket.send(forever.clone()).await;
    socket.send(forever).await;
    assert_eq!(socket.next().await, json!({ "closed": 4409 }));
}

#[tokio::test]
async fn another_subprotocol_or_none_is_not_acceptable() {
    let store = TestStore::sqlite();
    let server = city(&store).await;
    let mut socket = Socket::connect(&server.url, None).await;
    assert_eq!(socket.next().await, json!({ "closed": 4406 }));
}

#[tokio::test]
async fn what_is_not_text_is_invalid() {
    let store = TestStore::sqlite();
    let server = city(&store).await;
    let mut socket = Socket::connect(&server.url, PROTOCOL).await;
    let binary = Message::binary(init().to_string());
    socket.0.send(binary).await.unwrap();
    assert_eq!(socket.next().await, json!({ "closed": 4400 }));
    let mut socket = Socket::connect(&server.url, PROTOCOL).await;
    socket.0.send(Message::text("{")).await.unwrap();
    assert_eq!(socket.next().await, json!({ "closed": 4400 }));
}

/// All that the client hears is the code, and why in words.
#[tokio::test]
async fn a_close_says_why() {
    let store = TestStore::sqlite();
    let server = city(&store).await;
    let mut socket = Socket::connect(&server.url, PROTOCOL).await;
    socket.send(subscribe("1", "{ __typename }")).await;
    let Some(Ok(Message::Close(Some(frame)))) = socket.0.next().await else {
        panic!("no close frame");
    };
    assert_eq!(frame.reason.as_str(), "Unauthorized");
}

#[tokio::test]
async fn a_request_that_fails_is_an_error_message_and_frees_its_id() {
    let store = TestStore::sqlite();
    let server = city(&store).await;
    let clerk = person(&server, "clerk").await;
    let mut socket = Socket::open(&clerk).await;
    for (query, code) in [
        ("{", "BAD_REQUEST"),
        ("{ nothing }", "BAD_REQUEST"),
        ("subscription { nothing }", "BAD_REQUEST"),
        (
            "subscription { a: inboxChanged { position } b: inboxChanged { position } }",
            "BAD_REQUEST",
        ),
        (
            "subscription { ...F } fragment F on Query { inboxChanged { position } }",
            "BAD_REQUEST",
        ),
        (
            "subscription { inboxChanged @skip(if: true) { position } }",
            "BAD_REQUEST",
        ),
        (
            "subscription { ticketChanged(id: \"ticket:00000000-0000-7000-8000-000000000000\") { position } }",
            "NOT_FOUND",
        ),
    ] {
        socket.send(subscribe("1", query)).await;
        let told = socket.next().await;
        assert_eq!((&told["type"], &told["id"]), (&json!("error"), &json!("1")));
        let error = &told["payload"][0];
        assert_eq!(error["extensions"]["code"], code, "{query}: {told}");
        assert!(error["message"].is_string(), "{told}");
    }
    // Nothing came between, and the connection is as good as before.
    socket.send(subscribe("1", "{ me { login } }")).await;
    let told = socket.next().await;
    assert_eq!((&told["type"], &told["id"]), (&json!("next"), &json!("1")));
    assert_eq!(
        told["payload"]["data"],
        json!({ "me": { "login": "clerk" } })
    );
    assert_eq!(told["payload"]["errors"], serde_json::Value::Null);
    assert_eq!(
        socket.next().await,
        json!({ "type": "complete", "id": "1" })
    );
}

/// An error within an answer is part of it: `next`, and then `complete`.
#[tokio::test]
async fn an_error_of_a_field_is_told_with_its_answer() {
    let store = TestStore::sqlite();
    let server = city(&store).await;
    let mut socket = Socket::open(&server.client()).await;
    socket.send(subscribe("a", "{ me { login } }")).await;
    let told = socket.next().await;
    assert_eq!(told["type"], "next", "{told}");
    let code = &told["payload"]["errors"][0]["extensions"]["code"];
    assert_eq!(code, "UNAUTHENTICATED");
    assert_eq!(socket.next().await["type"], "complete");
}

#[tokio::test]
async fn operations_share_a_connection_and_end_when_told() {
    let store = TestStore::sqlite();
    let server = city(&store).await;
    let clerk = person(&server, "clerk").await;
    let mut socket = Socket::open(&clerk).await;
    socket.send(subscribe("live", INBOX)).await;
    socket
        .send(json!({ "type": "ping", "payload": { "n": 1 } }))
        .await;
    assert_eq!(
        socket.next().await,
        json!({ "type": "pong", "payload": { "n": 1 } })
    );
    socket.send(json!({ "type": "ping" })).await;
    assert_eq!(socket.next().await, json!({ "type": "pong" }));
    socket.send(json!({ "type": "pong" })).await;
    // What was never there may be completed, too: the server may have been faster.
    socket
        .send(json!({ "id": "other", "type": "complete" }))
        .await;
    socket
        .send(json!({ "id": "live", "type": "complete" }))
        .await;
    // Its id is free at once.
    socket.send(subscribe("live", "{ __typename }")).await;
    let told = socket.next().await;
    assert_eq!(told["payload"]["data"]["__typename"], "Query");
    assert_eq!(socket.next().await["type"], "complete");
}

#[tokio::test]
async fn a_connection_has_a_bounded_number_of_operations() {
    let store = TestStore::sqlite();
    let server = city(&store).await;
    let clerk = person(&server, "clerk").await;
    let mut socket = Socket::open(&clerk).await;
    for n in 0..Limits::default().socket_operations_max {
        socket.send(subscribe(&n.to_string(), INBOX)).await;
    }
    socket.send(subscribe("more", INBOX)).await;
    let told = socket.next().await;
    assert_eq!(
        (&told["type"], &told["id"]),
        (&json!("error"), &json!("more"))
    );
    assert_eq!(told["payload"][0]["extensions"]["code"], "TOO_MANY_AT_ONCE");
    socket.send(json!({ "id": "0", "type": "complete" })).await;
    socket.send(subscribe("more", "{ __typename }")).await;
    assert_eq!(socket.next().await["type"], "next");
}

/// A half-open connection: the client's side says nothing any more, not even pongs.
#[tokio::test]
async fn a_client_that_is_not_heard_of_is_let_go() {
    let store = TestStore::sqlite();
    let server = city(&store).await;
    let address = server.url.strip_prefix("http://").unwrap();
    let mut raw = TcpStream::connect(address).await.unwrap();
    let handshake = format!(
        "GET /graphql HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
    );
    raw.write_all(handshake.as_bytes()).await.unwrap();
    let init = init().to_string();
    // One text frame, masked by zeros.
    let mut frame = vec![0x81, 0x80 | u8::try_from(init.len()).unwrap(), 0, 0, 0, 0];
    frame.extend_from_slice(init.as_bytes());
    raw.write_all(&frame).await.unwrap();
    let mut heard = Vec::new();
    raw.read_to_end(&mut heard).await.unwrap();
    // The last frame: a close of code 1001 with its reason.
    let closed = [&[0x03, 0xe9][..], b"No answer to pings"].concat();
    assert!(heard.ends_with(&closed), "{}", heard.escape_ascii());
}

#[tokio::test]
async fn a_connection_is_told_in_its_language_that_it_has_too_many_operations() {
    let store = TestStore::sqlite();
    let server = city(&store).await;
    let clerk = person(&server, "clerk").await;
    for (language, message) in [
        (
            Some("en-GB, zh;q=0.5"),
            "too much of yours is under way at the same time: at most 100 operations of a connection at a time",
        ),
        (None, "同时进行的操作过多：一个连接同时至多100项操作"),
    ] {
        let mut socket = Socket::open_in(&clerk, language).await;
        for n in 0..Limits::default().socket_operations_max {
            socket.send(subscribe(&n.to_string(), INBOX)).await;
        }
        socket.send(subscribe("more", INBOX)).await;
        let told = socket.next().await;
        assert_eq!(told["payload"][0]["message"], message, "{told}");
        let done = json!({ "type": "complete", "id": "0" });
        socket.send(done).await;
    }
}
