//! The door: passwords, lock-outs, sessions.

mod printing;
mod recovery;
mod refreshing;

use docket_core::clock::{Clock as _, ManualClock, random_bytes};
use docket_core::ops::{
    Answered, CAPTCHA_AFTER, CAPTCHA_FAILURES_MAX, CAPTCHA_LASTS, FAILURES_MAX, LOCKED_FOR,
    Lifetimes, Ops, OpsError, PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, Password, SESSION_LASTS,
    Visit,
};
use docket_domain::ids::{AccountId, EventId};
use docket_domain::ticket::scenario::now;
use docket_tests::TestStore;
use docket_tests::commits::fresh;
use std::sync::Arc;

docket_tests::on_both_stores! {
    the_right_password_opens_a_session,
    wrong_passwords_lock_for_a_while,
    a_right_password_clears_the_count,
    a_session_ends_by_time_or_log_out,
    unfit_passwords_are_refused,
    a_password_is_changed,
    guesses_sent_all_at_once_are_counted,
    after_two_failures_each_try_needs_a_captcha_of_its_own,
    tries_without_a_captcha_lock_nobody_out_and_hold_up_their_own_address,
}

const LOGIN: [u8; 32] = [1; 32];
const HOME: [u8; 32] = [8; 32];
const PASSWORD: &str = "正确的密码一二三";

struct Door {
    ops: Ops,
    clock: Arc<ManualClock>,
    account: AccountId,
    created_by: EventId,
}

async fn door(store: &TestStore) -> Door {
    let clock = Arc::new(ManualClock::at(now()));
    // Tokens that last as long as their session, except where a test is about them.
    let lifetimes = Lifetimes {
        session: SESSION_LASTS,
        token: SESSION_LASTS,
    };
    let ops = Ops::open(store.part("ops").await, clock.clone())
        .await
        .unwrap()
        .with_sessions_of(lifetimes);
    let door = Door {
        ops,
        clock,
        account: fresh(),
        created_by: fresh(),
    };
    door.give(PASSWORD).await.unwrap();
    door
}

impl Door {
    async fn give(&self, password: &str) -> Result<(), OpsError> {
        let password = Password::Clear(password.into());
        let hashed = self.ops.hash_password(&password).await?;
        self.ops.set_hash(self.created_by, &hashed).await
    }

    /// A captcha read right.
    fn captcha(&self) -> Answered {
        Answered {
            id: random_bytes::<24>().to_vec(),
            until: self.clock.now() + CAPTCHA_LASTS,
            right: true,
        }
    }

    async fn try_with(&self, password: &str) -> Result<(AccountId, String), OpsError> {
        self.try_past(password, Some(&self.captcha())).await
    }

    async fn try_past(
        &self,
        password: &str,
        captcha: Option<&Answered>,
    ) -> Result<(AccountId, String), OpsError> {
        self.try_from(HOME, password, captcha).await
    }

    async fn try_from(
        &self,
        from: [u8; 32],
        password: &str,
        captcha: Option<&Answered>,
    ) -> Result<(AccountId, String), OpsError> {
        let captcha = captcha.cloned();
        let opened = self
            .ops
            .log_in(
                &LOGIN,
                Some((self.account, self.created_by)),
                password.into(),
                &Visit { captcha, from },
                None,
            )
            .await?;
        assert_eq!(
            self.ops.session(&opened.token).await.unwrap(),
            Some((opened.account, opened.expires_at))
        );
        Ok((opened.account, opened.token))
    }

    async fn fails(&self, times: i64) {
        for _ in 0..times {
            let error = self.try_with("falsch falsch").await.unwrap_err();
            assert!(matches!(error, OpsError::WrongCredentials), "{error:?}");
        }
    }

    async fn is_locked(&self) -> bool {
        matches!(self.try_with(PASSWORD).await, Err(OpsError::Locked))
    }
}

async fn the_right_password_opens_a_session(store: &TestStore) {
    let door = door(store).await;
    let (account, token) = door.try_with(PASSWORD).await.unwrap();
    assert_eq!(account, door.account);
    let (_, other) = door.try_with(PASSWORD).await.unwrap();
    assert_ne!(token, other);
    door.fails(1).await;
    let long = "x".repeat(PASSWORD_BYTES_MAX + 1);
    assert!(matches!(
        door.try_with(&long).await,
        Err(OpsError::WrongCredentials)
    ));
    let unknown = door
        .ops
        .log_in(
            &[2; 32],
            None,
            PASSWORD.into(),
            &Visit {
                captcha: None,
                from: HOME,
            },
            None,
        )
        .await
        .unwrap_err();
    assert!(matches!(unknown, OpsError::WrongCredentials), "{unknown:?}");
    assert_eq!(door.ops.session("no token").await.unwrap(), None);
    let dump = store
        .part("ops")
        .await
        .fetch_all("SELECT password FROM credentials", vec![])
        .await;
    assert!(dump.unwrap()[0].text(0).unwrap().starts_with("$argon2id$"));
}

async fn wrong_passwords_lock_for_a_while(store: &TestStore) {
    let door = door(store).await;
    door.fails(FAILURES_MAX - 1).await;
    assert!(!door.is_locked().await, "one more is allowed");
    door.fails(FAILURES_MAX).await;
    assert!(door.is_locked().await);
    let locked = door.try_with("falsch falsch").await.unwrap_err();
    assert!(matches!(locked, OpsError::Locked));
    door.clock
        .set(now() + LOCKED_FOR - chrono::TimeDelta::microseconds(1));
    assert!(
        door.is_locked().await,
        "being locked out does not lengthen it, nor shorten"
    );
    door.clock.set(now() + LOCKED_FOR);
    door.fails(FAILURES_MAX - 1).await;
    door.try_with(PASSWORD).await.unwrap();
}

async fn a_right_password_clears_the_count(store: &TestStore) {
    let door = door(store).await;
    for _ in 0..3 {
        door.fails(FAILURES_MAX - 1).await;
        door.try_with(PASSWORD).await.unwrap();
    }
}

async fn a_session_ends_by_time_or_log_out(store: &TestStore) {
    let door = door(store).await;
    let (_, first) = door.try_with(PASSWORD).await.unwrap();
    let (_, second) = door.try_with(PASSWORD).await.unwrap();
    door.ops.log_out(&second).await.unwrap();
    assert_eq!(door.ops.session(&second).await.unwrap(), None);
    door.clock
        .set(now() + SESSION_LASTS - chrono::TimeDelta::microseconds(1));
    assert!(door.ops.session(&first).await.unwrap().is_some());
    door.clock.set(now() + SESSION_LASTS);
    assert_eq!(door.ops.session(&first).await.unwrap(), None);
    door.clock.set(now() + SESSION_LASTS * 2);
    door.try_with(PASSWORD).await.unwrap();
    assert_eq!(
        store.rows("ops", "session_families").await,
        1,
        "what has ended is swept away"
    );
}

async fn unfit_passwords_are_refused(store: &TestStore) {
    let door = door(store).await;
    let short = "密".repeat(PASSWORD_CHARS_MIN - 1);
    let long = "密".repeat(PASSWORD_BYTES_MAX / 3 + 1);
    for unfit in [String::new(), short, long] {
        let refused = door.give(&unfit).await;
        assert!(matches!(refused, Err(OpsError::UnfitPassword)));
    }
    door.try_with(PASSWORD).await.unwrap();
    for fit in [
        "密".repeat(PASSWORD_CHARS_MIN),
        "x".repeat(PASSWORD_BYTES_MAX),
    ] {
        door.give(&fit).await.unwrap();
        door.try_with(&fit).await.unwrap();
    }
}

async fn a_password_is_changed(store: &TestStore) {
    let door = door(store).await;
    door.fails(FAILURES_MAX).await;
    assert!(door.is_locked().await);
    door.give("neues Passwort").await.unwrap();
    assert!(door.is_locked().await, "a new password is no way round");
    door.ops.pardon(&LOGIN).await.unwrap();
    door.fails(1).await;
    door.try_with("neues Passwort").await.unwrap();
    door.give(PASSWORD).await.unwrap();
    door.try_with(PASSWORD).await.unwrap();
    door.ops.forget(door.created_by).await.unwrap();
    door.fails(1).await;
    let without = door.try_with(PASSWORD).await.unwrap_err();
    assert!(matches!(without, OpsError::WrongCredentials));
}

async fn guesses_sent_all_at_once_are_counted(store: &TestStore) {
    let door = door(store).await;
    let tries = (0..20).map(|_| door.try_with("falsch falsch"));
    let told = futures_util::future::join_all(tries).await;
    let checked = told
        .iter()
        .filter(|told| matches!(told, Err(OpsError::WrongCredentials)))
        .count();
    assert_eq!(i64::try_from(checked).unwrap(), FAILURES_MAX);
}

async fn after_two_failures_each_try_needs_a_captcha_of_its_own(store: &TestStore) {
    let door = door(store).await;
    let wants_one = |tried: Result<_, OpsError>| matches!(tried, Err(OpsError::CaptchaRequired));
    for _ in 0..CAPTCHA_AFTER {
        let tried = door.try_past("falsch falsch", None).await;
        assert!(matches!(tried, Err(OpsError::WrongCredentials)));
    }
    assert!(door.ops.needs_captcha(&LOGIN).await.unwrap());
    assert!(wants_one(door.try_past(PASSWORD, None).await), "missing");
    let wrong = Answered {
        right: false,
        ..door.captcha()
    };
    assert!(wants_one(door.try_past(PASSWORD, Some(&wrong)).await));
    let good = door.captcha();
    door.try_past(PASSWORD, Some(&good)).await.unwrap();
    assert!(!door.ops.needs_captcha(&LOGIN).await.unwrap());
    door.fails(CAPTCHA_AFTER).await;
    assert!(
        wants_one(door.try_past(PASSWORD, Some(&good)).await),
        "used"
    );
    let second = Answered {
        right: true,
        ..wrong.clone()
    };
    let tried = door.try_past(PASSWORD, Some(&second)).await;
    assert!(wants_one(tried), "read wrong it was used up, too");
    door.ops.pardon(&LOGIN).await.unwrap();
    door.fails(CAPTCHA_AFTER).await;
    let late = door.captcha();
    door.clock.set(late.until);
    assert!(
        wants_one(door.try_past(PASSWORD, Some(&late)).await),
        "over"
    );
    // Used ones are forgotten when they are over, and locks stay locks.
    door.try_with(PASSWORD).await.unwrap();
    door.fails(CAPTCHA_AFTER).await;
    door.try_with(PASSWORD).await.unwrap();
    let used = store.rows("ops", "captchas_used").await;
    assert!(used <= 2, "{used}");
    door.fails(CAPTCHA_AFTER).await;
    for _ in CAPTCHA_AFTER..FAILURES_MAX {
        assert!(wants_one(door.try_past("falsch falsch", None).await));
    }
    assert!(!door.is_locked().await, "none of these counts");
}

async fn tries_without_a_captcha_lock_nobody_out_and_hold_up_their_own_address(store: &TestStore) {
    const AWAY: [u8; 32] = [9; 32];
    let door = door(store).await;
    let held_up = |tried: Result<_, OpsError>| matches!(tried, Err(OpsError::TooManyTries));
    let wants_one = |tried: Result<_, OpsError>| matches!(tried, Err(OpsError::CaptchaRequired));
    door.fails(CAPTCHA_AFTER).await;
    let good = door.captcha();
    let wrong = || Answered {
        right: false,
        ..door.captcha()
    };
    for n in 0..CAPTCHA_FAILURES_MAX - 1 {
        let captcha = (n % 2 == 0).then(wrong);
        assert!(wants_one(
            door.try_from(AWAY, PASSWORD, captcha.as_ref()).await
        ));
    }
    // All at once no more slip in than one by one.
    let tries = (0..10).map(|_| door.try_from(AWAY, PASSWORD, None));
    let told = futures_util::future::join_all(tries).await;
    assert_eq!(
        told.into_iter()
            .filter_map(|t| wants_one(t).then_some(()))
            .count(),
        1
    );
    // Not even with a right one, which is not used up.
    assert!(held_up(door.try_from(AWAY, PASSWORD, Some(&good)).await));
    door.try_past(PASSWORD, Some(&good)).await.unwrap();
    door.try_from(AWAY, PASSWORD, None).await.unwrap();
    door.fails(CAPTCHA_AFTER).await;
    door.clock
        .set(now() + LOCKED_FOR - chrono::TimeDelta::microseconds(1));
    assert!(held_up(door.try_from(AWAY, PASSWORD, None).await));
    door.clock.set(now() + LOCKED_FOR);
    door.fails(CAPTCHA_AFTER).await;
    // A right one clears the count.
    for _ in 0..2 {
        for _ in 1..CAPTCHA_FAILURES_MAX {
            assert!(wants_one(door.try_from(AWAY, PASSWORD, None).await));
        }
        let good = door.captcha();
        let tried = door.try_from(AWAY, "falsch falsch", Some(&good)).await;
        assert!(matches!(tried, Err(OpsError::WrongCredentials)));
    }
}
