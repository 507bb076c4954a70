//! The door at which passwords are recovered: answers, locks, and what is told of them.

use super::{Door, HOME, PASSWORD, door};
use docket_core::clock::Clock as _;
use docket_core::ops::{
    FAILURES_MAX, OpsError, RECOVERY_DOORS_MAX, RECOVERY_LOCKED_MAX, RECOVERY_REMEMBERED, Tried,
    Visit,
};
use docket_domain::ticket::scenario::now;
use docket_tests::TestStore;

docket_tests::on_both_stores! {
    wrong_answers_lock_for_longer_each_time_and_are_told_once,
    made_up_doors_displace_each_other,
    an_answer_is_compared_as_people_mean_it_and_counted_like_a_password,
}

/// The door at which passwords are recovered.
const RECOVERY: [u8; 32] = [3; 32];

impl Door {
    /// An answer, past a captcha: what it is refused with.
    async fn answer(&self, door: [u8; 32], known: bool, answer: &str) -> Result<(), OpsError> {
        let account = known.then_some((self.account, self.created_by));
        let visit = Visit {
            captcha: Some(self.captcha()),
            from: HOME,
        };
        let checked = self.ops.check_answer(&door, account, answer, &visit);
        checked.await.map(|_| ())
    }

    async fn has_an_answer(&self) {
        let hashed = self.ops.hash_answer("right").await.unwrap();
        let question = docket_domain::account::RecoveryQuestion::FirstSchool;
        self.ops
            .set_recovery(self.created_by, question, &hashed)
            .await
            .unwrap();
    }
}

async fn wrong_answers_lock_for_longer_each_time_and_are_told_once(store: &TestStore) {
    let door = door(store).await;
    door.has_an_answer().await;
    let minute = chrono::TimeDelta::minutes(1);
    // One that exists, and one that does not.
    for (at, known) in [(RECOVERY, true), ([4; 32], false)] {
        let mut time = door.clock.now();
        assert_eq!(door.ops.tell_tried(&at).await.unwrap(), None);
        for _ in 1..FAILURES_MAX {
            let wrong = door.answer(at, known, "wrong").await;
            assert!(matches!(wrong, Err(OpsError::WrongAnswer)));
        }
        for minutes in [10, 20, 40, 80, 160, 320, 640, 1_280, 1_440, 1_440] {
            let wrong = door.answer(at, known, "wrong").await;
            assert!(matches!(wrong, Err(OpsError::WrongAnswer)), "{minutes}");
            door.clock
                .set(time + minute * minutes - chrono::TimeDelta::microseconds(1));
            let locked = door.answer(at, known, "right").await;
            assert!(matches!(locked, Err(OpsError::Locked)), "{minutes}");
            time += minute * minutes;
            door.clock.set(time);
        }
        let tried = Tried {
            count: 14,
            last_at: time - RECOVERY_LOCKED_MAX,
        };
        assert_eq!(door.ops.tell_tried(&at).await.unwrap(), Some(tried));
        assert_eq!(door.ops.tell_tried(&at).await.unwrap(), None, "told once");
        assert!(door.ops.answer_needs_captcha(&at).await.unwrap());
    }
    // A right one clears the count, and not what is to be told.
    let wrong = door.answer(RECOVERY, true, "wrong").await;
    assert!(matches!(wrong, Err(OpsError::WrongAnswer)));
    door.clock.set(door.clock.now() + RECOVERY_LOCKED_MAX);
    door.answer(RECOVERY, true, "right").await.unwrap();
    for _ in 1..FAILURES_MAX {
        let wrong = door.answer(RECOVERY, true, "wrong").await;
        assert!(matches!(wrong, Err(OpsError::WrongAnswer)));
    }
    let tried = door.ops.tell_tried(&RECOVERY).await.unwrap().unwrap();
    assert_eq!(i64::from(tried.count), FAILURES_MAX);
    // In the end it is forgotten.
    door.clock.set(door.clock.now() + RECOVERY_REMEMBERED);
    assert!(!door.ops.answer_needs_captcha(&RECOVERY).await.unwrap());
    let wrong = door.answer(RECOVERY, true, "wrong").await;
    assert!(matches!(wrong, Err(OpsError::WrongAnswer)));
    assert_eq!(store.rows("ops", "recovery_tries").await, 1);
}

async fn made_up_doors_displace_each_other(store: &TestStore) {
    let door = door(store).await;
    for _ in 0..2 {
        let wrong = door.answer(RECOVERY, true, "wrong").await;
        assert!(matches!(wrong, Err(OpsError::WrongAnswer)));
    }
    let at = now().timestamp_micros();
    let full = RECOVERY_DOORS_MAX;
    let sqlite = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {full})
         INSERT INTO recovery_tries SELECT CAST(i AS BLOB), 1, 1, {at} + i FROM n"
    );
    let postgres = format!(
        "INSERT INTO recovery_tries SELECT decode(lpad(to_hex(i), 8, '0'), 'hex'), 1, 1, {at} + i
         FROM generate_series(1, {full}) AS i"
    );
    store
        .part("ops")
        .await
        .script(&sqlite, &postgres)
        .await
        .unwrap();
    door.clock.set(now() + chrono::TimeDelta::hours(1));
    let wrong = door.answer([5; 32], false, "wrong").await;
    assert!(matches!(wrong, Err(OpsError::WrongAnswer)));
    let kept = store.rows("ops", "recovery_tries").await;
    let full = full.cast_unsigned();
    assert!(kept <= full && kept > full * 9 / 10, "{kept}");
    assert!(door.ops.answer_needs_captcha(&RECOVERY).await.unwrap());
    let latest = door.ops.tell_tried(&[5; 32]).await.unwrap();
    assert_eq!(latest.map(|tried| tried.count), Some(1), "the oldest went");
}

async fn an_answer_is_compared_as_people_mean_it_and_counted_like_a_password(store: &TestStore) {
    use docket_domain::account::RecoveryQuestion::{FavouriteBook, FirstSchool};
    let door = door(store).await;
    let whose = (door.account, door.created_by);
    let account = Some(whose);
    let tried = async |account, answer: &str| {
        let visit = Visit {
            captcha: Some(door.captcha()),
            from: HOME,
        };
        door.ops
            .check_answer(&[3; 32], account, answer, &visit)
            .await
    };
    let wrong = |tried: Result<_, OpsError>| matches!(tried, Err(OpsError::WrongAnswer));
    assert!(wrong(tried(account, "No. 1").await), "none is set");
    for question in [FavouriteBook, FirstSchool] {
        let hashed = door.ops.hash_answer(" NO. 1\u{3000}").await.unwrap();
        assert!(hashed.starts_with("$argon2id$"));
        door.ops
            .set_recovery(door.created_by, question, &hashed)
            .await
            .unwrap();
        let kept = door.ops.recovery_question(door.created_by).await.unwrap();
        assert_eq!(kept, Some(question));
    }
    for answer in ["no. 1", "Ｎｏ．　１"] {
        assert_eq!(tried(account, answer).await.unwrap(), whose);
    }
    for account in [None, account, None, account, None] {
        assert!(wrong(tried(account, "No. 2").await));
    }
    let locked = tried(account, "no. 1").await;
    assert!(matches!(locked, Err(OpsError::Locked)));
    door.try_with(PASSWORD).await.unwrap();
    door.ops.forget(door.created_by).await.unwrap();
    let gone = door.ops.recovery_question(door.created_by).await.unwrap();
    assert_eq!(gone, None);
}
