//! Files kept: verified, backed up, restored, and gone with whoever was erased.

use super::*;
use crate::safekeeping::{DOCKET, docket, said};
use docket_tests::server::{command, store_arguments};
use std::path::{Path, PathBuf};

docket_tests::on_both_stores! {
    a_changed_or_missing_file_is_found,
    a_backup_has_the_files,
    who_is_erased_leaves_no_file,
}

/// The only file of a folder.
fn only(folder: &Path) -> PathBuf {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        for file in std::fs::read_dir(entry.unwrap().path()).unwrap() {
            found.push(file.unwrap().path());
        }
    }
    let [path] = found.try_into().unwrap();
    path
}

/// A ticket with a file, in a store that nobody serves.
async fn with_a_file(store: &TestStore) -> (Value, Value) {
    let story = Story::begin(store).await;
    let ticket = story.received().await;
    let operator = story.person("operator").await;
    let file = attach(&operator, &ticket, "MATTER", 70_000).await;
    (ticket, file)
}

async fn a_changed_or_missing_file_is_found(store: &TestStore) {
    with_a_file(store).await;
    let path = only(&store.dir().join("files"));
    let (clean, told) = docket(store, &["verify"]).await;
    assert!(clean && told.contains("attachments: 1 whole"), "{told}");
    let whole = std::fs::read(&path).unwrap();
    let mut changed = whole.clone();
    changed[40_000] ^= 1;
    std::fs::write(&path, &changed).unwrap();
    let (clean, told) = docket(store, &["verify"]).await;
    assert!(
        !clean && told.contains("its file is not the one that was stored"),
        "{told}"
    );
    assert!(told.contains("the first wrong position is "), "{told}");
    let (clean, told) = docket(store, &["verify", "--without-attachments"]).await;
    assert!(clean && !told.contains("attachments"), "{told}");
    std::fs::remove_file(&path).unwrap();
    let (clean, told) = docket(store, &["verify"]).await;
    assert!(!clean && told.contains("its file is missing"), "{told}");
    // A backup without it is finished, and says so.
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let (worked, told) = docket(store, &["backup", &data, "--without-keys"]).await;
    assert!(!worked && told.contains("1 are MISSING"), "{told}");
    std::fs::write(&path, &whole).unwrap();
    let (clean, told) = docket(store, &["verify", "--seals"]).await;
    assert!(clean, "{told}");
    let (well, told) = docket(store, &["doctor"]).await;
    assert!(well && told.contains("attachments: "), "{told}");
}

/// Runs `docket` on another place, with its attachments in a folder if one is named.
fn elsewhere(arguments: &[&str], files: Option<&Path>) -> (bool, String) {
    let mut docket = std::process::Command::new(DOCKET);
    docket.args(arguments).env("DOCKET_LOG", "error");
    if let Some(files) = files {
        docket.env("DOCKET_ATTACHMENTS", format!("file:{}", files.display()));
    }
    said(docket.output().unwrap())
}

async fn a_backup_has_the_files(store: &TestStore) {
    let (ticket, file) = with_a_file(store).await;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (data, keys) = (path("data"), path("keys"));
    let (worked, told) = docket(store, &["backup", &data, "--keys-to", &keys]).await;
    assert!(worked && told.contains("1 attachments, "), "{told}");
    let (clean, told) = elsewhere(&["verify", "--backup", &data], None);
    assert!(clean && told.contains("1 attachments, "), "{told}");

    let postgres = TestStore::postgres().await;
    let apart = folder.path().join("apart");
    let master = store.dir().join("master.key");
    let master = master.to_str().unwrap();
    let beside = format!("sqlite:{}", path("restored"));
    for (url, files) in [(beside, None), (postgres.url(), Some(apart.as_path()))] {
        let restore = [
            "restore",
            &data,
            "--keys-from",
            &keys,
            "--no-erasures",
            "--store",
            &url,
            "--master-key",
            master,
        ];
        let (worked, told) = elsewhere(&restore, files);
        assert!(worked && told.contains("1 attachments restored"), "{told}");
        let verify = ["verify", "--seals", "--store", &url, "--master-key", master];
        let (clean, told) = elsewhere(&verify, files);
        assert!(clean && told.contains("attachments: 1 whole"), "{told}");
    }
    // What is in it is read where it was restored.
    let mut options = store.options(std::sync::Arc::new(docket_core::SystemClock));
    options.url = postgres.url().parse().unwrap();
    options.files = Some(docket_core::FilesUrl::Folder(apart));
    let server = Server::open(options, &Founding::default()).await;
    let operator = server.client();
    let operator = operator
        .logged_in("operator", docket_tests::staff::PASSWORD)
        .await;
    let input = json!({ "id": ticket["id"], "attachmentId": file, "purpose": "核实" });
    let opened = open(&operator, input).await;
    let response = get(&server.url, &opened["url"]).await;
    assert!(response.bytes().await.unwrap() == photo(70_000));
    drop(server);
    docket_tests::store::run(postgres, async |_: &TestStore| {}).await;

    let kept = only(&folder.path().join("data").join("attachments"));
    let mut bytes = std::fs::read(&kept).unwrap();
    bytes[0] ^= 1;
    std::fs::write(&kept, bytes).unwrap();
    let (clean, told) = elsewhere(&["verify", "--backup", &data], None);
    assert!(
        !clean && told.contains("is missing or was changed"),
        "{told}"
    );
    let third = format!("sqlite:{}", path("third"));
    let restore = ["restore", &data, "--without-keys", "--store", &third];
    let (worked, told) = elsewhere(&restore, None);
    assert!(
        !worked && told.contains("is missing or was changed"),
        "{told}"
    );
    assert!(!folder.path().join("third").exists());
    let without = path("without");
    let arguments = [
        "backup",
        &without,
        "--without-keys",
        "--without-attachments",
    ];
    let (worked, told) = docket(store, &arguments).await;
    assert!(
        worked && told.contains("attachments are not in it: back them up beside"),
        "{told}"
    );
}

async fn who_is_erased_leaves_no_file(store: &TestStore) {
    let (ticket, file) = with_a_file(store).await;
    let story_server = Server::start(store).await;
    let operator = story_server.client();
    let operator = operator
        .logged_in("operator", docket_tests::staff::PASSWORD)
        .await;
    let input = json!({ "id": ticket["id"], "attachmentId": file, "purpose": "核实" });
    let opened = open(&operator, input.clone()).await;
    let withdraw = json!({ "id": ticket["id"], "text": "来电人撤回" });
    operator.act("withdrawTicket", withdraw).await;
    let path = only(&store.dir().join("files"));
    let sealed = std::fs::read(&path).unwrap();

    let mut erase = command(DOCKET, store);
    erase.args(["erase", "--ground", "request", "--yes", "--ticket"]);
    erase
        .arg(ticket["number"].as_str().unwrap())
        .args(store_arguments(store));
    let (worked, told) = said(erase.output().unwrap());
    assert!(worked, "{told}");
    assert!(!path.exists(), "the file is gone");
    assert_eq!(get(&operator.url, &opened["url"]).await.status(), 404);
    let refused = open(&operator, input).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_FOUND");
    let (clean, told) = docket(store, &["verify", "--seals"]).await;
    assert!(clean && told.contains("attachments: 0 whole"), "{told}");
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let (worked, told) = docket(store, &["backup", &data, "--without-keys"]).await;
    assert!(worked && told.contains("0 attachments, 0 bytes"), "{told}");
    // Brought back by whoever had a copy, it is found, and nobody reads it.
    std::fs::write(&path, sealed).unwrap();
    let (clean, told) = docket(store, &["verify"]).await;
    assert!(!clean && told.contains("its file is there still"), "{told}");
}
