//! Tickets that are shown together: what one of them needs from the store is read for all of them by one statement.
//!
//! All of a list are asked for the same fields. Whichever is asked first reads for the others, so that the number of
//! statements is that of the fields, and not of the rows. It must *not* decide who may see what.

use crate::error::{system, view_fault};
use crate::graphql::common::{Position, app, wait_for};
use async_graphql::{Context, Error};
use docket_core::Span;
use docket_domain::ids::{KeyId, TicketId};
use docket_domain::ticket::{Ticket as State, TicketNumber};
use docket_projections::card::Card;
use docket_projections::timeline::{Step, TIMELINES_MAX};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

/// A stretch of a timeline, and whether the staff's own steps are in it.
type Stretch = (Span<u64>, bool);
type Timelines = Arc<OnceCell<HashMap<TicketId, Vec<Step>>>>;

/// Tickets that are shown together.
pub struct Siblings {
    tickets: Vec<TicketId>,
    /// What the views must have seen before they are asked.
    position: u64,
    keys: Vec<KeyId>,
    numbers: Vec<TicketNumber>,
    opened: OnceCell<()>,
    earlier: OnceCell<HashMap<TicketNumber, Card>>,
    timelines: Mutex<Vec<(Stretch, Timelines)>>,
}

impl Siblings {
    /// Of cards.
    pub fn of<'c>(cards: impl Iterator<Item = &'c Card>) -> Arc<Self> {
        Self::new(cards.map(|card| (card.id, &*card.ticket, card.position)))
    }

    /// Of tickets, each with what the views must have seen.
    pub fn new<'t>(tickets: impl Iterator<Item = (TicketId, &'t State, u64)>) -> Arc<Self> {
        let count = tickets.size_hint().0;
        let mut siblings = Self {
            tickets: Vec::with_capacity(count),
            position: 0,
            keys: Vec::with_capacity(2 * count),
            numbers: Vec::new(),
            opened: OnceCell::new(),
            earlier: OnceCell::new(),
            timelines: Mutex::default(),
        };
        for (id, ticket, position) in tickets {
            siblings.tickets.push(id);
            siblings.position = siblings.position.max(position);
            siblings.keys.push(KeyId(id.0));
            let Some(intake) = &ticket.intake else {
                continue;
            };
            let others = [&intake.caller, &intake.respondent];
            let sealed = others.into_iter().flatten();
            siblings.keys.extend(sealed.map(|sealed| sealed.key));
            siblings.numbers.extend(intake.earlier.clone());
        }
        Arc::new(siblings)
    }

    /// Sees to it that the keys of all their texts are at hand.
    pub async fn open(&self, context: &Context<'_>) -> Result<(), Error> {
        let vault = app(context)?.desk.vault();
        let fetch = || vault.fetch_keys(&self.keys);
        let fetched = self.opened.get_or_try_init(fetch).await;
        fetched.copied().map_err(|error| system(&error.into()))
    }

    /// The earlier ticket that one of them names, whoever may see it.
    pub async fn earlier(
        &self,
        context: &Context<'_>,
        number: &TicketNumber,
    ) -> Result<Option<&Card>, Error> {
        let views = &app(context)?.views;
        let read = async || {
            let cards = views.tickets_by_number(&self.numbers).await?;
            let numbered = |card: Card| {
                let number = card.ticket.intake.as_ref().map(|i| i.number.clone());
                number.map(|number| (number, card))
            };
            Ok(cards.into_iter().filter_map(numbered).collect())
        };
        let earlier = self.earlier.get_or_try_init(read).await;
        let earlier: &HashMap<_, _> = earlier.map_err(|error| view_fault(&error))?;
        Ok(earlier.get(number))
    }

    /// A stretch of the steps of one of them.
    pub async fn timeline(
        &self,
        context: &Context<'_>,
        ticket: TicketId,
        span: &Span<u64>,
        without: &[&str],
    ) -> Result<Vec<Step>, Error> {
        let stretch = (span.clone(), without.is_empty());
        let cell = {
            let mut known = self
                .timelines
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            // As many as the document has timelines.
            let there = known.iter().find(|(of, _)| *of == stretch);
            if let Some((_, cell)) = there {
                cell.clone()
            } else {
                let cell = Timelines::default();
                known.push((stretch, cell.clone()));
                cell
            }
        };
        wait_for(context, Some(Position(self.position))).await?;
        let views = &app(context)?.views;
        let read = async || {
            let mut steps = HashMap::new();
            for piece in self.tickets.chunks(TIMELINES_MAX) {
                steps.extend(views.timelines(piece, span, without).await?);
            }
            Ok(steps)
        };
        let steps = cell.get_or_try_init(read).await;
        let steps = steps.map_err(|error| view_fault(&error))?;
        Ok(steps.get(&ticket).cloned().unwrap_or_default())
    }
}
