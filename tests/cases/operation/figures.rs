//! `/metrics`: on a listener of its own, with names of closed lists only, and figures that move with what is done.

use super::{serve, serving, set_up};
use docket_tests::server::ServerProcess;
use docket_tests::staff::PASSWORD;
use docket_tests::{TestStore, on_both_stores};
use serde_json::json;
use std::collections::BTreeSet;
use tokio::net::TcpListener;

async fn page(url: &str) -> String {
    let response = reqwest::get(url).await.unwrap();
    assert_eq!(response.status(), 200, "{url}");
    let media = response.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(media.starts_with("application/openmetrics-text"), "{media}");
    response.text().await.unwrap()
}

/// Where a server says its metrics are.
fn metrics_of(server: &mut ServerProcess) -> String {
    let line = server.next_line();
    let url = line.strip_prefix("metrics on ");
    url.unwrap_or_else(|| panic!("{line:?}")).to_owned()
}

/// A figure by its whole name, labels included.
fn figure(page: &str, name: &str) -> Option<f64> {
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    Some(line.parse().unwrap())
}

async fn figures_move_with_what_is_done(store: &TestStore) {
    set_up(store).await;
    let mut server = serve(store, &[("DOCKET_METRICS_LISTEN", "127.0.0.1:0")]);
    let metrics = metrics_of(&mut server);
    let public = reqwest::get(format!("{}/metrics", server.url))
        .await
        .unwrap();
    assert_eq!(public.status(), 404, "not on the public path");
    let operator = server.client().logged_in("operator", PASSWORD).await;
    let before = page(&metrics).await;
    assert_eq!(figure(&before, "docket_sessions_open"), Some(1.0));
    for _ in 0..3 {
        operator
            .act("receiveTicket", crate::gateway::request())
            .await;
    }
    let mut empty = crate::gateway::request();
    empty["title"] = json!(" ");
    operator.refused("receiveTicket", empty).await;
    operator.fault("{ events { head } }", json!({})).await;
    let head = operator
        .mutate("receiveTicket", crate::gateway::request())
        .await["position"]
        .clone();
    let waits = "query($p: Position) { inbox(tab: TO_ASSIGN, minPosition: $p) { totalCount } }";
    operator.data(waits, json!({ "p": head })).await;
    let after = page(&metrics).await;
    for (name, count) in [
        (
            "docket_operations_total{kind=\"mutation\",name=\"receiveTicket\",outcome=\"ok\"}",
            4.0,
        ),
        (
            "docket_operations_total{kind=\"mutation\",name=\"receiveTicket\",outcome=\"refused\"}",
            1.0,
        ),
        (
            "docket_operations_total{kind=\"query\",name=\"events\",outcome=\"FORBIDDEN\"}",
            1.0,
        ),
        (
            "docket_operations_total{kind=\"query\",name=\"inbox\",outcome=\"ok\"}",
            1.0,
        ),
        (
            "docket_operation_seconds_count{kind=\"mutation\",name=\"receiveTicket\"}",
            5.0,
        ),
        ("docket_views_lag_events", 0.0),
        ("docket_views_lag_seconds", 0.0),
        ("docket_views_following", 1.0),
        ("docket_ready", 1.0),
        ("docket_queue{what=\"commits\"}", 0.0),
        ("docket_panics_total", 0.0),
        ("docket_http_requests_in_flight", 0.0),
    ] {
        assert_eq!(figure(&after, name), Some(count), "{name}\n{after}");
    }
    let moved = |name: &str| figure(&after, name).unwrap() - figure(&before, name).unwrap();
    assert!(moved("docket_journal_append_seconds_count") >= 4.0);
    assert!(moved("docket_journal_batch_seconds_count") >= 1.0);
    assert!(moved("docket_journal_batch_commits_sum") >= 4.0);
    assert!(
        moved("docket_http_requests_total{status=\"200\"}") >= 6.0,
        "{after}"
    );
    let position: f64 = head.as_str().unwrap().parse().unwrap();
    assert!(figure(&after, "docket_journal_position").unwrap() >= position);
    assert!(figure(&after, "docket_process_resident_memory_bytes").unwrap() > 1e6);
    assert!(figure(&after, "docket_worker_rounds_total").is_some());
}

async fn no_client_makes_up_a_name(store: &TestStore) {
    set_up(store).await;
    let mut server = serve(store, &[("DOCKET_METRICS_LISTEN", "127.0.0.1:0")]);
    let metrics = metrics_of(&mut server);
    let nobody = server.client();
    for n in 0..50 {
        for query in [
            format!("query madeUp{n} {{ __typename }}"),
            format!("{{ madeUp{n} }}"),
            format!("{{ madeUp{n}: __typename }}"),
            format!("query {{ ...madeUp{n} }} fragment madeUp{n} on Query {{ __typename }}"),
            format!("madeUp{n}"),
        ] {
            nobody.run(&query, json!({})).await;
        }
        let method = reqwest::Method::from_bytes(format!("MADEUP{n}").as_bytes()).unwrap();
        let http = reqwest::Client::new();
        let path = format!("{}/madeUp{n}", server.url);
        http.request(method, path).send().await.unwrap();
    }
    let page = page(&metrics).await;
    assert!(!page.to_lowercase().contains("madeup"), "{page}");
    let names: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| {
            line.strip_prefix("docket_operations_total{")?
                .split_once("name=\"")
        })
        .filter_map(|(_, rest)| rest.split('"').next())
        .collect();
    assert_eq!(names, BTreeSet::from(["__typename", "other"]), "{page}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_was_chosen_and_is_taken_is_refused() {
    let store = TestStore::sqlite();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut serve = serving(&store, &[("DOCKET_METRICS_LISTEN", &address)]);
    let output = tokio::task::spawn_blocking(move || serve.output().unwrap())
        .await
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(
        said.contains(&format!("metrics.listen = {address}: ")),
        "{said}"
    );
}

on_both_stores! { figures_move_with_what_is_done, no_client_makes_up_a_name }
