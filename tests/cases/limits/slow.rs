//! Clients that are slow on purpose, and connections that are too many.

use super::{city_within, code};
use docket_gateway::settings::Limits;
use docket_tests::TestStore;
use docket_tests::server::Server;
use futures_util::future::join_all;
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval};

const SECOND: Duration = Duration::from_secs(1);
/// How often a slow client sends a byte.
const PACE: Duration = Duration::from_millis(50);

async fn connect(server: &Server) -> TcpStream {
    let address = server.url.strip_prefix("http://").unwrap();
    TcpStream::connect(address).await.unwrap()
}

/// Sends a beginning, then byte after byte until the server has had enough; all it says.
async fn byte_by_byte(server: &Server, beginning: &str) -> String {
    let (mut read, mut write) = connect(server).await.into_split();
    write.write_all(beginning.as_bytes()).await.unwrap();
    let dripping = async {
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            if write.write_all(b"x").await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let mut heard = Vec::new();
    tokio::select! {
        _ = read.read_to_end(&mut heard) => {}
        () = dripping => {}
    }
    String::from_utf8(heard).unwrap()
}

fn body(heard: &str) -> Value {
    let (_, body) = heard
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("{heard:?}"));
    serde_json::from_str(body).unwrap_or_else(|_| panic!("{heard:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_comes_byte_by_byte_times_out_by_a_code() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let limits = Limits {
            header_timeout: SECOND,
            request_timeout: SECOND,
            ..Limits::default()
        };
        let server = city_within(store, limits).await;
        let head = "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
        let began = Instant::now();
        for beginning in [
            format!("{head}X: "),
            "G".to_owned(),
            format!("{head}Content-Length: 1000\r\n\r\n{{"),
        ] {
            let heard = byte_by_byte(&server, &beginning).await;
            assert!(
                heard.starts_with("HTTP/1.1 408 "),
                "{beginning:?}: {heard:?}"
            );
            assert_eq!(code(&body(&heard)), "TIMEOUT");
        }
        // A hundred of them hold up nobody.
        let slow = join_all((0..100).map(|_| byte_by_byte(&server, head)));
        let quick = async {
            let asked = Instant::now();
            server
                .client()
                .data("{ __typename }", serde_json::json!({}))
                .await;
            asked.elapsed()
        };
        let (heard, took) = tokio::join!(slow, quick);
        assert!(heard.iter().all(|heard| heard.starts_with("HTTP/1.1 408 ")));
        assert!(took < SECOND, "{took:?}");
        // Nothing is said to a connection on which nothing is asked; it is closed.
        let mut idle = connect(&server).await;
        let mut heard = String::new();
        idle.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "");
        let mut kept = connect(&server).await;
        kept.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        kept.read_to_string(&mut heard).await.unwrap();
        assert!(
            heard.starts_with("HTTP/1.1 200 ") && heard.ends_with("ok\n"),
            "{heard:?}"
        );
        assert!(began.elapsed() < Duration::from_mins(1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_have_an_edge_and_livez_is_always_answered() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let server = city_within(
            store,
            Limits {
                connections_max: 8,
                ..Limits::default()
            },
        )
        .await;
        let ask = async |stream: &mut TcpStream, path: &str, close: bool| {
            let close = if close { "Connection: close\r\n" } else { "" };
            let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{close}\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut heard = vec![0; 4_096];
            let length = stream.read(&mut heard).await.unwrap();
            String::from_utf8_lossy(&heard[..length]).into_owned()
        };
        let mut open = Vec::new();
        for _ in 0..8 {
            let mut stream = connect(&server).await;
            assert!(ask(&mut stream, "/livez", false).await.contains("200 OK"));
            open.push(stream);
        }
        let typename = "/graphql?query=%7B__typename%7D";
        let heard = ask(&mut connect(&server).await, typename, false).await;
        assert!(
            heard.starts_with("HTTP/1.1 503 ") && heard.contains("OVERLOADED"),
            "{heard}"
        );
        assert!(
            heard.contains("retry-after: ") && heard.contains("connection: close"),
            "{heard}"
        );
        for path in ["/livez", "/readyz"] {
            let heard = ask(&mut connect(&server).await, path, false).await;
            assert!(heard.starts_with("HTTP/1.1 200 "), "{heard}");
        }
        // One goes, and its place is another's.
        let mut gone = open.pop().unwrap();
        ask(&mut gone, "/livez", true).await;
        loop {
            let heard = ask(&mut connect(&server).await, typename, true).await;
            if heard.starts_with("HTTP/1.1 200 ") {
                break;
            }
            assert!(heard.contains("OVERLOADED"), "{heard}");
        }
    })
    .await;
}
