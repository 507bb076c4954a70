//! One id from the HTTP request through desk, journal and projections, in the log lines and in the record.

use super::{serving, set_up};
use docket_tests::server::Client;
use docket_tests::staff::PASSWORD;
use docket_tests::store::PATIENCE;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;
use uuid::Uuid;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Receives a ticket within a trace; the answer's own `traceparent`, and what it says.
pub(super) async fn receive(operator: &Client, traceparent: Option<&str>) -> (String, Value) {
    let query = "mutation($input: ReceiveTicketInput!) { receiveTicket(input: $input) { position ticket { id } } }";
    let mut request = reqwest::Client::new()
        .post(format!("{}/graphql", operator.url))
        .bearer_auth(operator.token.as_deref().unwrap())
        .json(&json!({ "query": query, "variables": { "input": crate::gateway::request() } }));
    if let Some(traceparent) = traceparent {
        request = request.header("traceparent", traceparent);
    }
    let response = request.send().await.unwrap();
    let header = response.headers()["traceparent"]
        .to_str()
        .unwrap()
        .to_owned();
    let mut body: Value = response.json().await.unwrap();
    (header, body["data"]["receiveTicket"].take())
}

/// Waits until a module has told something of a trace; the line.
fn line_of(lines: &Receiver<Value>, seen: &mut Vec<Value>, target: &str) -> Value {
    let trace: Uuid = TRACE.parse().unwrap();
    let tells = |line: &Value| {
        line["target"]
            .as_str()
            .is_some_and(|t| t.starts_with(target))
            && line.to_string().contains(&trace.to_string())
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(line) = seen.iter().find(|line| tells(line)) {
            return line.clone();
        }
        let left = deadline.saturating_duration_since(Instant::now());
        match lines.recv_timeout(left) {
            Ok(line) => seen.push(line),
            Err(error) => panic!("{error}: {target} tells nothing of it:\n{seen:#?}"),
        }
    }
}

async fn one_id_goes_all_the_way(store: &TestStore) {
    set_up(store).await;
    let ours = "warn,docket_gateway=trace,docket_core=trace,docket_projections=trace";
    let mut serve = serving(
        store,
        &[("DOCKET_LOG", ours), ("DOCKET_LOG_FORMAT", "json")],
    );
    let mut server = serve
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stderr = BufReader::new(server.stderr.take().unwrap());
    let (said, lines) = channel();
    let reading = std::thread::spawn(move || {
        for line in stderr.lines() {
            let line = line.unwrap();
            let _ = said
                .send(serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}")));
        }
    });
    let mut first = String::new();
    let mut stdout = BufReader::new(server.stdout.take().unwrap());
    stdout.read_line(&mut first).unwrap();
    let url = first.trim().strip_prefix("listening on ").unwrap();
    let operator = Client::new(url).logged_in("operator", PASSWORD).await;
    let sent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let (told, payload) = receive(&operator, Some(&sent)).await;
    assert!(
        told.starts_with(&format!("00-{TRACE}-")) && told.ends_with("-01"),
        "{told}"
    );
    assert_ne!(told, sent, "the span is the server's own");
    let mut seen = Vec::new();
    for target in [
        "docket_gateway::observe",
        "docket_core::desk",
        "docket_core::journal",
        "docket_projections::runner",
    ] {
        line_of(&lines, &mut seen, target);
    }
    let position = docket_tests::load::position_of(&payload);
    let journal = store.journal().await;
    let record = journal.read_all(position - 1, 1).await.unwrap().remove(0);
    assert_eq!(record.correlation, TRACE.parse::<Uuid>().unwrap());

    // Without a trace, or with one that is none, a new one begins.
    let mut traces = vec![told];
    for sent in [None, Some("00-nonsense-00f067aa0ba902b7-01")] {
        let (told, payload) = receive(&operator, sent).await;
        let position = docket_tests::load::position_of(&payload);
        let record = journal.read_all(position - 1, 1).await.unwrap().remove(0);
        assert_eq!(
            told.split('-').nth(1),
            Some(&*record.correlation.simple().to_string())
        );
        assert!(!traces.contains(&told), "{told}");
        traces.push(told);
    }
    server.kill().unwrap();
    server.wait().unwrap();
    reading.join().unwrap();
}

on_both_stores! { one_id_goes_all_the_way }
