//! A person erased is gone: from every view and every file, after every rebuild and every restore; their
//! tickets still count, and the log still verifies.

use super::{DOCKET, docket, said};
use docket_core::clock::{Clock as _, SystemClock, new_id};
use docket_core::desk::{Caller, NewTicket, Options};
use docket_core::safekeeping::{Backup, Ledger, backup};
use docket_core::store::{Store, StoreOptions};
use docket_core::vault::{Erasure, MasterKey};
use docket_domain::aggregate::Aggregate as _;
use docket_domain::ids::{KeyId, TicketId};
use docket_domain::people::Actor;
use docket_domain::ticket::actions::withdraw::Withdraw;
use docket_domain::ticket::scenario::operator;
use docket_domain::ticket::{Ground, Ticket, TicketAction};
use docket_gateway::app::Founding;
use docket_projections::rebuild;
use docket_tests::city::{Hotline, act, found, hotline, named, new_ticket, received};
use docket_tests::search::{contains, dump};
use docket_tests::server::{Client, Server, command, store_arguments};
use docket_tests::staff::{PASSWORD, hire_all};
use docket_tests::store::PATIENCE;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

on_both_stores! {
    a_person_leaves_every_view_and_file_and_still_counts,
    who_has_an_open_ticket_is_not_erased,
    an_erasure_cut_short_is_finished,
    a_restored_backup_does_not_bring_anybody_back,
    another_process_forgets_the_keys_too,
    nobody_is_erased_that_could_not_be_written_down,
    a_lost_key_is_no_erasure,
    an_account_is_erased_and_stays_so,
}

const NAME: &str = "欧阳苏铁";
const PHONE: &str = "139 1234 5678";

fn of_the_person() -> NewTicket {
    NewTicket {
        caller: Some(Caller {
            name: Some(NAME.into()),
            phone: Some(PHONE.into()),
            ..Caller::default()
        }),
        title: format!("{NAME}反映的事"),
        respondent: Some("某公司".into()),
        place: Some("解放路1号".into()),
        ..new_ticket()
    }
}

/// A ticket of the person: its id, number and query code.
async fn come_in(hotline: &Hotline) -> (TicketId, String, String) {
    let made = hotline
        .desk
        .receive(&operator(), of_the_person(), &Options::default())
        .await
        .unwrap();
    let intake = made.state.intake.as_ref().unwrap();
    let vault = &hotline.store.vault;
    let code = vault.open_text("query_code", &intake.query_code).await;
    let number = intake.number.to_string();
    (TicketId(made.id), number, code.unwrap().unwrap())
}

async fn withdrawn(hotline: &Hotline, id: TicketId) {
    let action = TicketAction::Withdraw(Withdraw {
        text: Some(format!("{NAME}来电撤诉")),
    });
    act(&hotline.desk, &operator(), id, action).await;
}

/// A founded city with two withdrawn tickets of the person and one of somebody else.
struct City {
    hotline: Hotline,
    theirs: Vec<(TicketId, String, String)>,
    other: TicketId,
}

async fn city(store: &TestStore) -> City {
    let hotline = hotline(store).await;
    found(&hotline.desk).await;
    hire_all(&hotline.desk, &hotline.store.ops).await;
    let mut theirs = Vec::new();
    for _ in 0..2 {
        let ticket = come_in(&hotline).await;
        withdrawn(&hotline, ticket.0).await;
        theirs.push(ticket);
    }
    let other = received(&hotline.desk).await;
    City {
        hotline,
        theirs,
        other,
    }
}

/// `docket erase` of whoever has a phone number.
fn erase(store: &TestStore, phone: &str, more: &[&str]) -> (bool, String) {
    erase_by(store, "--contact", phone, more)
}

fn erase_by(store: &TestStore, by: &str, line: &str, more: &[&str]) -> (bool, String) {
    let mut erase = command(DOCKET, store);
    let ledger = store.dir().join("erasures.jsonl");
    erase
        .args(["erase", by, "--ground", "request"])
        .args(more)
        .arg("--erasure-ledger")
        .arg(ledger)
        .args(store_arguments(store))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = erase.spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{line}").unwrap();
    said(child.wait_with_output().unwrap())
}

/// The keys under which a person's texts are sealed.
async fn keys_of(hotline: &Hotline, ids: &[TicketId]) -> BTreeSet<KeyId> {
    let mut keys = BTreeSet::new();
    for id in ids {
        let ticket = hotline.desk.ticket(*id).await.unwrap().unwrap();
        let intake = ticket.state.intake.clone().unwrap();
        keys.extend([KeyId(id.0), intake.caller.unwrap().key]);
        keys.insert(intake.respondent.unwrap().key);
    }
    keys
}

/// Those keys, wrapped as they are on disk.
async fn wrapped_keys(store: &TestStore, hotline: &Hotline, ids: &[TicketId]) -> Vec<Vec<u8>> {
    let db = store.part("keys").await;
    let mut wrapped = Vec::new();
    for key in keys_of(hotline, ids).await {
        let sql = format!("SELECT wrapped FROM keys WHERE id = '{key}'");
        let row = db.fetch_optional(&sql, vec![]).await.unwrap();
        wrapped.push(row.expect("the key is there").bytes(0).unwrap());
    }
    db.close().await;
    wrapped
}

async fn caught_up(server: &Server) {
    let head = server.app.desk.journal().head().await.unwrap();
    server.app.views.wait_for(head, PATIENCE).await.unwrap();
}

/// The tables of the views in which a ticket has rows.
async fn rows_of(server: &Server, id: TicketId) -> Vec<&'static str> {
    let mut found = Vec::new();
    for table in ["tickets", "timeline", "inbox", "exclusions", "facts"] {
        let sql = format!("SELECT count(*) FROM {table} WHERE ticket = $1");
        let id = vec![docket_core::db::Value::Id(Some(id.0))];
        let row = server.app.store.views.fetch_optional(&sql, id).await;
        if row.unwrap().unwrap().int(0).unwrap() > 0 {
            found.push(table);
        }
    }
    found
}

async fn counted(client: &Client) -> Value {
    let query = "query($from: NaiveDate!, $to: NaiveDate!) { statistics(from: $from, to: $to) {
        received withdrawn } }";
    let today = SystemClock.now().date_naive();
    let (from, to) = (today.pred_opt().unwrap(), today.succ_opt().unwrap());
    client.data(query, json!({ "from": from, "to": to })).await
}

async fn title(client: &Client, id: TicketId) -> Value {
    let query = "query($id: ID!) { ticket(id: $id) { title } }";
    let id = format!("{}:{id}", Ticket::CATEGORY);
    let mut response = client.run(query, json!({ "id": id })).await;
    response["data"]["ticket"].take()
}

async fn a_person_leaves_every_view_and_file_and_still_counts(store: &TestStore) {
    let began = SystemClock.now();
    let City {
        hotline,
        theirs,
        other,
    } = city(store).await;
    let ids: Vec<TicketId> = theirs.iter().map(|(id, ..)| *id).collect();
    let server = Server::start(store).await;
    caught_up(&server).await;
    let office = server.client().logged_in("office", PASSWORD).await;
    assert_eq!(
        title(&office, ids[0]).await["title"],
        format!("{NAME}反映的事")
    );
    assert_eq!(
        rows_of(&server, ids[0]).await,
        ["tickets", "timeline", "inbox", "facts"]
    );
    let counts = counted(&office).await;
    let wrapped = wrapped_keys(store, &hotline, &ids).await;

    // Nothing is done without the word.
    let (worked, said) = erase(store, PHONE, &[]);
    assert!(worked && said.contains("nothing was erased"), "{said}");
    for (_, number, _) in &theirs {
        assert!(said.contains(number), "{said}");
    }
    assert!(!title(&office, ids[0]).await.is_null());

    let (worked, said) = erase(store, "13912345678", &["--yes"]);
    assert!(worked, "{said}");
    assert!(
        said.contains("erased: 2 tickets, 0 accounts, 5 keys destroyed"),
        "{said}"
    );
    caught_up(&server).await;
    for (id, number, code) in &theirs {
        assert!(title(&office, *id).await.is_null());
        assert_eq!(rows_of(&server, *id).await, ["facts"]);
        let query = "query($input: ProgressInput!) { progress(input: $input) { number } }";
        let input = json!({ "input": { "number": number, "queryCode": code } });
        let fault = server.client().fault(query, input).await;
        assert_eq!(fault, "WRONG_QUERY_CODE");
    }
    assert!(!title(&office, other).await.is_null());
    assert_eq!(counted(&office).await, counts, "they still count");
    assert_eq!(store.rows("keys", "marks").await, 1, "the other's contact");

    // Nor does anything come back.
    rebuild::rebuild(
        &server.app.store,
        &docket_projections::projection::all(),
        &mut |_| {},
    )
    .await
    .unwrap();
    assert_eq!(rows_of(&server, ids[0]).await, ["facts"]);
    let verified = rebuild::verify(&server.app.store, &mut |_| {})
        .await
        .unwrap();
    assert_eq!(verified.differences, []);
    let (clean, said) = docket(store, &["verify", "--seals"]).await;
    assert!(clean && said.contains(" of persons erased"), "{said}");
    assert!(!said.contains(" 0 of persons erased"), "{said}");

    // There is nobody any more; and whoever calls is somebody new.
    let (worked, said) = erase(store, PHONE, &["--yes"]);
    assert!(!worked && said.contains("no such thing"), "{said}");
    let (again, ..) = come_in(&hotline).await;
    caught_up(&server).await;
    assert_eq!(
        title(&office, again).await["title"],
        format!("{NAME}反映的事")
    );

    // Last: whoever reads the files of a database and closes them has unlocked them for SQLite.
    let files = dump(store, began).await;
    assert!(!contains(&files, NAME) && !contains(&files, "13912345678"));
    // PostgreSQL keeps what was deleted until it needs the room: see docs/operations.md.
    if store.is_sqlite() {
        for key in &wrapped {
            let there = |file: &Vec<u8>| memchr::memmem::find(file, key).is_some();
            assert!(!files.iter().any(there), "a wrapped key is left in a file");
        }
    }
}

async fn who_has_an_open_ticket_is_not_erased(store: &TestStore) {
    let City { hotline, .. } = city(store).await;
    let (open, number, _) = come_in(&hotline).await;
    let (worked, said) = erase(store, PHONE, &["--yes"]);
    assert!(
        !worked && said.contains(&format!("close or withdraw {number} first")),
        "{said}"
    );
    assert_eq!(store.rows("keys", "erasures").await, 0);
    withdrawn(&hotline, open).await;
    let (worked, said) = erase(store, PHONE, &["--yes"]);
    assert!(worked && said.contains("erased: 3 tickets"), "{said}");
}

/// The keys are gone, and then the process was killed.
async fn an_erasure_cut_short_is_finished(store: &TestStore) {
    let City {
        hotline, theirs, ..
    } = city(store).await;
    let ids: Vec<TicketId> = theirs.iter().map(|(id, ..)| *id).collect();
    let erasure = Erasure {
        id: new_id(&SystemClock),
        log: hotline.store.journal.log_id(),
        at: SystemClock.now(),
        ground: Ground::Retention,
        tickets: ids.iter().map(|id| id.0).collect(),
        accounts: Vec::new(),
        keys: keys_of(&hotline, &ids).await.into_iter().collect(),
    };
    hotline.store.vault.destroy(&erasure).await.unwrap();
    let (clean, said) = docket(store, &["verify", "--seals"]).await;
    assert!(clean, "it is on record, if not in the log yet: {said}");
    let server = Server::start(store).await;
    caught_up(&server).await;
    for (id, ..) in &theirs {
        assert_eq!(rows_of(&server, *id).await, ["facts"]);
        let events = hotline.store.journal.read_stream(id.0, 0).await.unwrap();
        assert_eq!(events.last().unwrap().event_type, "erased");
    }
    let head = hotline.store.journal.head().await.unwrap();
    // It is finished once.
    assert_eq!(hotline.desk.finish_erasures().await.unwrap(), 0);
    assert_eq!(hotline.store.journal.head().await.unwrap(), head);
}

async fn back_up(store: &TestStore, into: &Path) {
    let url = store.url().parse().unwrap();
    let what = Backup {
        url: &url,
        keys_url: &url,
        dir: &into.join("data"),
        keys_dir: Some(&into.join("keys")),
        files: None,
        clock: &SystemClock,
    };
    backup(what, &mut |_| {}).await.unwrap();
}

async fn restore(target: &str, from: &Path, more: &[&str]) -> (bool, String) {
    let output = tokio::process::Command::new(DOCKET)
        .current_dir(from)
        .args(["restore", "data", "--keys-from", "keys", "--store", target])
        .args(more)
        .output()
        .await;
    said(output.unwrap())
}

async fn a_restored_backup_does_not_bring_anybody_back(store: &TestStore) {
    let City {
        hotline,
        theirs,
        other,
    } = city(store).await;
    let folder = tempfile::tempdir().unwrap();
    // Still open when the backup is taken, and later than it closed and erased like the others.
    let (open, ..) = come_in(&hotline).await;
    back_up(store, folder.path()).await;
    withdrawn(&hotline, open).await;
    let (worked, said) = erase(store, PHONE, &["--yes"]);
    assert!(worked, "{said}");
    let ledger = store.dir().join("erasures.jsonl").display().to_string();
    let kept = Ledger::open(Path::new(&ledger), hotline.store.journal.log_id()).unwrap();
    assert_eq!(kept.erasures().len(), 1);
    assert!(!std::fs::read_to_string(&ledger).unwrap().contains(NAME));

    let postgres = TestStore::postgres().await;
    let sqlite = folder.path().join("restored");
    for url in [format!("sqlite:{}", sqlite.display()), postgres.url()] {
        // Nobody forgets the ledger by mistake.
        let (worked, said) = restore(&url, folder.path(), &[]).await;
        assert!(!worked && said.contains("--erasure-ledger FILE"), "{said}");
        let (worked, said) = restore(&url, folder.path(), &["--erasure-ledger", "none"]).await;
        assert!(!worked && said.contains("there is no ledger"), "{said}");
        let with = ["--erasure-ledger", &ledger];
        let (worked, said) = restore(&url, folder.path(), &with).await;
        assert!(
            worked && said.contains("1 persons were erased again"),
            "{said}"
        );

        let options = StoreOptions {
            master: Some(MasterKey::File(store.dir().join("master.key"))),
            ..StoreOptions::new(url.parse().unwrap(), std::sync::Arc::new(SystemClock))
        };
        // Before anybody serves it: nothing can be read.
        let restored = Store::open(options.clone()).await.unwrap();
        let events = restored
            .journal
            .read_stream(theirs[0].0.0, 0)
            .await
            .unwrap();
        assert!(events.iter().all(|event| event.event_type != "erased"));
        drop(restored);
        let server = Server::open(options, &Founding::default()).await;
        caught_up(&server).await;
        let office = server.client().logged_in("office", PASSWORD).await;
        for id in theirs.iter().map(|(id, ..)| *id).chain([open]) {
            assert!(title(&office, id).await.is_null());
            assert_eq!(rows_of(&server, id).await, ["facts"]);
        }
        assert!(!title(&office, other).await.is_null());
        let output = tokio::process::Command::new(DOCKET)
            .args(["verify", "--seals", "--store", &url, "--master-key"])
            .arg(store.dir().join("master.key"))
            .output()
            .await;
        let (clean, said) = super::said(output.unwrap());
        assert!(clean, "{said}");
    }
    docket_tests::store::run(postgres, async |_: &TestStore| {}).await;
}

/// A server has read a text, and so has its key in memory; somebody else destroys it.
async fn another_process_forgets_the_keys_too(store: &TestStore) {
    let City {
        hotline, theirs, ..
    } = city(store).await;
    let ticket = hotline.desk.ticket(theirs[0].0).await.unwrap().unwrap();
    let title = ticket.state.intake.clone().unwrap().title;
    let vault = &hotline.store.vault;
    assert!(vault.open_text("title", &title).await.unwrap().is_some());
    let (worked, said) = erase(store, PHONE, &["--yes"]);
    assert!(worked, "{said}");
    super::linger(docket_core::vault::ERASED_WITHIN).await;
    // The first look after so long notices; whoever asks meanwhile may still be told.
    let _ = vault.open_text("title", &title).await.unwrap();
    assert_eq!(vault.open_text("title", &title).await.unwrap(), None);
}

async fn a_lost_key_is_no_erasure(store: &TestStore) {
    let City {
        hotline,
        theirs,
        other,
        ..
    } = city(store).await;
    let (clean, said) = docket(store, &["verify", "--seals"]).await;
    assert!(clean, "{said}");
    let db = store.part("keys").await;
    let sql = format!("DELETE FROM keys WHERE id = '{other}'");
    assert_eq!(db.execute(&sql, vec![]).await.unwrap(), 1);
    db.close().await;
    let (clean, said) = docket(store, &["verify", "--seals"]).await;
    let born = hotline.store.journal.read_stream(other.0, 0).await.unwrap();
    let named = format!("position {}: its sealed title has no key", born[0].position);
    assert!(!clean && said.contains(&named), "{said}");

    // Nor is one that is told of, and whose key is there all the same.
    let replayed = TicketAction::Erase(docket_domain::ticket::actions::erase::Erase {
        erasure: new_id(&SystemClock),
        ground: Ground::Request,
        replayed: false,
    });
    let options = named_anew();
    hotline
        .desk
        .act(&Actor::system(), theirs[0].0, replayed, &options)
        .await
        .unwrap();
    let (clean, said) = docket(store, &["verify", "--seals"]).await;
    assert!(
        !clean && said.contains("opens, though its person was erased"),
        "{said}"
    );
}

fn named_anew() -> Options {
    named(new_id(&SystemClock))
}

async fn an_account_is_erased_and_stays_so(store: &TestStore) {
    let City { hotline, .. } = city(store).await;
    let server = Server::start(store).await;
    let admin = server.client().logged_in("admin", PASSWORD).await;
    let query =
        "query($login: String!) { account(login: $login) { id name login mobile active erased } }";
    let login = json!({ "login": "citizen" });
    let citizen = server.client().logged_in("citizen", PASSWORD).await;
    let set = "mutation($input: SetRecoveryInput!) { setRecovery(input: $input) { set } }";
    let input = json!({ "question": "FIRST_SCHOOL", "answer": "实验小学", "password": PASSWORD });
    let done = citizen.data(set, json!({ "input": input })).await;
    assert_eq!(done["setRecovery"]["set"], true);
    let known = admin.data(query, login.clone()).await["account"].take();
    assert_eq!(known["name"], "citizen by name");
    let folder = tempfile::tempdir().unwrap();
    back_up(store, folder.path()).await;

    let (worked, said) = erase_by(store, "--account", "citizen", &["--yes"]);
    assert!(!worked && said.contains("still active"), "{said}");
    let deactivate = "mutation($input: DeactivateAccountInput!) { deactivateAccount(input: $input) { userErrors { code } } }";
    let input = json!({ "input": { "id": known["id"] } });
    admin.data(deactivate, input).await;
    let passwords = store.rows("ops", "credentials").await;
    let (worked, said) = erase_by(store, "--account", "Citizen ", &["--yes"]);
    assert!(
        worked && said.contains("1 accounts, 1 keys destroyed"),
        "{said}"
    );
    assert_eq!(store.rows("ops", "credentials").await, passwords - 1);
    assert_eq!(store.rows("ops", "recoveries").await, 0);
    super::linger(docket_core::vault::ERASED_WITHIN * 2).await;
    let gone = admin.data(query, login.clone()).await["account"].take();
    let nobody = json!({ "id": known["id"], "name": null, "login": null, "mobile": null, "active": false, "erased": true });
    assert_eq!(gone, nobody);
    let (clean, said) = docket(store, &["verify", "--seals"]).await;
    assert!(clean, "{said}");
    let reactivate = "mutation($input: ReactivateAccountInput!) { reactivateAccount(input: $input) { userErrors { code } } }";
    let input = json!({ "input": { "id": known["id"] } });
    let tried = admin.data(reactivate, input).await;
    assert_eq!(
        tried["reactivateAccount"]["userErrors"][0]["code"],
        "NOT_FOUND"
    );
    let (worked, said) = erase_by(store, "--account", "citizen", &["--yes"]);
    assert!(!worked && said.contains("no such thing"), "{said}");

    let ledger = store.dir().join("erasures.jsonl").display().to_string();
    let url = format!("sqlite:{}", folder.path().join("restored").display());
    let (worked, said) = restore(&url, folder.path(), &["--erasure-ledger", &ledger]).await;
    assert!(
        worked && said.contains("1 persons were erased again"),
        "{said}"
    );
    let options = StoreOptions {
        master: Some(MasterKey::File(store.dir().join("master.key"))),
        ..StoreOptions::new(url.parse().unwrap(), std::sync::Arc::new(SystemClock))
    };
    let server = Server::open(options, &Founding::default()).await;
    let admin = server.client().logged_in("admin", PASSWORD).await;
    let restored = admin.data(query, login).await["account"].take();
    assert_eq!(
        restored, nobody,
        "though it was active when the backup was taken"
    );
    drop(hotline);
}

async fn nobody_is_erased_that_could_not_be_written_down(store: &TestStore) {
    let City {
        hotline, theirs, ..
    } = city(store).await;
    let ledger = store.dir().join("erasures.jsonl");
    std::fs::write(&ledger, "no erasure\n").unwrap();
    let (worked, said) = erase(store, PHONE, &["--yes"]);
    assert!(
        !worked && said.contains("line 1: it is no erasure"),
        "{said}"
    );
    assert_eq!(store.rows("keys", "erasures").await, 0);
    std::fs::remove_file(&ledger).unwrap();
    let (worked, said) = erase(store, "+86 139-1234-5678", &["--yes"]);
    assert!(worked, "{said}");
    let doctor = ["doctor", "--erasure-ledger", ledger.to_str().unwrap()];
    let (_, said) = docket(store, &doctor).await;
    assert!(said.contains("ok       erasures: 1 persons"), "{said}");

    // Lost, it is missed, and written anew by whoever erases or serves next.
    std::fs::remove_file(&ledger).unwrap();
    let (well, said) = docket(store, &doctor).await;
    assert!(
        !well && said.contains("1 of 1 persons are not in the ledger"),
        "{said}"
    );
    let (worked, _) = erase(store, "13700000000", &[]);
    assert!(!worked, "there is nobody");
    let kept = Ledger::open(&ledger, hotline.store.journal.log_id()).unwrap();
    assert_eq!(kept.erasures()[0].tickets.len(), theirs.len());
}
