//! The HTTP server: GraphQL over POST and GET, over WebSocket and as server-sent events; the console.
//!
//! Written by hand after the GraphQL-over-HTTP specification: no mutation on GET, no `text/plain` or
//! multipart (CSRF), no batches.

use crate::address::Address;
use crate::app::App;
use crate::auth::viewer_of;
use crate::error::{Code, Language, fault, system};
use crate::graphql::documents::{Checked, Documents};
use crate::graphql::limits::{ConnectionToken, QUERY_BYTES_MAX};
use crate::graphql::{DocketSchema, schema};
use async_graphql::http::ALL_WEBSOCKET_PROTOCOLS;
use async_graphql::parser::types::OperationType;
use async_graphql::{Data, Request, Response as GraphQLResponse, ServerError};
use async_graphql_axum::{GraphQLProtocol, GraphQLWebSocket};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, RawQuery, State, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures_util::StreamExt as _;
use serde::Deserialize;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Largest request body.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// How long a request may take.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long open requests may finish after the server was told to stop.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

const GRAPHQL_JSON: &str = "application/graphql-response+json";
const JSON: &str = "application/json";
const CONSOLE: &str = include_str!("console/index.html");

/// What handlers share.
#[derive(Clone)]
pub struct Server {
    app: App,
    schema: DocketSchema,
    documents: Arc<Documents>,
    console: Arc<Console>,
    demo: Option<Arc<str>>,
    proxies: Arc<[IpAddr]>,
}

struct Console {
    policy: HeaderValue,
}

/// The routes over a running Docket. `demo` is what the start page shows of a demonstration's accounts, `proxies` are
/// the reverse proxies that are believed where a request comes from.
pub fn router(app: App, demo: Option<String>, proxies: &[IpAddr]) -> Router {
    let server = Server {
        schema: schema(app.clone()),
        app,
        documents: Arc::default(),
        console: Arc::new(Console {
            policy: console_policy(),
        }),
        demo: demo.map(Into::into),
        proxies: proxies.into(),
    };
    Router::new()
        .route("/", get(console))
        .route("/demo.json", get(demo_accounts))
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/graphql", axum::routing::any(graphql))
        .route("/print/{token}", get(printed))
        .with_state(server)
}

/// Serves until `stop` resolves, then lets open requests finish.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let (stopped, told) = tokio::sync::oneshot::channel();
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, router).with_graceful_shutdown(async move {
        stop.await;
        let _ = stopped.send(());
    });
    // Subscriptions would hold the server for ever.
    let drained = async {
        let _ = told.await;
        tokio::time::sleep(DRAIN_TIMEOUT).await;
    };
    tokio::select! {
        served = async { served.await } => served,
        () = drained => Ok(()),
    }
}

async fn console(State(server): State<Server>) -> Response {
    let mut response = axum::response::Html(CONSOLE).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        server.console.policy.clone(),
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

/// A printed form, to whoever has its link.
async fn printed(State(server): State<Server>, Path(token): Path<String>) -> Response {
    let Some(page) = server.app.prints.page(&token) else {
        return (StatusCode::NOT_FOUND, "this link is over; print again\n").into_response();
    };
    let mut response = axum::response::Html(page.to_string()).into_response();
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

async fn demo_accounts(State(server): State<Server>) -> Response {
    match &server.demo {
        Some(accounts) => ([(header::CONTENT_TYPE, JSON)], accounts.to_string()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Ready when the store answers and the projections follow.
async fn ready(State(server): State<Server>) -> Response {
    let projections = server.app.projections.borrow().clone();
    let head = server.app.desk.journal().head().await;
    match (head, projections) {
        (Ok(head), docket_projections::State::Following) => {
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

/// One request in a media type the client takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Accepts {
    GraphqlResponse,
    Json,
    EventStream,
}

fn accepts(headers: &HeaderMap) -> Option<Accepts> {
    let Some(accept) = headers.get(header::ACCEPT) else {
        return Some(Accepts::Json);
    };
    let accept = accept.to_str().ok()?;
    let mut best: Option<(f32, Accepts)> = None;
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or("").to_ascii_lowercase();
        let quality = parts
            .find_map(|p| p.strip_prefix("q="))
            .map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0));
        let offered = match media.as_str() {
            GRAPHQL_JSON | "*/*" | "application/*" => Accepts::GraphqlResponse,
            JSON => Accepts::Json,
            "text/event-stream" => Accepts::EventStream,
            _ => continue,
        };
        if quality > 0.0 && best.is_none_or(|(known, _)| quality > known) {
            best = Some((quality, offered));
        }
    }
    best.map(|(_, offered)| offered)
}

async fn graphql(
    State(server): State<Server>,
    RawQuery(query): RawQuery,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
    protocol: Result<GraphQLProtocol, StatusCode>,
    request: axum::extract::Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let address = Address::of(&parts.headers, &parts.extensions, &server.proxies);
    if let (Ok(upgrade), Ok(protocol)) = (upgrade, protocol) {
        return web_socket(server, upgrade, protocol, address);
    }
    let Some(accepts) = accepts(&parts.headers) else {
        return (
            StatusCode::NOT_ACCEPTABLE,
            format!("ask for {GRAPHQL_JSON} or {JSON}\n"),
        )
            .into_response();
    };
    let read = match parts.method {
        Method::POST => {
            match tokio::time::timeout(REQUEST_TIMEOUT, read_post(&parts.headers, body)).await {
                Ok(read) => read,
                Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "the body took too long")),
            }
        }
        Method::GET => read_get(query.as_deref()),
        _ => {
            let allow = [(header::ALLOW, "GET, POST")];
            return (StatusCode::METHOD_NOT_ALLOWED, allow, "use POST\n").into_response();
        }
    };
    let read_only = parts.method == Method::GET;
    let request = match read {
        Ok(request) => request,
        Err((status, message)) => return bad_request(accepts, status, message),
    };
    let prepared = prepare(&server, &parts.headers, request, read_only).await;
    let prepared = prepared.map(|(request, subscribes)| match address {
        Some(address) => (request.data(address), subscribes),
        None => (request, subscribes),
    });
    match prepared {
        Ok((request, subscribes)) if accepts == Accepts::EventStream || subscribes => {
            events(server.schema.execute_stream(request))
        }
        Ok((request, _)) => {
            let executed = server.schema.execute(request);
            match tokio::time::timeout(REQUEST_TIMEOUT, executed).await {
                Ok(response) => respond(accepts, &response),
                Err(_) => respond(accepts, &failed(fault(Code::Timeout))),
            }
        }
        Err((status, message)) => bad_request(accepts, status, message),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    query: String,
    operation_name: Option<String>,
    variables: Option<serde_json::Map<String, serde_json::Value>>,
    extensions: Option<serde_json::Map<String, serde_json::Value>>,
}

type Bad = (StatusCode, &'static str);

async fn read_post(headers: &HeaderMap, body: Body) -> Result<Params, Bad> {
    let media = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or("");
    let mut media = media
        .split(';')
        .map(|part| part.trim().to_ascii_lowercase());
    let json = media.next().as_deref() == Some(JSON);
    let utf8 = media
        .filter_map(|p| p.strip_prefix("charset=").map(str::to_owned))
        .all(|c| c == "utf-8");
    if !json || !utf8 {
        return Err((
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send application/json in UTF-8",
        ));
    }
    let bytes: Bytes = to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| {
        (
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is over 256 KiB, or broke off",
        )
    })?;
    serde_json::from_slice(&bytes).map_err(|_| {
        (
            StatusCode::BAD_REQUEST,
            "the body is a JSON object with a query",
        )
    })
}

fn read_get(query: Option<&str>) -> Result<Params, Bad> {
    let bad = (
        StatusCode::BAD_REQUEST,
        "a GET carries query, and variables as JSON",
    );
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(
        &format!("/?{}", query.unwrap_or(""))
            .parse()
            .map_err(|_| bad)?,
    );
    let pairs = pairs.map_err(|_| bad)?.0;
    let get = |name: &str| {
        pairs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
    };
    let map = |name: &str| {
        get(name)
            .filter(|t| !t.is_empty())
            .map(|t| serde_json::from_str(&t))
            .transpose()
            .map_err(|_| bad)
    };
    Ok(Params {
        query: get("query").ok_or(bad)?,
        operation_name: get("operationName").filter(|name| !name.is_empty()),
        variables: map("variables")?,
        extensions: map("extensions")?,
    })
}

/// Parses, finds out which operation is asked for, and who asks.
async fn prepare(
    server: &Server,
    headers: &HeaderMap,
    params: Params,
    read_only: bool,
) -> Result<(Request, bool), Bad> {
    if params.query.len() > QUERY_BYTES_MAX {
        return Err((StatusCode::PAYLOAD_TOO_LARGE, "the query is over 32 KiB"));
    }
    let document = server.documents.checked(&params.query);
    let operation = document.as_deref().and_then(|document| {
        let wanted = params.operation_name.as_deref();
        let mut operations = document.operations.iter();
        operations
            .find(|(found, _)| wanted.is_none() || found.map(async_graphql::Name::as_str) == wanted)
            .map(|(_, operation)| operation.node.ty)
    });
    let mut request = Request::new(params.query);
    if let Some(document) = document {
        request.set_parsed_query(Arc::unwrap_or_clone(document));
        request = request.data(Checked);
    }
    if let Some(name) = params.operation_name {
        request = request.operation_name(name);
    }
    if let Some(variables) = params.variables {
        let variables = serde_json::Value::Object(variables);
        request = request.variables(async_graphql::Variables::from_json(variables));
    }
    drop(params.extensions);
    if read_only && operation == Some(OperationType::Mutation) {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "a mutation needs POST"));
    }
    let language = headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|v| v.to_str().ok());
    request = request.data(language.map(Language::from_header).unwrap_or_default());
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok());
    if let Some(token) = token.and_then(bearer) {
        match viewer_of(&server.app.desk, &server.app.store.ops, token).await {
            Ok(Some(viewer)) => request = request.data(viewer),
            Ok(None) => {}
            Err(error) => {
                let _ = system(&error);
                return Err((StatusCode::SERVICE_UNAVAILABLE, "the store is out of reach"));
            }
        }
    }
    Ok((request, operation == Some(OperationType::Subscription)))
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn failed(error: async_graphql::Error) -> GraphQLResponse {
    GraphQLResponse::from_errors(vec![error.into_server_error(async_graphql::Pos::default())])
}

/// A response that never came to execution: no `data`, and the status says so where the media type allows.
fn bad_request(accepts: Accepts, status: StatusCode, message: &str) -> Response {
    let code = match status {
        StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
        StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        _ => Code::BadRequest,
    };
    let body = serde_json::json!({
        "errors": [{ "message": message, "extensions": { "code": code.code() } }]
    });
    let media = if accepts == Accepts::Json {
        JSON
    } else {
        GRAPHQL_JSON
    };
    let mut response = (status, [(header::CONTENT_TYPE, media)], body.to_string()).into_response();
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response
            .headers_mut()
            .insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

fn respond(accepts: Accepts, response: &GraphQLResponse) -> Response {
    let executed = response.is_ok()
        || response
            .errors
            .iter()
            .any(|e: &ServerError| !e.path.is_empty());
    let body = if executed {
        serde_json::to_string(response).unwrap_or_default()
    } else {
        let mut body = serde_json::to_value(response).unwrap_or_default();
        if let Some(body) = body.as_object_mut() {
            body.remove("data");
        }
        body.to_string()
    };
    let (media, status) = match accepts {
        Accepts::Json => (JSON, StatusCode::OK),
        _ if executed => (GRAPHQL_JSON, StatusCode::OK),
        _ => (GRAPHQL_JSON, StatusCode::BAD_REQUEST),
    };
    (
        status,
        [(header::CONTENT_TYPE, format!("{media}; charset=utf-8"))],
        body,
    )
        .into_response()
}

/// GraphQL over SSE, distinct connections: `next` events, then `complete`.
fn events(
    responses: impl futures_util::Stream<Item = GraphQLResponse> + Send + 'static,
) -> Response {
    let next = responses.map(|response| {
        let data = serde_json::to_string(&response).unwrap_or_default();
        Ok::<_, Infallible>(Event::default().event("next").data(data))
    });
    let complete =
        futures_util::stream::once(async { Ok(Event::default().event("complete").data("")) });
    Sse::new(next.chain(complete))
        .keep_alive(KeepAlive::default())
        .into_response()
}

fn web_socket(
    server: Server,
    upgrade: WebSocketUpgrade,
    protocol: GraphQLProtocol,
    address: Option<Address>,
) -> Response {
    let upgrade = upgrade
        .protocols(ALL_WEBSOCKET_PROTOCOLS)
        .max_message_size(BODY_BYTES_MAX);
    upgrade.on_upgrade(move |socket| async move {
        let Server { app, schema, .. } = server;
        let init = move |payload: serde_json::Value| async move {
            let header = ["Authorization", "authorization"]
                .iter()
                .find_map(|key| payload.get(key).and_then(serde_json::Value::as_str));
            let mut data = Data::default();
            if let Some(address) = address {
                data.insert(address);
            }
            if let Some(token) = header.and_then(bearer) {
                let found = viewer_of(&app.desk, &app.store.ops, token).await;
                if found.map_err(|error| system(&error))?.is_none() {
                    return Err(fault(Code::Unauthenticated));
                }
                data.insert(ConnectionToken(token.to_owned()));
            }
            Ok(data)
        };
        GraphQLWebSocket::new(socket, schema, protocol)
            .on_connection_init(init)
            .serve()
            .await;
    })
}
