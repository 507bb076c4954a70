//! Merging touches two tickets: a process of two commands, one on each. The master notes its follower first;
//! should the merge then not come about, it lists one that is not merged into it, which nobody acts on.

use super::{Desk, DeskError, Options};
use docket_domain::Reason;
use docket_domain::ids::TicketId;
use docket_domain::people::Actor;
use docket_domain::ticket::actions::conclude::Conclude;
use docket_domain::ticket::actions::correct::Correct;
use docket_domain::ticket::actions::join::Join;
use docket_domain::ticket::actions::leave::Leave;
use docket_domain::ticket::actions::merge::Merge;
use docket_domain::ticket::actions::unmerge::Unmerge;
use docket_domain::ticket::state::Answer;
use docket_domain::ticket::{EndingKind, Ticket, TicketAction, TicketState};

/// What is said to be wrong with an answer that is corrected with the master's: that one's words are not for others.
const WITH_THE_MASTER: &str =
    "主单答复已更正，随之更正 (corrected with the ticket it was merged into)";

/// Whether an office that has or had one ticket may not know of the other: it accuses that office.
fn hides(secret: &Ticket, from: &Ticket) -> bool {
    let Some(intake) = &secret.intake else {
        return false;
    };
    let mut offices = from.assignments.iter().map(|a| a.department);
    offices.any(|department| intake.hides_from(department))
}

impl Desk {
    /// What a merge has to know of its master. Where the account may merge the follower, the master takes it in: then
    /// it is fit.
    pub(super) async fn look_up_master(
        &self,
        actor: &Actor,
        follower: TicketId,
        merge: &mut Merge,
    ) -> Result<(), DeskError> {
        let master = merge.master;
        let (one, other) = (self.ticket(follower).await?, self.ticket(master).await?);
        let (Some(one), Some(other)) = (one, other) else {
            return Ok(());
        };
        merge.ruled_to = other.state.ruled_to();
        let secret = hides(&one.state, &other.state) || hides(&other.state, &one.state);
        let fit = follower != master && other.state.is_visible_to(actor) && !secret;
        let may = self.available_actions(actor, &one.state).await?;
        if !fit || !merge.keeps_the_ruling_of(&one.state) || !may.contains(&"merge") {
            return Ok(());
        }
        match self
            .by_itself(master, TicketAction::Join(Join { follower }))
            .await
        {
            Ok(()) => merge.fit = true,
            Err(DeskError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The ticket that another leaves by an action.
    pub(super) async fn master_left<T>(
        &self,
        id: TicketId,
        action: &TicketAction<T>,
    ) -> Result<Option<TicketId>, DeskError> {
        if !matches!(action, TicketAction::Unmerge(_) | TicketAction::Withdraw(_)) {
            return Ok(None);
        }
        let ticket = self.ticket(id).await?;
        let merged = ticket.filter(|ticket| ticket.state.state == TicketState::Merged);
        Ok(merged.and_then(|ticket| Some(ticket.state.merged.as_ref()?.master)))
    }

    /// Has a master forget a follower, or all of them.
    pub(super) async fn leave(
        &self,
        master: TicketId,
        follower: Option<TicketId>,
    ) -> Result<(), DeskError> {
        let action = TicketAction::Leave(Leave { follower });
        match self.by_itself(master, action).await {
            // An erased one has nothing to forget.
            Err(DeskError::Refused(refusal)) if refusal.reason == Reason::NotFound => Ok(()),
            other => other,
        }
    }

    /// After a merge was refused: the master that took the follower in forgets it, unless it is merged by now.
    pub(super) async fn leave_unless_merged(
        &self,
        master: TicketId,
        follower: TicketId,
    ) -> Result<(), DeskError> {
        let found = self.ticket(follower).await?;
        let merged = found.and_then(|found| found.state.merged.as_ref().map(|m| m.master));
        if merged == Some(master) {
            return Ok(());
        }
        self.leave(master, Some(follower)).await
    }

    /// Gives the followers of a ticket that is over its outcome; those of one that was taken back, declined or
    /// put through go on by themselves, and so does a report that accuses an office of the master.
    pub(super) async fn conclude_followers(
        &self,
        id: TicketId,
        master: &Ticket,
    ) -> Result<(), DeskError> {
        for follower in &master.followers {
            self.conclude_follower(id, master, *follower).await?;
        }
        self.leave(id, None).await
    }

    /// Gives a follower the outcome of its master, if it is merged into that one still; and one that has it the
    /// answer as it was corrected since.
    async fn conclude_follower(
        &self,
        id: TicketId,
        master: &Ticket,
        follower: TicketId,
    ) -> Result<(), DeskError> {
        let found = self.ticket(follower).await?;
        let here = |found: &Ticket| found.merged.as_ref().is_some_and(|m| m.master == id);
        let Some(found) = found.filter(|found| here(&found.state)) else {
            return Ok(());
        };
        let kind = master.ending.as_ref().map(|ending| ending.kind);
        // A report that turned out to accuse an office of the master goes on by itself: the accused answers none.
        let shared = matches!(
            kind,
            Some(EndingKind::Closed | EndingKind::Terminated | EndingKind::Merged)
        ) && !hides(&found.state, master);
        let told = master.answer.as_ref();
        let told = told.filter(|_| shared && !hides(master, &found.state));
        let answer = self.opened(told).await?;
        let action = match (found.state.state == TicketState::Merged, shared) {
            (true, true) => TicketAction::Conclude(Conclude { answer }),
            (true, false) => TicketAction::Unmerge(Unmerge { text: None }),
            // It has the outcome: what was corrected since is corrected here.
            (false, _) => {
                let has = self.opened(found.state.answer.as_ref()).await?;
                let (Some(answer), Some(_)) = (answer.filter(|a| has.as_ref() != Some(a)), &has)
                else {
                    return Ok(());
                };
                let text = WITH_THE_MASTER.to_owned();
                TicketAction::Correct(Correct { answer, text })
            }
        };
        match self.by_itself(follower, action).await {
            Ok(()) | Err(DeskError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn opened(&self, answer: Option<&Answer>) -> Result<Option<String>, DeskError> {
        Ok(match answer {
            Some(answer) => self.vault.open_text("answer", &answer.text).await?,
            None => None,
        })
    }

    /// After a merge: the master may have ended between the two commands, and given its followers their outcome
    /// before this one was there.
    pub(super) async fn conclude_if_over(
        &self,
        master: TicketId,
        follower: TicketId,
    ) -> Result<(), DeskError> {
        let found = self.ticket(master).await?;
        match found.filter(|found| found.state.state.is_over()) {
            Some(over) => self.conclude_follower(master, &over.state, follower).await,
            None => Ok(()),
        }
    }

    /// Does something on a ticket as Docket itself.
    pub(super) async fn by_itself(
        &self,
        id: TicketId,
        action: TicketAction<String>,
    ) -> Result<(), DeskError> {
        let (docket, options) = (Actor::system(), Options::default());
        let done = Box::pin(self.act(&docket, id, action, &options));
        done.await.map(|_| ())
    }
}
