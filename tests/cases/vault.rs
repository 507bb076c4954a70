//! The vault: what is sealed opens only where it belongs, and never again once its key is gone.

use docket_core::clock::SystemClock;
use docket_core::db::{Db, Durability};
use docket_core::values;
use docket_core::vault::{MasterKey, NewKey, PIECE_BYTES, Vault, VaultError};
use docket_domain::Sealed;
use docket_domain::ids::{AttachmentId, EventId, KeyId, LogId};
use docket_domain::sealed::KeyOwner;
use docket_tests::TestStore;
use docket_tests::commits::fresh;
use futures_util::future::join_all;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use uuid::Uuid;

docket_tests::on_both_stores! {
    what_is_sealed_opens,
    what_is_moved_or_changed_does_not_open,
    a_file_opens_as_it_was_sealed_or_not_at_all,
    links_are_for_one_thing,
    a_destroyed_key_erases,
    one_caller_has_one_key,
    a_key_made_twice_stays_the_first,
    the_master_key_guards_the_store,
    a_given_master_key_needs_no_file,
    keyed_hashes_differ_by_purpose_and_store,
}

const LOG: LogId = LogId(Uuid::from_u128(0x106));
const TEXT: &str = "王小明, 13800000000";

fn file(store: &TestStore) -> MasterKey {
    MasterKey::File(store.dir().join("master.key"))
}

async fn try_open(store: &TestStore, log: LogId, master: MasterKey) -> Result<Vault, VaultError> {
    Vault::open(store.part("keys").await, log, master, Arc::new(SystemClock)).await
}

/// The vault as another process opens it: nothing remembered.
async fn open(store: &TestStore) -> Vault {
    try_open(store, LOG, file(store)).await.unwrap()
}

fn new_key(id: KeyId, same_as: Option<&str>) -> NewKey {
    NewKey {
        id,
        owner: KeyOwner::Caller,
        same_as: same_as.map(Into::into),
    }
}

async fn made(vault: &Vault, id: KeyId, same_as: Option<&str>) -> KeyId {
    vault.make_keys(vec![new_key(id, same_as)]).await.unwrap()[0]
}

async fn sealed(vault: &Vault, key: KeyId) -> Sealed {
    vault.seal(key, fresh(), "caller", TEXT).await.unwrap()
}

async fn what_is_sealed_opens(store: &TestStore) {
    let vault = open(store).await;
    let key = made(&vault, fresh(), None).await;
    let event: EventId = fresh();
    for text in [TEXT, "", "𠮷野家"] {
        let sealed = vault.seal(key, event, "caller", text).await.unwrap();
        assert_eq!((sealed.key, sealed.event), (key, event));
        assert_eq!(sealed.chars as usize, text.chars().count());
        for vault in [&vault, &open(store).await] {
            let opened = vault.open_text("caller", &sealed).await.unwrap();
            assert_eq!(opened.as_deref(), Some(text));
        }
        let again = vault.seal(key, event, "caller", text).await.unwrap();
        assert_ne!(
            again.sealed_box, sealed.sealed_box,
            "equal texts look different"
        );
    }
}

async fn what_is_moved_or_changed_does_not_open(store: &TestStore) {
    let vault = open(store).await;
    let key = made(&vault, fresh(), None).await;
    let other_key = made(&vault, fresh(), None).await;
    let sealed = sealed(&vault, key).await;
    let altered = async |vault: &Vault, field, sealed: &Sealed| {
        let error = vault.open_text(field, sealed).await.unwrap_err();
        assert!(matches!(error, VaultError::Altered { .. }), "{error:?}");
        assert!(!error.to_string().contains("王"));
    };
    altered(&vault, "title", &sealed).await;
    let other_event = Sealed {
        event: fresh(),
        ..sealed.clone()
    };
    let other_owner = Sealed {
        key: other_key,
        ..sealed.clone()
    };
    let cut = Sealed {
        sealed_box: sealed.sealed_box[..20].into(),
        ..sealed.clone()
    };
    let no_base64 = Sealed {
        sealed_box: "好".into(),
        ..sealed.clone()
    };
    for moved in [other_event, other_owner, cut, no_base64] {
        altered(&vault, "caller", &moved).await;
    }
    for at in [0, 30, 40, sealed.sealed_box.len() - 2] {
        let mut flipped = sealed.clone();
        let byte = if &flipped.sealed_box[at..=at] == "A" {
            "B"
        } else {
            "A"
        };
        flipped.sealed_box.replace_range(at..=at, byte);
        altered(&vault, "caller", &flipped).await;
    }
    let other_log = try_open(store, LogId(Uuid::from_u128(2)), file(store))
        .await
        .unwrap();
    altered(&other_log, "caller", &sealed).await;
}

/// A file sealed, given in pieces of an odd size.
async fn sealed_file(vault: &Vault, key: KeyId, file: AttachmentId, clear: &[u8]) -> Vec<u8> {
    let mut sealer = vault.sealer(key, file).await.unwrap();
    let mut sealed = Vec::new();
    for piece in clear.chunks(10_007) {
        sealed.extend(sealer.push(piece).unwrap());
    }
    sealed.extend(sealer.finish().unwrap());
    sealed
}

/// What is in it, taken in pieces of another odd size.
async fn opened_file(
    vault: &Vault,
    key: KeyId,
    file: AttachmentId,
    sealed: &[u8],
) -> Result<Vec<u8>, VaultError> {
    let mut opener = vault.opener(key, file).await?.expect("its key is there");
    let mut clear = Vec::new();
    for piece in sealed.chunks(7_919) {
        clear.extend(opener.push(piece)?);
    }
    clear.extend(opener.finish()?);
    Ok(clear)
}

async fn a_file_opens_as_it_was_sealed_or_not_at_all(store: &TestStore) {
    let vault = open(store).await;
    let key = made(&vault, fresh(), None).await;
    let other_key = made(&vault, fresh(), None).await;
    let file: AttachmentId = fresh();
    let clear: Vec<u8> = TEXT.bytes().cycle().take(3 * PIECE_BYTES).collect();
    for size in [
        0,
        1,
        PIECE_BYTES - 1,
        PIECE_BYTES,
        PIECE_BYTES + 1,
        3 * PIECE_BYTES,
    ] {
        let sealed = sealed_file(&vault, key, file, &clear[..size]).await;
        let opened = opened_file(&vault, key, file, &sealed).await.unwrap();
        assert!(opened == clear[..size], "{size}");
        let again = sealed_file(&vault, key, file, &clear[..size]).await;
        assert!(again != sealed, "equal files look different");
    }
    let sealed = sealed_file(&vault, key, file, &clear).await;
    let (head, piece) = (20, PIECE_BYTES + 16);
    let mut swapped = sealed.clone();
    swapped.copy_within(head + piece..head + 2 * piece, head);
    let mut changed = sealed.clone();
    changed[head + piece + 5] ^= 1;
    let mut other_form = sealed.clone();
    other_form[0] = 2;
    let missing = [&sealed[..head + piece], &sealed[head + 2 * piece..]].concat();
    for (what, broken) in [
        ("moved", swapped.as_slice()),
        ("changed", &changed),
        ("of another form", &other_form),
        ("without its middle", &missing),
        ("without its end", &sealed[..head + 2 * piece]),
        ("cut off", &sealed[..sealed.len() - 1]),
        ("only begun", &sealed[..10]),
        ("empty", &[]),
    ] {
        let error = opened_file(&vault, key, file, broken).await;
        assert!(matches!(error, Err(VaultError::Altered { .. })), "{what}");
    }
    assert!(opened_file(&vault, other_key, file, &sealed).await.is_err());
    assert!(opened_file(&vault, key, fresh(), &sealed).await.is_err());
    assert!(vault.opener(fresh(), file).await.unwrap().is_none());
}

async fn links_are_for_one_thing(store: &TestStore) {
    let vault = open(store).await;
    let token = vault.seal_link("upload", b"what it lets");
    for vault in [&vault, &open(store).await] {
        assert_eq!(vault.open_link("upload", &token).unwrap(), b"what it lets");
        assert_eq!(vault.open_link("file", &token), None);
        assert_eq!(vault.open_link("upload", &token[1..]), None);
        assert_eq!(vault.open_link("upload", ""), None);
    }
    assert_ne!(vault.seal_link("upload", b"what it lets"), token);
}

async fn a_destroyed_key_erases(store: &TestStore) {
    let vault = open(store).await;
    let (gone, kept) = (
        made(&vault, fresh(), None).await,
        made(&vault, fresh(), None).await,
    );
    let (erased, still) = (sealed(&vault, gone).await, sealed(&vault, kept).await);
    let db = store.part("keys").await;
    let rows = db
        .execute("DELETE FROM keys WHERE id = $1", values![gone.0])
        .await;
    assert_eq!(rows.unwrap(), 1);
    let vault = open(store).await;
    assert_eq!(vault.open_text("caller", &erased).await.unwrap(), None);
    let opened = vault.open_text("caller", &still).await.unwrap();
    assert_eq!(opened.as_deref(), Some(TEXT));
    vault.seal(gone, fresh(), "caller", TEXT).await.unwrap_err();
}

async fn one_caller_has_one_key(store: &TestStore) {
    let processes = [open(store).await, open(store).await];
    let first = made(&processes[0], fresh(), Some("13800000000")).await;
    assert_eq!(
        made(&processes[1], fresh(), Some("13800000000")).await,
        first
    );
    assert_ne!(
        made(&processes[1], fresh(), Some("13900000000")).await,
        first
    );
    // At once, from two processes, in opposite orders.
    let contacts: Vec<String> = (0..40).map(|n| format!("1370000{n:04}")).collect();
    let ask = |n: usize| {
        let mut keys: Vec<NewKey> = contacts.iter().map(|c| new_key(fresh(), Some(c))).collect();
        if n % 4 >= 2 {
            keys.reverse();
        }
        let vault = &processes[n % 2];
        async move {
            let mut ids = vault.make_keys(keys).await.unwrap();
            if n % 4 >= 2 {
                ids.reverse();
            }
            ids
        }
    };
    let answers = join_all((0..12).map(ask)).await;
    for ids in &answers {
        assert_eq!(ids, &answers[0]);
    }
    let sealed = sealed(&processes[0], answers[0][0]).await;
    let opened = processes[1].open_text("caller", &sealed).await.unwrap();
    assert_eq!(opened.as_deref(), Some(TEXT));
}

/// A command sent again makes its keys again.
async fn a_key_made_twice_stays_the_first(store: &TestStore) {
    let vault = open(store).await;
    let id: KeyId = fresh();
    let mut texts = Vec::new();
    for _ in 0..3 {
        assert_eq!(made(&vault, id, None).await, id);
        texts.push(sealed(&vault, id).await);
    }
    let together: KeyId = fresh();
    join_all((0..4).map(|_| made(&vault, together, None))).await;
    texts.push(sealed(&vault, together).await);
    for vault in [&vault, &open(store).await] {
        for sealed in &texts {
            let opened = vault.open_text("caller", sealed).await.unwrap();
            assert_eq!(opened.as_deref(), Some(TEXT));
        }
    }
}

async fn the_master_key_guards_the_store(store: &TestStore) {
    let vault = open(store).await;
    let key = made(&vault, fresh(), None).await;
    let sealed = sealed(&vault, key).await;
    let path = store.dir().join("master.key");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let right = std::fs::read_to_string(&path).unwrap();

    std::fs::remove_file(&path).unwrap();
    let missing = try_open(store, LOG, file(store)).await.err().unwrap();
    assert!(
        matches!(missing, VaultError::MissingMaster(_)),
        "{missing:?}"
    );
    assert!(!path.exists(), "no new master key is made over old keys");
    std::fs::write(&path, "A".repeat(43)).unwrap();
    let wrong = try_open(store, LOG, file(store)).await.err().unwrap();
    assert!(matches!(wrong, VaultError::WrongMaster(_)), "{wrong:?}");
    std::fs::write(&path, "too short").unwrap();
    let malformed = try_open(store, LOG, file(store)).await.err().unwrap();
    assert!(
        matches!(malformed, VaultError::MalformedMaster),
        "{malformed:?}"
    );
    std::fs::write(&path, right + "\n").unwrap();
    let opened = open(store)
        .await
        .open_text("caller", &sealed)
        .await
        .unwrap();
    assert_eq!(opened.as_deref(), Some(TEXT));
}

async fn a_given_master_key_needs_no_file(store: &TestStore) {
    // 43 letters hold 258 bits: the last two must be zero, as in an A.
    let given = |letter: &str| MasterKey::Given((letter.repeat(42) + "A").into());
    let vault = try_open(store, LOG, given("B")).await.unwrap();
    let key = made(&vault, fresh(), None).await;
    let sealed = sealed(&vault, key).await;
    let again = try_open(store, LOG, given("B")).await.unwrap();
    let opened = again.open_text("caller", &sealed).await.unwrap();
    assert_eq!(opened.as_deref(), Some(TEXT));
    let wrong = try_open(store, LOG, given("C")).await.err().unwrap();
    assert!(matches!(wrong, VaultError::WrongMaster(_)), "{wrong:?}");
    assert!(!store.dir().join("master.key").exists());
}

async fn keyed_hashes_differ_by_purpose_and_store(store: &TestStore) {
    let vault = open(store).await;
    let hash = vault.keyed_hash("login", b"wang");
    assert_eq!(open(store).await.keyed_hash("login", b"wang"), hash);
    assert_ne!(vault.keyed_hash("query_code", b"wang"), hash);
    assert_ne!(vault.keyed_hash("login", b"wang2"), hash);
    // The border between purpose and value counts.
    assert_ne!(vault.keyed_hash("loginw", b"ang"), hash);
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("keys.db");
    let db = Db::sqlite(&path, Durability::Full).await.unwrap();
    let other = Vault::open(db, LOG, file(store), Arc::new(SystemClock)).await;
    assert_ne!(other.unwrap().keyed_hash("login", b"wang"), hash);
}
