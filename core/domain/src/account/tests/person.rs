//! What a person adds to an account: login, mobile and messages; and what they do with their own.

use super::*;
use chrono::TimeDelta;

#[test]
fn a_login_that_lacks_its_regions_prefix_is_refused_to_offices_alone() {
    let new = |role: Role, department| NewAccount {
        lacks_prefix: Some("xy-".into()),
        ..create(&[role], department, None)
    };
    let action = AccountAction::Create(new(Role::Clerk, Some(DEPARTMENT)));
    let refusal = Account::decide(&Account::default(), command(action)).unwrap_err();
    let told = (
        refusal.reason,
        refusal.field,
        refusal.detail.as_ref().map(|detail| detail.en.as_str()),
    );
    assert_eq!(told, (Reason::LoginPrefix, Some("login"), Some("xy-")));
    assert_eq!(reason(new(Role::Operator, None)), None);
}

#[test]
fn mobile_and_messages_are_set_changed_and_taken_away() {
    let mut account = Account::default();
    let new = NewAccount {
        mobile: Some(sealed("13800000001")),
        sms_quota: 30,
        ..create(&[Role::Clerk], Some(DEPARTMENT), None)
    };
    run(&mut account, command(AccountAction::Create(new))).unwrap();
    let kept = (Some(sealed("13800000001")), 30);
    assert_eq!((account.mobile.clone(), account.sms_quota), kept);
    let named = Changes {
        name: Some(sealed("王小红")),
        ..NOTHING
    };
    run(&mut account, change(named)).unwrap();
    assert_eq!((account.mobile.clone(), account.sms_quota), kept);
    let fewer = Changes {
        mobile: Given::Nothing,
        sms_quota: Some(5),
        ..NOTHING
    };
    run(&mut account, change(fewer.clone())).unwrap();
    assert_eq!((account.mobile.clone(), account.sms_quota), (None, 5));
    let again = run(&mut account, change(fewer));
    assert_eq!(again, Err((Reason::NoChange, None)));
    for (changes, reason, field) in [
        (sealed(""), Reason::Required, "mobile"),
        (sealed(&"1".repeat(33)), Reason::TooLong, "mobile"),
    ]
    .map(|(mobile, reason, field)| {
        let mobile = Given::This(mobile);
        (Changes { mobile, ..NOTHING }, reason, field)
    }) {
        let tried = run(&mut account, change(changes));
        assert_eq!(tried, refused(reason, field));
    }
    let many = Changes {
        sms_quota: Some(SMS_QUOTA_MAX + 1),
        ..NOTHING
    };
    let tried = run(&mut account, change(many));
    assert_eq!(tried, refused(Reason::InvalidValue, "smsQuota"));
}

#[test]
fn password_and_recovery_are_ones_own_alone() {
    let actions = || {
        [
            AccountAction::ChangePassword,
            AccountAction::SetRecovery { answer: 3 },
            AccountAction::RecoverPassword,
        ]
    };
    let own = |action| {
        let mut own = command(action);
        own.actor = clerk();
        own.account = clerk().account;
        own
    };
    for action in actions() {
        let tried = run(&mut existing(), command(action.clone()));
        assert_eq!(tried, Err((Reason::RoleNotAllowed, None)));
        run(&mut existing(), own(action.clone())).unwrap();
        let mut out = existing();
        run(&mut out, command(AccountAction::Deactivate)).unwrap();
        let tried = run(&mut out, own(action));
        assert_eq!(tried, refused(Reason::NotFound, "id"));
    }
    for (answer, reason) in [
        (0, Reason::Required),
        (ANSWER_CHARS_MAX + 1, Reason::TooLong),
    ] {
        let tried = run(&mut existing(), own(AccountAction::SetRecovery { answer }));
        assert_eq!(tried, refused(reason, "answer"));
    }
}

#[test]
fn a_password_expires_after_the_packs_days() {
    let mut account = existing();
    let set = stamp().at;
    let expired = |account: &Account, days| {
        let expired = |after| account.is_password_expired(days, set + after);
        (
            expired(TimeDelta::days(90) - TimeDelta::microseconds(1)),
            expired(TimeDelta::days(90)),
        )
    };
    assert_eq!(expired(&account, 90), (false, true));
    assert_eq!(expired(&account, 0), (false, false));
    let mut later = stamp();
    later.at = set + TimeDelta::days(50);
    Account::evolve(
        &mut account,
        &later,
        &AccountEvent::PasswordReset(PasswordReset {}),
    );
    assert_eq!(expired(&account, 90), (false, false));
    assert_eq!(expired(&account, 40), (false, true));
}
