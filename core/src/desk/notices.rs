//! Notices of the hotline office. Each is a stream of its own, its texts under a key of its own.

use super::states::{Cacheable, Cached};
use super::texts::kept;
use super::{Desk, DeskError, Options, Outcome};
use crate::clock::new_id;
use crate::vault::{NewKey, VaultError};
use docket_domain::ids::{CommandId, EventId, KeyId, NoticeId};
use docket_domain::notice::{Change, Content, Notice, NoticeAction, NoticeCommand};
use docket_domain::people::{Actor, Role};
use docket_domain::sealed::KeyOwner;
use docket_domain::{Reason, Refusal, Sealed};
use uuid::Uuid;

impl Desk {
    /// The id of a new notice: named after the command, so that the same command sent again names the same one.
    #[must_use]
    pub fn new_notice(&self, command: Option<CommandId>) -> NoticeId {
        match command {
            Some(command) => NoticeId(self.named(&format!("notice {command}"))),
            None => new_id(&*self.clock),
        }
    }

    /// Publishes, changes or withdraws a notice, or marks it as read.
    pub async fn keep_notice(
        &self,
        actor: &Actor,
        id: NoticeId,
        action: NoticeAction<String>,
        options: &Options,
    ) -> Result<Outcome<Notice>, DeskError> {
        let rules = self.rules().await?;
        let (name, payload) = (action.name(), (id, &action));
        let envelope = self.envelope(actor, options.command, name, &payload, rules.version);
        if let Some(done) = self.done_before::<Notice>(options, &envelope).await? {
            return Ok(done);
        }
        let key = KeyId(id.0);
        // Whoever may not publish leaves no key behind.
        if matches!(action, NoticeAction::Publish(_)) && actor.has(Role::Office) {
            let owner = KeyOwner::Office;
            let new = NewKey {
                id: key,
                owner,
                same_as: None,
            };
            self.vault.make_keys(vec![new]).await?;
        }
        let sealed = self.seal_notice_action(key, envelope.event, action).await;
        let action = match sealed {
            // Without a key there is no notice, or none that this account could have published.
            Err(DeskError::Vault(VaultError::Altered { .. })) => {
                let reason = if actor.has(Role::Office) {
                    Reason::NotFound
                } else {
                    Reason::RoleNotAllowed
                };
                return Err(Refusal::new(name, "notice", reason).into());
            }
            sealed => sealed?,
        };
        let command = NoticeCommand {
            actor: actor.clone(),
            now: envelope.stamp.at,
            max: rules.texts(),
            organisation: self.organisation().await?,
            action,
            expected_revision: options.expected_revision,
        };
        self.run::<Notice>(id.0, envelope, || command.clone()).await
    }

    async fn seal_notice_action(
        &self,
        key: KeyId,
        event: EventId,
        action: NoticeAction<String>,
    ) -> Result<NoticeAction<Sealed>, DeskError> {
        let name = action.name();
        let seal = async |field: &'static str, text: String| {
            let text = kept(name, field, &text)?;
            let sealed = self.vault.seal(key, event, field, &text).await;
            sealed.map_err(DeskError::from)
        };
        Ok(match action {
            NoticeAction::Publish(content) => NoticeAction::Publish(Content {
                title: seal("title", content.title).await?,
                body: seal("body", content.body).await?,
                departments: content.departments,
                expires_at: content.expires_at,
            }),
            NoticeAction::Change(change) => NoticeAction::Change(Change {
                title: seal("title", change.title).await?,
                body: seal("body", change.body).await?,
                departments: change.departments,
                expires_at: change.expires_at,
            }),
            NoticeAction::Withdraw => NoticeAction::Withdraw,
            NoticeAction::MarkRead => NoticeAction::MarkRead,
        })
    }
}

/// Rare: always read anew.
impl Cacheable for Notice {
    fn cached(_: &Desk, _: Uuid) -> Option<Cached<Self>> {
        None
    }
    fn cache(_: &Desk, _: Uuid, _: Cached<Self>) {}
}
