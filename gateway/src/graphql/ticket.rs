//! The ticket: one request of one caller, and what became of it.

mod attachments;
mod clock;
mod ending;
mod exclusion;
mod flags;
mod hints;
mod parts;
mod siblings;
mod source;
mod timeline;
mod words;

pub use attachments::Attachment;
pub use exclusion::ExclusionQueries;
pub use siblings::Siblings;
pub use words::{
    ContactMeans, FilePart, Kind, Light, Satisfaction, Secrecy, SupervisionLevel, TicketState,
    Urgency,
};

use super::account::Account;
use super::common::{Position, app, global_id, local_id, open, wait_for};
use super::limits::counted;
use super::organisation::Department;
use super::paging::{PageArgs, page_size};
use crate::auth::viewer;
use crate::error::{Code, fault_because, not_found, system, view_fault};
use crate::rights::{self, Group, Sight, sight};
use async_graphql::{Context, Error, ID, Object};
use chrono::{DateTime, Utc};
use docket_core::desk::Caller as CallerBlock;
use docket_domain::ids::{AccountId, TicketId};
use docket_domain::sealed::Sealed;
use docket_domain::ticket as domain;
use docket_projections::card::Card;
use docket_projections::timeline::STEPS_MAX;
use ending::{CallBack, Ending, Review};
use exclusion::Exclusion;
use flags::{Archive, Dispute, Pause, Ruling, Supervision, Termination};
use futures_util::future::try_join_all;
use hints::{DUPLICATES_MAX, PossibleDuplicate};
use parts::{Answer, Assignment, Caller, Rating};
use source::{Source, SourceNumber};
use std::sync::Arc;
use timeline::{STEPS_USUAL, TimelineConnection};
use words::Due;

/// A ticket (工单).
#[derive(Clone)]
pub struct Ticket {
    pub(super) id: TicketId,
    pub(super) ticket: Arc<domain::Ticket>,
    /// The ticket by which it is judged who may see what: as it stands, where `ticket` is how a command left it.
    pub(super) judged_by: Arc<domain::Ticket>,
    /// Views asked from here must have come this far.
    pub(super) position: u64,
    /// Those it is shown together with, itself included.
    pub(super) siblings: Option<Arc<Siblings>>,
}

impl From<Card> for Ticket {
    fn from(card: Card) -> Self {
        Self {
            id: card.id,
            judged_by: card.ticket.clone(),
            ticket: card.ticket,
            position: card.position,
            siblings: None,
        }
    }
}

impl Ticket {
    /// A card that is shown together with others.
    pub(super) fn among(card: Card, siblings: &Arc<Siblings>) -> Self {
        Self {
            siblings: Some(siblings.clone()),
            ..Self::from(card)
        }
    }

    fn intake(&self) -> Result<&domain::Intake, Error> {
        self.ticket
            .intake
            .as_ref()
            .ok_or_else(|| fault_because(Code::Internal, "an empty ticket"))
    }

    fn sight(&self, context: &Context<'_>, group: Group) -> Result<Sight, Error> {
        Ok(sight(&viewer(context)?.actor, &self.judged_by, group))
    }

    /// Whether an event of it is told to the viewer: what is the staff's alone is not told to its citizen.
    pub(super) fn tells_of(&self, context: &Context<'_>, event_type: &str) -> Result<bool, Error> {
        Ok(self.reads_work(context)? || !timeline::is_internal(event_type))
    }

    /// Whether the viewer may know of its handling.
    fn reads_work(&self, context: &Context<'_>) -> Result<bool, Error> {
        Ok(rights::reads_work(&viewer(context)?.actor, &self.judged_by))
    }

    /// The account that did something, to whoever may know of the work.
    async fn by(
        &self,
        context: &Context<'_>,
        account: AccountId,
    ) -> Result<Option<Account>, Error> {
        if !rights::reads_who(&viewer(context)?.actor, &self.judged_by, account) {
            return Ok(None);
        }
        Account::find(context, account).await
    }

    async fn text(
        &self,
        context: &Context<'_>,
        group: Group,
        field: &'static str,
        sealed: Option<&Sealed>,
    ) -> Result<Option<String>, Error> {
        self.open(context, self.sight(context, group)?, field, sealed)
            .await
    }

    /// Opens a text of it, whose key is fetched with those of the tickets beside it.
    async fn open(
        &self,
        context: &Context<'_>,
        sight: Sight,
        field: &'static str,
        sealed: Option<&Sealed>,
    ) -> Result<Option<String>, Error> {
        if let (Some(siblings), Some(_), true) = (&self.siblings, sealed, sight != Sight::Hidden) {
            siblings.open(context).await?;
        }
        open(context, sight, field, sealed).await
    }
}

/// A ticket (工单).
#[Object]
impl Ticket {
    /// Global id.
    pub async fn id(&self) -> ID {
        global_id("ticket", self.id.0)
    }

    /// Eighteen digits: `yyMMddHHmmss` and six more.
    async fn number(&self) -> Result<String, Error> {
        Ok(self.intake()?.number.to_string())
    }

    /// The code with which the caller may ask after it; told to the caller and the centre.
    async fn query_code(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let actor = &viewer(context)?.actor;
        let sight = rights::query_code_sight(actor, &self.judged_by);
        let code = Some(&self.intake()?.query_code);
        self.open(context, sight, "query_code", code).await
    }

    /// Where it stands.
    async fn state(&self) -> TicketState {
        self.ticket.state.into()
    }

    /// Moves with what changes the work, not with views. Give it as `expectedRevision`.
    async fn revision(&self) -> u32 {
        self.ticket.revision
    }

    /// What the caller wants; null where it was carried over and is not known.
    async fn kind(&self) -> Result<Option<Kind>, Error> {
        Ok(self.intake()?.kind.map(Kind::from))
    }

    /// The code of the channel it came by; null where it was carried over and is not known.
    async fn channel(&self) -> Result<Option<&String>, Error> {
        Ok(self.intake()?.channel.as_ref())
    }

    /// Its topic, a path.
    async fn topic(&self) -> Result<Option<&String>, Error> {
        Ok(self.intake()?.topic.as_ref())
    }

    /// How pressing it is.
    async fn urgency(&self) -> Result<Urgency, Error> {
        Ok(self.intake()?.urgency.into())
    }

    /// Who may know of it.
    async fn secrecy(&self) -> Result<Secrecy, Error> {
        Ok(self.intake()?.secrecy.into())
    }

    /// Whether the caller wants a reply.
    async fn wants_reply(&self) -> Result<bool, Error> {
        Ok(self.intake()?.wants_reply)
    }

    /// When it was received.
    async fn received_at(&self) -> Result<DateTime<Utc>, Error> {
        Ok(self.intake()?.at)
    }

    /// Who called. Null where anonymous, erased, or not to be seen.
    async fn caller(&self, context: &Context<'_>) -> Result<Option<Caller>, Error> {
        let seen = self.sight(context, Group::Caller)?;
        let clear = if seen == Sight::Hidden {
            Sight::Hidden
        } else {
            Sight::Clear
        };
        let caller = self.intake()?.caller.as_ref();
        let Some(text) = self.open(context, clear, "caller", caller).await? else {
            return Ok(None);
        };
        let block: CallerBlock =
            serde_json::from_str(&text).map_err(|_| fault_because(Code::Internal, "a caller"))?;
        let show = |text: Option<String>| text.and_then(|text| rights::shown(seen, text));
        Ok(Some(Caller {
            name: show(block.name),
            sex: show(block.sex),
            phone: show(block.phone),
            email: show(block.email),
            company: show(block.company),
        }))
    }

    /// Whether the caller did not say who they are.
    async fn anonymous(&self) -> Result<bool, Error> {
        Ok(self.intake()?.anonymous)
    }

    /// Title. Null where erased.
    async fn title(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        self.text(context, Group::Matter, "title", Some(&self.intake()?.title))
            .await
    }

    /// Body. Null where erased, or carried over from where there is none.
    async fn body(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let body = self.intake()?.body.as_ref();
        self.text(context, Group::Matter, "body", body).await
    }

    /// Where it happened, in words.
    async fn place(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        self.text(
            context,
            Group::Matter,
            "place",
            self.intake()?.place.as_ref(),
        )
        .await
    }

    /// The region it happened in.
    async fn region(&self) -> Result<Option<&String>, Error> {
        Ok(self.intake()?.region.as_ref())
    }

    /// When it happened.
    async fn incident_at(&self) -> Result<Option<DateTime<Utc>>, Error> {
        Ok(self.intake()?.incident_at)
    }

    /// The party complained of.
    async fn respondent(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        self.text(
            context,
            Group::Respondent,
            "respondent",
            self.intake()?.respondent.as_ref(),
        )
        .await
    }

    /// A department accused in it.
    async fn accused_department(&self, context: &Context<'_>) -> Result<Option<Department>, Error> {
        match (
            self.intake()?.accused_department,
            self.sight(context, Group::Work)?,
        ) {
            (Some(id), Sight::Clear) => Department::find(context, id).await,
            _ => Ok(None),
        }
    }

    /// The number of an earlier ticket on the same matter; to those who may see that one.
    #[graphql(complexity = 5)]
    async fn earlier(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let Some(number) = &self.intake()?.earlier else {
            return Ok(None);
        };
        let actor = &viewer(context)?.actor;
        let seen = if let Some(siblings) = &self.siblings {
            let earlier = siblings.earlier(context, number).await?;
            earlier.is_some_and(|card| card.ticket.is_visible_to(actor))
        } else {
            let earlier = app(context)?.views.ticket_by_number(number).await;
            let earlier = earlier.map_err(|e| view_fault(&e))?;
            earlier.is_some_and(|card| card.ticket.is_visible_to(actor))
        };
        Ok(seen.then(|| number.to_string()))
    }

    /// What the system it was carried over from knew of it, if it was.
    async fn source(&self) -> Option<Source> {
        let source = self.ticket.source.clone()?;
        Some(Source {
            of: self.clone(),
            source,
        })
    }

    /// The round of handling, from 1.
    async fn round(&self) -> u16 {
        self.ticket.round
    }

    /// Every assignment made, in order. Not told to citizens.
    #[graphql(complexity = "5 * child_complexity")]
    async fn assignments(&self, context: &Context<'_>) -> Result<Vec<Assignment>, Error> {
        if !self.reads_work(context)? {
            return Ok(Vec::new());
        }
        let all = 0..self.ticket.assignments.len();
        let assignment = |index| Assignment {
            of: self.clone(),
            index,
        };
        counted(context, all.map(assignment).collect())
    }

    /// The files attached that one may know of, in order.
    #[graphql(complexity = "5 * child_complexity")]
    async fn attachments(&self, context: &Context<'_>) -> Result<Vec<Attachment>, Error> {
        let actor = &viewer(context)?.actor;
        let files = self.ticket.attachments.iter();
        let shown = files.filter(|file| self.judged_by.shows_file_to(file, actor));
        let attachment = |file: &domain::Attachment| Attachment {
            of: self.clone(),
            file: file.clone(),
        };
        counted(context, shown.map(attachment).collect())
    }

    /// The answer that went to the citizen.
    async fn answer(&self) -> Option<Answer> {
        let answer = self.ticket.answer.clone()?;
        Some(Answer {
            of: self.clone(),
            answer,
            office: self.ticket.answered_in().map(domain::Assignment::office),
        })
    }

    /// The first rating.
    async fn first_rating(&self) -> Option<Rating> {
        let rating = self.ticket.first_rating.clone()?;
        Some(Rating {
            of: self.clone(),
            rating,
        })
    }

    /// The latest rating.
    async fn last_rating(&self) -> Option<Rating> {
        let rating = self.ticket.last_rating.clone()?;
        Some(Rating {
            of: self.clone(),
            rating,
        })
    }

    /// The hotline office's review of the answer, in this round.
    async fn review(&self) -> Option<Review> {
        let review = self.ticket.review.clone()?;
        Some(Review {
            of: self.clone(),
            review,
        })
    }

    /// Every call to the citizen after the answer, in this round.
    #[graphql(complexity = "5 * child_complexity")]
    async fn call_backs(&self, context: &Context<'_>) -> Result<Vec<CallBack>, Error> {
        let call = |call: &domain::CallBack| CallBack {
            of: self.clone(),
            call: call.clone(),
        };
        counted(context, self.ticket.call_backs.iter().map(call).collect())
    }

    /// How it ended; null while it has not.
    async fn ending(&self) -> Option<Ending> {
        let ending = self.ticket.ending.clone()?;
        Some(Ending {
            of: self.clone(),
            ending,
        })
    }

    /// How often the answer was corrected; each correction is a step of the timeline.
    async fn corrections(&self) -> u16 {
        self.ticket.corrections
    }

    /// The supervision it is under (督办); null where under none. Not told to citizens.
    async fn supervision(&self, context: &Context<'_>) -> Result<Option<Supervision>, Error> {
        let of_work = self.reads_work(context)?;
        let supervision = self.ticket.supervision.clone().filter(|_| of_work);
        Ok(supervision.map(|supervision| Supervision {
            of: self.clone(),
            supervision,
        }))
    }

    /// The dispute that is not ruled on yet (疑难). Not told to citizens.
    async fn dispute(&self, context: &Context<'_>) -> Result<Option<Dispute>, Error> {
        let of_work = self.reads_work(context)?;
        let dispute = self.ticket.dispute.clone().filter(|_| of_work);
        Ok(dispute.map(|dispute| Dispute {
            of: self.clone(),
            dispute,
        }))
    }

    /// The joint meeting's latest ruling (裁定). Not told to citizens.
    async fn ruling(&self, context: &Context<'_>) -> Result<Option<Ruling>, Error> {
        let of_work = self.reads_work(context)?;
        let ruling = self.ticket.ruling.clone().filter(|_| of_work);
        Ok(ruling.map(|ruling| Ruling {
            of: self.clone(),
            ruling,
        }))
    }

    /// Whether its clocks stand still on a lawful ground.
    async fn suspended(&self) -> bool {
        self.ticket.is_suspended()
    }

    /// Every time its clocks stood still, in order; the last may go on.
    #[graphql(complexity = "5 * child_complexity")]
    async fn pauses(&self, context: &Context<'_>) -> Result<Vec<Pause>, Error> {
        let pause = |pause: &domain::Pause| Pause {
            of: self.clone(),
            pause: pause.clone(),
        };
        counted(context, self.ticket.pauses.iter().map(pause).collect())
    }

    /// The ticket it is merged into, while it is (并单); to those who may see that one.
    async fn merged_into(&self, context: &Context<'_>) -> Result<Option<Ticket>, Error> {
        match &self.ticket.merged {
            Some(merged) => visible(context, merged.master).await,
            None => Ok(None),
        }
    }

    /// The tickets merged into it, those that the account may see.
    #[graphql(complexity = "20 * child_complexity")]
    async fn followers(&self, context: &Context<'_>) -> Result<Vec<Ticket>, Error> {
        // At the same time, so that the journal gathers them.
        let read = self.ticket.followers.iter().map(|id| visible(context, *id));
        let followers = try_join_all(read).await?.into_iter().flatten();
        let here = |follower: &Ticket| {
            let merged = follower.ticket.merged.as_ref();
            merged.is_some_and(|merged| merged.master == self.id)
        };
        counted(context, followers.filter(here).collect())
    }

    /// The termination that a department asked for, until it is decided on. Not told to citizens.
    async fn termination(&self, context: &Context<'_>) -> Result<Option<Termination>, Error> {
        let of_work = self.reads_work(context)?;
        let asked = self.ticket.pending_termination().filter(|_| of_work);
        Ok(asked.map(|asked| Termination {
            of: self.clone(),
            termination: asked.clone(),
        }))
    }

    /// Every exclusion from the appraisal that was asked for (剔除), in order. Not told to citizens.
    #[graphql(complexity = "5 * child_complexity")]
    async fn exclusions(&self, context: &Context<'_>) -> Result<Vec<Exclusion>, Error> {
        if !self.reads_work(context)? {
            return Ok(Vec::new());
        }
        let exclusion = |exclusion: &domain::Exclusion| Exclusion {
            of: self.clone(),
            exclusion: exclusion.clone(),
        };
        let all = self.ticket.exclusions.iter();
        counted(context, all.map(exclusion).collect())
    }

    /// When and how it was laid down (归档).
    async fn archived(&self) -> Option<Archive> {
        self.ticket.archived.as_ref().map(|archived| Archive {
            at: archived.at,
            class: archived.class.clone(),
        })
    }

    /// When the citizen is to have been called back.
    async fn call_back_due(&self) -> Option<Due> {
        self.ticket.call_back_due.map(Due::from)
    }

    /// How often it was urged.
    async fn urges(&self) -> u16 {
        self.ticket.urges
    }

    /// When it was urged last.
    async fn urged_at(&self) -> Option<DateTime<Utc>> {
        self.ticket.urging.as_ref().map(|urging| urging.at)
    }

    /// Since when it has been nobody's to handle; null while it is somebody's. Told to the centre and
    /// auditors.
    async fn unassigned_since(
        &self,
        context: &Context<'_>,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let may = rights::reads_unassigned(&viewer(context)?.actor);
        Ok(self.ticket.unassigned_since().filter(|_| may))
    }

    /// The departments that the rule pack's table of topics and regions suggests, the closest first. For the
    /// centre.
    #[graphql(complexity = "5 * child_complexity")]
    async fn suggested_departments(&self, context: &Context<'_>) -> Result<Vec<Department>, Error> {
        counted(context, hints::suggested_departments(context, self).await?)
    }

    /// Tickets that may be the same request: of the same contact, or about the same place and topic, within
    /// the rule pack's days; the latest first, at most 20. For the centre.
    #[graphql(complexity = "50 + DUPLICATES_MAX * child_complexity")]
    async fn possible_duplicates(
        &self,
        context: &Context<'_>,
    ) -> Result<Vec<PossibleDuplicate>, Error> {
        hints::possible_duplicates(context, self).await
    }

    /// What the account that asks may do with it now.
    async fn available_actions(&self, context: &Context<'_>) -> Result<Vec<&'static str>, Error> {
        let actor = &viewer(context)?.actor;
        let desk = &app(context)?.desk;
        let available = desk.available_actions(actor, &self.ticket).await;
        available.map_err(|error| system(&error))
    }

    /// Every step (流转明细), in order. Citizens see what happened to their request and when, no more: supervision,
    /// lights, exclusions, prints and merges of others into it are the staff's.
    #[graphql(
        complexity = "20 + page_size(first, last, STEPS_USUAL, STEPS_MAX) as usize * child_complexity"
    )]
    async fn timeline(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Steps wanted from the first on, 1 to 200; 100 if neither is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "Steps wanted from the last back, 1 to 200.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<TimelineConnection, Error> {
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        timeline::page(context, self, &args).await
    }
}

/// Queries about tickets.
#[derive(Default)]
pub struct TicketQuery;

#[Object]
impl TicketQuery {
    /// A ticket by id, by number, or by the number it had in the system before. `NOT_FOUND` where there is none, or none that the account may see.
    #[graphql(complexity = "10 + child_complexity")]
    async fn ticket(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its global id.")] id: Option<ID>,
        #[graphql(desc = "Its number.")] number: Option<String>,
        #[graphql(desc = "Its number in the system it was carried over from.")]
        source_number: Option<SourceNumber>,
        #[graphql(desc = "Wait, at most 5 s, until the views have come this far.")]
        min_position: Option<Position>,
    ) -> Result<Option<Ticket>, Error> {
        let actor = &viewer(context)?.actor;
        wait_for(context, min_position).await?;
        let views = &app(context)?.views;
        let found = match (id, number, source_number) {
            (Some(id), None, None) => views.ticket(local_id("ticket", &id)?).await,
            (None, Some(number), None) => match number.parse() {
                Ok(number) => views.ticket_by_number(&number).await,
                Err(_) => {
                    return Err(fault_because(
                        Code::BadRequest,
                        ("工单编号为十八位数字", "a ticket number is eighteen digits"),
                    ));
                }
            },
            (None, None, Some(old)) => match old.find(context).await? {
                Some(id) => views.ticket(id).await,
                None => Ok(None),
            },
            _ => {
                return Err(fault_because(
                    Code::BadRequest,
                    (
                        "请填写 id、number、sourceNumber 之一",
                        "give id, number or sourceNumber, one of them",
                    ),
                ));
            }
        };
        let card = found.map_err(|e| view_fault(&e))?;
        let seen = card.filter(|card| card.ticket.is_visible_to(actor));
        seen.map(|card| Some(Ticket::from(card)))
            .ok_or_else(not_found)
    }
}

/// The ticket as the journal has it now, if the account may see it.
pub(super) async fn visible(context: &Context<'_>, id: TicketId) -> Result<Option<Ticket>, Error> {
    let found = app(context)?.desk.ticket(id).await;
    match found.map_err(|e| system(&e))? {
        Some(outcome) => seen(context, id, outcome.state),
        None => Ok(None),
    }
}

/// The ticket as it is given, if the account may see it.
pub(super) fn seen(
    context: &Context<'_>,
    id: TicketId,
    state: Arc<domain::Ticket>,
) -> Result<Option<Ticket>, Error> {
    let actor = &viewer(context)?.actor;
    let seen = Some(state).filter(|state| state.is_visible_to(actor));
    Ok(seen.map(|state| Ticket {
        id,
        judged_by: state.clone(),
        ticket: state,
        position: 0,
        siblings: None,
    }))
}
