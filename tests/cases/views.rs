//! The read models: `verify` names what was tampered with, `rebuild` puts it right, and views follow.

mod ahead;
mod behind;
mod long;

use chrono::TimeDelta;
use docket_core::Span;
use docket_core::db::{Db, Value};
use docket_domain::Timestamp;
use docket_domain::notice::{Content, NoticeAction};
use docket_domain::ticket::scenario::{
    DEPARTMENT, UNIT, clerk, id, leader, now, office, operator, unit_clerk,
};
use docket_projections::ProjectionError;
use docket_projections::inbox::{Holder, InboxQuery, Order, Tab};
use docket_projections::projection::{self, Column, Table};
use docket_projections::rebuild::{self, DifferenceKind};
use docket_tests::city::{self, found, hotline};
use docket_tests::server::Server;
use docket_tests::staff::hire_all;
use docket_tests::{TestStore, on_both_stores};
use uuid::Uuid;

async fn play_some(store: &TestStore) -> Server {
    let server = Server::start(store).await;
    let hotline = hotline(store).await;
    found(&hotline.desk).await;
    hire_all(&hotline.desk, &hotline.store.ops).await;
    for _ in 0..4 {
        let ticket = city::assigned(&hotline.desk).await;
        for (actor, action) in [
            (clerk(), city::view()),
            (clerk(), city::sign()),
            (clerk(), city::delegate()),
            (unit_clerk(), city::sign()),
            (unit_clerk(), city::reply()),
            (leader(), city::reply()),
            (leader(), city::ask_exclusion()),
            (operator(), city::rate()),
        ] {
            city::act(&hotline.desk, &actor, ticket, action).await;
        }
    }
    city::assigned(&hotline.desk).await;
    let notice = NoticeAction::Publish(Content {
        title: "系统升级".into(),
        body: "周六停用一小时。".into(),
        departments: Some(vec![DEPARTMENT]),
        expires_at: None,
    });
    for (actor, action) in [(office(), notice), (clerk(), NoticeAction::MarkRead)] {
        let options = docket_core::desk::Options::default();
        let kept = hotline
            .desk
            .keep_notice(&actor, id(0x0A0), action, &options);
        kept.await.unwrap();
    }
    let head = server.app.desk.journal().head().await.unwrap();
    server
        .app
        .views
        .wait_for(head, docket_tests::store::PATIENCE)
        .await
        .unwrap();
    server
}

async fn differences(server: &Server) -> Vec<(String, DifferenceKind)> {
    let found = rebuild::verify(&server.app.store, &mut |_| {})
        .await
        .unwrap();
    let name = |d: rebuild::Difference| (format!("{} {}", d.table, d.key), d.kind);
    found.differences.into_iter().map(name).collect()
}

fn tables() -> Vec<&'static Table> {
    projection::all().iter().flat_map(|p| p.tables()).collect()
}

/// An id as it is written in a statement.
fn literal(db: &Db, id: Uuid) -> String {
    if db.is_sqlite() {
        format!("X'{}'", id.simple())
    } else {
        format!("CAST('{id}' AS UUID)")
    }
}

/// The first row's key, as `verify` writes it, and a condition that finds it.
async fn first_row(server: &Server, table: &Table) -> (String, String) {
    let sql = format!(
        "SELECT {0} FROM {1} ORDER BY {0}",
        table.key_list(),
        table.name
    );
    let db = &server.app.store.views;
    let row = db
        .fetch_optional(&sql, vec![])
        .await
        .unwrap()
        .expect("a row in every table");
    let mut key = Vec::new();
    let mut condition = Vec::new();
    for (index, column) in table.columns[..table.key].iter().enumerate() {
        let value = match column {
            Column::Int(_) => row.int(index).unwrap().to_string(),
            Column::Text(_) | Column::Long(_) => row.text(index).unwrap(),
            Column::Id(_) => row.id(index).unwrap().to_string(),
        };
        let quoted = match column {
            Column::Int(_) => value.clone(),
            Column::Text(_) | Column::Long(_) => format!("'{value}'"),
            Column::Id(_) => literal(db, row.id(index).unwrap()),
        };
        condition.push(format!("{} = {quoted}", column.name()));
        key.push(value);
    }
    (key.join("/"), condition.join(" AND "))
}

async fn a_changed_a_missing_and_an_extra_row_in_every_table_are_named(store: &TestStore) {
    let server = play_some(store).await;
    let db = server.app.store.views.clone();
    assert_eq!(differences(&server).await, []);
    for table in tables() {
        let name = table.name;
        let (key, row) = first_row(&server, table).await;
        for column in &table.columns[table.key..] {
            let kind = *column;
            let column = kind.name();
            let (other, back) = match kind {
                Column::Int(_) => (format!("{column} - 1"), format!("{column} + 1")),
                Column::Text(_) | Column::Long(_) => (
                    format!("{column} || 'x'"),
                    format!("substr({column}, 1, length({column}) - 1)"),
                ),
                Column::Id(_) => {
                    let sql = format!("SELECT {column} FROM {name} WHERE {row}");
                    let stored = db.fetch_optional(&sql, vec![]).await.unwrap().unwrap();
                    let stored = stored.id(0).unwrap();
                    (literal(&db, Uuid::max()), literal(&db, stored))
                }
            };
            db.execute(
                &format!("UPDATE {name} SET {column} = {other} WHERE {row}"),
                vec![],
            )
            .await
            .unwrap();
            let expected = vec![(
                format!("{name} {key}"),
                DifferenceKind::Changed(vec![column]),
            )];
            assert_eq!(differences(&server).await, expected);
            db.execute(
                &format!("UPDATE {name} SET {column} = {back} WHERE {row}"),
                vec![],
            )
            .await
            .unwrap();
        }
        let columns = table.column_list();
        let copied = copied(table, &db);
        let copy =
            format!("INSERT INTO {name} ({columns}) SELECT {copied} FROM {name} WHERE {row}");
        db.execute(&copy, vec![]).await.unwrap();
        let found = differences(&server).await;
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        assert_eq!(found[0].1, DifferenceKind::Extra, "{name}");
        db.execute(&format!("DELETE FROM {name} WHERE {row}"), vec![])
            .await
            .unwrap();
        let found = differences(&server).await;
        let missing = (format!("{name} {key}"), DifferenceKind::Missing);
        assert!(
            found.len() == 2 && found.contains(&missing),
            "{name}: {found:?}"
        );
        rebuild::rebuild(&server.app.store, &projection::all(), &mut |_| {})
            .await
            .unwrap();
    }
    assert_eq!(differences(&server).await, []);
}

/// The columns of a copy of a row under another key.
fn copied(table: &Table, db: &Db) -> String {
    let mut columns: Vec<String> = table.columns.iter().map(|c| c.name().to_owned()).collect();
    let last = table.key - 1;
    columns[last] = match table.columns[last] {
        Column::Int(name) => format!("{name} + 1000"),
        Column::Text(name) | Column::Long(name) => format!("{name} || 'x'"),
        Column::Id(_) => literal(db, Uuid::max()),
    };
    columns.join(", ")
}

async fn a_rebuild_and_whoever_reads_do_not_wait_for_each_other(store: &TestStore) {
    let server = play_some(store).await;
    let db = server.app.store.views.clone();
    let mut reader = db.begin_read().await.unwrap();
    let first = "SELECT count(*) FROM inbox_tabs";
    reader.fetch_all(first, vec![]).await.unwrap();
    let projections = projection::all();
    let mut silent = |_| {};
    let rebuilt = rebuild::rebuild(&server.app.store, &projections, &mut silent);
    let read = async {
        let waits = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
             WHERE d.datname = current_database() AND NOT l.granted AND l.mode = 'AccessExclusiveLock'";
        let started = std::time::Instant::now();
        while !db.is_sqlite() {
            assert!(
                started.elapsed() < docket_tests::store::PATIENCE,
                "it took no lock"
            );
            let row = db.fetch_optional(waits, vec![]).await.unwrap().unwrap();
            if row.int(0).unwrap() > 0 {
                break;
            }
        }
        // Locked after what was read first: the other way round than a rebuild meets them.
        let second = "SELECT count(*) FROM inbox";
        reader.fetch_all(second, vec![]).await.unwrap();
        drop(reader);
    };
    let (rebuilt, ()) = tokio::join!(rebuilt, read);
    rebuilt.unwrap();
    assert_eq!(differences(&server).await, []);
}

async fn a_rebuild_serves_on_and_the_views_may_be_deleted(store: &TestStore) {
    let server = play_some(store).await;
    let views = server.app.views.clone();
    let before = views
        .inbox_counts(docket_projections::inbox::Holder::Centre, now())
        .await
        .unwrap();
    let head = server.app.desk.journal().head().await.unwrap();
    let folded = rebuild::rebuild(&server.app.store, &projection::all(), &mut |_| {})
        .await
        .unwrap();
    assert_eq!(folded, head);
    let after = views
        .inbox_counts(docket_projections::inbox::Holder::Centre, now())
        .await
        .unwrap();
    assert_eq!(before, after);
    for table in tables() {
        let db = &server.app.store.views;
        db.execute(&format!("DROP TABLE {}", table.name), vec![])
            .await
            .unwrap();
    }
    for table in ["checkpoint", "projections"] {
        server
            .app
            .store
            .views
            .execute(&format!("DROP TABLE {table}"), vec![])
            .await
            .unwrap();
    }
    let again = Server::start(store).await;
    again
        .app
        .views
        .wait_for(head, docket_tests::store::PATIENCE)
        .await
        .unwrap();
    assert_eq!(differences(&again).await, []);
}

async fn a_view_of_another_version_is_rebuilt_at_the_start(store: &TestStore) {
    let server = play_some(store).await;
    let db = server.app.store.views.clone();
    db.execute(
        "UPDATE projections SET version = 0 WHERE name = 'inbox'",
        vec![],
    )
    .await
    .unwrap();
    db.execute("DELETE FROM inbox", Vec::<Value>::new())
        .await
        .unwrap();
    let again = Server::start(store).await;
    assert_eq!(differences(&again).await, []);
    let status = rebuild::status(&again.app.store).await.unwrap();
    assert!(
        status.iter().all(|s| s.stored_version == Some(s.version)),
        "{status:?}"
    );
}

async fn views_of_another_log_are_never_called_clean(store: &TestStore) {
    let server = play_some(store).await;
    let db = server.app.store.views.clone();
    for tampered in ["position = position + 1000", "log = 'another'"] {
        db.execute(&format!("UPDATE checkpoint SET {tampered}"), vec![])
            .await
            .unwrap();
        let refused = rebuild::verify(&server.app.store, &mut |_| {})
            .await
            .unwrap_err();
        assert!(
            matches!(refused, ProjectionError::OtherLog { .. }),
            "{refused}"
        );
        let again = Server::start(store).await;
        let head = again.app.desk.journal().head().await.unwrap();
        again
            .app
            .views
            .wait_for(head, docket_tests::store::PATIENCE)
            .await
            .unwrap();
        assert_eq!(differences(&again).await, []);
    }
}

async fn counts_are_those_of_the_rows(store: &TestStore) {
    let server = play_some(store).await;
    let views = &server.app.views;
    let soon = views
        .inbox(
            &asked(Holder::Centre, Tab::ToSign, now()),
            &Span::first(1),
            false,
        )
        .await;
    let due = soon.unwrap().rows[0].due_at.expect("a limit");
    let minute = TimeDelta::minutes(1);
    for holder in [
        Holder::Centre,
        Holder::Department(DEPARTMENT),
        Holder::Unit(UNIT),
    ] {
        for at in [due - minute * 61, due, due + minute, due + minute * 61] {
            for (tab, count) in views.inbox_counts(holder, at).await.unwrap() {
                let rows = views.inbox_total(&asked(holder, tab, at)).await;
                assert_eq!(count, rows.unwrap(), "{holder:?} {tab:?} {at}");
            }
        }
    }
    let later = views
        .inbox_counts(Holder::Centre, due + minute)
        .await
        .unwrap();
    assert!(later.contains(&(Tab::Overdue, 1)), "{later:?}");
}

const fn asked(holder: Holder, tab: Tab, now: Timestamp) -> InboxQuery {
    InboxQuery {
        holder,
        tab,
        kind: None,
        urgency: None,
        unviewed: None,
        supervised: None,
        urged: None,
        light: None,
        handler: None,
        order: Order::DueFirst,
        now,
    }
}

on_both_stores! {
    counts_are_those_of_the_rows,
    views_of_another_log_are_never_called_clean,
    a_changed_a_missing_and_an_extra_row_in_every_table_are_named,
    a_rebuild_and_whoever_reads_do_not_wait_for_each_other,
    a_rebuild_serves_on_and_the_views_may_be_deleted,
    a_view_of_another_version_is_rebuilt_at_the_start,
}
