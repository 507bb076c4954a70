//! Commits made up by tests, and the log read back and checked.

use docket_core::clock::{SystemClock, new_id};
use docket_core::journal::{Claim, Commit, Journal, NewEvent, Record, StreamId};
use docket_domain::ids::AccountId;
use docket_domain::ticket::scenario;
use std::collections::HashMap;
use uuid::Uuid;

/// A new id.
#[must_use]
pub fn fresh<T: From<Uuid>>() -> T {
    new_id(&SystemClock)
}

/// A commit of some events on a ticket's stream, under a command id of its own.
#[must_use]
pub fn commit(stream: Uuid, expected: u64, events: usize) -> Commit {
    let event = |n| NewEvent {
        id: fresh(),
        event_type: "signed",
        schema_version: 1,
        data: format!(r#"{{"assignment":{n}}}"#),
    };
    Commit {
        command: fresh(),
        fingerprint: [7; 32],
        stream: StreamId {
            category: "ticket",
            id: stream,
        },
        expected,
        events: (1..=events).map(event).collect(),
        claims: Vec::new(),
        actor: AccountId(Uuid::from_u128(0xAC)),
        acting_for: None,
        correlation: fresh(),
        causation: None,
        occurred_at: scenario::now(),
        rules_version: 1,
    }
}

/// The commit, claiming a login.
#[must_use]
pub fn claiming(mut commit: Commit, login: &str) -> Commit {
    commit.claims.push(Claim {
        kind: "login",
        value: login.into(),
    });
    commit
}

/// Reads the whole log by pages and checks what must hold of every log: positions from 1 without gaps,
/// versions contiguous on each stream, recorded time never backwards, no event twice.
pub async fn whole_log(journal: &Journal) -> Vec<Record> {
    let mut log: Vec<Record> = Vec::new();
    loop {
        let after = log.last().map_or(0, |r| r.position);
        let page = journal.read_all(after, 500).await.unwrap();
        if page.is_empty() {
            break;
        }
        log.extend(page);
    }
    let mut versions: HashMap<Uuid, u64> = HashMap::new();
    let mut events = std::collections::HashSet::new();
    for (record, position) in log.iter().zip(1..) {
        assert_eq!(record.position, position, "positions have no gaps");
        let version = versions.entry(record.stream).or_default();
        *version += 1;
        assert_eq!(record.version, *version, "versions are contiguous");
        assert!(events.insert(record.event), "an event is stored once");
    }
    assert!(log.is_sorted_by_key(|r| r.recorded_at));
    assert_eq!(journal.head().await.unwrap(), log.len() as u64);
    log
}
