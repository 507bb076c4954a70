//! Test vectors of the canonical encoding: the hash tree to come stands on these bytes.

use chrono::DateTime;
use docket_core::Record;
use docket_core::journal::record::MAGIC;
use docket_domain::ids::{AccountId, CommandId, EventId, LogId};
use docket_tests::golden::{golden, hex};
use serde_json::{Value, json};
use uuid::Uuid;

const LOG: LogId = LogId(Uuid::from_u128(0x0123_4567_89AB_CDEF_0123_4567_89AB_CDEF));

fn plain() -> Record {
    Record {
        position: 1,
        category: "ticket".into(),
        stream: Uuid::from_u128(0x11),
        version: 1,
        event: EventId(Uuid::from_u128(0x22)),
        event_type: "viewed".into(),
        schema_version: 1,
        data: r#"{"assignment":1}"#.into(),
        actor: AccountId(Uuid::from_u128(0x33)),
        acting_for: None,
        command: CommandId(Uuid::from_u128(0x44)),
        correlation: Uuid::from_u128(0x55),
        causation: None,
        occurred_at: DateTime::UNIX_EPOCH,
        recorded_at: DateTime::UNIX_EPOCH,
        rules_version: 0,
    }
}

fn full() -> Record {
    Record {
        position: u64::MAX,
        version: 0x0102_0304_0506_0708,
        schema_version: u16::MAX,
        acting_for: Some(Uuid::from_u128(0x66)),
        causation: Some(Uuid::from_u128(0x77)),
        occurred_at: DateTime::from_timestamp_micros(1_795_399_200_123_456).unwrap(),
        recorded_at: DateTime::from_timestamp_micros(1_795_399_200_123_457).unwrap(),
        rules_version: u32::MAX,
        ..plain()
    }
}

/// Each with what it shows.
fn vectors() -> Vec<(&'static str, Record)> {
    let chinese = Record {
        category: "organisation".into(),
        event_type: "department_added".into(),
        data: r#"{"department":"00000000-0000-0000-0000-0000000000d1","name":"城市管理局𠮷"}"#
            .into(),
        ..plain()
    };
    let acting_for = Record {
        causation: None,
        ..full()
    };
    let causation = Record {
        acting_for: None,
        occurred_at: DateTime::from_timestamp_micros(-1).unwrap(),
        ..full()
    };
    let untouched = Record {
        data: "{ \"spaced\" : \"a\\u4e2d\" }\n".into(),
        ..plain()
    };
    vec![
        ("optional fields absent, smallest numbers", plain()),
        ("optional fields present, largest numbers", full()),
        ("Chinese text, lengths in bytes", chinese),
        ("acting for, without causation", acting_for),
        ("causation, without acting for; before 1970", causation),
        ("data as it came, not written anew", untouched),
    ]
}

fn entry(shows: &str, record: &Record) -> Value {
    json!({
        "shows": shows,
        "log": LOG,
        "position": record.position,
        "category": record.category,
        "stream": record.stream,
        "version": record.version,
        "event": record.event,
        "type": record.event_type,
        "schema_version": record.schema_version,
        "data": record.data,
        "actor": record.actor,
        "acting_for": record.acting_for,
        "command": record.command,
        "correlation": record.correlation,
        "causation": record.causation,
        "occurred_at_micros": record.occurred_at.timestamp_micros(),
        "recorded_at_micros": record.recorded_at.timestamp_micros(),
        "rules_version": record.rules_version,
        "canonical": hex(&record.canonical(LOG)),
    })
}

#[test]
fn the_canonical_encoding_is_frozen() {
    let entries: Vec<Value> = vectors().iter().map(|(shows, r)| entry(shows, r)).collect();
    let text = serde_json::to_string_pretty(&entries).unwrap() + "\n";
    golden("records.json", &text);
}

/// Written out by hand from the description at the head of `record.rs`.
#[test]
fn the_encoding_is_as_described() {
    let id = |n: u8| [[0; 15].as_slice(), &[n]].concat();
    let wanted = [
        MAGIC.as_slice(),
        LOG.0.as_bytes(),
        &[0, 0, 0, 0, 0, 0, 0, 1],
        b"\0\0\0\x06ticket",
        &id(0x11),
        &[0, 0, 0, 0, 0, 0, 0, 1],
        &id(0x22),
        b"\0\0\0\x06viewed",
        &[0, 1],
        b"\0\0\0\x10{\"assignment\":1}",
        &id(0x33),
        &[0],
        &id(0x44),
        &id(0x55),
        &[0],
        &[0; 8],
        &[0; 8],
        &[0; 4],
    ];
    assert_eq!(hex(&plain().canonical(LOG)), hex(&wanted.concat()));
}

#[test]
fn every_field_counts() {
    let changes: [fn(&mut Record); 16] = [
        |r| r.position += 1,
        |r| r.category.push('s'),
        |r| r.stream = Uuid::nil(),
        |r| r.version += 1,
        |r| r.event = EventId(Uuid::nil()),
        |r| r.event_type.push('s'),
        |r| r.schema_version += 1,
        |r| r.data.push(' '),
        |r| r.actor = AccountId(Uuid::nil()),
        |r| r.acting_for = Some(Uuid::nil()),
        |r| r.command = CommandId(Uuid::nil()),
        |r| r.correlation = Uuid::nil(),
        |r| r.causation = Some(Uuid::nil()),
        |r| r.occurred_at += chrono::TimeDelta::microseconds(1),
        |r| r.recorded_at += chrono::TimeDelta::microseconds(1),
        |r| r.rules_version += 1,
    ];
    let mut seen = vec![
        plain().canonical(LOG),
        plain().canonical(LogId(Uuid::nil())),
    ];
    for change in changes {
        let mut changed = plain();
        change(&mut changed);
        seen.push(changed.canonical(LOG));
    }
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count);
}
