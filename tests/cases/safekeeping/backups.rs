//! Backups: taken while others write, restored elsewhere, and refused when they are not whole.

use super::{DOCKET, docket, is_vacant, said};
use docket_core::clock::SystemClock;
use docket_core::safekeeping::{Backup, Manifest, backup};
use docket_core::store::{Store, StoreOptions};
use docket_core::vault::MasterKey;
use docket_domain::aggregate::Aggregate as _;
use docket_domain::ticket::Ticket;
use docket_tests::city::{assigned, found, hotline};
use docket_tests::commits::whole_log;
use docket_tests::server::Server;
use docket_tests::staff::{PASSWORD, hire_all};
use docket_tests::{TestStore, on_both_stores};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

on_both_stores! {
    a_backup_under_load_is_whole_wherever_it_is_restored,
    a_restored_store_is_worked_with,
    what_is_not_whole_is_refused_and_leaves_nothing,
}

const WRITERS: usize = 3;
const COMMITS: usize = 400;

/// Backs up into two folders of a folder: `data` and `keys`.
async fn back_up(store: &TestStore, into: &Path) -> Manifest {
    let url = store.url().parse().unwrap();
    let what = Backup {
        url: &url,
        keys_url: &url,
        dir: &into.join("data"),
        keys_dir: Some(&into.join("keys")),
        files: None,
        clock: &SystemClock,
    };
    backup(what, &mut |_| {}).await.unwrap()
}

/// `docket restore` of such a pair into a store.
async fn restore(target: &str, from: &Path) -> (bool, String) {
    let output = Command::new(DOCKET)
        .current_dir(from)
        .args(["restore", "data", "--keys-from", "keys", "--no-erasures"])
        .args(["--store", target])
        .output()
        .await;
    said(output.unwrap())
}

/// A place for a restored store of each kind, neither there yet.
struct Places {
    dir: tempfile::TempDir,
    postgres: TestStore,
}

impl Places {
    async fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            postgres: TestStore::postgres().await,
        }
    }

    fn urls(&self) -> [String; 2] {
        let dir = self.dir.path().join("restored");
        [format!("sqlite:{}", dir.display()), self.postgres.url()]
    }
}

/// Opens a restored store with the first one's master key.
async fn open(url: &str, first: &TestStore) -> Store {
    let master = MasterKey::File(first.dir().join("master.key"));
    let options = StoreOptions {
        master: Some(master),
        ..StoreOptions::new(url.parse().unwrap(), Arc::new(SystemClock))
    };
    Store::open(options).await.unwrap()
}

async fn a_backup_under_load_is_whole_wherever_it_is_restored(store: &TestStore) {
    let first = store.open().await;
    let folder = tempfile::tempdir().unwrap();
    let mut writers: Vec<Child> = (0..WRITERS)
        .map(|number| {
            Command::new(env!("CARGO_BIN_EXE_journal_writer"))
                .args([store.url(), number.to_string(), COMMITS.to_string()])
                .stdout(Stdio::piped())
                .kill_on_drop(true)
                .spawn()
                .unwrap()
        })
        .collect();
    // Each has begun.
    let mut outputs = Vec::new();
    for writer in &mut writers {
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        lines.next_line().await.unwrap().expect("a commit");
        outputs.push(lines);
    }
    let drain = async {
        for lines in &mut outputs {
            while lines.next_line().await.unwrap().is_some() {}
        }
    };
    let (manifest, ()) = tokio::join!(back_up(store, folder.path()), drain);
    for mut writer in writers {
        assert!(writer.wait().await.unwrap().success());
    }
    let log = whole_log(&first.journal).await;
    assert!(manifest.head >= WRITERS as u64);
    assert!(
        manifest.head < log.len() as u64,
        "they wrote on while it was taken"
    );
    let places = Places::new().await;
    for url in places.urls() {
        let (worked, said) = restore(&url, folder.path()).await;
        assert!(worked, "{said}");
        assert!(
            said.contains(&format!("checkpoint {}\n", manifest.checkpoint())),
            "{said}"
        );
        let restored = open(&url, store).await;
        assert_eq!(restored.journal.log_id(), first.journal.log_id());
        let prefix = whole_log(&restored.journal).await;
        assert!(prefix == log[..prefix.len()], "the log as it was");
        assert_eq!(prefix.len() as u64, manifest.head);
        let known = restored.journal.command(prefix[0].command).await.unwrap();
        assert_eq!(
            known,
            first.journal.command(prefix[0].command).await.unwrap()
        );
    }
    docket_tests::store::run(places.postgres, async |_: &TestStore| {}).await;
}

async fn a_restored_store_is_worked_with(store: &TestStore) {
    let hotline = hotline(store).await;
    found(&hotline.desk).await;
    hire_all(&hotline.desk, &hotline.store.ops).await;
    let ticket = assigned(&hotline.desk).await;
    let folder = tempfile::tempdir().unwrap();
    let manifest = back_up(store, folder.path()).await;
    let places = Places::new().await;
    for url in places.urls() {
        let (worked, said) = restore(&url, folder.path()).await;
        assert!(worked, "{said}");
        let master = store.dir().join("master.key");
        let arguments = ["verify", "--seals", "--store", &url, "--expect"];
        let output = Command::new(DOCKET)
            .args(arguments)
            .arg(manifest.checkpoint().to_string())
            .arg("--master-key")
            .arg(&master)
            .output()
            .await;
        let (clean, said) = super::said(output.unwrap());
        assert!(clean && !said.contains("sealed texts: 0 open"), "{said}");
        let options = StoreOptions {
            master: Some(MasterKey::File(master)),
            ..StoreOptions::new(url.parse().unwrap(), Arc::new(SystemClock))
        };
        let server = Server::open(options, &docket_gateway::app::Founding::default()).await;
        let clerk = server.client().logged_in("clerk", PASSWORD).await;
        let id = format!("{}:{ticket}", Ticket::CATEGORY);
        let signed = clerk
            .act("signTicket", serde_json::json!({ "id": id }))
            .await;
        assert_eq!(signed["state"], "IN_PROGRESS");
        let query =
            "query($id: ID!, $at: Position!) { ticket(id: $id, minPosition: $at) { title } }";
        let at = server.app.desk.journal().head().await.unwrap().to_string();
        let data = clerk
            .data(query, serde_json::json!({ "id": id, "at": at }))
            .await;
        assert_eq!(data["ticket"]["title"], "夜间施工扰民");
    }
    docket_tests::store::run(places.postgres, async |_: &TestStore| {}).await;
}

/// A copy of a folder of files.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn edit(file: &Path, change: impl Fn(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(file).unwrap();
    change(&mut bytes);
    std::fs::write(file, bytes).unwrap();
}

/// What is done to a backup, and what is said of it then.
type Damage = (&'static str, fn(&Path), &'static str);

const DAMAGES: &[Damage] = &[
    (
        "no manifest",
        |dir| std::fs::remove_file(dir.join("data/manifest.json")).unwrap(),
        "was not finished",
    ),
    (
        "a byte of an event",
        |dir| {
            edit(&dir.join("data/journal.events.jsonl"), |b| {
                let at = b.len() / 2;
                b[at] ^= 1;
            });
        },
        "journal.events.jsonl",
    ),
    (
        "an event's last lines",
        |dir| {
            edit(&dir.join("data/journal.events.jsonl"), |b| {
                b.truncate(b.len() / 2);
            });
        },
        "journal.events.jsonl",
    ),
    (
        "a missing file",
        |dir| std::fs::remove_file(dir.join("data/journal.claims.jsonl")).unwrap(),
        "journal.claims.jsonl",
    ),
    (
        "a key",
        |dir| {
            edit(&dir.join("keys/keys.keys.jsonl"), |b| {
                let at = b.len() - 9;
                b[at] ^= 1;
            });
        },
        "keys.keys.jsonl",
    ),
    (
        "another running hash",
        |dir| {
            edit(&dir.join("data/manifest.json"), |b| {
                let text = String::from_utf8(b.clone()).unwrap();
                let at = text.find("\"running\": \"").unwrap() + 12;
                b[at] = if b[at] == b'0' { b'1' } else { b'0' };
            });
        },
        "not what was backed up",
    ),
    (
        "an older Docket's keys",
        |dir| {
            edit(&dir.join("keys/manifest.json"), |b| {
                let text = String::from_utf8(b.clone()).unwrap();
                let at = text.find("\"taken_at\": \"").unwrap() + 13;
                b[at..at + 4].copy_from_slice(b"2001");
            });
        },
        "older than the data",
    ),
];

async fn what_is_not_whole_is_refused_and_leaves_nothing(store: &TestStore) {
    let hotline = hotline(store).await;
    found(&hotline.desk).await;
    assigned(&hotline.desk).await;
    let folder = tempfile::tempdir().unwrap();
    back_up(store, folder.path()).await;
    let places = Places::new().await;
    for (what, damage, told) in DAMAGES {
        let copied = tempfile::tempdir().unwrap();
        for part in ["data", "keys"] {
            copy(&folder.path().join(part), &copied.path().join(part));
        }
        damage(copied.path());
        for url in places.urls() {
            let (worked, said) = restore(&url, copied.path()).await;
            assert!(!worked && said.contains(told), "{what}: {said}");
        }
        assert!(
            is_vacant(places.dir.path()),
            "{what}: nothing is left behind"
        );
    }
    let [_, database] = places.urls();
    let (worked, said) = docket(&places.postgres, &["verify"]).await;
    assert!(!worked && said.contains("there is no store"), "{said}");
    let (worked, said) = restore(&database, folder.path()).await;
    assert!(worked, "all that was refused left it empty: {said}");
    let (worked, said) = restore(&database, folder.path()).await;
    assert!(!worked && said.contains("into a new store only"), "{said}");
    let (worked, said) = restore(&store.url(), folder.path()).await;
    assert!(!worked && said.contains("into a new store only"), "{said}");
    refuses_keys_beside_data(store, folder.path()).await;
    docket_tests::store::run(places.postgres, async |_: &TestStore| {}).await;
}

async fn refuses_keys_beside_data(store: &TestStore, taken: &Path) {
    let new = tempfile::tempdir().unwrap();
    let path = |name: &str| new.path().join(name).display().to_string();
    for (data, keys) in [
        ("one", "one"),
        ("one", "one/keys"),
        ("keys/one", "keys"),
        ("one", "./one/../one"),
    ] {
        let (worked, said) =
            docket(store, &["backup", &path(data), "--keys-to", &path(keys)]).await;
        assert!(!worked && said.contains("a folder of their own"), "{said}");
        assert!(is_vacant(new.path()));
    }
    let data = taken.join("data").display().to_string();
    let (worked, said) = docket(store, &["backup", &data, "--without-keys"]).await;
    assert!(!worked && said.contains("is not empty"), "{said}");
}
