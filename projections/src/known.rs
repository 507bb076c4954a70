//! Tickets as folded, kept in memory: the runner folds on from them, and queries need not read them again.

use crate::card::Card;
use docket_domain::ids::TicketId;
use docket_domain::ticket::Ticket;
use quick_cache::sync::Cache;
use std::sync::Arc;
use uuid::Uuid;

/// Folded tickets that are kept; others are read again.
pub const FOLDED_MAX: usize = 10_000;

/// The latest of them. Each is right for the version it is of, whoever folded it.
pub(crate) struct Known(Cache<Uuid, Card>);

impl Known {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Cache::new(FOLDED_MAX)))
    }

    /// A ticket at a version.
    pub(crate) fn at(&self, id: TicketId, version: u64) -> Option<Card> {
        self.0.get(&id.0).filter(|card| card.version == version)
    }

    /// The same, as folded.
    pub(crate) fn folded(&self, id: Uuid, version: u64) -> Option<Arc<Ticket>> {
        Some(self.at(TicketId(id), version)?.ticket)
    }

    /// Keeps a ticket, unless a later version is known: queries read what the runner has folded on from.
    pub(crate) fn keep(&self, card: Card) {
        let later = |known: Card| known.version > card.version;
        if !self.0.get(&card.id.0).is_some_and(later) {
            self.0.insert(card.id.0, card);
        }
    }
}
