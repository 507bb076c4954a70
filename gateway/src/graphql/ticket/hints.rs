//! What helps the centre to assign: departments the rule pack suggests, and tickets that may be the same.

use super::Ticket;
use crate::auth::viewer;
use crate::error::{system, view_fault};
use crate::graphql::common::{Position, app, wait_for};
use crate::graphql::organisation::{Department, organisation};
use crate::rights::reads_hints;
use async_graphql::{Context, Error, SimpleObject};
use docket_core::desk::Likeness;
use docket_domain::ids::{DepartmentId, TicketId};
use docket_projections::card::Card;

/// Most tickets looked at that have something in common with one.
const ALIKE_MAX: u32 = 200;
/// Most possible duplicates shown.
pub const DUPLICATES_MAX: usize = 20;

/// A ticket that may be the same request.
#[derive(SimpleObject)]
pub struct PossibleDuplicate {
    /// The ticket.
    ticket: Ticket,
    /// Whether the caller has the same phone or e-mail.
    same_contact: bool,
    /// Whether it is about the same place and topic.
    same_place_and_topic: bool,
}

/// The departments that the pack's table names for topic and region, the closest first. Never one that the
/// request must stay hidden from.
pub(super) async fn suggested_departments(
    context: &Context<'_>,
    ticket: &Ticket,
) -> Result<Vec<Department>, Error> {
    if !reads_hints(&viewer(context)?.actor) {
        return Ok(Vec::new());
    }
    let desk = &app(context)?.desk;
    let intake = ticket.intake()?;
    let rules = desk.rules().await.map_err(|e| system(&e))?;
    let organisation = organisation(context).await?;
    let names = rules.suggested_departments(intake.topic.as_deref(), intake.region.as_deref());
    let named = |name| organisation.department_named(name).map(|d| d.id);
    let mut departments: Vec<DepartmentId> = Vec::new();
    for id in names.into_iter().filter_map(named) {
        // The table may know one department by an old name and by the new.
        if !intake.hides_from(id) && !departments.contains(&id) {
            departments.push(id);
        }
    }
    let department = |id| Department::new(&organisation, id);
    Ok(departments.into_iter().filter_map(department).collect())
}

/// Tickets of the same contact, or of the same place and topic, received within the pack's days of this one;
/// the latest first.
pub(super) async fn possible_duplicates(
    context: &Context<'_>,
    ticket: &Ticket,
) -> Result<Vec<PossibleDuplicate>, Error> {
    let actor = &viewer(context)?.actor;
    if !reads_hints(actor) {
        return Ok(Vec::new());
    }
    let app = app(context)?;
    let rules = app.desk.rules().await.map_err(|e| system(&e))?;
    let alike = app.desk.alike(ticket.id, ALIKE_MAX).await;
    let alike = alike.map_err(|e| system(&e))?;
    let mut ids: Vec<TicketId> = alike.iter().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    ids.dedup();
    // What was received before this one is in the views when this one is.
    wait_for(context, Some(Position(ticket.position))).await?;
    let cards = app.views.tickets(&ids).await.map_err(|e| view_fault(&e))?;
    let here = ticket.intake()?.at;
    let near = |card: &Card| {
        let intake = card.ticket.intake.as_ref();
        intake.is_some_and(|there| (there.at - here).abs() <= rules.duplicates_within())
            && card.ticket.is_visible_to(actor)
    };
    let mut near: Vec<Card> = cards.into_iter().filter(near).collect();
    near.sort_by_key(|card| std::cmp::Reverse(card.ticket.intake.as_ref().map(|i| i.at)));
    near.truncate(DUPLICATES_MAX);
    let duplicate = |card: Card| PossibleDuplicate {
        same_contact: alike.contains(&(card.id, Likeness::Contact)),
        same_place_and_topic: alike.contains(&(card.id, Likeness::PlaceAndTopic)),
        ticket: Ticket::from(card),
    };
    Ok(near.into_iter().map(duplicate).collect())
}
