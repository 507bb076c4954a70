//! Spans sent to a collector: one tree for one request in the trace that the caller names, sampled as the caller says, and
//! a collector that is not there or does not answer is nobody's trouble.

use super::traces::receive;
use super::{DOCKET, serve, serving, set_up};
use docket_tests::collector::{Collector, attributes};
use docket_tests::server::{Client, ServerProcess, command, store_arguments};
use docket_tests::staff::PASSWORD;
use docket_tests::store::PATIENCE;
use docket_tests::{TestStore, on_both_stores};
use opentelemetry_proto::tonic::trace::v1::Span;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::time::{Duration, Instant};
use uuid::Uuid;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const OTHER_TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "00f067aa0ba902b7";
/// What is exported of one command sent over HTTP.
const TREE: [(&str, &str); 6] = [
    ("POST /graphql", "the caller"),
    ("mutation receiveTicket", "POST /graphql"),
    ("command", "mutation receiveTicket"),
    ("append", "command"),
    ("queued", "append"),
    ("projected", "mutation receiveTicket"),
];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn of_trace(spans: &[Span], trace: &str) -> Vec<Span> {
    let ours = spans.iter().filter(|span| hex(&span.trace_id) == trace);
    ours.cloned().collect()
}

/// The spans of a trace by their names, when all of a tree have come. Not one more, nor one twice.
async fn tree(collector: &Collector, trace: &str) -> BTreeMap<String, Span> {
    let spans = collector
        .spans_when(|spans| of_trace(spans, trace).len() >= TREE.len())
        .await;
    let spans = of_trace(&spans, trace);
    let named: BTreeMap<_, _> = spans
        .iter()
        .map(|span| (span.name.clone(), span.clone()))
        .collect();
    assert_eq!(spans.len(), TREE.len(), "{spans:#?}");
    assert_eq!(named.len(), TREE.len(), "{spans:#?}");
    named
}

fn is_the_tree(tree: &BTreeMap<String, Span>, caller: &str) {
    for (name, parent) in TREE {
        let span = &tree[name];
        let expected = tree
            .get(parent)
            .map_or(caller.to_owned(), |parent| hex(&parent.span_id));
        assert_eq!(hex(&span.parent_span_id), expected, "{name}");
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
        if let Some(parent) = tree.get(parent) {
            assert!(
                span.start_time_unix_nano >= parent.start_time_unix_nano,
                "{name}"
            );
            let is_within = span.end_time_unix_nano <= parent.end_time_unix_nano;
            assert!(is_within || name == "projected", "{name}");
        }
        assert!(
            span.events.is_empty() && span.links.is_empty(),
            "{name}: no more than is allowed"
        );
    }
    // Nothing is in the views before it waited for its batch to be written.
    assert!(tree["projected"].end_time_unix_nano >= tree["queued"].end_time_unix_nano);
}

fn tells_what_is_allowed(tree: &BTreeMap<String, Span>) {
    let told = |name: &str| attributes(&tree[name].attributes);
    let expected = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    };
    assert_eq!(
        told("POST /graphql"),
        expected(&[
            ("http.request.method", "POST"),
            ("http.route", "/graphql"),
            ("http.response.status_code", "200"),
        ])
    );
    assert_eq!(
        told("mutation receiveTicket"),
        expected(&[
            ("graphql.operation.type", "mutation"),
            ("docket.field", "receiveTicket"),
            ("docket.outcome", "ok"),
        ])
    );
    assert_eq!(
        told("command"),
        expected(&[("docket.stream.category", "ticket")])
    );
    for bare in ["append", "queued", "projected"] {
        assert_eq!(told(bare), BTreeMap::new());
    }
    // 2 is a server's, 1 an internal one.
    assert_eq!(tree["POST /graphql"].kind, 2);
    assert!(tree.values().filter(|span| span.kind == 1).count() == TREE.len() - 1);
}

async fn one_request_is_one_tree(store: &TestStore) {
    set_up(store).await;
    let collector = Collector::start().await;
    let mut server = serve(
        store,
        &[
            ("DOCKET_TRACES_ENDPOINT", &collector.endpoint),
            ("DOCKET_TRACES_HEADERS", "x-key=s3cret, x-other=a=b"),
            ("DOCKET_TRACES_SERVICE_NAME", "hotline"),
            // Those of other programs change nothing.
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=theirs,x-third=1"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-other=theirs"),
            ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "0"),
            ("HTTP_PROXY", "http://127.0.0.1:9"),
        ],
    );
    let operator = server.client().logged_in("operator", PASSWORD).await;
    let sent = format!("00-{TRACE}-{CALLER}-01");
    let (told, payload) = receive(&operator, Some(&sent)).await;
    let sampled = tree(&collector, TRACE).await;
    is_the_tree(&sampled, CALLER);
    tells_what_is_allowed(&sampled);
    let own = hex(&sampled["POST /graphql"].span_id);
    assert_eq!(told, format!("00-{TRACE}-{own}-01"), "the answer tells it");
    let correlation = async |payload: &serde_json::Value| {
        let position = docket_tests::load::position_of(payload);
        let journal = store.journal().await;
        let record = journal.read_all(position - 1, 1).await.unwrap().remove(0);
        record.correlation
    };
    assert_eq!(correlation(&payload).await, TRACE.parse::<Uuid>().unwrap());

    // One that begins here has the record's correlation, too; one that its caller does not sample is not sent.
    let (told, payload) = receive(&operator, None).await;
    let begun = correlation(&payload).await.simple().to_string();
    let own = tree(&collector, &begun).await;
    is_the_tree(&own, "");
    let root = hex(&own["POST /graphql"].span_id);
    assert_eq!(told, format!("00-{begun}-{root}-01"));
    let (told, _) = receive(&operator, Some(&format!("00-{OTHER_TRACE}-{CALLER}-00"))).await;
    assert!(told.ends_with("-00"), "{told}");
    server.terminate();
    let (status, _) = server.wait();
    assert_eq!(status.code(), Some(0));
    assert_eq!(of_trace(&collector.spans(), OTHER_TRACE), []);
    assert_eq!(of_trace(&collector.spans(), TRACE).len(), TREE.len());
    for sent in collector.messages() {
        assert_eq!(sent.headers["x-key"], "s3cret");
        assert_eq!(sent.headers["x-other"], "a=b");
        assert!(!sent.headers.contains_key("x-third"));
        assert_eq!(sent.headers["content-type"], "application/x-protobuf");
    }
    for resource in collector.resources() {
        assert_eq!(resource["service.name"], "hotline");
        assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
    }
}

on_both_stores! { one_request_is_one_tree }

/// A stop sends what is left, which would have waited a second for more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_sends_what_is_left_and_the_ratio_is_of_traces_that_begin_here() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        set_up(store).await;
        let collector = Collector::start().await;
        let variables = [
            ("DOCKET_TRACES_ENDPOINT", &*collector.endpoint),
            ("DOCKET_TRACES_SAMPLING_RATIO", "0"),
        ];
        let mut server = serve(store, &variables);
        let operator = server.client().logged_in("operator", PASSWORD).await;
        let (told, _) = receive(&operator, None).await;
        assert!(told.ends_with("-00"), "{told}");
        receive(&operator, Some(&format!("00-{TRACE}-{CALLER}-01"))).await;
        server.terminate();
        let (status, _) = server.wait();
        assert_eq!(status.code(), Some(0));
        let spans = collector.spans();
        assert_eq!(of_trace(&spans, TRACE).len(), spans.len(), "{spans:#?}");
        let names: Vec<_> = spans.iter().map(|span| &*span.name).collect();
        assert!(names.contains(&"POST /graphql"), "{names:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_where_no_endpoint_is_set() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        set_up(store).await;
        let collector = Collector::start().await;
        // Variables of other programs' are not Docket's.
        let base = collector.endpoint.trim_end_matches("/v1/traces");
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", base),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &*collector.endpoint),
        ];
        let mut server = serve(store, &variables);
        let operator = server.client().logged_in("operator", PASSWORD).await;
        let sent = format!("00-{TRACE}-{CALLER}-01");
        let (told, _) = receive(&operator, Some(&sent)).await;
        assert!(told.starts_with(&format!("00-{TRACE}-")) && told.ends_with("-01"));
        server.terminate();
        assert_eq!(server.wait().0.code(), Some(0));
        assert_eq!(collector.messages().len(), 0);
    })
    .await;
}

/// A figure of a page of metrics.
fn figure(page: &str, name: &str) -> u64 {
    let line = page.lines().find_map(|line| line.strip_prefix(name));
    let line = line.unwrap_or_else(|| panic!("no {name}: {page}"));
    line.trim().parse().unwrap()
}

/// Works while spans are lost in two messages at least; then stops. What was logged, and how long the stop took.
async fn work_without(store: &TestStore, endpoint: &str) -> (String, Duration) {
    set_up(store).await;
    let serve = serving(
        store,
        &[
            ("DOCKET_TRACES_ENDPOINT", endpoint),
            ("DOCKET_METRICS_LISTEN", "127.0.0.1:0"),
            ("DOCKET_LOG", "warn"),
        ],
    );
    let (mut server, mut stderr) = ServerProcess::spawn_with_stderr(serve);
    let metrics = server.next_line();
    let metrics = metrics.strip_prefix("metrics on ").unwrap().to_owned();
    let operator = server.client().logged_in("operator", PASSWORD).await;
    let (mut failed, mut rises) = (0, 0);
    let began = Instant::now();
    while rises < 2 {
        assert!(began.elapsed() < PATIENCE, "no span is lost");
        receive(&operator, None).await;
        let page = reqwest::get(&metrics).await.unwrap().text().await.unwrap();
        assert_eq!(figure(&page, "docket_spans_exported_total"), 0);
        let now = figure(&page, "docket_spans_failed_total");
        rises += u32::from(now > failed);
        failed = now;
    }
    let told = Instant::now();
    server.terminate();
    assert_eq!(server.wait().0.code(), Some(0));
    let took = told.elapsed();
    let mut log = String::new();
    stderr.read_to_string(&mut log).unwrap();
    (log, took)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_down_is_warned_of_once_and_holds_nothing_up() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}/v1/traces", gone.local_addr().unwrap());
        drop(gone);
        let (log, took) = work_without(store, &endpoint).await;
        let warning = "the collector of traces did not take spans";
        assert_eq!(log.matches(warning).count(), 1, "{log}");
        assert!(log.contains("it is out of reach"), "{log}");
        assert!(took < Duration::from_secs(8), "{took:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_never_answers_holds_no_request_and_no_stop_up() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        // It listens, and takes nobody in.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}/v1/traces", silent.local_addr().unwrap());
        let (log, took) = work_without(store, &endpoint).await;
        assert!(log.contains("it takes too long"), "{log}");
        assert!(log.contains("some spans were not sent"), "{log}");
        assert!(took < Duration::from_secs(8), "{took:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_asks_the_collector_and_the_key_is_shown_nowhere() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        set_up(store).await;
        let collector = Collector::start().await;
        let run = |what: &str, endpoint: &str| {
            let mut docket = command(DOCKET, store);
            docket.arg(what).args(store_arguments(store)).envs([
                ("DOCKET_TRACES_ENDPOINT", endpoint),
                ("DOCKET_TRACES_HEADERS", "authorization=Bearer s3cret"),
            ]);
            let output = docket.output().unwrap();
            let said = [output.stdout, output.stderr].concat();
            String::from_utf8(said).unwrap()
        };
        let told = run("doctor", &collector.endpoint);
        let takes = format!("ok       traces: {} takes spans", collector.endpoint);
        assert!(told.contains(&takes), "{told}");
        let [sent] = &collector.messages()[..] else {
            panic!("one message, and no span of the doctor's own");
        };
        assert_eq!(sent.headers["authorization"], "Bearer s3cret");
        assert!(collector.spans().is_empty());
        let elsewhere = collector.endpoint.replace("/v1/traces", "/nowhere");
        let not_there = run("doctor", &elsewhere);
        let answers = format!("warning  traces: {elsewhere}: it answers 404");
        assert!(not_there.contains(&answers), "{not_there}");
        let shown = run("config", &collector.endpoint);
        assert!(shown.contains("\ntraces.headers = ***\n"), "{shown}");
        for said in [told, not_there, shown] {
            assert!(!said.contains("s3cret"), "{said}");
        }
    })
    .await;
}

/// Logged in through a socket or not, an operation is below nothing but its own request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_and_what_is_not_there_is_told_by_its_status() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        set_up(store).await;
        let collector = Collector::start().await;
        let mut server = serve(store, &[("DOCKET_TRACES_ENDPOINT", &collector.endpoint)]);
        let nobody = Client::new(&server.url);
        let path = format!("{}/王小明?name=王小明", server.url);
        assert_eq!(reqwest::get(path).await.unwrap().status(), 404);
        nobody
            .run("query 王小明 { nothing }", serde_json::json!({}))
            .await;
        server.terminate();
        assert_eq!(server.wait().0.code(), Some(0));
        let spans = collector.spans();
        let lost = spans.iter().find(|span| span.name == "GET").unwrap();
        let told = attributes(&lost.attributes);
        assert_eq!(told["http.response.status_code"], "404");
        assert!(!told.contains_key("http.route"), "{told:?}");
        let wrong = spans.iter().find(|span| span.name == "query other");
        let wrong = wrong.unwrap_or_else(|| panic!("{spans:#?}"));
        let told = attributes(&wrong.attributes);
        assert_eq!(told["error.type"], told["docket.outcome"]);
        // 2 is an error.
        assert_eq!(wrong.status.as_ref().unwrap().code, 2);
    })
    .await;
}
