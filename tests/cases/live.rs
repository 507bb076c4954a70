//! Subscriptions over WebSocket: what happens, once and in order, from any
//! position on, to those who may see it.

mod slow;

use crate::gateway::{city, department, request};
use docket_tests::server::{Client, Server};
use docket_tests::staff::PASSWORD;
use docket_tests::store::PATIENCE;
use docket_tests::{TestStore, on_both_stores};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// A WebSocket connection, of graphql-transport-ws if all is well.
pub struct Socket(pub WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Connected, under a subprotocol or none, and nothing said yet.
    pub async fn connect(url: &str, protocol: Option<&str>) -> Self {
        Self::connect_in(url, protocol, None).await
    }

    /// The same, wishing for a language.
    pub async fn connect_in(url: &str, protocol: Option<&str>, language: Option<&str>) -> Self {
        let url = url.replace("http://", "ws://");
        let mut handshake = format!("{url}/graphql").into_client_request().unwrap();
        if let Some(protocol) = protocol {
            handshake
                .headers_mut()
                .insert("sec-websocket-protocol", protocol.parse().unwrap());
        }
        if let Some(language) = language {
            let headers = handshake.headers_mut();
            headers.insert("accept-language", language.parse().unwrap());
        }
        Self(connect_async(handshake).await.unwrap().0)
    }

    /// Acknowledged as the client's.
    pub async fn open(client: &Client) -> Self {
        Self::open_in(client, None).await
    }

    /// The same, wishing for a language.
    pub async fn open_in(client: &Client, language: Option<&str>) -> Self {
        let protocol = Some("graphql-transport-ws");
        let mut socket = Self::connect_in(&client.url, protocol, language).await;
        let payload = match &client.token {
            Some(token) => json!({ "Authorization": format!("Bearer {token}") }),
            None => json!({}),
        };
        socket
            .send(json!({ "type": "connection_init", "payload": payload }))
            .await;
        assert_eq!(socket.next().await["type"], "connection_ack");
        socket
    }

    pub async fn send(&mut self, message: Value) {
        self.0
            .send(Message::text(message.to_string()))
            .await
            .unwrap();
    }

    pub async fn subscribe(&mut self, query: &str, variables: Value) {
        let payload = json!({ "query": query, "variables": variables });
        self.send(json!({ "id": "1", "type": "subscribe", "payload": payload }))
            .await;
    }

    /// The next message, or the code the server closes by.
    pub async fn next(&mut self) -> Value {
        loop {
            match self.0.next().await.expect("a message").unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Close(frame) => {
                    return json!({ "closed": frame.map(|f| u16::from(f.code)) });
                }
                _ => {}
            }
        }
    }

    /// The next push of the one field subscribed to.
    pub async fn push(&mut self, field: &str) -> Value {
        let message = self.next().await;
        let data = &message["payload"]["data"][field];
        assert!(!data.is_null(), "{message:#}");
        data.clone()
    }
}

pub async fn person(server: &Server, login: &str) -> Client {
    server.client().logged_in(login, PASSWORD).await
}

async fn a_ticket_is_followed_from_any_position_without_gap_or_double(store: &TestStore) {
    let server = city(store).await;
    let operator = person(&server, "operator").await;
    let received = operator.mutate("receiveTicket", request()).await;
    let (id, start) = (&received["ticket"]["id"], &received["position"]);
    let query = "subscription($id: ID!, $after: Position) {
        ticketChanged(id: $id, after: $after) { position type ticket { state } } }";
    let mut live = Socket::open(&operator).await;
    live.subscribe(query, json!({ "id": id, "after": start }))
        .await;
    let dispatcher = person(&server, "dispatcher").await;
    dispatcher
        .act("assignTicket", json!({ "id": id, "leadId": department() }))
        .await;
    operator.act("receiveTicket", request()).await;
    let clerk = person(&server, "clerk").await;
    clerk.act("signTicket", json!({ "id": id })).await;
    let (first, second) = (
        live.push("ticketChanged").await,
        live.push("ticketChanged").await,
    );
    assert_eq!(
        (&first["type"], &second["type"]),
        (&json!("assigned"), &json!("signed"))
    );
    // Resumed after the first push, the second comes again, and only that.
    let mut resumed = Socket::open(&operator).await;
    resumed
        .subscribe(query, json!({ "id": id, "after": first["position"] }))
        .await;
    let again = resumed.push("ticketChanged").await;
    assert_eq!(
        (&again["position"], &again["type"]),
        (&second["position"], &second["type"])
    );
    // A log that was restored from a backup ends before what a client has seen.
    let end: u64 = second["position"].as_str().unwrap().parse().unwrap();
    let mut ahead = Socket::open(&operator).await;
    let beyond = json!({ "id": id, "after": (end + 1).to_string() });
    ahead.subscribe(query, beyond).await;
    let told = tokio::time::timeout(PATIENCE, ahead.next()).await;
    let told = told.expect("not silence").to_string();
    let why = format!("after超出日志末尾（{end}）");
    assert!(
        told.contains("BAD_REQUEST") && told.contains(&why),
        "{told}"
    );
    let stranger = person(&server, "other-clerk").await;
    let mut closed = Socket::open(&stranger).await;
    closed.subscribe(query, json!({ "id": id })).await;
    let told = closed.next().await.to_string();
    assert!(told.contains("NOT_FOUND"), "{told}");
}

/// The specification's one field is counted after fragments are spread out.
async fn a_subscription_may_be_in_fragments(store: &TestStore) {
    let server = city(store).await;
    let operator = person(&server, "operator").await;
    let received = operator.mutate("receiveTicket", request()).await;
    for (root, rest) in [
        (
            "...F",
            "fragment F on Subscription { inboxChanged(after: $after) { ...C } }",
        ),
        (
            "... on Subscription { ... { inboxChanged(after: $after) { ...C } } }",
            "",
        ),
        (
            "inboxChanged(after: $after) { position } ...F",
            "fragment F on Subscription { inboxChanged(after: $after) { ...C } }",
        ),
    ] {
        let query = format!(
            "subscription($after: Position) {{ {root} }} {rest} fragment C on InboxChange {{ position type }}"
        );
        let mut live = Socket::open(&operator).await;
        live.subscribe(&query, json!({ "after": "0" })).await;
        let push = live.push("inboxChanged").await;
        assert_eq!(push["position"], received["position"], "{query}");
        assert_eq!(push["type"], "received", "{query}");
    }
}

async fn an_inbox_is_told_of_its_own_tickets_only(store: &TestStore) {
    let server = city(store).await;
    let (operator, dispatcher) = (
        person(&server, "operator").await,
        person(&server, "dispatcher").await,
    );
    let query = "subscription($after: Position) {
        inboxChanged(after: $after) { position type ticket { id title } } }";
    let mut mine = Socket::open(&person(&server, "clerk").await).await;
    mine.subscribe(query, json!({ "after": "0" })).await;
    let mut others = Socket::open(&person(&server, "other-clerk").await).await;
    others.subscribe(query, json!({ "after": "0" })).await;
    let hers = operator.act("receiveTicket", request()).await;
    let theirs = operator.act("receiveTicket", request()).await;
    let other = format!(
        "department:{}",
        docket_domain::ticket::scenario::OTHER_DEPARTMENT
    );
    dispatcher
        .act(
            "assignTicket",
            json!({ "id": hers["id"], "leadId": department() }),
        )
        .await;
    dispatcher
        .act(
            "assignTicket",
            json!({ "id": theirs["id"], "leadId": other }),
        )
        .await;
    // A record is judged by the ticket as it is when it is pushed, so the receipt may come too.
    for (socket, ticket) in [(&mut mine, &hers), (&mut others, &theirs)] {
        loop {
            let push = socket.push("inboxChanged").await;
            assert_eq!(push["ticket"]["id"], ticket["id"]);
            if push["type"] == "assigned" {
                break;
            }
        }
    }
}

async fn every_process_tells_what_any_other_took(store: &TestStore) {
    let here = city(store).await;
    let elsewhere = Server::start(store).await;
    let operator = person(&here, "operator").await;
    let dispatcher = person(&here, "dispatcher").await;
    let query = "subscription($after: Position) { inboxChanged(after: $after) { position } }";
    let mut sockets = Vec::new();
    for url in [&here.url, &elsewhere.url] {
        let mut live = Socket::open(&dispatcher.at(url)).await;
        live.subscribe(query, json!({ "after": "0" })).await;
        sockets.push(live);
    }
    let mut taken = Vec::new();
    for n in 0..20 {
        let url = [&here.url, &elsewhere.url][n % 2];
        let payload = operator.at(url).mutate("receiveTicket", request()).await;
        taken.push(payload["position"].clone());
    }
    for live in &mut sockets {
        for position in &taken {
            let push = live.push("inboxChanged").await;
            assert_eq!(push["position"], *position, "each once, in order");
        }
    }
    // Come back to the other process: it goes on where this one was.
    let mut resumed = Socket::open(&dispatcher.at(&elsewhere.url)).await;
    resumed.subscribe(query, json!({ "after": taken[9] })).await;
    assert_eq!(resumed.push("inboxChanged").await["position"], taken[10]);
}

async fn a_subscription_ends_with_its_session(store: &TestStore) {
    let server = city(store).await;
    let clerk = person(&server, "clerk").await;
    let mut live = Socket::open(&clerk).await;
    live.subscribe("subscription { inboxChanged { position } }", json!({}))
        .await;
    clerk
        .data("mutation { logout { loggedOut } }", json!({}))
        .await;
    // The next event makes it look.
    person(&server, "operator")
        .await
        .act("receiveTicket", request())
        .await;
    let told = live.next().await.to_string();
    assert!(told.contains("UNAUTHENTICATED"), "{told}");
}

/// Does a command on an account or an office.
async fn keep(admin: &Client, mutation: &str, input: Value) {
    let mut name = mutation.to_owned();
    name[..1].make_ascii_uppercase();
    let query = format!(
        "mutation($input: {name}Input!) {{ {mutation}(input: $input) {{ userErrors {{ code }} }} }}"
    );
    let data = admin.data(&query, json!({ "input": input })).await;
    assert_eq!(data[mutation]["userErrors"], json!([]), "{mutation}");
}

async fn a_subscription_ends_with_what_its_account_was(store: &TestStore) {
    let server = city(store).await;
    let elsewhere = Server::start(store).await;
    let admin = person(&server, "admin").await;
    let operator = person(&server, "operator").await;
    let ticket = operator.act("receiveTicket", request()).await;
    let id = &ticket["id"];
    let assign = json!({ "id": id, "leadId": department() });
    let dispatcher = person(&server, "dispatcher").await;
    dispatcher.act("assignTicket", assign).await;
    let clerk = person(&server, "clerk").await;
    clerk.act("signTicket", json!({ "id": id })).await;
    let unit = format!("unit:{}", docket_domain::ticket::scenario::UNIT);
    let delegate = json!({ "id": id, "unitId": unit });
    clerk.act("delegateTicket", delegate).await;

    let other = docket_domain::ticket::scenario::OTHER_DEPARTMENT;
    let moving = json!({ "id": unit, "departmentId": format!("department:{other}") });
    let me = operator.data("{ me { id } }", json!({})).await["me"]["id"].take();
    let roles = json!({ "id": me, "roles": ["DISPATCHER"] });
    for (login, mutation, input, code) in [
        ("unit-clerk", "moveUnit", moving, "ACCOUNT_CHANGED"),
        ("operator", "changeAccount", roles, "ACCOUNT_CHANGED"),
        (
            "operator",
            "deactivateAccount",
            json!({ "id": me }),
            "UNAUTHENTICATED",
        ),
    ] {
        // In the process that takes the command, and in another.
        let here = person(&server, login).await;
        let mut sockets = Vec::new();
        for client in [here.clone(), here.at(&elsewhere.url)] {
            let mut live = Socket::open(&client).await;
            let query = "subscription { inboxChanged(after: \"0\") { position } }";
            live.subscribe(query, json!({})).await;
            live.push("inboxChanged").await;
            sockets.push(live);
        }
        keep(&admin, mutation, input).await;
        for mut live in sockets {
            // What was there before comes first; after it nothing but the end.
            let mut told = live.next().await;
            while !told["payload"]["data"]["inboxChanged"].is_null() {
                told = live.next().await;
            }
            assert!(told.to_string().contains(code), "{mutation}: {told}");
        }
    }
}

async fn an_open_socket_opens_nothing_after_logout(store: &TestStore) {
    let server = city(store).await;
    let clerk = person(&server, "clerk").await;
    let mut socket = Socket::open(&clerk).await;
    socket.subscribe("{ me { login } }", json!({})).await;
    assert_eq!(socket.push("me").await["login"], "clerk");
    assert_eq!(socket.next().await["type"], "complete");
    clerk
        .data("mutation { logout { loggedOut } }", json!({}))
        .await;
    socket.subscribe("{ me { login } }", json!({})).await;
    let told = socket.next().await.to_string();
    assert!(told.contains("UNAUTHENTICATED"), "{told}");
}

on_both_stores! {
    a_subscription_may_be_in_fragments,
    a_ticket_is_followed_from_any_position_without_gap_or_double,
    an_inbox_is_told_of_its_own_tickets_only,
    every_process_tells_what_any_other_took,
    a_subscription_ends_with_its_session,
    a_subscription_ends_with_what_its_account_was,
    an_open_socket_opens_nothing_after_logout,
}
