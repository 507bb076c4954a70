//! The bytes of attachments: in by PUT, out by GET, each to whoever has the link. What a link lets is looked at anew when
//! it is used, since rights may have changed.

use super::Server;
use crate::attachments::sniff::{SNIFF_BYTES, agrees};
use crate::attachments::{FileLink, Link as _, UploadLink, disposition, saved_as};
use crate::error::{Code, Failure, Language, Refused};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use docket_core::DeskError;
use docket_core::desk::{Attached, FileError, Incoming, NewFile, Options};
use docket_domain::people::Actor;
use docket_domain::ticket::Attachment;
use docket_domain::{Reason, Refusal};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// How long whoever fetches a file may take none of it before it is cut off.
pub const STALLED_AFTER: Duration = Duration::from_secs(20);
/// Pieces of a file that wait to be taken.
const PIECES_AHEAD: usize = 2;
/// What `Retry-After` says when too many files are on their way, in seconds.
const RETRY_AFTER: &str = "2";

/// What is wrong with a transfer.
enum Wrong {
    /// With a code of the gateway's own.
    Code(Code),
    /// With the file, or with what may be done.
    Desk(DeskError),
}

impl From<Code> for Wrong {
    fn from(code: Code) -> Self {
        Self::Code(code)
    }
}

impl From<DeskError> for Wrong {
    fn from(error: DeskError) -> Self {
        Self::Desk(error)
    }
}

impl From<Refusal> for Wrong {
    fn from(refusal: Refusal) -> Self {
        Self::Desk(refusal.into())
    }
}

impl Wrong {
    fn respond(self, headers: &HeaderMap) -> Response {
        let language = Language::of(headers);
        let failure = match self {
            Self::Code(code) => Failure::Refused(code.into()),
            Self::Desk(error) => error.into(),
        };
        let Refused { code, zh, en, .. } = match failure {
            Failure::Refused(refused) => refused,
            Failure::Fault(error) => {
                let code = error.extensions.as_ref().and_then(|e| e.get("code"));
                let unavailable = Code::Unavailable.code();
                let is = |known: &str| code.is_some_and(|c| *c == known.into());
                if is(unavailable) {
                    Code::Unavailable.into()
                } else {
                    Code::Internal.into()
                }
            }
        };
        let body = serde_json::json!({ "code": code, "message": language.pick(&zh, &en) });
        let mut response = (status(code), axum::Json(body)).into_response();
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            let after = HeaderValue::from_static(RETRY_AFTER);
            response.headers_mut().insert(header::RETRY_AFTER, after);
        }
        response
    }
}

fn status(code: &str) -> StatusCode {
    let is = |known: &[&str]| known.contains(&code);
    if is(&[Code::LinkOver.code(), Reason::NotFound.code()]) {
        StatusCode::NOT_FOUND
    } else if is(&[Code::SizeDiffers.code()]) {
        StatusCode::BAD_REQUEST
    } else if is(&[Code::Timeout.code()]) {
        StatusCode::REQUEST_TIMEOUT
    } else if is(&[Reason::FileTooLarge.code()]) {
        StatusCode::PAYLOAD_TOO_LARGE
    } else if is(&[Reason::FileType.code()]) {
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    } else if is(&[Code::TooManyTransfers.code(), Code::Unavailable.code()]) {
        StatusCode::SERVICE_UNAVAILABLE
    } else if is(&[Code::Internal.code()]) {
        StatusCode::INTERNAL_SERVER_ERROR
    } else {
        StatusCode::CONFLICT
    }
}

/// Takes the bytes of a file, and attaches it.
pub async fn upload(
    State(server): State<Arc<Server>>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    crate::traces::remember();
    match received(&server, &token, &headers, body).await {
        Ok(attached) => {
            let Attached {
                file,
                position,
                repeated,
            } = attached;
            let status = if repeated {
                StatusCode::OK
            } else {
                StatusCode::CREATED
            };
            let body = serde_json::json!({
                "attachmentId": format!("attachment:{}", file.id),
                "mediaType": file.file_type.media_type(),
                "size": file.bytes,
                "sha256": file.hash.to_string(),
                "position": position.to_string(),
                "repeated": repeated,
            });
            (status, axum::Json(body)).into_response()
        }
        Err(wrong) => wrong.respond(&headers),
    }
}

/// The file of a link and who sends it, as rights are now.
async fn allowed(server: &Server, token: &str) -> Result<(NewFile, Actor), Wrong> {
    let desk = &server.app.desk;
    let link = UploadLink::of(token, desk.vault()).ok_or(Code::LinkOver)?;
    let actor = desk.actor(link.account).await?.ok_or(Code::LinkOver)?;
    let name = desk.vault().open_text("file_name", &link.name).await;
    let name = name.map_err(DeskError::from)?.ok_or(Code::LinkOver)?;
    let new = NewFile {
        ticket: link.ticket,
        attachment: link.attachment,
        part: link.part,
        name,
        file_type: link.file_type,
        bytes: link.bytes,
    };
    let ticket = desk.ticket(link.ticket).await?.ok_or(Code::LinkOver)?;
    if !ticket.state.is_visible_to(&actor) {
        return Err(Code::LinkOver.into());
    }
    Ok((new, actor))
}

async fn received(
    server: &Server,
    token: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<Attached, Wrong> {
    let (desk, limits) = (&server.app.desk, server.app.limits);
    let asked = soon(server, async {
        let (new, actor) = allowed(server, token).await?;
        let options = Options::default();
        let may = desk.may_attach(&actor, &new, limits.files, &options).await;
        // An answer that was lost is given again. Looked for last: it may have been sent twice at the same time.
        let before = desk.attached_before(&new).await?;
        if before.is_none() {
            may?;
        }
        Ok((new, actor, before))
    });
    let (new, actor, before) = asked.await?;
    if let Some(attached) = before {
        return Ok(attached);
    }
    let said = headers.get(header::CONTENT_LENGTH);
    let said = said.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if said.is_some_and(|said| said != new.bytes) {
        return Err(Code::SizeDiffers.into());
    }
    let permit = server.app.uploads.try_acquire();
    let _permit = permit.map_err(|_| Code::TooManyTransfers)?;
    let mut incoming = soon(server, async { Ok(desk.receive_file(&new).await?) }).await?;
    let taken = take(&mut incoming, body, &new);
    let taken = match tokio::time::timeout(limits.upload_time, taken).await {
        Ok(taken) => taken,
        Err(_) => Err(Code::Timeout.into()),
    };
    if let Err(wrong) = taken {
        if let Err(error) = desk.abandon_file(incoming).await {
            tracing::warn!(%error, "a file that did not come in is removed later");
        }
        return Err(wrong);
    }
    let attached = desk.attach_file(&actor, &new, incoming, limits.files);
    soon(server, async { Ok(attached.await?) }).await
}

/// What the store is asked, as long as a request may take. It is large, and kept aside.
fn soon<T>(
    server: &Server,
    asked: impl Future<Output = Result<T, Wrong>>,
) -> impl Future<Output = Result<T, Wrong>> {
    let asked = Box::pin(asked);
    let answered = tokio::time::timeout(server.app.limits.request_timeout, asked);
    async {
        answered
            .await
            .unwrap_or_else(|_| Err(Code::Unavailable.into()))
    }
}

/// Takes a file as it comes in: what kind it is, is known by its beginning, before anything is stored.
async fn take(incoming: &mut Incoming, body: Body, new: &NewFile) -> Result<(), Wrong> {
    let stored = |error: FileError| Wrong::Desk(error.into());
    let mut pieces = body.into_data_stream();
    let (mut head, mut sniffed, mut taken) = (Vec::new(), false, 0_u64);
    // A connection that breaks off is a file of another size.
    while let Some(piece) = pieces.try_next().await.map_err(|_| Code::SizeDiffers)? {
        taken += piece.len() as u64;
        if taken > new.bytes {
            return Err(Code::SizeDiffers.into());
        }
        if sniffed {
            incoming.take(&piece).await.map_err(stored)?;
            continue;
        }
        head.extend_from_slice(&piece);
        if head.len() >= SNIFF_BYTES {
            believe(&head, new)?;
            incoming.take(&head).await.map_err(stored)?;
            (head, sniffed) = (Vec::new(), true);
        }
    }
    if taken != new.bytes {
        return Err(Code::SizeDiffers.into());
    }
    if !sniffed {
        believe(&head, new)?;
        incoming.take(&head).await.map_err(stored)?;
    }
    Ok(())
}

fn believe(head: &[u8], new: &NewFile) -> Result<(), Refusal> {
    if agrees(&head[..head.len().min(SNIFF_BYTES)], new.file_type) {
        return Ok(());
    }
    let refusal = Refusal::new("attach_file", "", Reason::FileType);
    Err(refusal.because((
        "文件内容与所报类型不符",
        "what is in it is not what it was said to be",
    )))
}

/// Gives what is in a file.
pub async fn fetch(
    State(server): State<Arc<Server>>,
    method: Method,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    if method == Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    match soon(&server, found(&server, &token)).await {
        Ok(response) => response,
        Err(wrong) => wrong.respond(&headers),
    }
}

async fn found(server: &Server, token: &str) -> Result<Response, Wrong> {
    let desk = &server.app.desk;
    let permit = server.app.downloads.clone().try_acquire_owned();
    let permit = permit.map_err(|_| Code::TooManyTransfers)?;
    let link = FileLink::of(token, desk.vault()).ok_or(Code::LinkOver)?;
    let actor = desk.actor(link.account).await?.ok_or(Code::LinkOver)?;
    let ticket = desk.ticket(link.ticket).await?.ok_or(Code::LinkOver)?;
    let file = ticket.state.attachment(link.attachment);
    let file = file.filter(|file| ticket.state.shows_file_to(file, &actor));
    let file = file.ok_or(Code::LinkOver)?;
    let name = desk.vault().open_text("file_name", &file.name).await;
    let name = name.map_err(DeskError::from)?.ok_or(Code::LinkOver)?;
    let clear = desk.read_file(link.ticket, file).await?;
    let clear = clear.ok_or(Code::LinkOver)?;
    // Last: where the file could not be given, the link is good for another try.
    let ops = &server.app.store.ops;
    let used = ops.use_link(link.id.as_bytes(), link.until);
    if !used.await.map_err(DeskError::from)? {
        return Err(Code::LinkOver.into());
    }
    Ok(sent(file, &name, paced(clear, permit)))
}

fn sent(file: &Attachment, name: &str, body: Body) -> Response {
    let mut response = Response::new(body);
    let name = disposition(&saved_as(name, file.file_type));
    let fixed = HeaderValue::from_static;
    for (header, value) in [
        (header::CONTENT_TYPE, fixed(file.file_type.media_type())),
        (header::CONTENT_LENGTH, HeaderValue::from(file.bytes)),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_str(&name).expect("percent-encoded is ASCII"),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            fixed("sandbox; default-src 'none'; frame-ancestors 'none'"),
        ),
        (header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff")),
        (header::REFERRER_POLICY, fixed("no-referrer")),
        (header::CACHE_CONTROL, fixed("no-store")),
    ] {
        response.headers_mut().insert(header, value);
    }
    response
}

/// A file at the pace of whoever takes it, but not slower than [`STALLED_AFTER`] a piece. A piece that does not open
/// breaks the connection off: nothing is given that was altered.
fn paced(
    mut clear: BoxStream<'static, Result<Bytes, FileError>>,
    permit: OwnedSemaphorePermit,
) -> Body {
    let (pieces, mut waiting) = mpsc::channel::<Result<Bytes, FileError>>(PIECES_AHEAD);
    tokio::spawn(async move {
        let _permit = permit;
        while let Some(piece) = clear.next().await {
            if let Err(error) = &piece {
                tracing::error!(%error, "an attachment could not be given whole");
            }
            let over = piece.is_err();
            let taken = pieces.send_timeout(piece, STALLED_AFTER).await;
            if taken.is_err() || over {
                return;
            }
        }
    });
    Body::from_stream(futures_util::stream::poll_fn(move |context| {
        waiting.poll_recv(context)
    }))
}
