//! What every noun needs: positions, ids, user errors, cursors, and opening sealed texts.

use crate::app::App;
use crate::auth::{Sight, mask};
use crate::error::{Code, Failure, Language, Refused, behind, fault, fault_because, system};
use async_graphql::{
    Context, Error, ID, InputValueError, InputValueResult, Scalar, ScalarType, SimpleObject, Value,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use docket_core::desk::Options;
use docket_domain::Sealed;
use uuid::Uuid;

/// A place in the log: an unsigned 64-bit number, written as a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position(pub u64);

/// A place in the log: an unsigned 64-bit number, written as a string since it may outgrow a JavaScript
/// number. Positions have no gaps; a later event has a greater one.
#[Scalar]
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
    pub(super) fn of(context: &Context<'_>, refused: &Refused) -> Self {
        let language = context.data_opt::<Language>().copied().unwrap_or_default();
        let path = refused.path.map(|p| {
            std::iter::once("input".to_owned())
                .chain(p.split('.').map(str::to_owned))
                .collect()
        });
        Self {
            code: refused.code.into(),
            path: path.unwrap_or_default(),
            message: language.pick(&refused.zh, &refused.en).to_owned(),
        }
    }
}

impl UserError {
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
        Err(Failure::Refused(refused)) => Ok((None, vec![UserError::of(context, &refused)])),
        Err(Failure::Fault(error)) => Err(error),
    }
}

/// The running Docket.
pub(super) fn app<'c>(context: &Context<'c>) -> Result<&'c App, Error> {
    context.data::<App>()
}

/// A global id: the type's name and a UUID.
pub(super) fn global_id(kind: &str, id: Uuid) -> ID {
    ID(format!("{kind}:{id}"))
}

/// The UUID of a global id of a type.
pub(super) fn local_id<T: From<Uuid>>(kind: &str, id: &ID) -> Result<T, Error> {
    let (found, uuid) = id.split_once(':').unwrap_or(("", ""));
    match uuid.parse::<Uuid>() {
        Ok(uuid) if found == kind => Ok(T::from(uuid)),
        _ => Err(fault_because(
            Code::BadRequest,
            &format!("an id of a {kind} is \"{kind}:\" and a UUID"),
        )),
    }
}

/// What a client says about a command.
pub(super) fn options(
    command_id: Option<Uuid>,
    expected_revision: Option<i32>,
) -> Result<Options, Error> {
    let expected_revision = expected_revision
        .map(u32::try_from)
        .transpose()
        .map_err(|_| fault_because(Code::BadRequest, "expectedRevision is a number from 0 on"))?;
    Ok(Options {
        command: command_id.map(Into::into),
        expected_revision,
        correlation: None,
    })
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
    Ok(text.map(|text| {
        if sight == Sight::Masked {
            mask(&text)
        } else {
            text
        }
    }))
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

/// The rows to read for a page: `first` clamped to what is allowed, before anything is multiplied by it.
pub(super) fn page_size(first: Option<i32>, most: u32) -> u32 {
    first
        .map_or(20, |n| u32::try_from(n).unwrap_or(0))
        .clamp(1, most)
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

/// Where a page begins and ends.
#[derive(SimpleObject, Clone, Debug)]
pub struct PageInfo {
    /// Whether there are more rows.
    pub has_next_page: bool,
    /// Whether the page was asked for `after` a row.
    pub has_previous_page: bool,
    /// The cursor of the first row.
    pub start_cursor: Option<String>,
    /// Give this as `after` to get more rows.
    pub end_cursor: Option<String>,
}
