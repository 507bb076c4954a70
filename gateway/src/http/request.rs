//! A GraphQL request as it comes over any transport: its parameters, its document, and who asks.

use super::Server;
use super::negotiation::{JSON, is_utf8};
use super::response::Outcome;
use crate::address::Address;
use crate::auth::viewer_of;
use crate::error::{Code, Language, nowhere, system};
use crate::graphql::documents::Checked;
use crate::graphql::limits::QUERY_BYTES_MAX;
use async_graphql::parser::types::OperationType;
use async_graphql::{Error, ErrorExtensions as _, Request, Variables};
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use std::sync::Arc;

/// What the specification calls the request parameters.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Params {
    pub query: String,
    operation_name: Option<String>,
    variables: Option<serde_json::Map<String, serde_json::Value>>,
    /// Looked at for its form only.
    extensions: Option<serde_json::Map<String, serde_json::Value>>,
}

impl Params {
    /// From JSON: an object, and not the array of its values that serde would take for one.
    pub fn from_json(text: &[u8]) -> Option<Self> {
        let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
        if first != Some(&b'{') {
            return None;
        }
        serde_json::from_slice(text).ok()
    }
}

/// Why a request never comes to execution.
#[derive(Clone, Copy, Debug)]
pub struct Bad {
    pub status: StatusCode,
    pub message: &'static str,
}

impl Bad {
    pub const fn new(status: StatusCode, message: &'static str) -> Self {
        Self { status, message }
    }

    /// As it is told.
    pub fn outcome(self) -> Outcome {
        let code = match self.status {
            StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
            StatusCode::REQUEST_TIMEOUT => Code::Timeout,
            StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
            _ => Code::BadRequest,
        };
        let error = Error::new(self.message).extend_with(|_, e| e.set("code", code.code()));
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
            "send application/json in UTF-8",
        ));
    }
    let plain =
        |coding: &axum::http::HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"identity");
    if !headers.get_all(header::CONTENT_ENCODING).iter().all(plain) {
        return Err(Bad::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send the body without a content coding",
        ));
    }
    let bytes: Bytes = to_bytes(body, bytes_max).await.map_err(|_| {
        Bad::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is over the limit, or broke off",
        )
    })?;
    Params::from_json(&bytes).ok_or(Bad::new(
        StatusCode::BAD_REQUEST,
        "the body is a JSON object with a query",
    ))
}

/// The parameters in the query string of a GET.
pub fn read_get(query: Option<&str>) -> Result<Params, Bad> {
    let bad = Bad::new(
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
            .map(Option::flatten)
    };
    Ok(Params {
        query: get("query").ok_or(bad)?,
        operation_name: get("operationName").filter(|name| !name.is_empty()),
        variables: map("variables")?,
        extensions: map("extensions")?,
    })
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
        let text = |name: header::HeaderName| headers.get(name).and_then(|v| v.to_str().ok());
        Self {
            language: text(header::ACCEPT_LANGUAGE)
                .map(Language::from_header)
                .unwrap_or_default(),
            token: text(header::AUTHORIZATION).and_then(bearer).map(Arc::from),
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
}

/// Parses, finds out which operation is asked for, and who asks: anew for every request, so that a session
/// that is over opens nothing on a connection that is still there.
pub async fn prepare(server: &Server, asker: &Asker, params: Params) -> Result<Prepared, Bad> {
    if params.query.len() > QUERY_BYTES_MAX {
        return Err(Bad::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the query is over 32 KiB",
        ));
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
        request = request.variables(Variables::from_json(variables));
    }
    drop(params.extensions);
    request = request.data(asker.language);
    if let Some(address) = asker.address {
        request = request.data(address);
    }
    if let Some(token) = &asker.token {
        match viewer_of(&server.app.desk, &server.app.store.ops, token).await {
            Ok(Some(viewer)) => request = request.data(viewer),
            Ok(None) => {}
            Err(error) => {
                let _ = system(&error);
                return Err(Bad::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "the store is out of reach",
                ));
            }
        }
    }
    Ok(Prepared { request, operation })
}
