//! What every noun needs: positions, ids, user errors, cursors, and opening sealed texts.

use crate::app::App;
use crate::error::{
    Code, Failure, Language, Refused, behind, fault, fault_because, message_in, system,
};
use crate::import::rejects::Reject;
use crate::rights::{Sight, shown};
use async_graphql::{
    Context, Error, ID, InputValueError, InputValueResult, Scalar, ScalarType, SimpleObject, Value,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{Datelike as _, NaiveDate};
use docket_core::desk::Options;
use docket_domain::Sealed;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// A place in the log: an unsigned 64-bit number, written as a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(pub u64);

/// A place in the log: an unsigned 64-bit number, written as a string since it may outgrow a JavaScript
/// number. Positions have no gaps; a later event has a greater one.
#[Scalar(specified_by_url = "https://www.w3.org/TR/xmlschema-2/#unsignedLong")]
impl ScalarType for Position {
    fn parse(value: Value) -> InputValueResult<Self> {
        let parsed = match &value {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => number.as_u64(),
            _ => None,
        };
        parsed
            .map(Self)
            .ok_or_else(|| InputValueError::custom("a position is a number from 0 on"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day(pub NaiveDate);

impl Day {
    /// The day, in a year that anything can have happened in.
    pub(super) fn known(self) -> Result<NaiveDate, Error> {
        if (1900..=9999).contains(&self.0.year()) {
            return Ok(self.0);
        }
        let detail = (
            "日期应在 1900 年至 9999 年之间",
            "days lie in the years 1900 to 9999",
        );
        Err(fault_because(Code::BadRequest, detail))
    }
}

/// A day of the calendar without a zone, as in `2026-11-26`.
#[Scalar(
    name = "NaiveDate",
    specified_by_url = "https://datatracker.ietf.org/doc/html/rfc3339#section-5.6"
)]
impl ScalarType for Day {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Ok(Self(NaiveDate::parse_from_str(text, "%Y-%m-%d")?)),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.format("%Y-%m-%d").to_string())
    }
}

/// Why a command was not taken, in a form a workbench can show beside the field at fault.
#[derive(SimpleObject, Clone, Debug)]
pub struct UserError {
    /// Stable code; see docs/errors.md.
    code: String,
    /// Path of the input field at fault; empty when it is no single field.
    path: Vec<String>,
    /// What it says, in the language of the request (`Accept-Language`; Chinese by default).
    message: String,
}

impl UserError {
    /// One for each field at fault.
    pub(super) fn of(context: &Context<'_>, refused: &Refused) -> Vec<Self> {
        let language = language(context);
        let at = |path: Option<&str>| Self {
            code: refused.code.into(),
            path: path.map_or_else(Vec::new, |path| {
                let within = path.split('.').map(str::to_owned);
                std::iter::once("input".to_owned()).chain(within).collect()
            }),
            message: language.pick(&refused.zh, &refused.en).to_owned(),
        };
        let also = refused.also.iter().copied();
        let paths = std::iter::once(refused.path).chain(also.map(Some));
        paths.map(at).collect()
    }
}

impl UserError {
    /// A fault told where others of the same request are not to be lost.
    pub(super) fn of_fault(context: &Context<'_>, error: &Error) -> Self {
        let extensions = error.extensions.as_ref();
        let code = extensions.and_then(|extensions| extensions.get("code"));
        let code = match code {
            Some(Value::String(code)) => code.clone(),
            _ => Code::Internal.code().to_owned(),
        };
        Self {
            code,
            path: vec!["input".to_owned()],
            message: message_in(language(context), error),
        }
    }

    /// What is wrong with a row of a list that is a text of the input; with the row's line, and the column at fault.
    pub(super) fn of_row(context: &Context<'_>, list: &str, line: u64, reject: &Reject) -> Self {
        let mut path = vec!["input".to_owned(), list.to_owned(), line.to_string()];
        path.extend(reject.column.clone());
        Self {
            code: reject.code.to_owned(),
            path,
            message: language(context).pick(&reject.zh, &reject.en).to_owned(),
        }
    }

    /// Puts what is told of one element under its place in the list of the input it is in.
    pub(super) fn put_under(&mut self, list: &str, place: usize) {
        let within = std::mem::take(&mut self.path).into_iter().skip(1);
        self.path = ["input".to_owned(), list.to_owned(), place.to_string()].into();
        self.path.extend(within);
    }
}

/// Splits a command's result: what to show, and what to tell in `userErrors`.
pub(super) fn split<T>(
    context: &Context<'_>,
    result: Result<T, Failure>,
) -> Result<(Option<T>, Vec<UserError>), Error> {
    match result {
        Ok(outcome) => Ok((Some(outcome), Vec::new())),
        Err(Failure::Refused(refused)) => Ok((None, UserError::of(context, &refused))),
        Err(Failure::Fault(error)) => Err(error),
    }
}

/// The language of the request (`Accept-Language`; Chinese by default).
pub(super) fn language(context: &Context<'_>) -> Language {
    context.data_opt::<Language>().copied().unwrap_or_default()
}

/// The running Docket.
pub(super) fn app<'c>(context: &Context<'c>) -> Result<&'c App, Error> {
    context.data::<App>()
}

/// A global id: the type's name and a UUID.
pub(super) fn global_id(kind: &str, id: Uuid) -> ID {
    let mut text = String::with_capacity(kind.len() + 1 + Hyphenated::LENGTH);
    text.push_str(kind);
    text.push(':');
    text.push_str(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    ID(text)
}

/// The UUID of a global id of a type.
pub(super) fn local_id<T: From<Uuid>>(kind: &str, id: &ID) -> Result<T, Error> {
    let (found, uuid) = id.split_once(':').unwrap_or(("", ""));
    match uuid.parse::<Uuid>() {
        Ok(uuid) if found == kind => Ok(T::from(uuid)),
        _ => Err(fault_because(
            Code::BadRequest,
            (
                format!("{kind} 的编号由“{kind}:”和 UUID 组成"),
                format!("an id of a {kind} is \"{kind}:\" and a UUID"),
            ),
        )),
    }
}

/// A whole number of a command's input, as the domain counts it. What it cannot count becomes the greatest that it can:
/// no rule lets that through, so the refusal is that of any number out of its range, with the field it is in.
pub(super) fn counted<N: TryFrom<i32>>(number: i32, greatest: N) -> N {
    N::try_from(number).unwrap_or(greatest)
}

/// What a client says about a command.
pub(super) fn options(command_id: Option<Uuid>, expected_revision: Option<i32>) -> Options {
    Options {
        command: command_id.map(Into::into),
        expected_revision: expected_revision.map(|revision| counted(revision, u32::MAX)),
        correlation: None,
    }
}

/// Opens a sealed text as far as the viewer may see it. Null where it is hidden or erased.
pub(super) async fn open(
    context: &Context<'_>,
    sight: Sight,
    field: &'static str,
    sealed: Option<&Sealed>,
) -> Result<Option<String>, Error> {
    let (Some(sealed), true) = (sealed, sight != Sight::Hidden) else {
        return Ok(None);
    };
    let opened = app(context)?.desk.vault().open_text(field, sealed).await;
    let text = opened.map_err(|error| system(&error.into()))?;
    Ok(text.and_then(|text| shown(sight, text)))
}

/// Waits until the views have come as far as a position.
pub(super) async fn wait_for(
    context: &Context<'_>,
    position: Option<Position>,
) -> Result<(), Error> {
    let Some(Position(wanted)) = position else {
        return Ok(());
    };
    let app = app(context)?;
    app.views
        .wait_for(wanted, app.limits.position_wait)
        .await
        .map_err(behind)
}

/// An opaque cursor over parts that hold no `|`.
pub(super) fn cursor(kind: &str, parts: &[String]) -> String {
    URL_SAFE_NO_PAD.encode(format!("1|{kind}|{}", parts.join("|")))
}

/// The parts of a cursor of a kind.
pub(super) fn cursor_parts<const N: usize>(kind: &str, cursor: &str) -> Result<[String; N], Error> {
    let bad = || fault(Code::BadCursor);
    let text = URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|b| String::from_utf8(b).ok())
        .ok_or_else(bad)?;
    let rest = text.strip_prefix(&format!("1|{kind}|")).ok_or_else(bad)?;
    let parts: Vec<String> = rest.split('|').map(str::to_owned).collect();
    parts.try_into().map_err(|_| bad())
}
