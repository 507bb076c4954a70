//! Sessions refreshed: tokens that rotate, and what becomes of one that is used twice.

use super::{Door, PASSWORD, door};
use chrono::TimeDelta;
use docket_core::clock::Clock as _;
use docket_core::ops::{
    Lifetimes, Opened, OpsError, SESSION_LASTS, SESSIONS_PER_ACCOUNT_MAX, TOKEN_LASTS, Visit,
};
use docket_domain::ticket::scenario::now;
use docket_tests::TestStore;

docket_tests::on_both_stores! {
    tokens_rotate_until_the_session_ends,
    a_refresh_token_used_twice_ends_the_session,
    of_two_refreshes_at_once_neither_keeps_the_session,
    whatever_ends_a_session_ends_its_refresh_token,
    no_token_is_kept_and_old_ones_are_swept_away,
    an_account_has_so_many_sessions_at_most,
}

async fn short(store: &TestStore) -> Door {
    let door = door(store).await;
    let lifetimes = Lifetimes {
        session: SESSION_LASTS,
        token: TOKEN_LASTS,
    };
    let ops = door.ops.clone().with_sessions_of(lifetimes);
    Door { ops, ..door }
}

impl Door {
    async fn open(&self) -> Opened {
        let known = Some((self.account, self.created_by));
        let visit = Visit {
            captcha: None,
            from: super::HOME,
        };
        let opened = self
            .ops
            .log_in(&super::LOGIN, known, PASSWORD.into(), &visit, None);
        opened.await.unwrap()
    }

    async fn is_open(&self, token: &str) -> bool {
        self.ops.session(token).await.unwrap().is_some()
    }

    async fn is_over(&self, refresh_token: &str) -> bool {
        let refreshed = self.ops.refresh(refresh_token, None).await;
        matches!(refreshed, Err(OpsError::SessionOver))
    }
}

async fn tokens_rotate_until_the_session_ends(store: &TestStore) {
    let door = short(store).await;
    let first = door.open().await;
    assert_eq!(first.expires_at, now() + TOKEN_LASTS);
    assert_eq!(first.ends_at, now() + SESSION_LASTS);
    door.clock
        .set(now() + TOKEN_LASTS - TimeDelta::microseconds(1));
    let second = door.ops.refresh(&first.refresh_token, None).await.unwrap();
    assert_eq!(second.account, door.account);
    assert_ne!(second.token, first.token);
    assert_ne!(second.refresh_token, first.refresh_token);
    assert_eq!(second.expires_at, door.clock.now() + TOKEN_LASTS);
    assert_eq!(second.ends_at, first.ends_at, "refreshing moves no end");
    assert!(door.is_open(&second.token).await);
    let elsewhere = short(store).await;
    assert!(
        elsewhere.is_open(&first.token).await,
        "what is under way with the one before is finished"
    );
    let third = door.ops.refresh(&second.refresh_token, None).await.unwrap();
    assert!(!door.is_open(&first.token).await, "but not what is older");
    assert!(door.is_open(&second.token).await && door.is_open(&third.token).await);
    door.clock.set(third.expires_at);
    assert!(!door.is_open(&third.token).await);
    // Long after its access token, up to the session's end.
    door.clock
        .set(now() + SESSION_LASTS - TimeDelta::microseconds(1));
    let last = door.ops.refresh(&third.refresh_token, None).await.unwrap();
    assert_eq!(last.expires_at, first.ends_at, "no token outlasts it");
    door.clock.set(first.ends_at);
    assert!(!door.is_open(&last.token).await);
    assert!(door.is_over(&last.refresh_token).await);
}

async fn a_refresh_token_used_twice_ends_the_session(store: &TestStore) {
    let door = short(store).await;
    let (stolen, other) = (door.open().await, door.open().await);
    let second = door.ops.refresh(&stolen.refresh_token, None).await.unwrap();
    let third = door.ops.refresh(&second.refresh_token, None).await.unwrap();
    // The first of all: it was used two rotations ago.
    let reused = door
        .ops
        .refresh(&stolen.refresh_token, None)
        .await
        .unwrap_err();
    assert!(
        matches!(reused, OpsError::RefreshReused(account) if account == door.account),
        "{reused:?}"
    );
    for token in [&stolen.token, &second.token, &third.token] {
        assert!(!door.is_open(token).await);
    }
    assert!(door.is_over(&third.refresh_token).await);
    assert!(door.is_over(&stolen.refresh_token).await, "told once");
    assert!(door.is_open(&other.token).await, "no other session");
    door.ops.refresh(&other.refresh_token, None).await.unwrap();
}

async fn of_two_refreshes_at_once_neither_keeps_the_session(store: &TestStore) {
    let door = short(store).await;
    let first = door.open().await;
    let (one, two) = tokio::join!(
        door.ops.refresh(&first.refresh_token, None),
        door.ops.refresh(&first.refresh_token, None),
    );
    let (won, lost) = if one.is_ok() { (one, two) } else { (two, one) };
    let won = won.unwrap();
    assert!(matches!(lost, Err(OpsError::RefreshReused(_))), "{lost:?}");
    assert!(!door.is_open(&won.token).await);
    assert!(door.is_over(&won.refresh_token).await);
}

async fn whatever_ends_a_session_ends_its_refresh_token(store: &TestStore) {
    let door = short(store).await;
    let [out, kept, ended] = [door.open().await, door.open().await, door.open().await];
    door.ops.log_out(&out.token).await.unwrap();
    assert!(door.is_over(&out.refresh_token).await);
    let but = Some(kept.token.as_str());
    door.ops.end_sessions(door.account, but).await.unwrap();
    assert!(!door.is_open(&ended.token).await);
    assert!(door.is_over(&ended.refresh_token).await);
    let kept = door.ops.refresh(&kept.refresh_token, None).await.unwrap();
    door.ops.end_sessions(door.account, None).await.unwrap();
    assert!(!door.is_open(&kept.token).await);
    assert!(door.is_over(&kept.refresh_token).await);
    for strange in ["", "no token", kept.token.as_str()] {
        assert!(door.is_over(strange).await, "{strange:?}");
    }
}

async fn no_token_is_kept_and_old_ones_are_swept_away(store: &TestStore) {
    let door = short(store).await;
    let mut opened = door.open().await;
    for _ in 0..5 {
        opened = door.ops.refresh(&opened.refresh_token, None).await.unwrap();
    }
    let rows = [
        store.rows("ops", "session_families").await,
        store.rows("ops", "access_tokens").await,
    ];
    assert_eq!(rows, [1, 2], "whatever is refreshed");
    let sql = "SELECT family, refresh, access FROM session_families";
    let part = store.part("ops").await;
    let row = part.fetch_all(sql, vec![]).await.unwrap();
    for column in 0..3 {
        let kept = row[0].bytes(column).unwrap();
        for token in [&opened.token, &opened.refresh_token] {
            assert!(!token.as_bytes().windows(32).any(|part| part == kept));
        }
        assert_eq!(kept.len(), 32, "a hash");
    }
    door.clock.set(now() + SESSION_LASTS * 2);
    door.open().await;
    assert_eq!(store.rows("ops", "session_families").await, 1);
    assert_eq!(store.rows("ops", "access_tokens").await, 1);
}

async fn an_account_has_so_many_sessions_at_most(store: &TestStore) {
    let door = short(store).await;
    let first = door.open().await;
    let part = store.part("ops").await;
    // As if so many had logged in after it.
    for n in 1..SESSIONS_PER_ACCOUNT_MAX {
        let mut name = [0_u8; 32];
        name[..8].copy_from_slice(&n.to_be_bytes());
        let name = name.as_slice();
        let at = now() + TimeDelta::microseconds(n);
        let row = docket_core::values![name, door.account.0, name, name, at, now() + SESSION_LASTS];
        let sql = "INSERT INTO session_families VALUES ($1, $2, $3, $4, $5, $6)";
        part.execute(sql, row).await.unwrap();
    }
    assert!(door.is_open(&first.token).await);
    door.clock.set(now() + TimeDelta::minutes(1));
    let last = door.open().await;
    assert!(!door.is_open(&first.token).await, "the oldest ends");
    assert!(door.is_open(&last.token).await);
    assert_eq!(
        store.rows("ops", "session_families").await,
        u64::try_from(SESSIONS_PER_ACCOUNT_MAX).unwrap()
    );
}
