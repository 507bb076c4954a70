//! A GraphQL request as it comes over any transport: its parameters, its document, and who asks.

use super::Server;
use super::negotiation::{JSON, is_utf8};
use super::response::Outcome;
use crate::address::Address;
use crate::admission::{Full, Held};
use crate::app::App;
use crate::auth::{TokenOver, Unknown, Viewer, viewer_of};
use crate::error::{Code, Language, RETRY_AFTER, nowhere, system};
use crate::graphql::coerced;
use crate::graphql::documents::Known;
use crate::graphql::judged::Meant;
use crate::oidc::{FETCH_INTERVAL, Refused};
use crate::rates::Slow;
use async_graphql::parser::types::OperationType;
use async_graphql::{Error, ErrorExtensions as _, Request, Variables};
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, StatusCode, header};
use docket_core::ops::SecurityKind;
use docket_domain::ids::AccountId;
use serde::Deserialize;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::time::{Instant, timeout_at};

/// What the specification calls the request parameters.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Params {
    query: Option<String>,
    document_id: Option<String>,
    operation_name: Option<String>,
    variables: Option<serde_json::Map<String, serde_json::Value>>,
    /// May name a document as Apollo's clients do; nothing else of it is looked at.
    extensions: Option<serde_json::Map<String, serde_json::Value>>,
}

/// What a request asks for, by its text or by its id.
enum Wanted {
    Text(String),
    Id(String),
}

impl Params {
    /// From JSON: an object, and not the array of its values that serde would take for one.
    pub fn from_json(text: &[u8]) -> Option<Self> {
        let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
        if first != Some(&b'{') {
            return None;
        }
        let params: Self = serde_json::from_slice(text).ok()?;
        params.is_whole().then_some(params)
    }

    /// Whether they say which document is meant.
    pub fn is_whole(&self) -> bool {
        self.query.is_some() || self.id().is_some()
    }

    fn id(&self) -> Option<&str> {
        let hash = || {
            let extensions = self.extensions.as_ref()?;
            extensions
                .get("persistedQuery")?
                .get("sha256Hash")?
                .as_str()
        };
        self.document_id.as_deref().or_else(hash)
    }

    /// Which document is meant: where only trusted ones are taken its id goes before its text.
    fn wanted(&mut self, only_trusted: bool) -> Wanted {
        let id = self.id().map(str::to_owned);
        match (self.query.take(), id) {
            (_, Some(id)) if only_trusted => Wanted::Id(id),
            (Some(text), _) => Wanted::Text(text),
            (None, id) => Wanted::Id(id.unwrap_or_default()),
        }
    }
}

/// A text in Chinese and in English.
pub type Says = (&'static str, &'static str);

/// Why a request never comes to execution.
#[derive(Clone, Copy, Debug)]
pub struct Bad {
    pub status: StatusCode,
    /// What it says, in Chinese and in English.
    pub message: Says,
    /// The code, where the status does not say it.
    code: Option<Code>,
    /// For how many seconds to wait.
    pub retry_after: Option<u64>,
    /// Whether the request is well-formed: then its answer is one of GraphQL, whose media type decides on the status.
    pub well_formed: bool,
}

/// What `Retry-After` says where the identity provider is out of reach: when it is asked again.
const PROVIDER_RETRY_AFTER: u64 = FETCH_INTERVAL.num_seconds().unsigned_abs();

impl Bad {
    pub const fn new(status: StatusCode, message: Says) -> Self {
        Self {
            status,
            message,
            code: None,
            retry_after: None,
            well_formed: false,
        }
    }

    /// Well-formed, and not taken.
    fn not_taken(code: Code) -> Self {
        Self {
            code: Some(code),
            well_formed: true,
            ..Self::new(StatusCode::BAD_REQUEST, code.says())
        }
    }

    /// More is under way than may be.
    pub fn full(server: &Server, full: Full) -> Self {
        server.app.meters.shed.inc();
        let (status, code) = match full {
            Full::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, Code::Overloaded),
            Full::TooMany => (StatusCode::TOO_MANY_REQUESTS, Code::TooManyAtOnce),
        };
        Self {
            code: Some(code),
            retry_after: Some(RETRY_AFTER),
            ..Self::new(status, code.says())
        }
    }

    /// The store does not answer.
    pub fn out_of_reach() -> Self {
        Self {
            retry_after: Some(RETRY_AFTER),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                ("数据库暂时无法访问", "the store is out of reach"),
            )
        }
    }

    /// Too many requests.
    fn slow(slow: Slow) -> Self {
        Self {
            retry_after: Some(slow.seconds()),
            code: Some(Code::RateLimited),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, Code::RateLimited.says())
        }
    }

    /// A provider's token that is not taken.
    pub fn unknown(refused: Refused) -> Self {
        let (status, retry_after) = match refused {
            Refused::ProviderDown => (StatusCode::SERVICE_UNAVAILABLE, Some(PROVIDER_RETRY_AFTER)),
            _ => (StatusCode::UNAUTHORIZED, None),
        };
        Self {
            code: Some(refused.code()),
            retry_after,
            ..Self::new(status, refused.message())
        }
    }

    /// As it is told in a language.
    pub fn outcome(self, language: Language) -> Outcome {
        let code = self.code.unwrap_or(match self.status {
            StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
            StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => Code::Timeout,
            StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
            _ => Code::BadRequest,
        });
        let (zh, en) = self.message;
        let error = Error::new(language.pick(zh, en)).extend_with(|_, e| {
            e.set("code", code.code());
            if let Some(seconds) = self.retry_after {
                e.set("retryAfter", seconds);
            }
        });
        Outcome::Failed(vec![nowhere(error)])
    }
}

/// The parameters in the body of a POST. `text/plain` and forms are what a foreign page may have a browser
/// send without asking first: they are no media types of this.
pub async fn read_post(headers: &HeaderMap, body: Body, bytes_max: usize) -> Result<Params, Bad> {
    let media = headers.get(header::CONTENT_TYPE);
    let mut media = media.and_then(|v| v.to_str().ok()).unwrap_or("").split(';');
    let json = media
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case(JSON));
    let utf8 = media
        .filter_map(|parameter| parameter.trim().split_once('='))
        .all(|(name, value)| !name.eq_ignore_ascii_case("charset") || is_utf8(value));
    if !json || !utf8 {
        return Err(Bad::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            (
                "请以 UTF-8 编码的 application/json 发送",
                "send application/json in UTF-8",
            ),
        ));
    }
    let plain =
        |coding: &axum::http::HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"identity");
    if !headers.get_all(header::CONTENT_ENCODING).iter().all(plain) {
        return Err(Bad::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            (
                "请求正文不能使用内容编码（Content-Encoding）",
                "send the body without a content coding",
            ),
        ));
    }
    let bytes: Bytes = to_bytes(body, bytes_max).await.map_err(|_| {
        Bad::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            (
                "请求正文超过长度限制，或传输中断",
                "the body is over the limit, or broke off",
            ),
        )
    })?;
    Params::from_json(&bytes).ok_or(Bad::new(
        StatusCode::BAD_REQUEST,
        (
            "请求正文须为 JSON 对象，含 query 或 documentId",
            "the body is a JSON object with a query, or a documentId",
        ),
    ))
}

/// The parameters in the query string of a GET.
pub fn read_get(query: Option<&str>) -> Result<Params, Bad> {
    let bad = Bad::new(
        StatusCode::BAD_REQUEST,
        (
            "GET 请求须带 query 或 documentId，variables 须为 JSON",
            "a GET carries query or documentId, and variables as JSON",
        ),
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
            .map(Option::flatten)
    };
    let params = Params {
        query: get("query"),
        document_id: get("documentId"),
        operation_name: get("operationName").filter(|name| !name.is_empty()),
        variables: map("variables")?,
        extensions: map("extensions")?,
    };
    if params.is_whole() {
        Ok(params)
    } else {
        Err(bad)
    }
}

/// Who asks, and in which language they want to be answered.
#[derive(Clone, Default)]
pub struct Asker {
    pub language: Language,
    pub token: Option<Arc<str>>,
    /// Where the request comes from, as far as it is known.
    pub address: Option<Address>,
}

impl Asker {
    pub fn of(headers: &HeaderMap) -> Self {
        let sent = headers.get(header::AUTHORIZATION);
        let sent = sent.and_then(|value| value.to_str().ok());
        Self {
            language: Language::of(headers),
            token: sent.and_then(bearer).map(Arc::from),
            address: None,
        }
    }
}

/// The token of an `Authorization`.
pub fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A request ready to be executed.
pub struct Prepared {
    pub request: Request,
    /// What is asked for; `None` where the document is none, or has no such operation: executing it tells why.
    pub operation: Option<OperationType>,
    /// Its place among what is under way.
    pub held: Held,
    /// What its errors speak.
    pub language: Language,
    /// Until when it has to be answered.
    pub deadline: Instant,
}

/// Until when what is asked now has to be answered.
pub fn deadline(server: &Server) -> Instant {
    Instant::now() + server.app.limits.request_timeout
}

/// Counts a request at the address it comes from.
pub async fn admit(server: &Server, asker: &Asker, deadline: Instant) -> Result<(), Bad> {
    let address = asker.address.map(|address| address.0);
    let admitted = server.app.rates.of_address(address, 1);
    let heeding = heed(server, admitted, None, address);
    // Whoever is refused is not kept waiting by a log that stands still.
    let heeded = timeout_at(deadline, heeding).await;
    heeded.unwrap_or_else(|_| Err(Bad::out_of_reach()))
}

/// Refuses who is too fast, and notes it in the security log now and then.
async fn heed(
    server: &Server,
    admitted: Result<(), Slow>,
    account: Option<AccountId>,
    address: Option<IpAddr>,
) -> Result<(), Bad> {
    let Err(slow) = admitted else { return Ok(()) };
    if let Some(times) = slow.untold {
        let limited = SecurityKind::RateLimited;
        let noted = server.app.desk.note(limited, account, address, times);
        if let Err(error) = noted.await {
            let _ = system(&error);
        }
    }
    Err(Bad::slow(slow))
}

/// Who a token says is asking.
async fn who(server: &Server, token: &str, address: Option<IpAddr>) -> Result<Option<Viewer>, Bad> {
    match viewer_of(&server.app, token).await {
        Ok(Some(viewer)) => {
            let account = viewer.actor.account;
            let admitted = server.app.rates.of_account(account, 1);
            heed(server, admitted, Some(account), address).await?;
            Ok(Some(viewer))
        }
        Ok(None) => Ok(None),
        Err(Unknown::Refused(refused)) => {
            note_refused(&server.app, refused, address).await;
            Err(Bad::unknown(refused))
        }
        Err(Unknown::Fault(error)) => {
            let _ = system(&error);
            Err(Bad::out_of_reach())
        }
    }
}

/// Notes a provider's token that was not taken, now and then.
pub async fn note_refused(app: &App, refused: Refused, address: Option<IpAddr>) {
    if refused.is_suspicious()
        && let Some(times) = app.rates.untold_tokens(address)
    {
        let kind = SecurityKind::BearerRefused;
        if let Err(error) = app.desk.note(kind, None, address, times).await {
            let _ = system(&error);
        }
    }
}

/// The document that a request means, and its text; no document where it is none, or over the limits.
fn document_of(server: &Server, params: &mut Params) -> Result<(String, Option<Arc<Known>>), Bad> {
    let trusted = &server.app.trusted;
    match params.wanted(trusted.only()) {
        Wanted::Id(id) => {
            let found = trusted.find(&id);
            let found = found.ok_or_else(|| Bad::not_taken(Code::PersistedQueryNotFound))?;
            Ok((found.text.clone(), Some(found.known.clone())))
        }
        Wanted::Text(_) if trusted.only() => Err(Bad::not_taken(Code::TrustedDocumentsOnly)),
        Wanted::Text(text) => {
            let most = server.app.limits.shape.query_bytes;
            if text.len() > most {
                let status = StatusCode::PAYLOAD_TOO_LARGE;
                let says = (
                    "查询文档超过长度限制",
                    "the query is over the limit of its bytes",
                );
                return Err(Bad::new(status, says));
            }
            let known = server.documents.checked(&text);
            Ok((text, known))
        }
    }
}

/// Waits for a place, then parses, finds out which operation is asked for, and who asks: anew for every request, so that
/// a session that is over opens nothing on a connection that is still there.
pub async fn prepare(
    server: &Server,
    asker: &Asker,
    params: Params,
    deadline: Instant,
) -> Result<Prepared, Bad> {
    if !server.app.health.is_good() {
        return Err(Bad::out_of_reach());
    }
    let place = server.app.admission.operation().await;
    let place = place.map_err(|full| Bad::full(server, full))?;
    let preparing = prepare_at(server, asker, params, Held::at(place), deadline);
    let prepared = timeout_at(deadline, preparing).await;
    prepared.unwrap_or_else(|_| {
        let status = StatusCode::GATEWAY_TIMEOUT;
        Err(Bad::new(status, Code::Timeout.says()))
    })
}

async fn prepare_at(
    server: &Server,
    asker: &Asker,
    mut params: Params,
    mut held: Held,
    deadline: Instant,
) -> Result<Prepared, Bad> {
    let (text, known) = document_of(server, &mut params)?;
    let wanted = params.operation_name.as_deref();
    let operation = known.as_deref().and_then(|known| {
        let operation = coerced::chosen(&known.document, wanted);
        operation.map(|operation| operation.ty)
    });
    let name = params.operation_name;
    let variables = params.variables.unwrap_or_default();
    let mut request = match known {
        Some(known) => {
            let most = server.app.limits.values_max;
            Meant::request(text, known, name, variables, most)
        }
        // Executing it tells what is wrong with it.
        None => Request::new(text).variables(Variables::from_json(variables.into())),
    };
    request = request.data(asker.language);
    if let Some(address) = asker.address {
        request = request.data(address);
    }
    let mut account = None;
    if let Some(token) = &asker.token {
        let address = asker.address.map(|address| address.0);
        request = match who(server, token, address).await? {
            Some(viewer) => {
                account = Some(viewer.actor.account);
                request.data(viewer)
            }
            None => request.data(TokenOver(token.clone())),
        };
    }
    let admission = &server.app.admission;
    let counted = match (operation, account) {
        (Some(OperationType::Subscription), account) => admission.subscription(account, &mut held),
        (_, Some(account)) => admission.of_account(account, &mut held),
        (_, None) => Ok(()),
    };
    counted.map_err(|full| Bad::full(server, full))?;
    Ok(Prepared {
        request,
        operation,
        held,
        language: asker.language,
        deadline,
    })
}
