//! What a citizen without an account sees and does (rate, urge, withdraw), with a ticket's number and query code.

use super::account::address;
use super::common::{Position, UserError, app, open, options, split};
use super::organisation::organisation;
use super::ticket::{Satisfaction, TicketState};
use super::ticket_actions::filled;
use crate::error::{Code, Failure, fault};
use crate::rights::Sight;
use async_graphql::{Context, Error, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use docket_core::DeskError;
use docket_core::desk::{Options, Shown};
use docket_core::ops::SecurityKind;
use docket_domain::Due;
use docket_domain::ticket::actions::rate::Rate;
use docket_domain::ticket::actions::urge::Urge;
use docket_domain::ticket::actions::withdraw::Withdraw;
use docket_domain::ticket::{AssignmentState, Ticket, TicketAction};
use std::sync::Arc;
use uuid::Uuid;

/// A ticket's number and the query code told with it (查询码).
#[derive(InputObject)]
pub struct ProgressInput {
    /// Eighteen digits.
    number: String,
    /// Eight letters and digits; capitals or not.
    query_code: String,
}

/// How far a ticket has come, as its citizen may know. No office's texts, and no person's.
pub struct Progress(Arc<Ticket>);

impl Progress {
    /// The limit that runs.
    fn due(&self) -> Option<Due> {
        let lead = self.0.lead().filter(|lead| lead.state.is_open())?;
        lead.due.filter(|_| !self.0.is_suspended())
    }
}

/// How far a ticket has come, as its citizen may know. No office's texts, and no person's.
#[Object]
impl Progress {
    /// The number.
    async fn number(&self) -> Option<String> {
        let intake = self.0.intake.as_ref();
        intake.map(|intake| intake.number.to_string())
    }

    /// Moves with what changes the work, not with views. Give it as `expectedRevision`.
    async fn revision(&self) -> u32 {
        self.0.revision
    }

    /// Where it stands.
    async fn state(&self) -> TicketState {
        self.0.state.into()
    }

    /// When it was received.
    async fn received_at(&self) -> Option<DateTime<Utc>> {
        self.0.intake.as_ref().map(|intake| intake.at)
    }

    /// Its title. Null where erased.
    async fn title(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let title = self.0.intake.as_ref().map(|intake| &intake.title);
        open(context, Sight::Clear, "title", title).await
    }

    /// The name of the department that answers for it, once there is one; of an answered one the name it had
    /// when it answered.
    async fn department(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let Some(lead) = self
            .0
            .lead()
            .filter(|lead| lead.state.is_open() || lead.state == AssignmentState::Replied)
        else {
            return Ok(None);
        };
        let organisation = organisation(context).await?;
        Ok(lead.office_name(&organisation).map(str::to_owned))
    }

    /// Whether its clock stands still on a lawful ground (中止): when it goes on, the limit has moved.
    async fn suspended(&self) -> bool {
        self.0.is_suspended()
    }

    /// When an answer is due, while one is and that is known: not while the clock stands still.
    async fn due_at(&self) -> Option<DateTime<Utc>> {
        Some(self.due()?.at)
    }

    /// Whether that is reckoned on plain weekdays, because a year's holidays were not published yet: it may move.
    async fn due_provisional(&self) -> bool {
        self.due().is_some_and(|due| due.provisional)
    }

    /// The answer. Null where there is none yet, or erased.
    async fn answer(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let answer = self.0.answer.as_ref().map(|answer| &answer.text);
        open(context, Sight::Clear, "answer", answer).await
    }

    /// When it was answered.
    async fn answered_at(&self) -> Option<DateTime<Utc>> {
        self.0.answer.as_ref().map(|answer| answer.at)
    }

    /// The lawful channel for it, where it was declined. Null where erased.
    async fn lawful_channel(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let ending = self.0.ending.as_ref();
        let channel = ending.and_then(|ending| ending.lawful_channel.as_ref());
        open(context, Sight::Clear, "lawful_channel", channel).await
    }

    /// When it was over: closed, declined or withdrawn, as the state says.
    async fn ended_at(&self) -> Option<DateTime<Utc>> {
        self.0.ending.as_ref().and_then(|ending| ending.at)
    }

    /// How often it was urged.
    async fn urges(&self) -> u16 {
        self.0.urges
    }

    /// When it was urged last.
    async fn urged_at(&self) -> Option<DateTime<Utc>> {
        self.0.urging.as_ref().map(|urging| urging.at)
    }

    /// How it was rated last.
    async fn satisfaction(&self) -> Option<Satisfaction> {
        self.0
            .last_rating
            .as_ref()
            .map(|rating| rating.satisfaction.into())
    }
}

/// Queries for citizens without an account.
#[derive(Default)]
pub struct ProgressQuery;

#[Object]
impl ProgressQuery {
    /// How far a ticket has come (进度查询). Needs no login; wrong codes lock the number for a while.
    #[graphql(complexity = "2_000 + child_complexity")]
    async fn progress(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Number and query code.")] input: ProgressInput,
    ) -> Result<Progress, Error> {
        let shown = Shown {
            number: &input.number,
            query_code: &input.query_code,
        };
        match app(context)?.desk.shown(&shown).await {
            Ok(outcome) => Ok(Progress(outcome.state)),
            Err(error) => {
                note(context, &error).await?;
                Err(match error {
                    DeskError::WrongQueryCode => fault(Code::WrongQueryCode),
                    DeskError::QueryCodeLocked => fault(Code::QueryCodeLocked),
                    error => crate::error::system(&error),
                })
            }
        }
    }
}

macro_rules! shown_inputs {
    ($($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident: $type:ty,)* })+) => {$(
        $(#[$doc])*
        #[derive(InputObject)]
        pub struct $name {
            /// Eighteen digits.
            number: String,
            /// Eight letters and digits; capitals or not.
            query_code: String,
            $($(#[$fdoc])* $field: $type,)*
            /// Sent again with the same id, the command takes effect once.
            command_id: Option<Uuid>,
            /// The `revision` of the progress as it was seen: if that has moved since, the command is refused
            /// (`STALE_REVISION`).
            expected_revision: Option<i32>,
        }
    )+};
}

shown_inputs! {
    /// A rating with number and query code.
    RateByCodeInput {
        /// How content.
        satisfaction: Satisfaction,
        /// Whether it is solved, if said.
        solved: Option<bool>,
        /// What was said with it.
        comment: Option<String>,
    }
    /// An urging with number and query code.
    UrgeByCodeInput {
        /// What is asked.
        text: Option<String>,
    }
    /// A withdrawal with number and query code.
    WithdrawByCodeInput {
        /// Why.
        text: Option<String>,
    }
}

/// How far the ticket has come after a citizen's command.
#[derive(SimpleObject)]
pub struct ProgressPayload {
    /// Null where the command was refused.
    progress: Option<Progress>,
    /// The position of the command's event.
    position: Option<Position>,
    /// Why not.
    user_errors: Vec<UserError>,
}

/// Commands of citizens without an account.
#[derive(Default)]
pub struct ProgressMutation;

#[Object]
impl ProgressMutation {
    /// 评价: rates an answered ticket with its number and query code. Needs no login.
    #[graphql(complexity = "2_000 + child_complexity")]
    async fn rate_by_code(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RateByCodeInput,
    ) -> Result<ProgressPayload, Error> {
        let action = TicketAction::Rate(Rate {
            satisfaction: input.satisfaction.into(),
            solved: input.solved,
            comment: filled(input.comment),
        });
        let shown = Shown {
            number: &input.number,
            query_code: &input.query_code,
        };
        let options = options(input.command_id, input.expected_revision);
        act_shown(context, &shown, action, &options).await
    }

    /// 催办: urges a ticket on with its number and query code. Needs no login.
    #[graphql(complexity = "2_000 + child_complexity")]
    async fn urge_by_code(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UrgeByCodeInput,
    ) -> Result<ProgressPayload, Error> {
        let action = TicketAction::Urge(Urge {
            text: filled(input.text),
        });
        let shown = Shown {
            number: &input.number,
            query_code: &input.query_code,
        };
        let options = options(input.command_id, input.expected_revision);
        act_shown(context, &shown, action, &options).await
    }

    /// 撤诉: takes a request back with its number and query code. Needs no login.
    #[graphql(complexity = "2_000 + child_complexity")]
    async fn withdraw_by_code(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: WithdrawByCodeInput,
    ) -> Result<ProgressPayload, Error> {
        let action = TicketAction::Withdraw(Withdraw {
            text: filled(input.text),
        });
        let shown = Shown {
            number: &input.number,
            query_code: &input.query_code,
        };
        let options = options(input.command_id, input.expected_revision);
        act_shown(context, &shown, action, &options).await
    }
}

/// Notes a wrong query code in the security log.
async fn note(context: &Context<'_>, error: &DeskError) -> Result<(), Error> {
    let kind = match error {
        DeskError::WrongQueryCode => SecurityKind::QueryCodeRefused,
        DeskError::QueryCodeLocked => SecurityKind::QueryCodeLocked,
        _ => return Ok(()),
    };
    let noted = app(context)?.desk.note(kind, None, address(context), 1);
    noted.await.map_err(|error| crate::error::system(&error))
}

async fn act_shown(
    context: &Context<'_>,
    shown: &Shown<'_>,
    action: TicketAction<String>,
    options: &Options,
) -> Result<ProgressPayload, Error> {
    let desk = &app(context)?.desk;
    let done = desk.act_shown(shown, action, options).await;
    if let Err(error) = &done {
        note(context, error).await?;
    }
    let (outcome, user_errors) = split(context, done.map_err(Failure::from))?;
    Ok(ProgressPayload {
        position: outcome.as_ref().map(|o| Position(o.position)),
        progress: outcome.map(|o| Progress(o.state)),
        user_errors,
    })
}
