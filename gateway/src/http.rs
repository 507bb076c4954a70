//! The HTTP server: GraphQL over POST and GET, over WebSocket and as server-sent events; the console.
//!
//! Written by hand after the GraphQL-over-HTTP specification and the protocols graphql-transport-ws and
//! graphql-sse: no mutation on GET, no `text/plain` or multipart (CSRF), no batches.

pub mod attachment;
mod cors;
pub mod event_stream;
mod negotiation;
mod request;
mod response;
pub mod web_socket;

use crate::address::Address;
use crate::admission::Full;
use crate::app::App;
use crate::error::Language;
use crate::graphql::documents::Documents;
use crate::graphql::judged::Judging;
use crate::health::PATIENCE;
use crate::observe::{self, Observed};
use crate::wire::Inflow;
use async_graphql::parser::types::OperationType;
use axum::Router;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, RawQuery, State, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use docket_core::JournalError;
use negotiation::{Accepted, JSON, Media, accepted};
use request::{Asker, Bad, Prepared, admit, prepare, read_get, read_post};
use response::{execute, outcomes, refuse, respond};
use std::net::IpAddr;
use std::sync::Arc;

const CONSOLE: &str = include_str!("console/index.html");

/// What handlers share.
pub struct Server {
    app: App,
    schema: Observed<Judging>,
    documents: Arc<Documents>,
    /// What the console's page may do.
    console_policy: HeaderValue,
    demo: Option<Arc<str>>,
    proxies: Arc<[IpAddr]>,
}

/// The routes over a running Docket. `demo` is what the start page shows of a demonstration's accounts, `proxies` are
/// the reverse proxies that are believed where a request comes from.
pub fn router(app: App, demo: Option<String>, proxies: &[IpAddr]) -> Router {
    let observing = axum::middleware::from_fn_with_state(app.meters.clone(), observe::request);
    let server = Server {
        schema: Observed::new(
            Judging::new(app.clone()),
            observe::names(),
            app.meters.clone(),
            app.drain.clone(),
        ),
        documents: Arc::new(Documents::new(app.limits.shape)),
        app,
        console_policy: console_policy(),
        demo: demo.map(Into::into),
        proxies: proxies.into(),
    };
    let mut graphql = axum::routing::any(graphql);
    let mut attachment = get(attachment::fetch).put(attachment::upload);
    if !server.app.origins.is_empty() {
        graphql = graphql.layer(cors::layer(&server.app.origins));
        attachment = attachment.layer(cors::layer(&server.app.origins));
    }
    Router::new()
        .route("/", get(console))
        .route("/demo.json", get(demo_accounts))
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/graphql", graphql)
        .route("/print/{token}", get(printed))
        .route("/attachment/{token}", attachment)
        .with_state(Arc::new(server))
        .layer(observing)
}

async fn console(State(server): State<Arc<Server>>) -> Response {
    let mut response = axum::response::Html(CONSOLE).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        server.console_policy.clone(),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// The page's own style and script by their hashes, and nothing else.
fn console_policy() -> HeaderValue {
    use base64::Engine as _;
    use sha2::Digest as _;
    let hash_of = |tag: &str| {
        let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
        let inside = CONSOLE
            .split_once(&open)
            .and_then(|(_, rest)| rest.split_once(&close));
        let digest = sha2::Sha256::digest(inside.map_or("", |(text, _)| text).as_bytes());
        base64::engine::general_purpose::STANDARD.encode(digest)
    };
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; \
         img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash_of("style"),
        hash_of("script")
    );
    HeaderValue::from_str(&policy).expect("base64 and ASCII make a header")
}

/// A printed form, to whoever has its link, once.
async fn printed(
    State(server): State<Arc<Server>>,
    method: Method,
    Path(token): Path<String>,
) -> Response {
    if method == Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let taking = crate::prints::take(&server.app.store.ops, &token);
    let page = match tokio::time::timeout(server.app.limits.request_timeout, taking).await {
        Ok(Ok(Some(page))) => page,
        Ok(Ok(None)) => {
            return (StatusCode::NOT_FOUND, "this link is over; print again\n").into_response();
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "a printed page could not be fetched");
            return (StatusCode::SERVICE_UNAVAILABLE, "try again in a moment\n").into_response();
        }
        Err(_) => {
            return (StatusCode::SERVICE_UNAVAILABLE, "try again in a moment\n").into_response();
        }
    };
    let mut response = axum::response::Html(page).into_response();
    let policy = HeaderValue::from_str(&crate::prints::page::policy());
    for (name, value) in [
        (
            header::CONTENT_SECURITY_POLICY,
            policy.expect("base64 and ASCII make a header"),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ] {
        response.headers_mut().insert(name, value);
    }
    response
}

async fn demo_accounts(State(server): State<Arc<Server>>) -> Response {
    match &server.demo {
        Some(accounts) => ([(header::CONTENT_TYPE, JSON)], accounts.to_string()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Ready when the store answers and the projections follow.
async fn ready(State(server): State<Arc<Server>>) -> Response {
    if server.app.drain.has_begun() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the server is stopping\n").into_response();
    }
    // A runner that is gone says nothing any more.
    let projections = match server.app.projections.has_changed() {
        Ok(_) => server.app.projections.borrow().clone(),
        Err(_) => docket_projections::State::Stopped(String::new()),
    };
    let head = tokio::time::timeout(PATIENCE, server.app.desk.journal().head()).await;
    match (head.unwrap_or(Err(JournalError::Closed)), projections) {
        (Ok(_), docket_projections::State::Following) if server.app.fan_out.is_failing() => (
            StatusCode::SERVICE_UNAVAILABLE,
            "changes are not handed out\n",
        )
            .into_response(),
        (Ok(head), docket_projections::State::Following) => {
            server.app.health.answered();
            let lag = head.saturating_sub(server.app.views.position());
            format!("ready, views {lag} events behind\n").into_response()
        }
        (Err(_), _) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the journal is out of reach\n",
        )
            .into_response(),
        (Ok(_), _) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the projections stand still\n",
        )
            .into_response(),
    }
}

async fn graphql(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    request: axum::extract::Request,
) -> Response {
    // On the heap from the start: what it becomes is large, and would be moved by each layer around it.
    Box::pin(answering(server, query, upgrade, request)).await
}

async fn answering(
    server: Arc<Server>,
    query: Option<String>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    request: axum::extract::Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let asker = Asker {
        address: Address::of(&parts.headers, &parts.extensions, &server.proxies),
        ..Asker::of(&parts.headers)
    };
    let language = asker.language;
    let deadline = request::deadline(&server);
    if let Ok(upgrade) = upgrade {
        let admitted = match admit(&server, &asker, deadline).await {
            Ok(()) => {
                let address = asker.address.map(|address| address.0);
                let place = server.app.admission.socket(address);
                place.map_err(|full| Bad::full(&server, full))
            }
            Err(bad) => Err(bad),
        };
        return match admitted {
            Ok(place) => {
                let inflow = parts.extensions.get::<Inflow>().cloned();
                web_socket::open(server, upgrade, &asker, place, inflow.unwrap_or_default())
            }
            Err(bad) => refuse(Media::Json, bad, language),
        };
    }
    let read_only = match parts.method {
        Method::POST => false,
        Method::GET | Method::HEAD => true,
        _ => {
            let allow = [(header::ALLOW, "GET, HEAD, POST")];
            let message = language.pick("请使用 POST\n", "use POST\n");
            return (StatusCode::METHOD_NOT_ALLOWED, allow, message).into_response();
        }
    };
    let Some(accepted) = accepted(&parts.headers) else {
        return not_acceptable(language.pick(
            "只能以 application/graphql-response+json 或 application/json 应答\n",
            "ask for application/graphql-response+json, or application/json\n",
        ));
    };
    if let Err(bad) = admit(&server, &asker, deadline).await {
        return refuse(accepted.single, bad, language);
    }
    // Nothing more is read of what cannot be taken.
    if server.app.admission.is_full() {
        let bad = Bad::full(&server, Full::Overloaded);
        return refuse(accepted.single, bad, language);
    }
    let prepared = match if read_only {
        read_get(query.as_deref())
    } else {
        let limits = server.app.limits;
        let read = read_post(&parts.headers, body, limits.body_bytes_max);
        let read = tokio::time::timeout_at(deadline, read).await;
        let slow = Bad::new(
            StatusCode::REQUEST_TIMEOUT,
            ("请求正文传输超时", "the body took too long"),
        );
        read.unwrap_or(Err(slow))
    } {
        Ok(params) => prepare(&server, &asker, params, deadline).await,
        Err(bad) => Err(bad),
    };
    let prepared = match prepared {
        Ok(prepared) if read_only && prepared.operation == Some(OperationType::Mutation) => {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            Err(Bad::new(
                status,
                ("变更操作须使用 POST", "a mutation needs POST"),
            ))
        }
        prepared => prepared,
    };
    answer(server, accepted, &parts.headers, prepared, language).await
}

async fn answer(
    server: Arc<Server>,
    accepted: Accepted,
    headers: &HeaderMap,
    prepared: Result<Prepared, Bad>,
    language: Language,
) -> Response {
    let subscribes = |p: &Prepared| p.operation == Some(OperationType::Subscription);
    let streams = accepted.single == Media::EventStream || prepared.as_ref().is_ok_and(subscribes);
    if streams && !accepted.stream {
        return not_acceptable(language.pick(
            "订阅须以 text/event-stream 或 WebSocket 接收\n",
            "a subscription is answered by text/event-stream, or a WebSocket\n",
        ));
    }
    let patience = event_stream::Patience {
        most: server.app.limits.send_timeout,
        language,
    };
    match prepared {
        Ok(prepared) if streams => match event_stream::resume(headers) {
            Ok(resume) => {
                let request = prepared.request.data(resume.clone());
                let prepared = Prepared {
                    request,
                    ..prepared
                };
                let drain = server.app.drain.clone();
                let subscribes = prepared.operation == Some(OperationType::Subscription);
                let is_cut_off = move || subscribes && drain.is_closing();
                event_stream::events(outcomes(server, prepared), resume, patience, is_cut_off)
            }
            Err(bad) => event_stream::refuse(bad, patience),
        },
        Ok(prepared) => respond(accepted.single, &execute(&server, prepared).await),
        Err(bad) if streams && bad.status == StatusCode::BAD_REQUEST => {
            event_stream::refuse(bad, patience)
        }
        Err(bad) if bad.well_formed => respond(accepted.single, &bad.outcome(language)),
        Err(bad) => refuse(accepted.single, bad, language),
    }
}

fn not_acceptable(message: &'static str) -> Response {
    (StatusCode::NOT_ACCEPTABLE, message).into_response()
}
