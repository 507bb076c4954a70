//! Attaching files, and opening them: what is asked for here is a link that ends soon; the bytes come and go by it.

use super::{Envelope, NO_TICKET_ID, act, action_inputs, filled};
use crate::app::App;
use crate::attachments::sniff::named;
use crate::attachments::{
    FILE_LINK_LASTS, FileLink, Link as _, UPLOAD_LINK_LASTS, UploadLink, is_fit_name,
};
use crate::auth::viewer;
use crate::error::{Code, Failure, fault_because, system};
use crate::graphql::common::{Position, UserError, app, global_id, local_id, options, split};
use crate::graphql::ticket::{FilePart, visible};
use async_graphql::{Context, Error, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use docket_core::DeskError;
use docket_core::clock::{new_id, random_bytes};
use docket_core::desk::{NewFile, Options};
use docket_domain::ids::{AttachmentId, KeyId, TicketId};
use docket_domain::people::Actor;
use docket_domain::ticket::TicketAction;
use docket_domain::ticket::actions::open_file::OpenFile;
use docket_domain::{Reason, Refusal};
use uuid::Uuid;

action_inputs! {
    /// A file to be attached (上传附件).
    RequestUploadInput {
        /// What it belongs to: `MATTER` of the request (its caller, the centre), `ANSWER` to the caller or `EVIDENCE` for
        /// the staff alone (the office that has the ticket in hand, the centre).
        part: FilePart,
        /// Its name, at most 200 characters.
        name: String,
        /// What kind of file it is; its bytes have to agree. See docs/api.md for those that are taken.
        media_type: String,
        /// Its size in bytes; exactly so many are to be sent.
        size: i32,
    }
    /// A file to be opened (查阅附件).
    OpenAttachmentInput {
        /// Which of the ticket's files.
        attachment_id: ID,
        /// What for. Required, but of the ticket's own caller.
        purpose: Option<String>,
    }
}

/// Where a file is to be sent.
#[derive(SimpleObject)]
pub struct RequestUploadPayload {
    /// Where to `PUT` the bytes, below the server's own address; no other authorization is needed. Null where refused.
    upload_url: Option<String>,
    /// The id that the file gets when its bytes are in.
    attachment_id: Option<ID>,
    /// Until when the upload may begin: five minutes.
    expires_at: Option<DateTime<Utc>>,
    /// Why not.
    user_errors: Vec<UserError>,
}

/// Where a file is to be fetched.
#[derive(SimpleObject)]
pub struct OpenAttachmentPayload {
    /// Where to `GET` it, once, below the server's own address; no other authorization is needed. Null where refused, and
    /// where the command was sent before: open it again.
    url: Option<String>,
    /// Until when: two minutes.
    expires_at: Option<DateTime<Utc>>,
    /// The position of the event that says it was opened.
    position: Option<Position>,
    /// Why not.
    user_errors: Vec<UserError>,
}

/// Files.
#[derive(Default)]
pub struct AttachingMutation;

#[Object]
impl AttachingMutation {
    /// 上传附件: gives a link to send a file to (its caller; the office that has the ticket in hand; the centre). Nothing is
    /// recorded before the bytes are in. With the same `commandId` it gives a link for the same file, which is attached once.
    async fn request_upload(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RequestUploadInput,
    ) -> Result<RequestUploadPayload, Error> {
        let envelope = input.envelope();
        let ticket = ticket_id(&envelope)?;
        let options = options(None, envelope.expected_revision);
        let asked = match asked(context, ticket, envelope.command_id, input)? {
            Ok(new) => {
                let (app, actor) = (app(context)?, &viewer(context)?.actor);
                may_attach(app, actor, &new, &options).await.map(|()| new)
            }
            Err(refusal) => Err(refusal.into()),
        };
        let asked = match asked {
            // Why it was refused tells of the ticket: only to those who may know of it.
            Err(DeskError::Refused(_)) if visible(context, ticket).await?.is_none() => {
                Err(Failure::not_found())
            }
            other => other.map_err(Failure::from),
        };
        let (new, user_errors) = split(context, asked)?;
        let Some(new) = new else {
            return Ok(RequestUploadPayload {
                upload_url: None,
                attachment_id: None,
                expires_at: None,
                user_errors,
            });
        };
        let (app, actor) = (app(context)?, &viewer(context)?.actor);
        let vault = app.desk.vault();
        let (key, event) = (KeyId(ticket.0), new_id(vault.clock()));
        let name = vault.seal(key, event, "file_name", new.name.trim()).await;
        let link = UploadLink {
            ticket,
            attachment: new.attachment,
            account: actor.account,
            part: new.part,
            name: name.map_err(|error| system(&error.into()))?,
            file_type: new.file_type,
            bytes: new.bytes,
            until: app.desk.now() + UPLOAD_LINK_LASTS,
        };
        Ok(RequestUploadPayload {
            upload_url: Some(format!("/attachment/{}", link.token(vault))),
            attachment_id: Some(global_id("attachment", link.attachment.0)),
            expires_at: Some(link.until),
            user_errors,
        })
    }

    /// 查阅附件: gives a link to what is in a file (whoever the file is shown to, auditors apart). Every opening is an event.
    async fn open_attachment(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: OpenAttachmentInput,
    ) -> Result<OpenAttachmentPayload, Error> {
        let envelope = input.envelope();
        let ticket = ticket_id(&envelope)?;
        let attachment: AttachmentId = local_id("attachment", &input.attachment_id)?;
        let open = OpenFile {
            attachment,
            purpose: filled(input.purpose),
        };
        let done = act(context, envelope, TicketAction::OpenFile(open)).await?;
        // A link that no event tells of there is not.
        let fresh = done.ticket.is_some() && !done.repeated;
        let (app, actor) = (app(context)?, &viewer(context)?.actor);
        let link = fresh.then(|| FileLink {
            id: Uuid::from_bytes(random_bytes()),
            ticket,
            attachment,
            account: actor.account,
            until: app.desk.now() + FILE_LINK_LASTS,
        });
        let token = link.as_ref().map(|link| link.token(app.desk.vault()));
        Ok(OpenAttachmentPayload {
            url: token.map(|token| format!("/attachment/{token}")),
            expires_at: link.map(|link| link.until),
            position: done.position,
            user_errors: done.user_errors,
        })
    }
}

fn ticket_id(envelope: &Envelope) -> Result<TicketId, Error> {
    local_id("ticket", &envelope.id).map_err(|_| fault_because(Code::BadRequest, NO_TICKET_ID))
}

/// The file that is asked for, or what cannot be right with it.
fn asked(
    context: &Context<'_>,
    ticket: TicketId,
    command: Option<Uuid>,
    input: RequestUploadInput,
) -> Result<Result<NewFile, Refusal>, Error> {
    let no = |reason, field| Refusal::new("attach_file", "", reason).at(field);
    let Ok(bytes) = u64::try_from(input.size) else {
        return Ok(Err(no(Reason::InvalidValue, "size")));
    };
    let Some(file_type) = named(&input.media_type) else {
        return Ok(Err(no(Reason::FileType, "mediaType")));
    };
    if !is_fit_name(&input.name) {
        let refusal = no(Reason::InvalidValue, "name");
        return Ok(Err(refusal.because((
            "文件名不得含路径、换行或不可见字符",
            "a name without folders, line ends and signs that cannot be seen",
        ))));
    }
    let account = viewer(context)?.actor.account;
    let attachment = match command {
        Some(command) => {
            let of = [ticket.0.as_bytes().as_slice(), account.0.as_bytes()].concat();
            AttachmentId(Uuid::new_v5(&command, &of))
        }
        None => new_id(app(context)?.desk.vault().clock()),
    };
    Ok(Ok(NewFile {
        ticket,
        attachment,
        part: input.part.into(),
        name: input.name,
        file_type,
        bytes,
    }))
}

/// Whether it would be attached now; one that is attached already gives a link, too, which says so.
async fn may_attach(
    app: &App,
    actor: &Actor,
    new: &NewFile,
    options: &Options,
) -> Result<(), DeskError> {
    let limits = app.limits.files;
    match app.desk.may_attach(actor, new, limits, options).await {
        Err(DeskError::Refused(refusal)) if refusal.reason == Reason::AlreadyExists => Ok(()),
        other => other,
    }
}
