//! Founding a hotline, and its offices.

use super::{Desk, DeskError, Options, Outcome};
use crate::esrs_store::decode;
use crate::journal::JournalError;
use docket_domain::ids::CommandId;
use docket_domain::organisation::{Organisation, OrganisationAction, OrganisationCommand};
use docket_domain::people::Actor;
use docket_domain::rules::{PackPublished, Publish, Published, RulesBook};

impl Desk {
    /// Founds a store that has no rules or organisation yet; does nothing to one that has.
    pub async fn found(&self, name: &str, pack: &str, holidays: &str) -> Result<(), DeskError> {
        let actor = Actor::system();
        let command = |step: &str| CommandId(self.named(&format!("found {step}")));
        if self.published().await?.current.is_none() {
            let publish = Publish {
                actor: actor.clone(),
                pack: pack.into(),
                holidays: holidays.into(),
                at: self.clock.now(),
                time_zone: None,
            };
            let envelope = self.envelope(
                &actor,
                Some(command("rules")),
                "publish",
                &(pack, holidays),
                0,
            );
            Self::first_of_two(
                self.run::<RulesBook>(self.named("rules"), envelope, || publish.clone())
                    .await,
            )?;
            self.read_anew().await?;
        }
        if self.organisation().await?.name.is_empty() {
            let rules = self.rules().await?;
            let action = OrganisationAction::Found {
                name: name.into(),
                time_zone: rules.calendar.zone,
            };
            let found = OrganisationCommand {
                actor: actor.clone(),
                action,
                expected_revision: None,
            };
            let envelope = self.envelope(&actor, Some(command("organisation")), "found", &name, 0);
            let id = self.named("organisation");
            Self::first_of_two(
                self.run::<Organisation>(id, envelope, || found.clone())
                    .await,
            )?;
            self.read_anew().await?;
        }
        Ok(())
    }

    /// Two processes may found one store at once: the second finds it done.
    pub(super) fn first_of_two<S>(outcome: Result<Outcome<S>, DeskError>) -> Result<(), DeskError> {
        match outcome {
            Ok(_) | Err(DeskError::Journal(JournalError::CommandReused)) => Ok(()),
            Err(DeskError::Refused(r)) if r.reason == docket_domain::Reason::AlreadyExists => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Publishes a rule pack with its list of holidays: it is in force from then on.
    pub async fn publish(
        &self,
        actor: &Actor,
        pack: &str,
        holidays: &str,
        options: &Options,
    ) -> Result<Outcome<Published>, DeskError> {
        let payload = (pack, holidays);
        let envelope = self.envelope(actor, options.command, "publish", &payload, 0);
        if let Some(done) = self.done_before::<RulesBook>(options, &envelope).await? {
            return Ok(done);
        }
        let publish = Publish {
            actor: actor.clone(),
            pack: pack.into(),
            holidays: holidays.into(),
            at: self.clock.now(),
            time_zone: self.organisation().await?.time_zone,
        };
        let id = self.named("rules");
        let outcome = self
            .run::<RulesBook>(id, envelope, || publish.clone())
            .await?;
        self.read_anew().await?;
        Ok(outcome)
    }

    /// The text of the pack in force, as it was published.
    pub async fn pack_in_force(&self) -> Result<PackPublished, DeskError> {
        let (mut after, mut text) = (0, None);
        loop {
            let page = self.journal.read_stream(self.named("rules"), after).await?;
            let Some(last) = page.last() else {
                return text.ok_or(DeskError::NotFounded);
            };
            after = last.version;
            text = Some(decode::<RulesBook>(last)?);
        }
    }

    /// Changes the organisation.
    pub async fn organise(
        &self,
        actor: &Actor,
        action: OrganisationAction,
        options: &Options,
    ) -> Result<Outcome<Organisation>, DeskError> {
        let envelope = self.envelope(actor, options.command, "organise", &action, 0);
        if let Some(done) = self.done_before::<Organisation>(options, &envelope).await? {
            return Ok(done);
        }
        let command = OrganisationCommand {
            actor: actor.clone(),
            action,
            expected_revision: options.expected_revision,
        };
        self.run::<Organisation>(self.named("organisation"), envelope, || command.clone())
            .await
    }
}
