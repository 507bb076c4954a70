//! SIGTERM: a server takes no more connections, answers what is in flight, and exits with 0.

use super::{DOCKET, audit, open_for_work, set_up, work, workers};
use docket_tests::load::{Acknowledgement, Ledger, received};
use docket_tests::server::{Client, ServerProcess};
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use uuid::Uuid;

const WORKERS: usize = 4;
const IN_FLIGHT: usize = 8;

/// A request whose handler has begun, and waits for the body.
struct Begun {
    connection: TcpStream,
    command: Uuid,
    body: String,
}

/// The address of a URL.
fn address(url: &str) -> &str {
    url.strip_prefix("http://").expect("a plain URL")
}

/// Sends the head of a request and waits for `100 Continue`, which the server sends when the handler
/// asks for the body: from here on the request is in flight.
async fn begin(operator: &Client) -> Begun {
    let command = docket_tests::commits::fresh();
    let mut input = received();
    input["commandId"] = json!(command);
    let query = "mutation($input: ReceiveTicketInput!) { receiveTicket(input: $input) {
        position userErrors { code message } ticket { id revision } } }";
    let body = json!({ "query": query, "variables": { "input": input } }).to_string();
    let mut connection = TcpStream::connect(address(&operator.url)).await.unwrap();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: docket\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        operator.token.as_ref().unwrap(),
        body.len()
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let interim = "HTTP/1.1 100 Continue\r\n\r\n";
    let mut told = vec![0; interim.len()];
    connection.read_exact(&mut told).await.unwrap();
    assert_eq!(String::from_utf8(told).unwrap(), interim);
    Begun {
        connection,
        command,
        body,
    }
}

/// Sends the body, and reads the answer to the end of the connection.
async fn finish(mut begun: Begun) -> Acknowledgement {
    begun
        .connection
        .write_all(begun.body.as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    begun.connection.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("{answer:?}"));
    assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
    let body: Value = serde_json::from_str(body).unwrap();
    Acknowledgement::of(begun.command, &body["data"]["receiveTicket"])
}

async fn requests_in_flight_are_answered_and_the_exit_is_clean(store: &TestStore) {
    let (mut server, crew) = open_for_work(store).await;
    let (ledger, mut people) = (Ledger::default(), workers(WORKERS));
    let mut answered = Vec::new();
    let stop = async {
        ledger.reached(40).await;
        let mut begun = Vec::new();
        for _ in 0..IN_FLIGHT {
            begun.push(begin(&crew.operator).await);
        }
        server.terminate();
        // Refused connections show that the signal has come through.
        while TcpStream::connect(address(&server.url)).await.is_ok() {
            tokio::task::yield_now().await;
        }
        for request in begun {
            answered.push(finish(request).await);
        }
    };
    // The workers end when they are no longer let in.
    tokio::join!(work(&mut people, &crew, &ledger), stop);
    let (status, said) = server.wait();
    assert_eq!(status.code(), Some(0), "{said}");
    println!(
        "{} answered after SIGTERM, {} acknowledged before",
        answered.len(),
        ledger.count()
    );
    answered.extend(ledger.entries());
    audit(store, &answered).await;
}

async fn a_server_told_to_stop_at_once_exits_cleanly(store: &TestStore) {
    set_up(store).await;
    for _ in 0..4 {
        let mut server = ServerProcess::start(DOCKET, store);
        server.terminate();
        let (status, said) = server.wait();
        assert_eq!(status.code(), Some(0), "{status}: {said}");
    }
}

on_both_stores! {
    requests_in_flight_are_answered_and_the_exit_is_clean,
    a_server_told_to_stop_at_once_exits_cleanly,
}
