//! Something changed behind the journal's back: named, by position, whatever it is.

use super::{docket, note_all, verified};
use docket_core::db::Db;
use docket_core::digests::{Checkpoint, Keeper};
use docket_core::journal::Record;
use docket_domain::people::Role;
use docket_domain::ticket::scenario::clerk;
use docket_tests::city::{self, act, assigned, found, hotline};
use docket_tests::commits::{commit, fresh, whole_log};
use docket_tests::staff::{hash, hire};
use docket_tests::{TestStore, on_both_stores};
use memchr::memmem;

on_both_stores! {
    a_log_that_was_not_touched_is_clean,
    every_column_changed_is_named,
    what_does_not_agree_is_named,
    a_log_cut_short_is_named,
    several_keepers_note_the_same,
    a_guard_that_does_nothing_is_named,
}

/// A few tickets, their digests noted. The log.
async fn filled(store: &TestStore) -> Vec<Record> {
    let hotline = hotline(store).await;
    found(&hotline.desk).await;
    let hashed = hash(&hotline.store.ops).await;
    hire(
        &hotline.desk,
        &hashed,
        "operator",
        Role::Operator,
        None,
        None,
    )
    .await;
    for _ in 0..4 {
        let id = assigned(&hotline.desk).await;
        act(&hotline.desk, &clerk(), id, city::sign()).await;
    }
    note_all(&hotline.store).await;
    whole_log(&hotline.store.journal).await
}

async fn a_log_that_was_not_touched_is_clean(store: &TestStore) {
    let log = filled(store).await;
    let report = verified(store, &[]).await;
    assert_eq!(report.findings, []);
    assert_eq!(
        (report.head, report.compared),
        (log.len() as u64, log.len() as u64)
    );
    let checkpoint = report.checkpoint.unwrap();
    let again = verified(store, &[Checkpoint::default(), checkpoint]).await;
    assert_eq!(again.findings, []);
    let other = Checkpoint {
        position: 5,
        ..checkpoint
    };
    let wrong = verified(store, &[checkpoint, other]).await;
    assert_eq!(wrong.findings[0].position, Some(5));
    let beyond = Checkpoint {
        position: report.head + 9,
        ..checkpoint
    };
    let wrong = verified(store, &[beyond]).await;
    assert_eq!(wrong.findings[0].position, Some(report.head + 1));
    let (clean, said) = docket(
        store,
        &["verify", "--seals", "--expect", &checkpoint.to_string()],
    )
    .await;
    assert!(clean && said.contains("\nclean\n"), "{said}");
    assert!(
        said.contains(&format!("checkpoint {checkpoint}\n")),
        "{said}"
    );
    let (clean, said) = docket(store, &["verify", "--expect", &other.to_string()]).await;
    assert!(
        !clean && said.contains("the first wrong position is 5\n"),
        "{said}"
    );
}

/// Takes away what keeps history from being edited, as whoever edits it would.
async fn unguarded(store: &TestStore) -> Db {
    let journal = store.part("journal").await;
    for trigger in ["events_stay", "events_remain"] {
        let on = if store.is_sqlite() { "" } else { " ON events" };
        let sql = format!("DROP TRIGGER {trigger}{on}");
        journal.execute(&sql, vec![]).await.unwrap();
    }
    journal
}

async fn run(db: &Db, sql: &str) {
    db.execute(sql, vec![])
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// An id as each database writes it.
fn id(store: &TestStore, digits: &str) -> String {
    if store.is_sqlite() {
        format!("x'{digits}'")
    } else {
        format!("'{digits}'")
    }
}

#[expect(clippy::too_many_lines, reason = "a list of changes, one a column")]
async fn every_column_changed_is_named(store: &TestStore) {
    let log = filled(store).await;
    // Neither the first nor the last of its ticket, and with a sealed text in it.
    let victim = log.iter().rfind(|r| r.event_type == "assigned").unwrap();
    let position = victim.position;
    let other = id(store, "0191e00000007000800000000000abcd");
    let cut = victim.data.rfind("\",").unwrap() - 4;
    let swapped = if &victim.data[cut..=cut] == "A" {
        "B"
    } else {
        "A"
    };
    let data = format!(
        "'{}{swapped}{}'",
        &victim.data[..cut],
        &victim.data[cut + 1..]
    );
    let journal = unguarded(store).await;
    run(
        &journal,
        &format!("CREATE TABLE saved AS SELECT * FROM events WHERE position = {position}"),
    )
    .await;
    let changes = [
        ("position", "1000000".to_owned()),
        ("category", "'account'".into()),
        ("stream", other.clone()),
        ("version", "version + 1000".into()),
        ("event", other.clone()),
        ("type", "'viewed'".into()),
        ("schema_version", "schema_version + 1".into()),
        ("data", data),
        ("actor", other.clone()),
        ("acting_for", other.clone()),
        ("command", other.clone()),
        ("correlation", other.clone()),
        ("causation", other),
        ("occurred_at", "occurred_at + 1".into()),
        ("recorded_at", "recorded_at + 1".into()),
        ("rules_version", "rules_version + 1".into()),
    ];
    let columns: Vec<&str> = changes.iter().map(|change| change.0).collect();
    let known: Vec<&str> = docket_core::safekeeping::tables::EVENTS
        .columns
        .iter()
        .map(|c| c.0)
        .collect();
    assert_eq!(columns, known, "every column in turn");
    for (column, value) in changes {
        run(
            &journal,
            &format!("UPDATE events SET {column} = {value} WHERE position = {position}"),
        )
        .await;
        let report = verified(store, &[]).await;
        let first = report
            .findings
            .first()
            .unwrap_or_else(|| panic!("{column} was changed"));
        assert_eq!(
            first.position,
            Some(position),
            "{column}: {:#?}",
            report.findings
        );
        run(
            &journal,
            &format!("DELETE FROM events WHERE position IN ({position}, 1000000)"),
        )
        .await;
        run(&journal, "INSERT INTO events SELECT * FROM saved").await;
    }
    let report = verified(store, &[]).await;
    let told: Vec<_> = report
        .findings
        .iter()
        .map(|f| (f.position, f.what.as_str()))
        .collect();
    let triggers = "the triggers that keep history from being edited are missing, off or changed";
    assert_eq!(
        told,
        [(None, triggers)],
        "all is as it was, but for the guard"
    );
}

/// One change after another, each undone before the next.
#[expect(
    clippy::too_many_lines,
    reason = "a list of changes, one a kind of disagreement"
)]
async fn what_does_not_agree_is_named(store: &TestStore) {
    let log = filled(store).await;
    let journal = unguarded(store).await;
    let last = log.last().unwrap();
    let first = log.iter().find(|r| r.event_type == "received").unwrap();
    let (head, born) = (last.position, first.position);
    let staff = log.iter().find(|r| r.category == "account").unwrap();
    let account = id(store, &staff.stream.simple().to_string());
    let account_born = staff.position;
    let other = id(store, "0191e00000007000800000000000abcd");
    let command = id(store, &last.command.0.simple().to_string());
    let stream = id(store, &first.stream.simple().to_string());
    let event = id(store, &first.event.0.simple().to_string());
    let changes = [
        (
            "commands",
            format!("DELETE FROM commands WHERE command = {command}"),
            head,
            "not among the commands",
        ),
        (
            "commands",
            format!("UPDATE commands SET position = 999 WHERE command = {command}"),
            head,
            "ends at another",
        ),
        (
            "commands",
            format!("UPDATE commands SET stream = {other} WHERE command = {command}"),
            head,
            "of another stream",
        ),
        (
            "commands",
            format!("UPDATE commands SET recorded_at = 1 WHERE command = {command}"),
            head,
            "at another time",
        ),
        (
            "commands",
            format!(
                "UPDATE commands SET command = {other}, version = 77 WHERE command = {command}"
            ),
            head,
            "a command ends here",
        ),
        (
            "claims",
            format!("UPDATE claims SET stream = {other} WHERE stream = {stream}"),
            born,
            "no claim on its ticket number",
        ),
        (
            "claims",
            format!("DELETE FROM claims WHERE kind = 'query_code' AND stream = {stream}"),
            born,
            "no claim on a query_code",
        ),
        (
            "claims",
            format!("DELETE FROM claims WHERE kind = 'login' AND stream = {account}"),
            account_born,
            "no claim on a login",
        ),
        (
            "events",
            format!("UPDATE events SET event = {event} WHERE position = {head}"),
            head,
            "event id is also",
        ),
        (
            "events",
            format!("UPDATE events SET recorded_at = 1 WHERE position = {head}"),
            head,
            "recorded before",
        ),
        (
            "events",
            format!("UPDATE events SET schema_version = 70000 WHERE position = {head}"),
            head,
            "schema_version cannot be read",
        ),
        (
            "events",
            format!("UPDATE events SET type = 'vanished' WHERE position = {head}"),
            head,
            "no event type",
        ),
    ];
    for (table, change, position, told) in changes {
        run(
            &journal,
            &format!("CREATE TABLE saved AS SELECT * FROM {table}"),
        )
        .await;
        run(&journal, &change).await;
        let report = verified(store, &[]).await;
        let named = report
            .findings
            .iter()
            .any(|f| f.position == Some(position) && f.what.contains(told));
        assert!(named, "{change}: {:#?}", report.findings);
        for undo in [
            format!("DELETE FROM {table}"),
            format!("INSERT INTO {table} SELECT * FROM saved"),
            "DROP TABLE saved".into(),
        ] {
            run(&journal, &undo).await;
        }
    }
    let report = verified(store, &[]).await;
    assert_eq!(
        report.findings.len(),
        1,
        "only the guard is missing: {:#?}",
        report.findings
    );
}

/// The triggers are there, by name; they guard nothing any more.
async fn a_guard_that_does_nothing_is_named(store: &TestStore) {
    filled(store).await;
    assert_eq!(verified(store, &[]).await.findings, []);
    let journal = store.part("journal").await;
    if store.is_sqlite() {
        run(&journal, "DROP TRIGGER events_stay").await;
        let idle = "CREATE TRIGGER events_stay BEFORE UPDATE ON events BEGIN SELECT 1; END";
        run(&journal, idle).await;
    } else {
        let idle = "CREATE OR REPLACE FUNCTION history_stays() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RETURN NEW; END $$";
        run(&journal, idle).await;
    }
    let report = verified(store, &[]).await;
    let told: Vec<_> = report.findings.iter().map(|f| f.what.as_str()).collect();
    assert_eq!(
        told,
        ["the triggers that keep history from being edited are missing, off or changed"]
    );
}

async fn a_log_cut_short_is_named(store: &TestStore) {
    let log = filled(store).await;
    let last = log.last().unwrap();
    let journal = unguarded(store).await;
    let command = id(store, &last.command.0.simple().to_string());
    run(
        &journal,
        &format!("DELETE FROM events WHERE position = {}", last.position),
    )
    .await;
    run(
        &journal,
        &format!("DELETE FROM commands WHERE command = {command}"),
    )
    .await;
    let report = verified(store, &[]).await;
    assert_eq!(report.findings[0].position, Some(last.position));
    assert!(report.findings[0].what.contains("digests were noted up to"));
    // A server that opens such a store does not note the next record in the place of the lost one.
    let opened = store.open().await;
    let _keeper = Keeper::start(opened.journal.clone(), &opened.ops)
        .await
        .unwrap();
    opened.journal.append(commit(fresh(), 0, 1)).await.unwrap();
    let report = verified(store, &[]).await;
    assert_eq!(
        report.findings[0].position,
        Some(last.position),
        "{:#?}",
        report.findings
    );
    assert!(report.findings[0].what.contains("its digest differs"));
}

async fn several_keepers_note_the_same(store: &TestStore) {
    let (one, two) = (store.open().await, store.open().await);
    let _first = Keeper::start(one.journal.clone(), &one.ops).await.unwrap();
    let _second = Keeper::start(two.journal.clone(), &two.ops).await.unwrap();
    // More than two tiles.
    for _ in 0..3 {
        for journal in [&one.journal, &two.journal] {
            journal.append(commit(fresh(), 0, 100)).await.unwrap();
        }
        note_all(&one).await;
    }
    let report = verified(store, &[]).await;
    assert_eq!(
        (report.findings.as_slice(), report.compared),
        ([].as_slice(), 600)
    );
    assert_eq!(store.rows("ops", "digest_tiles").await, 3);
}

/// Changes one byte of a text, wherever the file has it: a page keeps what stood in it before it was split.
/// The file's form stays.
fn change_byte(file: &std::path::Path, text: &str) {
    let mut bytes = std::fs::read(file).unwrap();
    let places: Vec<usize> = memmem::find_iter(&bytes, text.as_bytes()).collect();
    assert!(!places.is_empty(), "the text is in the file");
    for at in places {
        let at = at + text.len() / 2;
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    }
    std::fs::write(file, bytes).unwrap();
}

#[tokio::test]
async fn one_byte_changed_in_a_copy_of_the_file_is_named() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let log = filled(store).await;
        let db = store.part("journal").await;
        db.fetch_all("PRAGMA wal_checkpoint(TRUNCATE)", vec![])
            .await
            .unwrap();
        let copy = TestStore::sqlite();
        std::fs::copy(
            store.dir().join("journal.db"),
            copy.dir().join("journal.db"),
        )
        .unwrap();
        let (clean, said) = docket(&copy, &["verify", "--against", &store.url()]).await;
        assert!(clean, "{said}");
        let victim = log.iter().find(|r| r.event_type == "received").unwrap();
        let body = victim
            .data
            .split("\"body\":\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        change_byte(&copy.dir().join("journal.db"), &body[body.len() - 40..]);
        let (clean, said) = docket(&copy, &["verify", "--against", &store.url()]).await;
        assert!(!clean);
        let named = format!(
            "wrong: position {}: not the record that was noted",
            victim.position
        );
        assert!(said.contains(&named), "{said}");
        assert!(
            said.contains(&format!(
                "the first wrong position is {}\n",
                victim.position
            )),
            "{said}"
        );
    })
    .await;
}
