//! Uploads at their limits, cut off, sent twice, too late, or by a process that is killed.

use super::*;
use docket_core::ManualClock;
use docket_domain::ticket::scenario::now;
use docket_gateway::attachments::{FILE_LINK_LASTS, UPLOAD_LINK_LASTS};
use docket_tests::city::hotline;
use docket_tests::server::ServerProcess;
use docket_tests::store::PATIENCE;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

docket_tests::on_both_stores! {
    what_does_not_fit_is_refused,
    a_ticket_takes_so_many,
    links_end,
    a_file_is_attached_once,
    a_cut_upload_leaves_nothing,
    an_upload_that_never_ends_is_cut_off,
    killed_between_bytes_and_event,
}

/// Waits until something is so.
pub async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    waited.unwrap_or_else(|_| panic!("it never came: {what}"));
}

/// The files that lie in a store's folder, and uploads on record as begun.
async fn left(store: &TestStore) -> (usize, u64) {
    let folder = store.dir().join("files");
    let files = if folder.exists() {
        below(&folder).len()
    } else {
        0
    };
    (files, store.rows("ops", "uploads").await)
}

async fn what_does_not_fit_is_refused(store: &TestStore) {
    let story = small_story(store, |_| {}).await;
    let ticket = story.signed().await;
    let clerk = story.person("clerk").await;
    let with = |field: &str, value: Value| {
        let mut input = wanted(&ticket, "EVIDENCE", 1_000);
        input[field] = value;
        input
    };
    for (field, value, code) in [
        ("size", json!(100_001), "FILE_TOO_LARGE"),
        ("size", json!(0), "INVALID_VALUE"),
        ("size", json!(-1), "INVALID_VALUE"),
        ("mediaType", json!("text/html"), "FILE_TYPE"),
        ("mediaType", json!("application/zip"), "FILE_TYPE"),
        ("mediaType", json!(""), "FILE_TYPE"),
        ("name", json!(" "), "REQUIRED"),
        ("name", json!("长".repeat(201)), "TOO_LONG"),
        ("name", json!("../../etc/passwd"), "INVALID_VALUE"),
        ("part", json!("MATTER"), "INVALID_VALUE"),
    ] {
        let refused = ask(&clerk, &with(field, value)).await;
        let error = &refused["userErrors"][0];
        assert_eq!(error["code"], code, "{field}");
        assert_eq!(error["path"], json!(["input", field]), "{code}");
        assert_eq!(refused["uploadUrl"], Value::Null);
    }
    // Whatever is sent to a good link, and is not what was said.
    let page = b"<!doctype html><script>alert(1)</script>".repeat(25);
    assert_eq!(page.len(), 1_000);
    let mut late = photo(1_000);
    late[0] = b'<';
    for (bytes, status, code) in [
        (page, 415, "FILE_TYPE"),
        (late, 415, "FILE_TYPE"),
        (photo(999), 400, "SIZE_DIFFERS"),
        (photo(1_001), 400, "SIZE_DIFFERS"),
        (vec![], 400, "SIZE_DIFFERS"),
    ] {
        let asked = ask(&clerk, &with("size", json!(1_000))).await;
        let said = put(&clerk.url, &asked["uploadUrl"], bytes).await;
        assert_eq!((said.0, &said.1["code"]), (status, &json!(code)));
    }
    // And not told beforehand how much there is.
    let asked = ask(&clerk, &with("size", json!(1_000))).await;
    let url = format!("{}{}", clerk.url, asked["uploadUrl"].as_str().unwrap());
    let pieces = (0..200).map(|_| Ok::<_, std::io::Error>(photo(1_000)));
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    // The server may have hung up before all of it was sent.
    if let Ok(response) = reqwest::Client::new().put(url).body(body).send().await {
        assert_eq!(response.status(), 400);
    }
    until("all is removed", async || left(store).await == (0, 0)).await;
    // At the edge, exactly.
    attach(&clerk, &ticket, "EVIDENCE", 100_000).await;
    attach(&clerk, &ticket, "EVIDENCE", 11).await;
    assert_eq!(left(store).await, (2, 0));
}

async fn a_ticket_takes_so_many(store: &TestStore) {
    let story = small_story(store, |_| {}).await;
    let ticket = story.signed().await;
    let clerk = story.person("clerk").await;
    // Asked for while there was room.
    let early = ask(&clerk, &wanted(&ticket, "EVIDENCE", 1_000)).await;
    for _ in 0..3 {
        attach(&clerk, &ticket, "EVIDENCE", 1_000).await;
    }
    let refused = ask(&clerk, &wanted(&ticket, "EVIDENCE", 1_000)).await;
    assert_eq!(refused["userErrors"][0]["code"], "TOO_MANY_FILES");
    let (status, said) = put(&clerk.url, &early["uploadUrl"], photo(1_000)).await;
    assert_eq!((status, &said["code"]), (409, &json!("TOO_MANY_FILES")));
    assert_eq!(left(store).await, (3, 0));
}

async fn links_end(store: &TestStore) {
    let clock = std::sync::Arc::new(ManualClock::at(now()));
    let story = Story::begin_at(store, clock.clone(), "").await;
    let ticket = story.signed().await;
    let clerk = story.person("clerk").await;
    let file = attach(&clerk, &ticket, "EVIDENCE", 1_000).await;
    let asked = ask(&clerk, &wanted(&ticket, "EVIDENCE", 1_000)).await;
    let input = json!({ "id": ticket["id"], "attachmentId": file, "purpose": "核实" });
    let opened = open(&clerk, input.clone()).await;
    // What could not be given is asked for again by the same link.
    let folder = store.dir().join("files");
    let away = store.dir().join("away");
    std::fs::rename(&folder, &away).unwrap();
    assert_eq!(get(&clerk.url, &opened["url"]).await.status(), 500);
    std::fs::rename(&away, &folder).unwrap();
    assert_eq!(get(&clerk.url, &opened["url"]).await.status(), 200);
    assert_eq!(get(&clerk.url, &opened["url"]).await.status(), 404, "once");
    let opened = open(&clerk, input.clone()).await;
    // A link for one thing is none for another, and none that was changed.
    let upload = asked["uploadUrl"].as_str().unwrap();
    assert_eq!(get(&clerk.url, &asked["uploadUrl"]).await.status(), 404);
    assert_eq!(put(&clerk.url, &opened["url"], photo(1_000)).await.0, 404);
    let changed = json!(format!("{}A{}", &upload[..40], &upload[41..]));
    let other = json!(format!("{}B{}", &upload[..40], &upload[41..]));
    let changed = if changed == asked["uploadUrl"] {
        other
    } else {
        changed
    };
    assert_eq!(put(&clerk.url, &changed, photo(1_000)).await.0, 404);

    clock.set(now() + FILE_LINK_LASTS);
    assert_eq!(get(&clerk.url, &opened["url"]).await.status(), 404);
    let moment = chrono::TimeDelta::seconds(1);
    clock.set(now() + UPLOAD_LINK_LASTS - moment);
    let before = put(&clerk.url, &asked["uploadUrl"], photo(999)).await;
    assert_eq!(before.1["code"], "SIZE_DIFFERS", "it works to its end");
    clock.set(now() + UPLOAD_LINK_LASTS);
    let (status, said) = put(&clerk.url, &asked["uploadUrl"], photo(1_000)).await;
    assert_eq!((status, &said["code"]), (404, &json!("LINK_OVER")));
    assert_eq!(left(store).await, (1, 0));
}

async fn a_file_is_attached_once(store: &TestStore) {
    let story = Story::begin(store).await;
    let ticket = story.signed().await;
    let clerk = story.person("clerk").await;
    let mut input = wanted(&ticket, "EVIDENCE", 90_000);
    input["commandId"] = json!("3c1d8f0a-7d52-4a2c-9d0e-0a4f5a1f2b09");
    // Asked for twice, since the first answer was lost: one file.
    let (first, second) = (ask(&clerk, &input).await, ask(&clerk, &input).await);
    assert_eq!(first["attachmentId"], second["attachmentId"]);
    let links = [&first, &second, &first, &second];
    let sent = links.map(|asked| put(&clerk.url, &asked["uploadUrl"], photo(90_000)));
    let outcomes = futures_util::future::join_all(sent).await;
    let fresh = outcomes.iter().filter(|(status, _)| *status == 201).count();
    assert_eq!(fresh, 1, "{outcomes:?}");
    for (status, said) in &outcomes {
        assert!([200, 201].contains(status), "{said}");
        assert_eq!(said["repeated"], json!(*status == 200));
        assert_eq!(said["sha256"], outcomes[0].1["sha256"]);
        assert_eq!(said["attachmentId"], first["attachmentId"]);
    }
    let again = put(&clerk.url, &first["uploadUrl"], photo(90_000)).await;
    assert_eq!((again.0, &again.1["repeated"]), (200, &json!(true)));
    let seen = story.reads("clerk", &ticket["id"], FILES).await;
    assert_eq!(seen["attachments"].as_array().unwrap().len(), 1);
    assert_eq!(left(store).await, (1, 0));
}

/// Begins to send a file by hand, and sends so much of it.
async fn begin(clerk: &Client, link: &Value, size: usize, sent: usize) -> tokio::net::TcpStream {
    let address = clerk.url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let link = link.as_str().unwrap();
    let head = format!("PUT {link} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {size}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&photo(size)[..sent]).await.unwrap();
    stream
}

async fn a_cut_upload_leaves_nothing(store: &TestStore) {
    let story = Story::begin(store).await;
    let ticket = story.signed().await;
    let clerk = story.person("clerk").await;
    let asked = ask(&clerk, &wanted(&ticket, "EVIDENCE", 300_000)).await;
    let stream = begin(&clerk, &asked["uploadUrl"], 300_000, 150_000).await;
    until("it has begun", async || left(store).await == (1, 1)).await;
    drop(stream);
    until("all is removed", async || left(store).await == (0, 0)).await;
    // The same link takes it whole.
    let (status, said) = put(&clerk.url, &asked["uploadUrl"], photo(300_000)).await;
    assert_eq!(status, 201, "{said}");
}

async fn an_upload_that_never_ends_is_cut_off(store: &TestStore) {
    let story = small_story(store, |limits| {
        limits.upload_time = Duration::from_millis(300);
    })
    .await;
    let ticket = story.signed().await;
    let clerk = story.person("clerk").await;
    let asked = ask(&clerk, &wanted(&ticket, "EVIDENCE", 1_000)).await;
    let mut stream = begin(&clerk, &asked["uploadUrl"], 1_000, 100).await;
    let mut said = vec![0; 12];
    stream.read_exact(&mut said).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&said), "HTTP/1.1 408");
    until("all is removed", async || left(store).await == (0, 0)).await;
}

/// The server is killed when the bytes are stored and the event is not: the journal is held meanwhile.
async fn killed_between_bytes_and_event(store: &TestStore) {
    let setting = hotline(store).await;
    docket_tests::city::found(&setting.desk).await;
    hire_all(&setting.desk, &setting.store.ops).await;
    let mut server = ServerProcess::start(crate::safekeeping::DOCKET, store);
    let nobody = server.client();
    let person = async |login: &str| {
        let password = docket_tests::staff::PASSWORD;
        nobody.logged_in(login, password).await
    };
    let operator = person("operator").await;
    let ticket = operator
        .act("receiveTicket", crate::gateway::request())
        .await;
    let asked = ask(&operator, &wanted(&ticket, "MATTER", 80_000)).await;

    let journal = store.part("journal").await;
    let mut held = journal.begin().await.unwrap();
    if !store.is_sqlite() {
        held.execute("LOCK TABLE events IN EXCLUSIVE MODE", vec![])
            .await
            .unwrap();
    }
    let (url, link) = (operator.url.clone(), asked["uploadUrl"].clone());
    let sending = tokio::spawn(async move {
        let url = format!("{url}{}", link.as_str().unwrap());
        let sent = reqwest::Client::new().put(url).body(photo(80_000)).send();
        sent.await.is_err()
    });
    until("the bytes are stored", async || {
        let folder = store.dir().join("files");
        folder.exists() && whole(&folder) == 1
    })
    .await;
    server.kill();
    assert!(
        sending.await.unwrap(),
        "nobody was told that it is attached"
    );
    if !store.is_sqlite() {
        // The statement that waits would be carried out, though nobody is there to be told.
        let others = store.part("ops").await;
        let sql = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        until("nobody waits", async || {
            others.fetch_all(sql, vec![]).await.unwrap().is_empty()
        })
        .await;
        others.close().await;
    }
    drop(held);
    journal.close().await;

    let server = ServerProcess::start(crate::safekeeping::DOCKET, store);
    let operator = operator.at(&server.url);
    let read = json!({ "id": ticket["id"] });
    let query = "query($id: ID!) { ticket(id: $id) { attachments { id } } }";
    let seen = operator.data(query, read.clone()).await;
    assert_eq!(seen["ticket"]["attachments"], json!([]));
    assert_eq!(left(store).await, (1, 1), "an orphan, on record");
    // The link is good at another process, and what it attaches is not swept with the orphan.
    let (status, said) = put(&server.url, &asked["uploadUrl"], photo(80_000)).await;
    assert_eq!(status, 201, "{said}");
    assert_eq!(left(store).await, (2, 1));
    let swept = setting
        .desk
        .sweep_uploads(docket_core::desk::SWEPT_AFTER)
        .await;
    assert_eq!(swept.unwrap(), 0, "it may still be coming in");
    let swept = setting.desk.sweep_uploads(chrono::TimeDelta::zero()).await;
    assert_eq!(swept.unwrap(), 1);
    assert_eq!(left(store).await, (1, 0));
    let input =
        json!({ "id": ticket["id"], "attachmentId": asked["attachmentId"], "purpose": "核实" });
    let opened = open(&operator, input).await;
    let response = get(&server.url, &opened["url"]).await;
    assert!(response.bytes().await.unwrap() == photo(80_000));
}

/// Files that are there whole.
fn whole(folder: &PathBuf) -> usize {
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        for file in std::fs::read_dir(entry.unwrap().path()).unwrap() {
            count += usize::from(!file.unwrap().file_name().to_string_lossy().contains('#'));
        }
    }
    count
}
