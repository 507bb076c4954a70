//! A panic ends one request and nothing else, and costs no subscription a change. The panics are this file's own: no server
//! that is delivered has them.

use crate::gateway::{city, request};
use crate::live::{Socket, person};
use async_graphql::{EmptyMutation, Executor as _, Object, Response, Schema, Subscription};
use axum::Router;
use axum::routing::get;
use docket_gateway::drain::Drain;
use docket_gateway::fan_out::{FAILS_AFTER, FanOut, Page};
use docket_gateway::meters::Meters;
use docket_gateway::observe::{self, Observed};
use docket_tests::TestStore;
use docket_tests::server::Server;
use futures_util::stream::{self, Stream};
use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use tokio::net::TcpListener;

/// Nobody is called so by accident.
const PLANTED: &str = "欧阳琉璃乙";

struct Query;

#[Object]
impl Query {
    async fn breaks(&self) -> i32 {
        assert!(PLANTED.is_empty(), "the caller {PLANTED} has no phone");
        1
    }

    async fn works(&self) -> i32 {
        7
    }
}

struct Live;

#[Subscription]
impl Live {
    async fn ticks(&self) -> impl Stream<Item = i32> {
        stream::iter(0..).map(|n| {
            assert!(n < 2, "the third push, of {PLANTED}");
            n
        })
    }

    async fn waits(&self) -> impl Stream<Item = i32> {
        stream::pending()
    }
}

static NAMES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    ["breaks", "works", "ticks", "waits"]
        .map(String::from)
        .into()
});

type Observing = Observed<Schema<Query, EmptyMutation, Live>>;

fn observed() -> (Observing, Arc<Meters>) {
    let meters = Arc::new(Meters::new(&docket_core::journal::Meter::default()));
    let schema = Schema::new(Query, EmptyMutation, Live);
    (
        Observed::new(schema, &NAMES, meters.clone(), Drain::default()),
        meters,
    )
}

fn assert_internal(response: &Response) {
    let told = serde_json::to_value(response).unwrap();
    assert_eq!(told["data"], Value::Null);
    assert_eq!(
        told["errors"][0]["extensions"],
        json!({ "code": "INTERNAL" })
    );
    assert!(!told.to_string().contains(PLANTED), "{told}");
}

#[tokio::test]
async fn an_operation_that_panics_is_answered_by_code_and_the_next_works() {
    let (schema, meters) = observed();
    assert_internal(&schema.execute("{ breaks }".into()).await);
    let works = schema.execute("{ works }".into()).await;
    assert_eq!(works.data.into_json().unwrap(), json!({ "works": 7 }));
    let pushed: Vec<Response> = schema
        .execute_stream("subscription { ticks }".into(), None)
        .collect()
        .await;
    assert_eq!(pushed.len(), 3, "two pushes, the error, and the end");
    assert_eq!(
        serde_json::to_value(&pushed[1]).unwrap()["data"],
        json!({ "ticks": 1 })
    );
    assert_internal(&pushed[2]);
    assert_eq!(meters.panics.get(), 2);
}

#[tokio::test]
async fn a_handler_that_panics_is_answered_and_the_connection_lives() {
    let meters = Arc::new(Meters::new(&docket_core::journal::Meter::default()));
    let layer = axum::middleware::from_fn_with_state(meters.clone(), observe::request);
    let breaks = async || -> &'static str { panic!("not for {PLANTED}") };
    let router = Router::new()
        .route("/breaks", get(breaks))
        .route("/works", get(async || "works"))
        .layer(layer);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let client = reqwest::Client::new();
    for _ in 0..3 {
        let answer = client.get(format!("{url}/breaks")).send().await.unwrap();
        assert_eq!(answer.status(), 500);
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["errors"][0]["extensions"]["code"], "INTERNAL");
        assert!(!body.to_string().contains(PLANTED));
        let works = client.get(format!("{url}/works")).send().await.unwrap();
        assert_eq!(works.text().await.unwrap(), "works");
    }
    assert_eq!(meters.panics.get(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn projections_that_are_gone_make_a_server_unready() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let server = Server::start(store).await;
        let mut app = server.app.clone();
        let (follows, followed) = tokio::sync::watch::channel(docket_projections::State::Following);
        app.projections = followed;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/readyz", listener.local_addr().unwrap());
        let router = docket_gateway::http::router(app, None, &[]);
        tokio::spawn(async move { axum::serve(listener, router).await });
        assert_eq!(reqwest::get(&url).await.unwrap().status(), 200);
        // As a task does that has panicked.
        drop(follows);
        assert_eq!(reqwest::get(&url).await.unwrap().status(), 503);
    })
    .await;
}

#[tokio::test]
async fn a_subscription_ends_when_the_server_stops() {
    let meters = Arc::new(Meters::new(&docket_core::journal::Meter::default()));
    let drain = Drain::default();
    let schema = Schema::new(Query, EmptyMutation, Live);
    let schema = Observed::new(schema, &NAMES, meters, drain.clone());
    let mut waits = schema.execute_stream("subscription { waits }".into(), None);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let limits = docket_gateway::settings::Limits::default();
    let stopped =
        docket_gateway::drain::serve(listener, Router::new(), drain, limits, &[], async {});
    let ((), last) = tokio::join!(stopped, waits.next());
    assert!(last.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_over_which_handing_out_panics_is_read_in_the_log() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let founded = city(store).await;
        let mut app = founded.app.clone();
        let breaks = Arc::new(AtomicBool::new(false));
        let (desk, breaking) = (app.desk.clone(), breaks.clone());
        let read = move |after, wanted| {
            let (desk, breaking) = (desk.clone(), breaking.clone());
            async move {
                let whole = !breaking.swap(false, Ordering::SeqCst);
                assert!(whole, "a page with the name {PLANTED}");
                Page::read(&desk, after, wanted).await
            }
            .boxed()
        };
        let meters = app.meters.clone();
        let panics = meters.panics.clone();
        app.fan_out = Arc::new(FanOut::reading(Box::new(read), app.views.clone(), panics));
        let server = Server::of(app).await;
        let ready = async || {
            let answer = reqwest::get(format!("{}/readyz", server.url)).await;
            answer.unwrap().status().as_u16()
        };
        let operator = person(&server, "operator").await;
        let first = operator.mutate("receiveTicket", request()).await;
        let query = "subscription($a: Position) { inboxChanged(after: $a) { position } }";
        let mut live = Socket::open(&operator).await;
        live.subscribe(query, json!({ "a": first["position"] }))
            .await;
        let mut told = async |broken: bool| {
            breaks.store(broken, Ordering::SeqCst);
            let taken = operator.mutate("receiveTicket", request()).await;
            let push = live.push("inboxChanged").await;
            assert_eq!(push["position"], taken["position"], "each once, in order");
        };
        told(false).await;
        told(false).await;
        for n in 1..=FAILS_AFTER {
            told(true).await;
            assert_eq!(meters.panics.get(), u64::from(n), "it was not handed out");
        }
        assert_eq!(ready().await, 503, "it fails again and again");
        told(false).await;
        assert_eq!(ready().await, 200, "and works again");
        told(true).await;
        assert_eq!(ready().await, 200, "once is not always");
    })
    .await;
}
