//! Suspend (挂起): the hotline office stops the clocks of a ticket on a lawful ground. Work may be prepared
//! meanwhile, and nothing handed on or answered.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{OPEN, any_listed, listed, refuse, required};
use crate::sealed::{Field, Sealed};
use crate::ticket::state::{Pause, PauseCause};
use crate::time::Timestamp;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// Stops a ticket's clocks.
#[derive(Clone, Debug, Serialize)]
pub struct Suspend<T> {
    /// The code of a lawful ground of the pack.
    pub ground: String,
    /// When it is expected to go on.
    pub expected_at: Timestamp,
    /// In words.
    pub text: T,
}

/// A ticket's clocks stand still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspended {
    /// The ground's code.
    pub ground: String,
    /// When it is expected to go on.
    pub expected_at: Timestamp,
    /// Whether it goes on by itself then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resumes_by_itself: bool,
    /// In words.
    pub text: Sealed,
}

impl<T> Suspend<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<Suspend<U>, E> {
        Ok(Suspend {
            ground: self.ground,
            expected_at: self.expected_at,
            text: seal(Field::of_ticket("text"), self.text)?,
        })
    }
}

/// For how long a suspension may be expected to last. A technical limit.
const LASTS_DAYS_MAX: i64 = 10 * 366;

impl Action for Suspend<Sealed> {
    const SPEC: Spec = Spec {
        name: "suspend",
        zh: "挂起",
        en: "Suspend",
        event: Suspended::TYPE,
        roles: &[Role::Office],
        gate: Gate::Ticket(OPEN),
    };
    type Event = Suspended;

    fn permit(_: &Ticket, _: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        any_listed(context.rules.suspension_grounds())
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Suspended>, Refusal> {
        let rules = &context.rules;
        listed::<Self>(ticket, "ground", &self.ground, rules.suspension_grounds())?;
        required::<Self>(ticket, "text", &self.text, rules.texts().opinion)?;
        let latest = context.now + TimeDelta::days(LASTS_DAYS_MAX);
        if self.expected_at <= context.now || self.expected_at > latest {
            return Err(refuse::<Self>(ticket, Reason::InvalidValue)
                .at("expectedAt")
                .because((
                    format!("须为将来的时间，至多{LASTS_DAYS_MAX}天后"),
                    format!("in the future, at most {LASTS_DAYS_MAX} days on"),
                )));
        }
        Ok(Some(Suspended {
            ground: self.ground,
            expected_at: self.expected_at,
            resumes_by_itself: rules.resumes_by_itself(),
            text: self.text,
        }))
    }
}

impl Fact for Suspended {
    const TYPE: &'static str = "suspended";
    const VERSION: u16 = 1;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        ticket.pauses.push(Pause {
            cause: PauseCause::Suspended,
            from: stamp.at,
            from_event: stamp.event,
            to: None,
            to_event: None,
            ground: Some(self.ground.clone()),
            expected_at: Some(self.expected_at),
            resumes_by_itself: self.resumes_by_itself,
            text: Some(self.text.clone()),
        });
        ticket.changed_at = Some(stamp.at);
    }
}

#[cfg(test)]
mod tests {
    use super::Suspend;
    use crate::refusal::Reason;
    use crate::ticket::TicketAction;
    use crate::ticket::scenario::*;
    use chrono::TimeDelta;

    #[test]
    fn work_is_prepared_and_not_handed_on() {
        let suspended = || signed().and(office(), suspend());
        assert!(suspended().fold().is_suspended());
        suspended()
            .when(clerk(), save_draft("待鉴定"))
            .then(|ticket| assert!(ticket.is_suspended()));
        for (who, what) in [
            (clerk(), reply()),
            (clerk(), delegate()),
            (clerk(), send_back()),
        ] {
            suspended().when(who, what).refused(Reason::Suspended, None);
        }
        suspended()
            .when(office(), suspend())
            .refused(Reason::Suspended, None);
    }

    #[test]
    fn a_withdrawal_ends_it() {
        signed()
            .and(office(), suspend())
            .when(operator(), withdraw())
            .then(|ticket| {
                assert!(!ticket.is_suspended());
                assert_eq!(ticket.pauses[0].to, Some(now()));
            });
    }

    #[test]
    fn on_a_lawful_ground_until_a_time_to_come_by_the_office() {
        let with = |ground: &str, after: i64, text: &str| {
            TicketAction::Suspend(Suspend {
                ground: ground.into(),
                expected_at: now() + TimeDelta::minutes(after),
                text: sealed(text),
            })
        };
        for (action, field, reason) in [
            (with("TIRED", 60, "鉴定"), "ground", Reason::InvalidValue),
            (
                with("APPRAISAL", 0, "鉴定"),
                "expectedAt",
                Reason::InvalidValue,
            ),
            (
                with("APPRAISAL", super::LASTS_DAYS_MAX * 24 * 60 + 1, "鉴定"),
                "expectedAt",
                Reason::InvalidValue,
            ),
            (with("APPRAISAL", 60, ""), "text", Reason::Required),
        ] {
            signed().when(office(), action).refused(reason, Some(field));
        }
        signed()
            .when(dispatcher(), suspend())
            .refused(Reason::RoleNotAllowed, None);
        replied()
            .when(office(), suspend())
            .refused(Reason::WrongState, None);
    }
}
