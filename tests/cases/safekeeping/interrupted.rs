//! A backup and a restore killed at any moment: what is left is recognised for what it is.

use super::{DOCKET, docket, linger, said};
use crate::faults::dice::Dice;
use docket_core::safekeeping::check;
use docket_core::safekeeping::manifest::Contents;
use docket_tests::commits::{commit, fresh};
use docket_tests::server::store_arguments;
use docket_tests::{TestStore, on_both_stores};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::Command;

on_both_stores! { killed_in_the_middle }

const KILLS: u64 = 10;
const EVENTS: u64 = 3_000;

/// Starts `docket`, kills it after a time, and tells whether it had finished well.
async fn killed_after(arguments: &[String], time: Duration) -> bool {
    let mut child = Command::new(DOCKET)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    tokio::select! {
        status = child.wait() => return status.unwrap().success(),
        () = linger(time) => {}
    }
    child.kill().await.unwrap();
    false
}

fn owned(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|&argument| argument.into()).collect()
}

/// What a target holds after a restore was killed: nothing that is a store, or all of it.
async fn whole_or_nothing(url: &str) -> bool {
    let output = Command::new(DOCKET)
        .args(["verify", "--store", url])
        .output()
        .await;
    let (clean, said) = said(output.unwrap());
    assert!(clean || said.contains("there is no store"), "{said}");
    clean
}

async fn killed_in_the_middle(store: &TestStore) {
    let mut dice = Dice::new("killed backups");
    let opened = store.open().await;
    for _ in 0..EVENTS / 500 {
        opened
            .journal
            .append(commit(fresh(), 0, 500))
            .await
            .unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: String| folder.path().join(name).display().to_string();
    let (data, keys) = (path("whole".into()), path("whole-keys".into()));
    let began = Instant::now();
    let (worked, told) = docket(store, &["backup", &data, "--keys-to", &keys]).await;
    assert!(worked, "{told}");
    let takes = began.elapsed();
    let lot = |dice: &mut Dice, of: Duration| {
        Duration::from_micros(dice.below(u64::try_from(of.as_micros()).unwrap()))
    };
    for n in 0..KILLS {
        let (data, keys) = (path(format!("data-{n}")), path(format!("keys-{n}")));
        let time = lot(&mut dice, takes);
        let backup = owned(&["backup", &data, "--keys-to", &keys]);
        let finished = killed_after(&[backup, store_arguments(store)].concat(), time).await;
        match check(Path::new(&data), Contents::Data) {
            Ok(manifest) => assert_eq!(manifest.head, EVENTS),
            Err(error) => {
                assert!(!finished);
                let told = error.to_string();
                assert!(told.contains("was not finished"), "{told}");
            }
        }
    }
    killed_restores(store, &mut dice, &data, &keys).await;
}

async fn killed_restores(store: &TestStore, dice: &mut Dice, data: &str, keys: &str) {
    for n in 0..KILLS {
        let target = if store.is_sqlite() {
            TestStore::sqlite()
        } else {
            TestStore::postgres().await
        };
        docket_tests::store::run(target, async |target: &TestStore| {
            let restore = ["restore", data, "--keys-from", keys, "--no-erasures"];
            let time = Duration::from_millis(30 + 60 * dice.below(n + 1));
            let mut url = target.url();
            if store.is_sqlite() {
                url.push_str("/new");
            }
            let arguments = [&restore[..], &["--store", &url]].concat();
            let finished = killed_after(&owned(&arguments), time).await;
            assert!(whole_or_nothing(&url).await || !finished);
            if !finished {
                // Another one right away, where nothing was left.
                let output = Command::new(DOCKET)
                    .args(restore)
                    .args(["--store", &url])
                    .output()
                    .await;
                let (worked, told) = said(output.unwrap());
                assert!(worked || told.contains("into a new store only"), "{told}");
                assert!(whole_or_nothing(&url).await);
            }
        })
        .await;
    }
}
