//! `tests/moving/dirty.csv`: invented, and with every kind of dirt.

use super::{Came, import, repository, run, serve, tickets, verify};
use docket_tests::server::{Client, Server};
use docket_tests::staff::PASSWORD;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const GOOD: u64 = 7;
/// One of the good ones stands twice.
const AGAIN: u64 = 1;

/// Line, column and reason of everything that is not taken.
const REJECTED: &[(&str, &str, &str)] = &[
    ("9", "编号", "REQUIRED"),
    ("10", "标题", "REQUIRED"),
    ("11", "受理时间", "NOT_A_TIME"),
    ("12", "办结时间", "INVALID_VALUE"),
    ("13", "内容", "BROKEN_ENCODING"),
    ("14", "内容", "BROKEN_QUOTE"),
    ("16", "标题", "TOO_LONG"),
    ("17", "", "DUPLICATE_NUMBER"),
    ("18", "", "WRONG_FIELD_COUNT"),
    ("19", "状态", "UNMAPPED_VALUE"),
    ("20", "受理时间", "INVALID_VALUE"),
];

fn rejects(said: &str, store: &TestStore) -> PathBuf {
    let line = said.lines().find_map(|line| line.strip_prefix("rejects: "));
    store.dir().join(line.unwrap_or_else(|| panic!("{said}")))
}

fn rows(file: &Path) -> (csv::StringRecord, Vec<csv::StringRecord>) {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(file)
        .unwrap();
    let header = reader.headers().unwrap().clone();
    (header, reader.records().map(Result::unwrap).collect())
}

/// As somebody would: each row by what is said of it.
fn correct(row: &csv::StringRecord) -> Vec<String> {
    let mut fields: Vec<String> = row.iter().map(ToOwned::to_owned).collect();
    let own = |fields: &mut Vec<String>, index: usize, text: &str| fields[4 + index] = text.into();
    let line = fields[0].clone();
    match fields[2].as_str() {
        "REQUIRED" if fields[1] == "编号" => own(&mut fields, 0, "2019-0007"),
        "REQUIRED" => own(&mut fields, 1, "有标题"),
        "NOT_A_TIME" => own(&mut fields, 6, "2019/2/28 8:00:00"),
        "INVALID_VALUE" if line == "12" => own(&mut fields, 8, "2019/1/11 8:00:00"),
        "INVALID_VALUE" => own(&mut fields, 6, "2019/1/18 8:00:00"),
        "BROKEN_ENCODING" => own(&mut fields, 2, "内容"),
        "BROKEN_QUOTE" => {
            let rest = fields[6].trim_start_matches('"').to_owned();
            fields.truncate(6);
            fields.extend(rest.split(',').map(ToOwned::to_owned));
        }
        "TOO_LONG" => own(&mut fields, 1, "不长"),
        "DUPLICATE_NUMBER" => own(&mut fields, 0, "2019-0015"),
        "UNMAPPED_VALUE" => own(&mut fields, 9, "新建"),
        "WRONG_FIELD_COUNT" => {}
        other => panic!("{other}"),
    }
    assert_eq!(fields.len(), 4 + 13, "{fields:?}");
    fields
}

async fn bad_rows_go_to_the_rejects_and_the_rest_goes_in(store: &TestStore) {
    let server = serve(store).await;
    let file = store.dir().join("dirty.csv");
    std::fs::copy(repository("tests/moving/dirty.csv"), &file).unwrap();
    let mapping = repository("tests/moving/old.toml");
    let bad = REJECTED.len() as u64;

    let mut check = import(store, &file, &mapping);
    check.arg("--check");
    let (came, said) = run(check).await;
    let expected = Came {
        imported: GOOD,
        before: AGAIN,
        rejected: bad,
    };
    assert_eq!(came, expected);
    for (line, _, reason) in REJECTED {
        let told = said
            .lines()
            .any(|l| l.starts_with(&format!("line {line}:")) && l.contains(reason));
        assert!(told, "{line} {reason}: {said}");
    }
    assert_eq!(tickets(store).await, 0, "a check writes nothing");

    let (came, said) = run(import(store, &file, &mapping)).await;
    assert_eq!(came, expected);
    let (header, found) = rows(&rejects(&said, store));
    let told: Vec<_> = found
        .iter()
        .map(|row| (&row[0], &row[1], &row[2]))
        .collect();
    assert_eq!(told, REJECTED);
    assert_eq!(tickets(store).await, GOOD);

    let (came, _) = run(import(store, &file, &mapping)).await;
    assert_eq!(
        (came.imported, came.before),
        (0, GOOD + AGAIN),
        "twice is once"
    );

    let corrected = store.dir().join("corrected.csv");
    let mut writer = csv::WriterBuilder::new().from_path(&corrected).unwrap();
    writer.write_record(&header).unwrap();
    for row in &found {
        writer.write_record(correct(row)).unwrap();
    }
    writer.flush().unwrap();
    for (imported, before) in [(bad, 0), (0, bad)] {
        let (came, said) = run(import(store, &corrected, &mapping)).await;
        assert_eq!(
            (came.imported, came.before, came.rejected),
            (imported, before, 0),
            "{said}"
        );
    }
    assert_eq!(tickets(store).await, GOOD + bad);

    found_again(&server).await;
    changed_and_encoded(store, &file, &mapping).await;
    verify(&server).await;
}

/// Over the wire: in the department's inbox, by its old number, in the statistics.
async fn found_again(server: &Server) {
    let clerk = server.client().logged_in("clerk", PASSWORD).await;
    let head = server.app.desk.journal().head().await.unwrap().to_string();
    let query = "query($at: Position!) { inbox(tab: TO_SIGN, first: 10, minPosition: $at) {
        edges { node { ticket { id title body state kind channel
            source { system number standing department { name } closedAt words { name text } }
            assignments { imported due { at } signDue { at } } } } } } }";
    let data = clerk.data(query, json!({ "at": head })).await;
    let rows = data["inbox"]["edges"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{data:#}");
    let ticket = &rows[0]["node"]["ticket"];
    assert_eq!(ticket["source"]["number"], "2019-0001", "due first");
    assert_eq!(
        (&ticket["title"], &ticket["channel"]),
        (&json!("路灯不亮"), &json!("phone"))
    );
    assert_eq!(
        (&ticket["kind"], &ticket["state"]),
        (&Value::Null, &json!("ASSIGNED"))
    );
    let words = json!([
        { "name": "channel", "text": "热线电话" },
        { "name": "department", "text": "城市管理局" },
        { "name": "status", "text": "办理中" },
        { "name": "社区", "text": "长江社区" },
    ]);
    assert_eq!(ticket["source"]["words"], words);
    let held = json!([{ "imported": true, "signDue": null, "due": { "at": "2099-01-09T09:30:00+00:00" } }]);
    assert_eq!(ticket["assignments"], held);
    assert_eq!(
        rows[1]["node"]["ticket"]["assignments"][0]["due"],
        Value::Null,
        "not known"
    );
    let signed = clerk.act("signTicket", json!({ "id": ticket["id"] })).await;
    assert_eq!(signed["state"], "IN_PROGRESS", "it goes on from there");

    let old = "query($number: String!) { ticket(sourceNumber: { system: \"old-system\", number: $number }) {
        number state receivedAt answer { text } source { standing number answer closedAt }
        ending { kind at } timeline { nodes { type label } } } }";
    let dispatcher = server.client().logged_in("dispatcher", PASSWORD).await;
    let data = dispatcher.data(old, json!({ "number": "2019-0004" })).await;
    let ticket = &data["ticket"];
    assert_eq!(
        (&ticket["state"], &ticket["answer"]),
        (&json!("CLOSED"), &Value::Null)
    );
    assert_eq!(
        ticket["source"]["answer"], "请到派出所窗口办理。",
        "when it was given is not known"
    );
    assert_eq!(ticket["ending"]["at"], "2019-01-08T03:00:00+00:00");
    assert_eq!(ticket["receivedAt"], "2019-01-05T02:00:00+00:00");
    assert!(
        ticket["number"]
            .as_str()
            .unwrap()
            .starts_with("190105100000")
    );
    assert_eq!(
        ticket["timeline"]["nodes"],
        json!([{ "type": "imported", "label": "迁入" }])
    );
    let data = dispatcher.data(old, json!({ "number": "2019-0005" })).await;
    assert_eq!(data["ticket"]["source"]["standing"], "DUPLICATE");
    assert_eq!(
        clerk.fault(old, json!({ "number": "2019-0004" })).await,
        "NOT_FOUND",
        "another's"
    );
    assert_eq!(
        dispatcher.fault(old, json!({ "number": "none" })).await,
        "NOT_FOUND"
    );

    counted(server, &dispatcher).await;
}

async fn counted(server: &Server, dispatcher: &Client) {
    let query = "query($at: Position!) { statistics(from: \"2019-01-01\", to: \"2099-12-31\", groupBy: NOTHING,
        minPosition: $at) { received imported assigned signed dueToSign dueToReply closed } }";
    let head = server.app.desk.journal().head().await.unwrap().to_string();
    let data = dispatcher.data(query, json!({ "at": head })).await;
    let expected = json!([{ "received": 0, "imported": GOOD + REJECTED.len() as u64, "assigned": 0, "signed": 1,
        "dueToSign": 0, "dueToReply": 1, "closed": 0 }]);
    assert_eq!(data["statistics"], expected);
}

/// A row that has changed since is told; the same rows in GB18030 are the same.
async fn changed_and_encoded(store: &TestStore, file: &Path, mapping: &Path) {
    let text = String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    // The first line and six rows, one of them on two lines.
    let good = lines[..8].concat();
    let changed = store.dir().join("changed.csv");
    std::fs::write(&changed, good.replace("长江路路灯", "黄河路路灯")).unwrap();
    let (came, said) = run(import(store, &changed, mapping)).await;
    assert_eq!(
        (came.imported, came.before, came.rejected),
        (0, 5, 1),
        "{said}"
    );
    let (_, found) = rows(&rejects(&said, store));
    assert_eq!(&found[0][2], "CHANGED_SINCE");

    let silent = store.dir().join("silent.toml");
    let said = std::fs::read_to_string(mapping)
        .unwrap()
        .replace("encoding = \"utf-8\"", "");
    std::fs::write(&silent, said).unwrap();
    let (chinese, _, all) = encoding_rs::GB18030.encode(&good);
    assert!(!all);
    let marked = ["\u{FEFF}".as_bytes(), good.as_bytes()].concat();
    for (bytes, name) in [(chinese.into_owned(), "GB18030"), (marked, "UTF-8")] {
        let encoded = store.dir().join("encoded.csv");
        std::fs::write(&encoded, bytes).unwrap();
        let (came, said) = run(import(store, &encoded, &silent)).await;
        assert_eq!((came.before, came.rejected), (6, 0), "{said}");
        assert!(said.contains(&format!("rows in {name}:")), "{said}");
    }
}

on_both_stores! { bad_rows_go_to_the_rejects_and_the_rest_goes_in }
