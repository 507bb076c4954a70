//! The phrasebooks of the departments and of the centre. Each is a stream of its own, under a key of its own.

use super::states::{Cacheable, Cached};
use super::texts::kept;
use super::{Desk, DeskError, Options, Outcome};
use crate::vault::NewKey;
use docket_domain::Sealed;
use docket_domain::ids::KeyId;
use docket_domain::people::Actor;
use docket_domain::phrasebook::{Owner, PhraseAction, PhraseCommand, Phrasebook};
use docket_domain::sealed::KeyOwner;
use std::sync::Arc;
use uuid::Uuid;

impl Desk {
    /// A phrasebook as it stands.
    pub async fn phrasebook(&self, owner: Owner) -> Result<Arc<Phrasebook>, DeskError> {
        let book = self.reload::<Phrasebook>(self.book(owner), None).await?;
        Ok(book.state)
    }

    /// Adds to, changes or removes from a phrasebook.
    pub async fn keep_phrase(
        &self,
        actor: &Actor,
        owner: Owner,
        action: PhraseAction<String>,
        options: &Options,
    ) -> Result<Outcome<Phrasebook>, DeskError> {
        let id = self.book(owner);
        let rules = self.rules().await?;
        let payload = (id, &action);
        let envelope = self.envelope(
            actor,
            options.command,
            action.name(),
            &payload,
            rules.version,
        );
        if let Some(done) = self.done_before::<Phrasebook>(options, &envelope).await? {
            return Ok(done);
        }
        let key = KeyId(id);
        self.vault
            .make_keys(vec![NewKey {
                id: key,
                owner: KeyOwner::Office,
                same_as: None,
            }])
            .await?;
        let name = action.name();
        let seal = async |field: &'static str, text: String| {
            let text = kept(name, field, &text)?;
            let sealed = self.vault.seal(key, envelope.event, field, &text).await;
            sealed.map_err(DeskError::from)
        };
        let action: PhraseAction<Sealed> = match action {
            PhraseAction::Add {
                id,
                kind,
                title,
                text,
            } => PhraseAction::Add {
                id,
                kind,
                title: seal("title", title).await?,
                text: seal("text", text).await?,
            },
            PhraseAction::Change { id, title, text } => PhraseAction::Change {
                id,
                title: seal("title", title).await?,
                text: seal("text", text).await?,
            },
            PhraseAction::Remove { id } => PhraseAction::Remove { id },
        };
        let command = PhraseCommand {
            actor: actor.clone(),
            owner,
            max: rules.texts(),
            action,
            expected_revision: options.expected_revision,
        };
        self.run::<Phrasebook>(id, envelope, || command.clone())
            .await
    }

    /// The stream of a book.
    fn book(&self, owner: Owner) -> Uuid {
        match owner {
            Owner::Centre => self.named("phrasebook centre"),
            Owner::Department(id) => self.named(&format!("phrasebook department:{id}")),
        }
    }
}

/// Rare: always read anew.
impl Cacheable for Phrasebook {
    fn cached(_: &Desk, _: Uuid) -> Option<Cached<Self>> {
        None
    }
    fn cache(_: &Desk, _: Uuid, _: Cached<Self>) {}
}
