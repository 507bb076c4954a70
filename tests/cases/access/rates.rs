//! Rates, by account and by address, at the first request that is one too many.

use super::{city, code, posted, sent, unhurried};
use crate::live::Socket;
use docket_core::Span;
use docket_core::SystemClock;
use docket_gateway::rates::{BURST, SECRET_COSTS};
use docket_gateway::settings::{Access, Limits};
use docket_tests::TestStore;
use docket_tests::staff::PASSWORD;
use reqwest::StatusCode;
use serde_json::json;
use std::sync::Arc;

/// A full bucket's requests, at one a second.
const FULL: u64 = BURST.as_secs();
/// Requests after which one is surely too many, however slow the machine.
const SURELY: u64 = 50 * FULL;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_is_slowed_down_and_no_other() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let limits = Limits {
            rate_address: 1,
            ..unhurried()
        };
        let server = city(store, Arc::new(SystemClock), limits, Access::default()).await;
        let ask = || posted(&server, "{ __typename }").header("x-forwarded-for", "198.51.100.1");
        let mut answered = 0;
        let (status, headers, answer) = loop {
            let told = sent(ask()).await;
            if told.0 != StatusCode::OK || answered > SURELY {
                break told;
            }
            answered += 1;
        };
        assert!((FULL..=SURELY).contains(&answered), "{answered}");
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(code(&answer), "RATE_LIMITED");
        assert_eq!(answer.get("data"), None, "nothing was executed");
        let after: u64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=2).contains(&after), "{after}");
        assert_eq!(answer["errors"][0]["extensions"]["retryAfter"], after);
        let other = posted(&server, "{ __typename }").header("x-forwarded-for", "198.51.100.2");
        assert_eq!(sent(other).await.0, StatusCode::OK);
        // One password tried is dearer than a whole bucket: the next has to wait for a full one.
        let login = format!("mutation {{ login(input: {{ login: \"clerk\", password: \"{PASSWORD}\" }}) {{ token }} }}");
        assert!(u64::from(SECRET_COSTS) > FULL);
        let try_in = || posted(&server, &login).header("x-forwarded-for", "198.51.100.3");
        let (status, headers, answer) = sent(try_in()).await;
        assert_eq!((status, code(&answer)), (StatusCode::OK, "RATE_LIMITED"), "the request took one");
        let after: u64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert_eq!(answer["errors"][0]["extensions"]["retryAfter"], after);
        let noted = server.app.desk.security_log(None, &Span::first(100)).await.unwrap();
        let slowed: Vec<_> = noted.iter().filter(|row| row.kind == "rate_limited").collect();
        let of = |address: &str| slowed.iter().any(|row| row.address == address && row.count > 0);
        assert!(of("198.51.100.1") && of("198.51.100.3"), "{slowed:?}");
        assert!(!of("198.51.100.2"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_slowed_down_wherever_it_asks_from() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let limits = Limits {
            rate_account: 1,
            ..unhurried()
        };
        let server = city(store, Arc::new(SystemClock), limits, Access::default()).await;
        let clerk = server.client().logged_in("clerk", PASSWORD).await;
        let token = clerk.token.clone().unwrap();
        let mut asked = 0;
        let told = loop {
            let from = format!("198.51.100.{}", asked % 200);
            let request = posted(&server, "{ me { id } }").header("x-forwarded-for", from);
            let told = sent(request.bearer_auth(&token)).await;
            if told.0 != StatusCode::OK || asked > SURELY {
                break told;
            }
            asked += 1;
        };
        assert!((FULL..=SURELY).contains(&asked), "{asked}");
        assert_eq!(
            (told.0, code(&told.2)),
            (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED")
        );
        assert!(told.1.contains_key("retry-after"));
        // Over a WebSocket, too: the connection stays, and the operation is told.
        let mut socket = Socket::open(&clerk).await;
        let said = loop {
            socket.subscribe("{ me { id } }", json!({})).await;
            let said = socket.next().await;
            if said["type"] != "next" {
                break said;
            }
            assert_eq!(socket.next().await["type"], "complete");
        };
        assert_eq!(said["type"], "error");
        assert_eq!(said["payload"][0]["extensions"]["code"], "RATE_LIMITED");
        assert!(said["payload"][0]["extensions"]["retryAfter"].is_u64());
        let leader = server.client().logged_in("leader", PASSWORD).await;
        leader.data("{ me { id } }", json!({})).await;
        let clerk = server.app.desk.account_of("clerk").await.unwrap().unwrap();
        let noted = server
            .app
            .desk
            .security_log(None, &Span::first(100))
            .await
            .unwrap();
        let slowed = noted.iter().find(|row| row.kind == "rate_limited").unwrap();
        assert_eq!(slowed.subject, format!("account:{}", clerk.0));
    })
    .await;
}
