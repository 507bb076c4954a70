//! The fold: every ticket and account of a batch, brought from before to after with the domain's own
//! `evolve`, once for all projections.

use crate::card::Card;
use crate::known::Known;
use crate::projection::{Batch, ProjectionError, TicketChange};
use docket_core::esrs_store::decode;
use docket_core::{Journal, Record};
use docket_domain::account::Account;
use docket_domain::aggregate::Aggregate;
use docket_domain::ids::{AccountId, TicketId};
use docket_domain::organisation::Organisation;
use docket_domain::ticket::Ticket;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, OnceLock};
use uuid::Uuid;

/// Folds tickets and accounts once for every projection.
pub(crate) struct Fold {
    journal: Journal,
    known: Arc<Known>,
    zone: OnceLock<chrono_tz::Tz>,
}

/// A folded batch.
pub(crate) struct Folded {
    changes: Vec<TicketChange>,
    accounts: Vec<(AccountId, Account)>,
    zone: chrono_tz::Tz,
}

impl Folded {
    pub(crate) fn batch<'b>(&'b self, records: &'b [Record]) -> Batch<'b> {
        Batch {
            records,
            changes: &self.changes,
            accounts: &self.accounts,
            zone: self.zone,
        }
    }
}

impl Fold {
    /// Of what it folds it reads the earlier history from the journal where it is not known.
    pub(crate) fn new(journal: Journal, known: Arc<Known>) -> Self {
        Self {
            journal,
            known,
            zone: OnceLock::new(),
        }
    }

    /// Folds the tickets of a batch, reading the earlier history of those not known.
    pub(crate) async fn fold(&self, records: &[Record]) -> Result<Folded, ProjectionError> {
        let mut index: HashMap<Uuid, usize> = HashMap::new();
        let mut changes: Vec<TicketChange> = Vec::new();
        let (mut known, missing) = self.before(records);
        let earlier = match records.first() {
            Some(first) if !missing.is_empty() => {
                self.journal
                    .read_streams(&missing, first.position - 1)
                    .await?
            }
            _ => Vec::new(),
        };
        let mut old: HashMap<Uuid, (u64, Ticket)> = HashMap::new();
        for record in &earlier {
            let (version, ticket) = old.entry(record.stream).or_default();
            *version = record.version;
            Ticket::evolve(ticket, &record.stamp(), &decode::<Ticket>(record)?);
        }
        for record in records.iter().filter(|r| r.category == Ticket::CATEGORY) {
            let slot = *index.entry(record.stream).or_insert_with(|| {
                let before = match old.remove(&record.stream) {
                    Some((_, ticket)) => Arc::new(ticket),
                    None if record.version == 1 => Arc::default(),
                    None => known.remove(&record.stream).unwrap_or_default(),
                };
                let after = before.clone();
                changes.push(TicketChange {
                    id: TicketId(record.stream),
                    before,
                    after,
                    version: 0,
                    position: 0,
                });
                changes.len() - 1
            });
            let change = &mut changes[slot];
            let event = decode::<Ticket>(record)?;
            Ticket::evolve(Arc::make_mut(&mut change.after), &record.stamp(), &event);
            change.version = record.version;
            change.position = record.position;
        }
        let zone = self.zone(changes.is_empty()).await?;
        Ok(Folded {
            changes,
            accounts: self.accounts(records).await?,
            zone,
        })
    }

    /// The accounts of a batch as they are after it. They are few and change seldom: none is remembered.
    async fn accounts(
        &self,
        records: &[Record],
    ) -> Result<Vec<(AccountId, Account)>, ProjectionError> {
        let here = || records.iter().filter(|r| r.category == Account::CATEGORY);
        let mut seen = HashSet::new();
        let firsts = here().filter(|record| seen.insert(record.stream));
        let older = firsts.filter(|record| record.version > 1);
        let older: Vec<Uuid> = older.map(|record| record.stream).collect();
        let earlier = match records.first() {
            Some(first) if !older.is_empty() => {
                self.journal
                    .read_streams(&older, first.position - 1)
                    .await?
            }
            _ => Vec::new(),
        };
        let mut accounts: BTreeMap<Uuid, Account> = BTreeMap::new();
        for record in earlier.iter().chain(here()) {
            let account = accounts.entry(record.stream).or_default();
            Account::evolve(account, &record.stamp(), &decode::<Account>(record)?);
        }
        let account = |(id, account)| (AccountId(id), account);
        Ok(accounts.into_iter().map(account).collect())
    }

    /// The tickets of a batch as they were before it, as far as they are known, and those whose history has to be read.
    fn before(&self, records: &[Record]) -> (HashMap<Uuid, Arc<Ticket>>, Vec<Uuid>) {
        let mut seen = HashSet::new();
        let first = |r: &&Record| r.category == Ticket::CATEGORY && seen.insert(r.stream);
        let (mut known, mut missing) = (HashMap::new(), Vec::new());
        for record in records.iter().filter(first).filter(|r| r.version > 1) {
            match self.known.folded(record.stream, record.version - 1) {
                Some(ticket) => drop(known.insert(record.stream, ticket)),
                None => missing.push(record.stream),
            }
        }
        (known, missing)
    }

    /// Remembers a batch, applied or not: each ticket is right for its version.
    pub(crate) fn keep(&self, folded: Folded) {
        for change in folded.changes {
            self.known.keep(Card {
                id: change.id,
                ticket: change.after,
                version: change.version,
                position: change.position,
            });
        }
    }

    /// The organisation's zone, fixed at founding.
    async fn zone(&self, not_needed: bool) -> Result<chrono_tz::Tz, ProjectionError> {
        if let Some(zone) = self.zone.get() {
            return Ok(*zone);
        }
        let mut founded = None;
        for stream in self.journal.streams_of(Organisation::CATEGORY, 1).await? {
            let mut organisation = Organisation::default();
            for record in self.journal.read_stream(stream, 0).await? {
                let event = decode::<Organisation>(&record)?;
                Organisation::evolve(&mut organisation, &record.stamp(), &event);
            }
            founded = organisation.time_zone;
        }
        match founded {
            Some(zone) => Ok(*self.zone.get_or_init(|| zone)),
            None if not_needed => Ok(chrono_tz::UTC),
            None => Err(ProjectionError::NotFounded),
        }
    }
}
