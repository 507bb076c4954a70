//! Taking out: what is exported is what is recorded, whatever is in it, and no more than was asked for.

use super::{docket, is_vacant};
use docket_core::desk::{Caller, NewTicket, Options};
use docket_core::journal::Record;
use docket_domain::ids::TicketId;
use docket_domain::ticket::scenario::{clerk, dispatcher, operator};
use docket_domain::ticket::{Kind, TicketAction};
use docket_tests::city::{act, assign, found, hotline, new_ticket, sign};
use docket_tests::commits::whole_log;
use docket_tests::{TestStore, on_both_stores};
use serde_json::Value;
use std::collections::HashMap;

on_both_stores! {
    awkward_texts_are_parsed_back,
    personal_data_stays_sealed_unless_asked_for,
    events_are_the_exact_records,
    filters_choose,
}

const AWKWARD: [&str; 8] = [
    "=HYPERLINK(\"http://x\")",
    "+86 138",
    "-1",
    "@SUM(A1)",
    "\"引号\", 逗号; \u{1F600}𠮷",
    "两行\n\n第三行",
    "'=1",
    "空格 \t制表",
];

async fn awkward(store: &TestStore) {
    let hotline = hotline(store).await;
    found(&hotline.desk).await;
    for text in AWKWARD {
        let new = NewTicket {
            body: text.into(),
            title: "题".into(),
            caller: Some(Caller {
                name: Some(text.into()),
                phone: Some("13800000000".into()),
                ..Caller::default()
            }),
            ..new_ticket()
        };
        let received = hotline
            .desk
            .receive(&operator(), new, &Options::default())
            .await;
        received.unwrap();
    }
}

/// Exports to a file in the store's folder, and reads it.
async fn exported(store: &TestStore, arguments: &[&str]) -> String {
    let out = store.dir().join("exported").display().to_string();
    let arguments = [&["export", "--out", &out], arguments].concat();
    let (worked, said) = docket(store, &arguments).await;
    assert!(worked && said.contains("at position"), "{said}");
    std::fs::read_to_string(out).unwrap()
}

fn table(text: &str) -> Vec<HashMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

async fn awkward_texts_are_parsed_back(store: &TestStore) {
    awkward(store).await;
    let personal = [
        "--what",
        "tickets",
        "--personal",
        "--purpose",
        "test",
        "--format",
    ];
    let rows = table(&exported(store, &[&personal[..], &["csv"]].concat()).await);
    let objects = lines(&exported(store, &[&personal[..], &["jsonl"]].concat()).await);
    assert_eq!((rows.len(), objects.len()), (AWKWARD.len(), AWKWARD.len()));
    for ((text, row), object) in AWKWARD.iter().zip(&rows).zip(&objects) {
        for (column, kept) in [("body", *text), ("caller_name", text)] {
            assert_eq!(object[column], *kept, "JSON keeps it as it is");
            let cell = &row[column];
            let formula = kept.starts_with(['=', '+', '-', '@', '\t', '\r']);
            let expected = if formula {
                format!("'{kept}")
            } else {
                kept.to_owned()
            };
            assert_eq!(*cell, expected, "a spreadsheet sees no formula");
        }
    }
    let bom = exported(store, &["--what", "tickets", "--format", "csv", "--bom"]).await;
    assert!(bom.starts_with('\u{feff}'));
}

async fn personal_data_stays_sealed_unless_asked_for(store: &TestStore) {
    awkward(store).await;
    // No key is needed: none is there.
    let master = store.dir().join("master.key");
    std::fs::rename(&master, master.with_extension("away")).unwrap();
    let rows = table(&exported(store, &["--what", "tickets", "--format", "csv"]).await);
    for row in rows {
        for column in ["caller_name", "caller_phone", "title", "body"] {
            assert_eq!(row[column], "***", "{column}");
        }
        assert_eq!(row["respondent"], "", "what is not there is not masked");
    }
    for arguments in [
        ["--personal"].as_slice(),
        &["--personal", "--purpose", " "],
        &["--purpose", "test"],
    ] {
        let what = ["export", "--what", "tickets", "--format", "csv"];
        let (worked, said) = docket(store, &[&what[..], arguments].concat()).await;
        assert!(!worked && said.contains("purpose"), "{said}");
    }
    let (worked, _) = docket(
        store,
        &[
            "export",
            "--what",
            "tickets",
            "--format",
            "csv",
            "--personal",
            "--purpose",
            "x",
        ],
    )
    .await;
    assert!(!worked, "and with it a key is");
}

async fn events_are_the_exact_records(store: &TestStore) {
    awkward(store).await;
    let journal = store.journal().await;
    let log = whole_log(&journal).await;
    let objects = lines(&exported(store, &["--what", "events", "--format", "jsonl"]).await);
    let rows = table(&exported(store, &["--what", "events", "--format", "csv"]).await);
    assert_eq!((objects.len(), rows.len()), (log.len(), log.len()));
    for ((record, object), row) in log.iter().zip(&objects).zip(&rows) {
        let read = read_back(object);
        assert_eq!(
            read.canonical(journal.log_id()),
            record.canonical(journal.log_id())
        );
        for (column, cell) in row {
            let value = &object[column];
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            assert_eq!(*cell, if value.is_null() { String::new() } else { text });
        }
    }
}

fn read_back(object: &Value) -> Record {
    let text = |column: &str| object[column].as_str().unwrap().to_owned();
    let id = |column: &str| text(column).parse::<uuid::Uuid>().unwrap();
    let maybe = |column: &str| object[column].as_str().map(|id| id.parse().unwrap());
    let number = |column: &str| object[column].as_u64().unwrap();
    let time = |column: &str| text(column).parse().unwrap();
    Record {
        position: number("position"),
        category: text("category"),
        stream: id("stream"),
        version: number("version"),
        event: id("event").into(),
        event_type: text("type"),
        schema_version: number("schema_version").try_into().unwrap(),
        data: text("data"),
        actor: id("actor").into(),
        acting_for: maybe("acting_for"),
        command: id("command").into(),
        correlation: id("correlation"),
        causation: maybe("causation"),
        occurred_at: time("occurred_at"),
        recorded_at: time("recorded_at"),
        rules_version: number("rules_version").try_into().unwrap(),
    }
}

async fn filters_choose(store: &TestStore) {
    let hotline = hotline(store).await;
    found(&hotline.desk).await;
    let desk = &hotline.desk;
    let receive = async |kind| {
        let new = NewTicket {
            kind,
            ..new_ticket()
        };
        let outcome = desk
            .receive(&operator(), new, &Options::default())
            .await
            .unwrap();
        let number = outcome.state.intake.as_ref().unwrap().number.to_string();
        (
            TicketId(outcome.id),
            number,
            outcome.state.intake.as_ref().unwrap().at,
        )
    };
    let (_, first, _) = receive(Kind::Consult).await;
    let (second, second_number, second_at) = receive(Kind::Complain).await;
    let steps: [(_, TicketAction<String>); 2] = [(dispatcher(), assign()), (clerk(), sign())];
    for (actor, action) in steps {
        act(desk, &actor, second, action).await;
    }
    let at = second_at.to_rfc3339();
    let numbers = async |arguments: &[&str]| -> Vec<String> {
        let what = ["--what", "tickets", "--format", "csv"];
        let rows = table(&exported(store, &[&what[..], arguments].concat()).await);
        rows.into_iter()
            .map(|mut row| row.remove("number").unwrap())
            .collect()
    };
    let (one, two) = (vec![first.clone()], vec![second_number.clone()]);
    assert_eq!(numbers(&[]).await, [first.clone(), second_number.clone()]);
    assert_eq!(numbers(&["--kind", "consult"]).await, one);
    assert_eq!(numbers(&["--state", "in_progress"]).await, two);
    assert_eq!(numbers(&["--department", "城市管理局"]).await, two);
    assert_eq!(numbers(&["--from", &at]).await, two);
    assert_eq!(numbers(&["--to", &at]).await, one);
    assert_eq!(
        numbers(&["--to", "2001-01-01T00:00:00Z"]).await,
        Vec::<String>::new()
    );
    let types = async |arguments: &[&str]| -> Vec<String> {
        let what = ["--what", "events", "--format", "jsonl"];
        let rows = lines(&exported(store, &[&what[..], arguments].concat()).await);
        rows.iter()
            .map(|row| row["type"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        types(&["--ticket", &second_number]).await,
        ["received", "assigned", "signed"]
    );
    assert_eq!(
        types(&["--type", "signed", "--type", "assigned"]).await,
        ["assigned", "signed"]
    );
    let head = hotline.store.journal.head().await.unwrap();
    let (from, to) = ((head - 1).to_string(), (head - 1).to_string());
    assert_eq!(
        types(&["--from-position", &from]).await,
        ["assigned", "signed"]
    );
    assert_eq!(
        types(&["--from-position", &from, "--to-position", &to]).await,
        ["assigned"]
    );
    refuses(store, &first).await;
}

/// What does not fit is refused, and no file is left behind.
async fn refuses(store: &TestStore, number: &str) {
    let new = tempfile::tempdir().unwrap();
    let out = new.path().join("out").display().to_string();
    for arguments in [
        ["--what", "events", "--kind", "consult"],
        ["--what", "tickets", "--ticket", number],
        ["--what", "tickets", "--department", "无"],
        ["--what", "events", "--ticket", "000000000000000000"],
        ["--what", "tickets", "--state", "nowhere"],
    ] {
        let export = ["export", "--format", "csv", "--out", &out];
        let (worked, said) = docket(store, &[&export[..], &arguments].concat()).await;
        assert!(!worked, "{said}");
        assert!(is_vacant(new.path()), "{arguments:?}");
    }
}
