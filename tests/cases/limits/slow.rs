//! Clients that are slow on purpose, and connections that are too many.

use super::{city_within, code};
use docket_gateway::settings::Limits;
use docket_tests::TestStore;
use docket_tests::server::Server;
use docket_tests::store::PATIENCE;
use futures_util::future::join_all;
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, timeout};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_is_as_large_as_it_may_be() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let limits = Limits {
            head_bytes_max: 10_000,
            ..Limits::default()
        };
        let server = city_within(store, limits).await;
        for (bytes, answer) in [(9_000, "HTTP/1.1 200 "), (10_000, "HTTP/1.1 431 ")] {
            let mut connection = connect(&server).await;
            let filling = "x".repeat(bytes);
            let head = format!(
                "GET /livez HTTP/1.1\r\nhost: docket\r\nconnection: close\r\nx: {filling}\r\n\r\n"
            );
            // It may be refused before all of it was sent.
            let _ = connection.write_all(head.as_bytes()).await;
            let mut heard = vec![0; answer.len()];
            connection.read_exact(&mut heard).await.unwrap();
            assert_eq!(String::from_utf8(heard).unwrap(), answer);
        }
    })
    .await;
}

/// A frame as a client sends it, masked by nothing.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    const IN_TWO_BYTES: u8 = 126;
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let head = match length {
        [0, short @ ..IN_TWO_BYTES] => vec![kind, 0x80 | short],
        [high, low] => vec![kind, 0x80 | IN_TWO_BYTES, high, low],
    };
    [&head, &[0; 4][..], payload].concat()
}

/// The next frame of the server's: its kind, and what is in it.
async fn next_frame(connection: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    connection.read_exact(&mut head).await.unwrap();
    let mut payload = vec![0; usize::from(head[1])];
    connection.read_exact(&mut payload).await.unwrap();
    (head[0], payload)
}

/// Its client answers every ping meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_whose_rest_never_comes_ends_its_connection_by_a_code() {
    const TEXT_BEGINS: u8 = 0x01;
    const TEXT: u8 = 0x81;
    const CLOSE: u8 = 0x88;
    const PING: u8 = 0x89;
    const PONG: u8 = 0x8a;
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let limits = Limits {
            request_timeout: SECOND,
            ..Limits::default()
        };
        let server = city_within(store, limits).await;
        let mut connection = connect(&server).await;
        let upgrade = "GET /graphql HTTP/1.1\r\nhost: docket\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
            sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
            sec-websocket-protocol: graphql-transport-ws\r\n\r\n";
        connection.write_all(upgrade.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(connection.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "));
        // Both at once: what comes together with a whole message is counted as well.
        let init = frame(TEXT, br#"{"type":"connection_init"}"#);
        let begun = frame(TEXT_BEGINS, &b" ".repeat(60_000));
        connection.write_all(&[init, begun].concat()).await.unwrap();
        let mut pings = 0;
        let closed = async {
            loop {
                match next_frame(&mut connection).await {
                    (PING, payload) => {
                        pings += 1;
                        connection.write_all(&frame(PONG, &payload)).await.unwrap();
                    }
                    (CLOSE, payload) => break u16::from_be_bytes([payload[0], payload[1]]),
                    (kind, _) => assert_eq!(kind, TEXT, "connection_ack"),
                }
            }
        };
        let code = timeout(PATIENCE, closed).await.expect("it is closed");
        assert_eq!(code, 1008);
        assert!(pings > 0, "it was there all the time");
    })
    .await;
}
