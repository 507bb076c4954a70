//! Pages of other origins: none may read an answer but those that are named.

use super::{city, posted, unhurried};
use docket_core::SystemClock;
use docket_gateway::settings::Access;
use docket_tests::TestStore;
use docket_tests::server::Server;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use std::sync::Arc;

const NAMED: &str = "https://desk.example";
const OTHER: &str = "https://desk.example.evil.test";

/// What a browser is told that asks before it sends.
async fn preflight(server: &Server, origin: &str) -> (StatusCode, HeaderMap) {
    preflight_of(server, origin, "POST", "graphql").await
}

async fn preflight_of(
    server: &Server,
    origin: &str,
    method: &str,
    path: &str,
) -> (StatusCode, HeaderMap) {
    let request = reqwest::Client::new()
        .request(Method::OPTIONS, format!("{}/{path}", server.url))
        .header("origin", origin)
        .header("access-control-request-method", method)
        .header(
            "access-control-request-headers",
            "authorization,content-type",
        );
    let response = request.send().await.unwrap();
    (response.status(), response.headers().clone())
}

async fn told(server: &Server, origin: &str) -> HeaderMap {
    let request = posted(server, "{ __typename }").header("origin", origin);
    request.send().await.unwrap().headers().clone()
}

const ALLOWED: &str = "access-control-allow-origin";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_default_none_is_let_in() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let server = city(store, Arc::new(SystemClock), unhurried(), Access::default()).await;
        let (status, headers) = preflight(&server, NAMED).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
        assert!(!headers.contains_key(ALLOWED));
        assert!(!told(&server, NAMED).await.contains_key(ALLOWED));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_named_are_and_no_other() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let access = Access {
            origins: vec![
                NAMED.parse().unwrap(),
                "https://two.example".parse().unwrap(),
            ],
            ..Access::default()
        };
        let server = city(store, Arc::new(SystemClock), unhurried(), access).await;
        let (status, headers) = preflight(&server, NAMED).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers[ALLOWED], NAMED);
        let allowed = headers["access-control-allow-headers"].to_str().unwrap();
        assert!(
            allowed.contains("authorization") && allowed.contains("content-type"),
            "{allowed}"
        );
        assert!(
            !headers.contains_key("access-control-allow-credentials"),
            "no cookies"
        );
        // Files, too.
        let (_, headers) = preflight_of(&server, NAMED, "PUT", "attachment/x").await;
        assert_eq!(headers[ALLOWED], NAMED);
        let methods = headers["access-control-allow-methods"].to_str().unwrap();
        assert!(methods.contains("PUT"), "{methods}");
        let (_, headers) = preflight_of(&server, OTHER, "PUT", "attachment/x").await;
        assert!(!headers.contains_key(ALLOWED));
        let answered = told(&server, NAMED).await;
        assert_eq!(answered[ALLOWED], NAMED);
        let vary: Vec<_> = answered
            .get_all("vary")
            .iter()
            .map(|v| v.to_str().unwrap().to_ascii_lowercase())
            .collect();
        let vary = vary.join(",");
        assert!(vary.contains("origin") && vary.contains("accept"), "{vary}");
        for origin in [
            OTHER,
            "null",
            "http://desk.example",
            "https://desk.example:444",
        ] {
            assert!(
                !preflight(&server, origin).await.1.contains_key(ALLOWED),
                "{origin}"
            );
            assert!(
                !told(&server, origin).await.contains_key(ALLOWED),
                "{origin}"
            );
        }
    })
    .await;
}
