//! What Docket does by itself with a ticket, when a timer's time has come. The command's id follows from its
//! cause, so that the same timer run twice, by whatever process, takes effect once.

use super::{Desk, DeskError, Options};
use docket_domain::ids::{CommandId, TicketId};
use docket_domain::people::Actor;
use docket_domain::policy::Timer;

/// What became of a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fired {
    /// Done; views that have come as far as this know of it.
    At(u64),
    /// The ticket has moved on: there is nothing to do.
    Void,
}

impl Desk {
    /// Does what a timer of a ticket is there for.
    pub async fn fire(&self, id: TicketId, timer: Timer) -> Result<Fired, DeskError> {
        let Some(action) = timer.cause.action() else {
            return self.conclude(id).await;
        };
        let rules = self.rules().await?.version;
        // A calendar settles limits once for each pack that brings one.
        let once = match timer.cause.reckoning() {
            docket_domain::policy::Reckoning::WithTheCalendar => rules,
            docket_domain::policy::Reckoning::At
            | docket_domain::policy::Reckoning::AfterTheEnd => 0,
        };
        let micros = timer.at.timestamp_micros();
        let name = format!("timer {id} {} {micros} {once}", timer.cause);
        let options = Options {
            command: Some(CommandId(self.named(&name))),
            ..Options::default()
        };
        match self.act(&Actor::system(), id, action, &options).await {
            // Done before, and shown still: views that are late, or a timer that came to nothing.
            Ok(outcome) if outcome.repeated => Ok(Fired::Void),
            Ok(outcome) => Ok(Fired::At(outcome.position)),
            Err(DeskError::Refused(_)) => Ok(Fired::Void),
            Err(error) => Err(error),
        }
    }

    async fn conclude(&self, id: TicketId) -> Result<Fired, DeskError> {
        let Some(master) = self.ticket(id).await? else {
            return Ok(Fired::Void);
        };
        if !master.state.state.is_over() {
            return Ok(Fired::Void);
        }
        self.conclude_followers(id, &master.state).await?;
        let after = self.ticket(id).await?;
        Ok(after.map_or(Fired::Void, |after| Fired::At(after.position)))
    }
}
