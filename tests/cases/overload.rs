//! More at a time than is admitted: refused by a code before it costs anything, on every transport, and taken once there
//! is a place again.

use crate::limits::city_within;
use crate::live::Socket;
use docket_gateway::settings::Limits;
use docket_tests::TestStore;
use docket_tests::server::{Client, Server};
use docket_tests::staff::PASSWORD;
use docket_tests::store::PATIENCE;
use futures_util::StreamExt as _;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;

/// It waits for a position that nobody comes to, until it is given up.
const NEVER: &str = "{ inbox(tab: TO_SIGN, minPosition: \"999999\") { totalCount } }";
const INBOX: &str = "subscription { inboxChanged { position } }";

fn within(limits: Limits) -> Limits {
    Limits {
        position_wait: Duration::from_mins(1),
        request_timeout: Duration::from_mins(1),
        ..limits
    }
}

fn posted(client: &Client, query: &str) -> RequestBuilder {
    let request = reqwest::Client::new().post(format!("{}/graphql", client.url));
    let request = request.json(&json!({ "query": query }));
    match &client.token {
        Some(token) => request.bearer_auth(token),
        None => request,
    }
}

/// Status, seconds to wait, and code.
async fn told(request: RequestBuilder) -> (u16, Option<u64>, String) {
    let response = request.send().await.unwrap();
    let after = response.headers().get("retry-after");
    let after = after.map(|after| after.to_str().unwrap().parse().unwrap());
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    let code = &body["errors"][0]["extensions"]["code"];
    (status, after, code.as_str().unwrap_or("").to_owned())
}

/// Asks for something that goes on until it is dropped, and waits until so many are under way.
async fn hang(server: &Server, client: &Client, until: usize) -> tokio::task::JoinHandle<()> {
    let request = posted(client, NEVER);
    let hanging = tokio::spawn(async move { drop(request.send().await) });
    reached(|| server.app.admission.under_way() == until).await;
    hanging
}

async fn reached(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("it comes to that");
}

fn overloaded() -> (u16, Option<u64>, String) {
    (503, Some(1), "OVERLOADED".into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_more_than_admitted_is_refused_on_every_transport() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let limits = Limits {
            operations_max: 2,
            queue_max: 1,
            queue_wait: Duration::from_millis(50),
            ..Limits::default()
        };
        let server = city_within(store, within(limits)).await;
        let clerk = server.client().logged_in("clerk", PASSWORD).await;
        let mut socket = Socket::open(&clerk).await;
        let one = hang(&server, &clerk, 1).await;
        assert_eq!(
            told(posted(&clerk, "{ __typename }")).await.0,
            200,
            "at the limit"
        );
        let two = hang(&server, &clerk, 2).await;
        // It has waited for a place, and there was none.
        assert_eq!(told(posted(&clerk, "{ __typename }")).await, overloaded());
        let streamed = posted(&clerk, "{ __typename }").header("accept", "text/event-stream");
        assert_eq!(told(streamed).await, overloaded());
        let modern =
            posted(&clerk, "{ __typename }").header("accept", "application/graphql-response+json");
        assert_eq!(told(modern).await, overloaded());
        socket.subscribe("{ __typename }", json!({})).await;
        let said = socket.next().await;
        assert_eq!((&said["type"], &said["id"]), (&json!("error"), &json!("1")));
        assert_eq!(
            said["payload"][0]["extensions"],
            json!({ "code": "OVERLOADED", "retryAfter": 1 })
        );
        for path in ["livez", "readyz"] {
            let status = reqwest::get(format!("{}/{path}", server.url))
                .await
                .unwrap()
                .status();
            assert_eq!(status, StatusCode::OK, "{path}");
        }
        assert!(server.app.meters.shed.get() >= 4);
        // Given up, and so their places are free.
        one.abort();
        two.abort();
        reached(|| server.app.admission.under_way() == 0).await;
        assert_eq!(told(posted(&clerk, "{ __typename }")).await.0, 200);
        socket.subscribe("{ __typename }", json!({})).await;
        assert_eq!(socket.next().await["type"], "next");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_has_its_share_of_what_is_under_way() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let limits = Limits {
            operations_account_max: 2,
            ..Limits::default()
        };
        let server = city_within(store, within(limits)).await;
        let clerk = server.client().logged_in("clerk", PASSWORD).await;
        let leader = server.client().logged_in("leader", PASSWORD).await;
        let one = hang(&server, &clerk, 1).await;
        let query = "{ me { login } }";
        assert_eq!(told(posted(&clerk, query)).await.0, 200, "at the limit");
        let _two = hang(&server, &clerk, 2).await;
        let refused = (429, Some(1), "TOO_MANY_AT_ONCE".to_owned());
        assert_eq!(told(posted(&clerk, query)).await, refused);
        assert_eq!(
            told(posted(&leader, query)).await.0,
            200,
            "others have theirs"
        );
        one.abort();
        reached(|| server.app.admission.under_way() == 1).await;
        assert_eq!(told(posted(&clerk, query)).await.0, 200);
    })
    .await;
}

/// The code that a subscription is refused with, or nothing where it goes on: then a ping is answered first.
async fn refused(socket: &mut Socket, id: &str) -> Option<String> {
    socket
        .send(json!({ "id": id, "type": "subscribe", "payload": { "query": INBOX } }))
        .await;
    socket.send(json!({ "id": format!("{id}-behind"), "type": "subscribe", "payload": { "query": "{ __typename }" } })).await;
    loop {
        let told = socket.next().await;
        match told["type"].as_str().unwrap() {
            "error" => {
                return Some(
                    told["payload"][0]["extensions"]["code"]
                        .as_str()
                        .unwrap()
                        .to_owned(),
                );
            }
            "complete" => return None,
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_have_an_edge_of_an_account_and_in_all() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let limits = Limits {
            subscriptions_max: 3,
            subscriptions_account_max: 2,
            // They take no place among what is under way.
            operations_max: 1,
            ..Limits::default()
        };
        let server = city_within(store, limits).await;
        let clerk = server.client().logged_in("clerk", PASSWORD).await;
        let leader = server.client().logged_in("leader", PASSWORD).await;
        let (mut hers, mut theirs) = (Socket::open(&clerk).await, Socket::open(&leader).await);
        assert_eq!(refused(&mut hers, "1").await, None);
        assert_eq!(refused(&mut hers, "2").await, None);
        assert_eq!(
            refused(&mut hers, "3").await.as_deref(),
            Some("TOO_MANY_AT_ONCE")
        );
        let stream = |client: &Client| posted(client, INBOX).header("accept", "text/event-stream");
        assert_eq!(
            told(stream(&clerk)).await.2,
            "TOO_MANY_AT_ONCE",
            "over any transport"
        );
        let streaming = stream(&leader).send().await.unwrap();
        assert_eq!(streaming.status(), StatusCode::OK);
        assert_eq!(
            refused(&mut theirs, "1").await.as_deref(),
            Some("OVERLOADED")
        );
        assert_eq!(told(stream(&leader)).await, overloaded());
        // One ends, and its place is another's.
        hers.send(json!({ "id": "2", "type": "complete" })).await;
        let again = async { while refused(&mut theirs, "1").await.is_some() {} };
        timeout(PATIENCE, again).await.expect("a place is free");
        drop(streaming);
    })
    .await;
}

/// Asks for a WebSocket from an address, as a proxy tells it.
async fn knock(server: &Server, from: &str) -> Result<Socket, (u16, String)> {
    use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
    use tokio_tungstenite::tungstenite::{Error, Message};
    let url = format!("{}/graphql", server.url.replace("http://", "ws://"));
    let mut request = url.into_client_request().unwrap();
    for (name, value) in [
        ("sec-websocket-protocol", "graphql-transport-ws"),
        ("x-forwarded-for", from),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    match tokio_tungstenite::connect_async(request).await {
        Ok((mut socket, _)) => {
            use futures_util::SinkExt as _;
            let init = json!({ "type": "connection_init" }).to_string();
            socket.send(Message::text(init)).await.unwrap();
            socket.next().await.unwrap().unwrap();
            Ok(Socket(socket))
        }
        Err(Error::Http(response)) => {
            let body: Value =
                serde_json::from_slice(response.body().as_deref().unwrap_or_default()).unwrap();
            let code = body["errors"][0]["extensions"]["code"]
                .as_str()
                .unwrap()
                .to_owned();
            Err((response.status().as_u16(), code))
        }
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn web_sockets_have_an_edge_of_an_address_and_in_all() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let limits = Limits {
            sockets_max: 3,
            sockets_address_max: 2,
            ..Limits::default()
        };
        let server = city_within(store, limits).await;
        let [one, other] = ["198.51.100.1", "198.51.100.2"];
        let first = knock(&server, one).await.ok().unwrap();
        let _second = knock(&server, one).await.ok().unwrap();
        assert_eq!(
            knock(&server, one).await.err(),
            Some((429, "TOO_MANY_AT_ONCE".into()))
        );
        let _third = knock(&server, other).await.ok().unwrap();
        assert_eq!(
            knock(&server, other).await.err(),
            Some((503, "OVERLOADED".into()))
        );
        // One vanishes, and its place is another's.
        drop(first);
        let again = async { while knock(&server, other).await.is_err() {} };
        timeout(PATIENCE, again).await.expect("a place is free");
    })
    .await;
}

/// Everybody comes to work at once: some have to try again, and whoever is at work is not held up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_at_the_door_takes_no_place_of_those_inside() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let server = city_within(store, Limits::default()).await;
        let clerk = server.client().logged_in("clerk", PASSWORD).await;
        let login = "mutation($i: LoginInput!) { login(input: $i) { token userErrors { code } } }";
        let crowd = futures_util::future::join_all((0..150).map(|n| {
            let nobody = server.client();
            async move {
                let input = json!({ "login": format!("nobody-{n}"), "password": PASSWORD });
                let told = nobody.run(login, json!({ "i": input })).await;
                let refusal = told["data"]["login"]["userErrors"][0]["code"].clone();
                let fault = told["errors"][0]["extensions"]["code"].clone();
                [refusal, fault]
                    .into_iter()
                    .find_map(|code| code.as_str().map(str::to_owned))
                    .unwrap()
            }
        }));
        let at_work = async {
            for _ in 0..20 {
                clerk.data("{ me { login } }", json!({})).await;
            }
        };
        let (told, ()) = tokio::join!(crowd, at_work);
        let of = |code: &str| told.iter().filter(|told| *told == code).count();
        let (checked, refused) = (of("WRONG_CREDENTIALS"), of("OVERLOADED"));
        assert_eq!(checked + refused, told.len(), "{told:?}");
        assert!(
            refused > 0 && checked >= docket_core::ops::CHECKED_AT_ONCE,
            "{checked} checked, {refused} refused"
        );
        server.client().logged_in("leader", PASSWORD).await;
    })
    .await;
}
