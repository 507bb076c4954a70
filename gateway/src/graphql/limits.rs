//! Limits that hold on every transport: HTTP, WebSocket and server-sent events. What they are the settings say.

mod root;
mod shape;
mod tokens;
mod values;
mod wording;

pub(super) use root::forget;
pub(super) use shape::{WITHIN_MAX, check_pages, check_variables};
pub(super) use values::{Values, begin_anew, counted};

use super::collected::is_collected;
use super::documents::{self, Checked, Known};
use crate::error::{Code, fault_because, in_both, nowhere};
use crate::settings::Shape;
use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextParseQuery, NextRequest, NextSubscribe,
    NextValidation,
};
use async_graphql::parser::parse_query;
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Response, ServerError, ServerResult, ValidationResult, Value, Variables};
use async_trait::async_trait;
use futures_util::stream::{BoxStream, StreamExt as _};
use std::sync::{Arc, OnceLock};

/// Brackets that a document needs beside those of its fields and values: of its fields' arguments.
const BRACKETS_BESIDE: usize = 4;

/// What the library says of a document that is over its own limits.
const OVER_DEPTH: &str = "Query is nested too deep.";
const OVER_COMPLEXITY: &str = "Query is too complex.";

/// Where the library's message on a word that an enumeration does not have goes on to quote it.
const QUOTES_VALUE: &str = " does not contain the value";

/// What the library says of a variable whose value it would need.
const NO_VALUE: (&str, &str) = ("Variable ", " is not defined.");

fn is_of_no_value(message: &str) -> bool {
    let (before, behind) = NO_VALUE;
    let name = message.strip_prefix(before);
    let name = name.and_then(|rest| rest.strip_suffix(behind));
    name.is_some_and(|name| !name.contains('"'))
}

/// What nests deeper than it may.
const TOO_DEEP: (&str, &str) = ("嵌套过深", "nested too deep");

/// What is read without a second thought, whatever the settings say: bytes, tokens, and how deep its brackets go.
const MODEST: (usize, usize, usize) = (32 * 1024, 5_000, 64);

/// Whether a text may be given to the parser, as far as that goes.
pub fn is_modest(text: &str) -> bool {
    let (bytes, tokens, deepest) = MODEST;
    text.len() <= bytes && tokens::check(text, tokens, deepest).is_ok()
}

/// A request's mark: it is not executed, only looked at.
pub struct Trial;

/// Makes the extension.
#[derive(Clone, Copy)]
pub struct Limits(pub Shape);

impl ExtensionFactory for Limits {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(*self)
    }
}

/// Reads a document that is within the limits.
pub fn read(text: &str, shape: &Shape) -> ServerResult<Known> {
    if text.len() > shape.query_bytes {
        let most = shape.query_bytes;
        let detail = (
            format!("查询文档超过{most}字节"),
            format!("the query is over {most} bytes"),
        );
        return Err(nowhere(fault_because(Code::TooLarge, detail)));
    }
    let deepest = shape.depth + shape.input_depth + BRACKETS_BESIDE;
    tokens::check(text, shape.tokens, deepest).map_err(nowhere)?;
    let mut document = parse_query(text).map_err(|error| unquoted(error.into()))?;
    let pages = shape::check(&document, shape).map_err(nowhere)?;
    root::settle(&mut document).map_err(nowhere)?;
    Ok(Known {
        id: documents::next_id(),
        is_collected: is_collected(&document),
        document,
        is_valid: OnceLock::new(),
        pages,
    })
}

#[async_trait]
impl Extension for Limits {
    async fn request(&self, context: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        coded(next.run(context).await, self.0.depth)
    }

    fn subscribe<'s>(
        &self,
        context: &ExtensionContext<'_>,
        stream: BoxStream<'s, Response>,
        next: NextSubscribe<'_>,
    ) -> BoxStream<'s, Response> {
        let depth = self.0.depth;
        let told = move |response| coded(response, depth);
        next.run(context, stream).map(told).boxed()
    }

    async fn parse_query(
        &self,
        context: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        if context.data_opt::<Checked>().is_none() {
            // Read here first: the library's own checks walk every spread.
            read(query, &self.0)?;
        }
        shape::check_variables(variables, &self.0).map_err(nowhere)?;
        next.run(context, query, variables).await
    }

    async fn validation(
        &self,
        context: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let judged = next.run(context).await;
        if context.data_opt::<Trial>().is_none() {
            return judged;
        }
        let mut errors = judged.err().unwrap_or_default();
        // What it costs is not asked: it may hang on what it will be sent with.
        errors.retain(|error| !is_of_no_value(&error.message));
        Err(errors)
    }
}

/// A syntax error with where and what, and without the line that it quotes: a person may be named there.
fn unquoted(mut error: ServerError) -> ServerError {
    if let Some((_, expected)) = error.message.rsplit_once("\n  = ") {
        error.message = format!("syntax error: {expected}");
    }
    error
}

/// Which limit of the library's a document is over, if it says so.
fn over(message: &str, depth: usize) -> Option<(String, String)> {
    match message {
        OVER_DEPTH => Some((
            format!("字段嵌套至多{depth}层"),
            format!("fields nest {depth} deep at most"),
        )),
        OVER_COMPLEXITY => Some((
            "查询过于复杂，请减少字段或行数".to_owned(),
            "too complex: ask for fewer fields or rows".to_owned(),
        )),
        _ => None,
    }
}

/// Errors of the library's own get the code of a malformed request and a Chinese text, and lose the value they quote: a
/// clerk may have put a name in the wrong field, and errors end up in other people's logs.
pub(super) fn coded(mut response: Response, depth: usize) -> Response {
    for error in &mut response.errors {
        if let Some(detail) = over(&error.message, depth) {
            *error = nowhere(fault_because(Code::TooLarge, detail));
            continue;
        }
        let extensions = error.extensions.get_or_insert_default();
        if extensions.get("code").is_none() {
            extensions.set("code", Value::from(Code::BadRequest.code()));
            if let Some((before, _)) = error.message.split_once(QUOTES_VALUE) {
                error.message = format!("{before}{QUOTES_VALUE}");
            }
            in_both(error, wording::in_chinese(&error.message));
        }
    }
    response
}
