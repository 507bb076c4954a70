//! The ticket: one request of one caller, and what became of it.

mod clock;
mod ending;
mod flags;
mod hints;
mod parts;
mod source;
mod timeline;
mod words;

pub use words::{
    ContactMeans, Kind, Satisfaction, Secrecy, SupervisionLevel, TicketState, Urgency,
};

use super::account::Account;
use super::common::{
    PageInfo, Position, app, cursor, cursor_parts, global_id, local_id, open, page_size, wait_for,
};
use super::organisation::Department;
use crate::auth::{Group, Sight, mask, sight, viewer};
use crate::error::{Code, fault_because, not_found, system, view_fault};
use async_graphql::{Context, Error, ID, Object};
use chrono::{DateTime, Utc};
use docket_core::desk::Caller as CallerBlock;
use docket_domain::ids::{AccountId, TicketId};
use docket_domain::people::Role;
use docket_domain::sealed::Sealed;
use docket_domain::ticket as domain;
use docket_projections::card::Card;
use docket_projections::timeline::STEPS_MAX;
use ending::{CallBack, Ending, Review};
use flags::{Archive, Dispute, Exclusion, Pause, Ruling, Supervision, Termination};
use hints::{DUPLICATES_MAX, PossibleDuplicate};
use parts::{Answer, Assignment, Caller, Rating};
use source::{Source, SourceNumber};
use std::sync::Arc;
use timeline::{Step, TimelineConnection};
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
}

impl From<Card> for Ticket {
    fn from(card: Card) -> Self {
        Self {
            id: card.id,
            judged_by: card.ticket.clone(),
            ticket: card.ticket,
            position: card.position,
        }
    }
}

impl Ticket {
    fn intake(&self) -> Result<&domain::Intake, Error> {
        self.ticket
            .intake
            .as_ref()
            .ok_or_else(|| fault_because(Code::Internal, "an empty ticket"))
    }

    fn sight(&self, context: &Context<'_>, group: Group) -> Result<Sight, Error> {
        Ok(sight(&viewer(context)?.actor, &self.judged_by, group))
    }

    /// The account that did something, to whoever may know of the work.
    async fn by(
        &self,
        context: &Context<'_>,
        account: AccountId,
    ) -> Result<Option<Account>, Error> {
        let group = if self.intake()?.caller_account == Some(account) {
            Group::Caller
        } else {
            Group::Work
        };
        let nobody = account == AccountId::SYSTEM || account == AccountId::BEARER;
        if nobody || self.sight(context, group)? != Sight::Clear {
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
        open(context, self.sight(context, group)?, field, sealed).await
    }
}

#[Object]
impl Ticket {
    /// Global id.
    async fn id(&self) -> ID {
        global_id("ticket", self.id.0)
    }

    /// Eighteen digits: `yyMMddHHmmss` and six more.
    async fn number(&self) -> Result<String, Error> {
        Ok(self.intake()?.number.to_string())
    }

    /// The code with which the caller may ask after it; told to the caller and the centre.
    async fn query_code(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let sight = match self.sight(context, Group::Caller)? {
            Sight::Clear if !viewer(context)?.actor.has_any(&[Role::Clerk, Role::Leader]) => {
                Sight::Clear
            }
            _ => Sight::Hidden,
        };
        open(
            context,
            sight,
            "query_code",
            Some(&self.intake()?.query_code),
        )
        .await
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
        let Some(text) = open(context, clear, "caller", self.intake()?.caller.as_ref()).await?
        else {
            return Ok(None);
        };
        let block: CallerBlock =
            serde_json::from_str(&text).map_err(|_| fault_because(Code::Internal, "a caller"))?;
        let show = |text: Option<String>| {
            text.map(|text| {
                if seen == Sight::Masked {
                    mask(&text)
                } else {
                    text
                }
            })
        };
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
        let earlier = app(context)?.views.ticket_by_number(number).await;
        let earlier = earlier.map_err(|e| view_fault(&e))?;
        let seen = earlier.is_some_and(|card| card.ticket.is_visible_to(actor));
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
        if self.sight(context, Group::Work)? == Sight::Hidden {
            return Ok(Vec::new());
        }
        let all = 0..self.ticket.assignments.len();
        Ok(all
            .map(|index| Assignment {
                of: self.clone(),
                index,
            })
            .collect())
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
    async fn call_backs(&self) -> Vec<CallBack> {
        let call = |call: &domain::CallBack| CallBack {
            of: self.clone(),
            call: call.clone(),
        };
        self.ticket.call_backs.iter().map(call).collect()
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
        let of_work = self.sight(context, Group::Work)? != Sight::Hidden;
        let supervision = self.ticket.supervision.clone().filter(|_| of_work);
        Ok(supervision.map(|supervision| Supervision {
            of: self.clone(),
            supervision,
        }))
    }

    /// The dispute that is not ruled on yet (疑难). Not told to citizens.
    async fn dispute(&self, context: &Context<'_>) -> Result<Option<Dispute>, Error> {
        let of_work = self.sight(context, Group::Work)? != Sight::Hidden;
        let dispute = self.ticket.dispute.clone().filter(|_| of_work);
        Ok(dispute.map(|dispute| Dispute {
            of: self.clone(),
            dispute,
        }))
    }

    /// The joint meeting's latest ruling (裁定). Not told to citizens.
    async fn ruling(&self, context: &Context<'_>) -> Result<Option<Ruling>, Error> {
        let of_work = self.sight(context, Group::Work)? != Sight::Hidden;
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
    async fn pauses(&self) -> Vec<Pause> {
        let pause = |pause: &domain::Pause| Pause {
            of: self.clone(),
            pause: pause.clone(),
        };
        self.ticket.pauses.iter().map(pause).collect()
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
        let mut followers = Vec::new();
        for id in &self.ticket.followers {
            let follower = visible(context, *id).await?;
            let here = |ticket: &domain::Ticket| {
                ticket.merged.as_ref().is_some_and(|m| m.master == self.id)
            };
            followers.extend(follower.filter(|follower| here(&follower.ticket)));
        }
        Ok(followers)
    }

    /// The termination that a department asked for, until it is decided on. Not told to citizens.
    async fn termination(&self, context: &Context<'_>) -> Result<Option<Termination>, Error> {
        let of_work = self.sight(context, Group::Work)? != Sight::Hidden;
        let asked = self.ticket.pending_termination().filter(|_| of_work);
        Ok(asked.map(|asked| Termination {
            of: self.clone(),
            termination: asked.clone(),
        }))
    }

    /// Every exclusion from the appraisal that was asked for (剔除), in order. Not told to citizens.
    async fn exclusions(&self, context: &Context<'_>) -> Result<Vec<Exclusion>, Error> {
        if self.sight(context, Group::Work)? == Sight::Hidden {
            return Ok(Vec::new());
        }
        let exclusion = |exclusion: &domain::Exclusion| Exclusion {
            of: self.clone(),
            exclusion: exclusion.clone(),
        };
        Ok(self.ticket.exclusions.iter().map(exclusion).collect())
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
        self.ticket.urged_at
    }

    /// Since when it has been nobody's to handle; null while it is somebody's. Told to the centre and
    /// auditors.
    async fn unassigned_since(
        &self,
        context: &Context<'_>,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let actor = &viewer(context)?.actor;
        let may = actor.in_centre() || actor.has(Role::Auditor);
        Ok(self.ticket.unassigned_since().filter(|_| may))
    }

    /// The departments that the rule pack's table of topics and regions suggests, the closest first. For the
    /// centre.
    async fn suggested_departments(&self, context: &Context<'_>) -> Result<Vec<Department>, Error> {
        hints::suggested_departments(context, self).await
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
    #[graphql(complexity = "20 + page_size(first, STEPS_MAX) as usize * child_complexity")]
    async fn timeline(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Steps wanted, at most 200.", default = 100)] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
    ) -> Result<TimelineConnection, Error> {
        wait_for(context, Some(Position(self.position))).await?;
        let after = match after {
            Some(after) => {
                let [version] = cursor_parts::<1>("timeline", &after)?;
                version.parse().unwrap_or(0)
            }
            None => 0,
        };
        let size = page_size(first, STEPS_MAX);
        let views = &app(context)?.views;
        let mut steps = views
            .timeline(self.id, after, size)
            .await
            .map_err(|e| view_fault(&e))?;
        let last = steps.last().map(|s| s.version);
        let has_next_page = steps.len() == size as usize
            && !views
                .timeline(self.id, last.unwrap_or(0), 1)
                .await
                .map_err(|e| view_fault(&e))?
                .is_empty();
        let cursor_of = |version| cursor("timeline", &[u64::to_string(&version)]);
        let page_info = PageInfo {
            has_next_page,
            has_previous_page: after > 0,
            start_cursor: steps.first().map(|s| cursor_of(s.version)),
            end_cursor: last.map(cursor_of),
        };
        let citizen = self.sight(context, Group::Work)? == Sight::Hidden;
        let nodes = steps
            .drain(..)
            .filter(|step| !citizen || !timeline::is_internal(&step.event_type))
            .map(|step| Step {
                of: self.clone(),
                step,
            })
            .collect();
        Ok(TimelineConnection { nodes, page_info })
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
                        "a ticket number is eighteen digits",
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
                    "give id, number or sourceNumber, one of them",
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
    let actor = &viewer(context)?.actor;
    let found = app(context)?
        .desk
        .ticket(id)
        .await
        .map_err(|e| system(&e))?;
    let seen = found.filter(|outcome| outcome.state.is_visible_to(actor));
    Ok(seen.map(|outcome| Ticket {
        id,
        judged_by: outcome.state.clone(),
        ticket: outcome.state,
        position: 0,
    }))
}
