//! Files attached to tickets: first the bytes, sealed as they come, then the event that tells their hash. A process that
//! is killed between leaves bytes that no ticket has: those are on record as begun, and swept away later.

use super::{Desk, DeskError, Options, Outcome};
use crate::clock::new_id;
use crate::files::{Files, FilesError, Upload};
use crate::journal::JournalError;
use crate::vault::{Erasure, Sealer, VaultError};
use bytes::Bytes;
use chrono::TimeDelta;
use docket_domain::aggregate::Aggregate as _;
use docket_domain::ids::{AttachmentId, CommandId, KeyId, ObjectId, TicketId};
use docket_domain::people::Actor;
use docket_domain::ticket::actions::attach_file::{AttachFile, FileLimits};
use docket_domain::ticket::{
    Attachment, FileHash, FilePart, FileType, Ticket, TicketAction, TicketCommand,
};
use docket_domain::{Reason, Refusal};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use uuid::Uuid;

/// How long after its beginning an upload that has no event is swept away. Longer than any upload may take.
pub const SWEPT_AFTER: TimeDelta = TimeDelta::hours(24);

/// A file that is to be attached.
#[derive(Clone, Debug)]
pub struct NewFile {
    /// To which ticket.
    pub ticket: TicketId,
    /// The id it gets.
    pub attachment: AttachmentId,
    /// What it belongs to.
    pub part: FilePart,
    /// Its name.
    pub name: String,
    /// What kind of file it is.
    pub file_type: FileType,
    /// Its size in bytes.
    pub bytes: u64,
}

/// A file whose bytes are coming in.
pub struct Incoming {
    upload: Upload,
    sealer: Sealer,
    hash: Sha256,
}

/// A file that is a ticket's.
#[derive(Clone, Debug)]
pub struct Attached {
    /// The file.
    pub file: Attachment,
    /// The position to wait for in views.
    pub position: u64,
    /// Whether it was attached before, and this changed nothing.
    pub repeated: bool,
}

/// What can go wrong with a file's bytes; told apart from what a command comes to.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Sealing or opening.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Storing or reading.
    #[error(transparent)]
    Files(#[from] FilesError),
}

impl Incoming {
    /// Takes more of the file.
    pub async fn take(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        let sealed = self.sealer.push(bytes)?;
        if !sealed.is_empty() {
            self.hash.update(&sealed);
            self.upload.write(&sealed).await?;
        }
        Ok(())
    }

    /// Stores the rest: the hash of what is stored.
    async fn finish(mut self) -> Result<FileHash, FileError> {
        let rest = self.sealer.finish()?;
        self.hash.update(&rest);
        self.upload.write(&rest).await?;
        self.upload.finish().await?;
        Ok(FileHash(self.hash.finalize().into()))
    }
}

/// The file as an action; before its bytes are known without their place and hash.
fn action(
    new: &NewFile,
    object: ObjectId,
    hash: FileHash,
    limits: FileLimits,
) -> TicketAction<String> {
    TicketAction::AttachFile(AttachFile {
        attachment: new.attachment,
        object,
        part: new.part,
        name: new.name.clone(),
        file_type: new.file_type,
        bytes: new.bytes,
        hash,
        limits,
    })
}

/// The command that attaches a file: named after it, so that it is attached once.
fn attaching(file: AttachmentId) -> CommandId {
    CommandId(Uuid::new_v5(&file.0, b"attach_file"))
}

impl Desk {
    /// The tickets that files are attached to; files that are not attached are left out.
    pub async fn tickets_of_files(
        &self,
        files: &[AttachmentId],
    ) -> Result<Vec<(AttachmentId, TicketId)>, DeskError> {
        let commands: HashMap<_, _> = files.iter().map(|file| (attaching(*file), *file)).collect();
        let asked: Vec<_> = commands.keys().copied().collect();
        let found = self.journal.streams_changed_by(&asked).await?;
        let pair = |(command, ticket)| Some((*commands.get(&command)?, TicketId(ticket)));
        Ok(found.into_iter().filter_map(pair).collect())
    }

    /// The bytes of attachments.
    #[must_use]
    pub const fn files(&self) -> &Files {
        &self.files
    }

    /// Whether a file would be attached as things stand, at the revision that `options` names. Nothing is recorded.
    pub async fn may_attach(
        &self,
        actor: &Actor,
        new: &NewFile,
        limits: FileLimits,
        options: &Options,
    ) -> Result<(), DeskError> {
        let rules = self.rules().await?;
        let nobody = || Refusal::new("attach_file", "absent", Reason::NotFound);
        let ticket = self.ticket(new.ticket).await?.ok_or_else(nobody)?;
        let context = self.context(actor, &rules, self.now(), options).await?;
        let action = action(new, ObjectId(Uuid::nil()), FileHash([0; 32]), limits);
        let sealed = self.seal_for(new.ticket, action, new_id(&*self.clock));
        let action = match sealed.await {
            Ok(action) => action,
            Err(DeskError::Vault(VaultError::Altered { .. })) => return Err(nobody().into()),
            Err(error) => return Err(error),
        };
        Ticket::decide(&ticket.state, TicketCommand { context, action })?;
        Ok(())
    }

    /// Begins to store a file.
    pub async fn receive_file(&self, new: &NewFile) -> Result<Incoming, DeskError> {
        let object = ObjectId(Uuid::from_bytes(crate::clock::random_bytes()));
        let key = KeyId(new.ticket.0);
        let sealer = self.vault.sealer(key, new.attachment).await?;
        self.ops.begin_upload(object, new.ticket).await?;
        Ok(Incoming {
            upload: self.files.create(object).await.map_err(FileError::from)?,
            sealer,
            hash: Sha256::new(),
        })
    }

    /// Gives up a file that was coming in.
    pub async fn abandon_file(&self, incoming: Incoming) -> Result<(), DeskError> {
        let object = incoming.upload.object();
        incoming.upload.abandon().await;
        self.remove_object(object).await
    }

    /// Attaches a file, all of whose bytes are in. Once, however often it is sent: the first one stays.
    pub async fn attach_file(
        &self,
        actor: &Actor,
        new: &NewFile,
        incoming: Incoming,
        limits: FileLimits,
    ) -> Result<Attached, DeskError> {
        let object = incoming.upload.object();
        let hash = incoming.finish().await?;
        let options = Options {
            command: Some(attaching(new.attachment)),
            ..Options::default()
        };
        let action = action(new, object, hash, limits);
        let done = self.act(actor, new.ticket, action, &options).await;
        match done {
            Ok(done) => {
                if let Err(error) = self.ops.end_upload(object).await {
                    tracing::warn!(%error, "an upload stays on record as begun until it is swept");
                }
                attached(&done, new.attachment, done.repeated)
            }
            // Somebody sent it at the same time, or before: theirs stands.
            Err(DeskError::Journal(JournalError::CommandReused)) => {
                self.remove_object(object).await?;
                let there = self.attached_before(new).await?;
                there.ok_or_else(|| JournalError::CommandReused.into())
            }
            Err(DeskError::Refused(refusal)) => {
                self.remove_object(object).await?;
                match self.attached_before(new).await? {
                    Some(there) => Ok(there),
                    None => Err(refusal.into()),
                }
            }
            // Whether it took effect is not known: the sweep looks.
            Err(error) => Err(error),
        }
    }

    /// The file, if it is its ticket's already.
    pub async fn attached_before(&self, new: &NewFile) -> Result<Option<Attached>, DeskError> {
        let Some(ticket) = self.ticket(new.ticket).await? else {
            return Ok(None);
        };
        if ticket.state.attachment(new.attachment).is_none() {
            return Ok(None);
        }
        attached(&ticket, new.attachment, true).map(Some)
    }

    /// What is in a file, in the clear, piece by piece; `None` where it was erased. A piece that was altered ends it
    /// with an error.
    pub async fn read_file(
        &self,
        ticket: TicketId,
        file: &Attachment,
    ) -> Result<Option<BoxStream<'static, Result<Bytes, FileError>>>, DeskError> {
        let opener = self.vault.opener(KeyId(ticket.0), file.id).await?;
        let Some(opener) = opener else {
            return Ok(None);
        };
        let Some(sealed) = self
            .files
            .read(file.object)
            .await
            .map_err(FileError::from)?
        else {
            return Err(FileError::Files(FilesError::Changed(file.object)).into());
        };
        let clear = futures_util::stream::try_unfold(
            (sealed, Some(opener)),
            async |(mut sealed, opener)| {
                let Some(mut opener) = opener else {
                    return Ok(None);
                };
                loop {
                    let Some(piece) = sealed.try_next().await? else {
                        let rest = opener.finish()?;
                        return Ok(Some((Bytes::from(rest), (sealed, None))));
                    };
                    let clear = opener.push(&piece)?;
                    if !clear.is_empty() {
                        return Ok(Some((Bytes::from(clear), (sealed, Some(opener)))));
                    }
                }
            },
        );
        Ok(Some(clear.boxed()))
    }

    /// Removes what uploads left behind that were begun so long ago and have no event: how many. Only what this store
    /// began itself, so that a place shared with others is safe.
    pub async fn sweep_uploads(&self, older_than: TimeDelta) -> Result<usize, DeskError> {
        let begun_before = self.now() - older_than;
        let mut swept = 0;
        for (object, ticket) in self.ops.uploads_before(begun_before).await? {
            let ticket = self.ticket(ticket).await?;
            let has = |ticket: &Outcome<Ticket>| {
                let mut files = ticket.state.attachments.iter();
                files.any(|file| file.object == object)
            };
            if ticket.as_ref().is_some_and(has) {
                self.ops.end_upload(object).await?;
            } else {
                self.remove_object(object).await?;
                swept += 1;
            }
        }
        Ok(swept)
    }

    async fn remove_object(&self, object: ObjectId) -> Result<(), DeskError> {
        self.files.remove(object).await.map_err(FileError::from)?;
        self.ops.end_upload(object).await?;
        Ok(())
    }

    /// Removes every file of tickets that were erased. Their key is gone already.
    pub(super) async fn remove_files(&self, erasures: &[&Erasure]) -> Result<(), DeskError> {
        for ticket in erasures.iter().flat_map(|erasure| &erasure.tickets) {
            let Some(ticket) = self.ticket(TicketId(*ticket)).await? else {
                continue;
            };
            for file in &ticket.state.attachments {
                self.remove_object(file.object).await?;
            }
        }
        Ok(())
    }
}

fn attached(
    ticket: &Outcome<Ticket>,
    id: AttachmentId,
    repeated: bool,
) -> Result<Attached, DeskError> {
    let file = ticket.state.attachment(id).cloned();
    Ok(Attached {
        file: file.ok_or_else(|| Refusal::new("attach_file", "absent", Reason::NotFound))?,
        position: ticket.position,
        repeated,
    })
}
