//! Who may have which account, and what may become of it.

mod leaders;
mod person;

use super::*;
use crate::aggregate::Aggregate;
use crate::refusal::Reason;
use crate::ticket::Ground;
use crate::ticket::scenario::{
    DEPARTMENT, OTHER_DEPARTMENT, OTHER_UNIT, UNIT, administrator, auditor, city,
    city_after_the_move, clerk, id, sealed, stamp,
};

type Tried = Result<(), (Reason, Option<&'static str>)>;

fn create(roles: &[Role], department: Option<DepartmentId>, unit: Option<UnitId>) -> NewAccount {
    NewAccount {
        login: sealed("pt-wang"),
        name: sealed("王小明"),
        roles: roles.to_vec(),
        department,
        unit,
        mobile: None,
        sms_quota: 0,
        lacks_prefix: None,
    }
}

/// What an administrator asks for an account of the small city.
fn command(action: AccountAction) -> AccountCommand {
    AccountCommand {
        actor: administrator(),
        account: id(0xB1),
        organisation: city(),
        action,
        expected_revision: None,
    }
}

fn run(account: &mut Account, command: AccountCommand) -> Tried {
    let events = Account::decide(account, command).map_err(|r| (r.reason, r.field))?;
    for event in events {
        Account::evolve(account, &stamp(), &event);
    }
    Ok(())
}

fn refused(reason: Reason, field: &'static str) -> Tried {
    Err((reason, Some(field)))
}

fn reason(new: NewAccount) -> Option<(Reason, Option<&'static str>)> {
    run(&mut Account::default(), command(AccountAction::Create(new))).err()
}

/// A clerk of the unit.
fn existing() -> Account {
    let mut account = Account::default();
    let new = create(&[Role::Clerk], Some(DEPARTMENT), Some(UNIT));
    run(&mut account, command(AccountAction::Create(new))).unwrap();
    account
}

const NOTHING: Changes<Sealed> = Changes {
    name: None,
    roles: None,
    department: Given::Kept,
    unit: Given::Kept,
    mobile: Given::Kept,
    sms_quota: None,
};

fn change(changes: Changes<Sealed>) -> AccountCommand {
    command(AccountAction::Change(changes))
}

#[test]
fn clerks_need_an_office_and_the_centre_has_none() {
    use Role::{Clerk, Operator};
    assert_eq!(reason(create(&[Clerk], Some(DEPARTMENT), None)), None);
    assert_eq!(reason(create(&[Clerk], Some(DEPARTMENT), Some(UNIT))), None);
    assert_eq!(reason(create(&[Operator], None, None)), None);
    let refused = |reason, field| refused(reason, field).err();
    let no_office = reason(create(&[Clerk], None, None));
    assert_eq!(no_office, refused(Reason::Required, "departmentId"));
    let foreign = reason(create(&[Clerk], Some(OTHER_DEPARTMENT), Some(UNIT)));
    assert_eq!(foreign, refused(Reason::UnknownOffice, "unitId"));
    let centre = reason(create(&[Operator], Some(DEPARTMENT), None));
    assert_eq!(centre, refused(Reason::InvalidValue, "departmentId"));
    let orphan = reason(create(&[Operator], None, Some(UNIT)));
    assert_eq!(orphan, refused(Reason::UnknownOffice, "unitId"));
    assert_eq!(
        reason(create(&[], None, None)),
        refused(Reason::Required, "roles")
    );
}

#[test]
fn a_role_named_twice_is_had_once() {
    use Role::{Clerk, Leader};
    let mut account = Account::default();
    let new = create(&[Clerk, Clerk, Leader, Clerk], Some(DEPARTMENT), None);
    run(&mut account, command(AccountAction::Create(new))).unwrap();
    assert_eq!(account.roles, [Clerk, Leader]);
    let roles = |roles: &[Role]| {
        change(Changes {
            roles: Some(roles.to_vec()),
            ..NOTHING
        })
    };
    let same = run(&mut account, roles(&[Clerk, Leader, Leader]));
    assert_eq!(same, Err((Reason::NoChange, None)));
    run(&mut account, roles(&[Leader, Leader])).unwrap();
    assert_eq!(account.roles, [Leader]);
}

#[test]
fn a_units_people_move_with_it_and_nobody_else_does() {
    let place = |department, unit| {
        let account = Account {
            exists: true,
            roles: vec![Role::Clerk],
            department: Some(department),
            unit,
            ..Account::default()
        };
        let seen = [city(), city_after_the_move()]
            .map(|organisation| account.actor(id(1), &organisation).unwrap().department);
        (seen.map(Option::unwrap), account.office().unwrap())
    };
    let moved = ([DEPARTMENT, OTHER_DEPARTMENT], Office::Unit(UNIT));
    assert_eq!(place(DEPARTMENT, Some(UNIT)), moved);
    let stayed = ([DEPARTMENT, DEPARTMENT], Office::Department(DEPARTMENT));
    assert_eq!(place(DEPARTMENT, None), stayed);
    let others = ([OTHER_DEPARTMENT; 2], Office::Unit(OTHER_UNIT));
    assert_eq!(place(OTHER_DEPARTMENT, Some(OTHER_UNIT)), others);
}

#[test]
fn nobody_sits_at_two_desks() {
    use Role::{Administrator, Auditor, Citizen, Clerk, Dispatcher, Leader, Operator};
    assert_eq!(reason(create(&[Operator, Dispatcher], None, None)), None);
    assert_eq!(
        reason(create(&[Clerk, Leader], Some(DEPARTMENT), None)),
        None
    );
    for roles in [
        [Clerk, Auditor],
        [Operator, Clerk],
        [Dispatcher, Leader],
        [Auditor, Administrator],
        [Citizen, Operator],
    ] {
        let refused = reason(create(&roles, Some(DEPARTMENT), None));
        assert_eq!(
            refused,
            Some((Reason::InvalidValue, Some("roles"))),
            "{roles:?}"
        );
    }
}

#[test]
fn others_keep_no_accounts_and_one_is_created_only_once() {
    let new = || create(&[Role::Operator], None, None);
    for action in [
        AccountAction::Create(new()),
        AccountAction::Change(NOTHING),
        AccountAction::Deactivate,
        AccountAction::Reactivate,
        AccountAction::ResetPassword,
    ] {
        let mut command = command(action);
        command.actor = clerk();
        let tried = run(&mut existing(), command);
        assert_eq!(tried, Err((Reason::RoleNotAllowed, None)));
    }
    let again = run(&mut existing(), command(AccountAction::Create(new())));
    assert_eq!(again, Err((Reason::AlreadyExists, None)));
    for action in [
        AccountAction::Change(NOTHING),
        AccountAction::Deactivate,
        AccountAction::Reactivate,
        AccountAction::ResetPassword,
    ] {
        let nobody = run(&mut Account::default(), command(action));
        assert_eq!(nobody, refused(Reason::NotFound, "id"));
    }
}

#[test]
fn empty_and_over_long_names_are_refused() {
    let mut new = create(&[Role::Operator], None, None);
    new.name = sealed("");
    assert_eq!(reason(new), Some((Reason::Required, Some("name"))));
    let mut new = create(&[Role::Operator], None, None);
    new.login = sealed(&"a".repeat(101));
    assert_eq!(reason(new), Some((Reason::TooLong, Some("login"))));
}

#[test]
fn what_is_given_changes_and_the_rest_stays() {
    let mut account = existing();
    let named = Changes {
        name: Some(sealed("王小红")),
        ..NOTHING
    };
    run(&mut account, change(named)).unwrap();
    assert_eq!(account.name, Some(sealed("王小红")));
    assert_eq!(account.login, Some(sealed("pt-wang")));
    assert_eq!(account.office(), Some(Office::Unit(UNIT)));
    let leads = Changes {
        roles: Some(vec![Role::Leader]),
        ..NOTHING
    };
    run(&mut account, change(leads.clone())).unwrap();
    let kept = (account.roles.as_slice(), account.office());
    assert_eq!(kept, (&[Role::Leader][..], Some(Office::Unit(UNIT))));
    for unchanged in [leads, NOTHING] {
        let tried = run(&mut account, change(unchanged));
        assert_eq!(tried, Err((Reason::NoChange, None)));
    }
    let unfit = |name: &str| Changes {
        name: Some(sealed(name)),
        ..NOTHING
    };
    let empty = run(&mut account, change(unfit("")));
    assert_eq!(empty, refused(Reason::Required, "name"));
    let long = run(&mut account, change(unfit(&"长".repeat(101))));
    assert_eq!(long, refused(Reason::TooLong, "name"));
}

#[test]
fn a_place_is_changed_by_the_rules_of_creation() {
    use Given::{Kept, Nothing, This};
    let to = |department, unit| Changes {
        department,
        unit,
        ..NOTHING
    };
    let (here, there) = (
        Office::Department(DEPARTMENT),
        Office::Department(OTHER_DEPARTMENT),
    );
    for (changes, place) in [
        (to(Kept, Nothing), here),
        (to(This(DEPARTMENT), Kept), here),
        (to(This(OTHER_DEPARTMENT), Kept), there),
        (
            to(This(OTHER_DEPARTMENT), This(OTHER_UNIT)),
            Office::Unit(OTHER_UNIT),
        ),
        (to(Kept, This(OTHER_UNIT)), Office::Unit(OTHER_UNIT)),
    ] {
        let mut account = existing();
        run(&mut account, change(changes)).unwrap();
        assert_eq!(account.office(), Some(place));
        let department = if place == here {
            DEPARTMENT
        } else {
            OTHER_DEPARTMENT
        };
        assert_eq!(account.department(&city()), Some(department));
    }
    for (changes, reason, field) in [
        (
            to(This(DEPARTMENT), This(OTHER_UNIT)),
            Reason::UnknownOffice,
            "unitId",
        ),
        (to(Kept, This(id(9))), Reason::UnknownOffice, "unitId"),
        (to(This(id(9)), Kept), Reason::UnknownOffice, "departmentId"),
        (to(Nothing, Kept), Reason::Required, "departmentId"),
        (to(Nothing, This(UNIT)), Reason::Required, "departmentId"),
    ] {
        let tried = run(&mut existing(), change(changes));
        assert_eq!(tried, refused(reason, field));
    }
    // From an office to the centre one leaves the office, and has to say so.
    let operator = |department| Changes {
        roles: Some(vec![Role::Operator]),
        department,
        ..NOTHING
    };
    let tried = run(&mut existing(), change(operator(Kept)));
    assert_eq!(tried, refused(Reason::InvalidValue, "departmentId"));
    let mut account = existing();
    run(&mut account, change(operator(Nothing))).unwrap();
    assert_eq!(
        (account.office(), account.department(&city())),
        (None, None)
    );
    let both = Changes {
        roles: Some(vec![Role::Clerk, Role::Auditor]),
        ..NOTHING
    };
    let tried = run(&mut existing(), change(both));
    assert_eq!(tried, refused(Reason::InvalidValue, "roles"));
    let none = Changes {
        roles: Some(vec![]),
        ..NOTHING
    };
    let tried = run(&mut existing(), change(none));
    assert_eq!(tried, refused(Reason::Required, "roles"));
}

#[test]
fn somebody_of_a_moved_unit_is_changed_where_the_unit_is_now() {
    let mut account = existing();
    let mut changed = change(Changes {
        unit: Given::Nothing,
        ..NOTHING
    });
    changed.organisation = city_after_the_move();
    run(&mut account, changed).unwrap();
    let office = Office::Department(OTHER_DEPARTMENT);
    assert_eq!(
        account.office(),
        Some(office),
        "not of the department they came from"
    );
}

#[test]
fn a_deactivated_account_does_nothing_until_it_is_reactivated() {
    let mut account = existing();
    let actor = |account: &Account| account.actor(id(0xB1), &city());
    assert!(actor(&account).is_some());
    let unchanged = refused(Reason::NoChange, "id");
    let reactivate = || command(AccountAction::Reactivate);
    assert_eq!(run(&mut account, reactivate()), unchanged);
    run(&mut account, command(AccountAction::Deactivate)).unwrap();
    assert_eq!((actor(&account), account.office()), (None, None));
    assert_eq!(
        run(&mut account, command(AccountAction::Deactivate)),
        unchanged
    );
    // Its place and its password may be put right before it is let in again.
    run(&mut account, command(AccountAction::ResetPassword)).unwrap();
    let leads = Changes {
        roles: Some(vec![Role::Leader]),
        ..NOTHING
    };
    run(&mut account, change(leads)).unwrap();
    assert_eq!(actor(&account), None, "still");
    run(&mut account, reactivate()).unwrap();
    assert_eq!(actor(&account).unwrap().roles, [Role::Leader]);
    assert_eq!(account.office(), Some(Office::Unit(UNIT)));
}

#[test]
fn administrators_shut_nobody_out_that_is_themselves() {
    let mut account = Account::default();
    let new = create(&[Role::Administrator], None, None);
    run(&mut account, command(AccountAction::Create(new))).unwrap();
    let on_oneself = |action| AccountCommand {
        account: administrator().account,
        ..command(action)
    };
    for action in [AccountAction::Deactivate, AccountAction::ResetPassword] {
        let tried = run(&mut account, on_oneself(action));
        assert_eq!(tried, refused(Reason::OwnAccount, "id"));
    }
    let roles = |role| {
        AccountAction::Change(Changes {
            roles: Some(vec![role]),
            ..NOTHING
        })
    };
    let tried = run(&mut account, on_oneself(roles(Role::Auditor)));
    assert_eq!(tried, refused(Reason::OwnAccount, "roles"));
    let named = AccountAction::Change(Changes {
        name: Some(sealed("管理员")),
        ..NOTHING
    });
    run(&mut account, on_oneself(named)).unwrap();
    // Another's they may take.
    run(&mut account, command(roles(Role::Auditor))).unwrap();
    assert_eq!(account.roles, [Role::Auditor]);
}

#[test]
fn an_account_is_erased_by_docket_itself_once_it_is_deactivated() {
    let erase = |replayed| AccountCommand {
        actor: Actor::system(),
        ..command(AccountAction::Erase {
            erasure: id(0xE5),
            ground: Ground::Request,
            replayed,
        })
    };
    let mut account = existing();
    let by_hand = AccountCommand {
        actor: administrator(),
        ..erase(false)
    };
    let tried = run(&mut account, by_hand);
    assert_eq!(tried, Err((Reason::RoleNotAllowed, None)));
    let tried = run(&mut account, erase(false));
    assert_eq!(tried, Err((Reason::AccountActive, None)));
    run(&mut account, command(AccountAction::Deactivate)).unwrap();
    run(&mut account, erase(false)).unwrap();
    assert_eq!((&account.login, &account.name), (&None, &None));
    // It is nobody's any more.
    for action in [
        AccountAction::Reactivate,
        AccountAction::ResetPassword,
        AccountAction::Change(NOTHING),
    ] {
        let tried = run(&mut account, command(action));
        assert_eq!(tried, refused(Reason::NotFound, "id"));
    }
    assert_eq!(
        run(&mut account, erase(true)),
        refused(Reason::NotFound, "id")
    );
    // Of a log restored to a time before, it is said whatever the account was then.
    let mut restored = existing();
    run(&mut restored, erase(true)).unwrap();
    assert_eq!(restored.actor(id(1), &city()), None);
}

/// What is asked of an account as it was seen at a revision.
fn seen_at(revision: u32, command: AccountCommand) -> AccountCommand {
    AccountCommand {
        expected_revision: Some(revision),
        ..command
    }
}

#[test]
fn whatever_is_done_moves_the_revision_and_is_refused_on_an_older_one() {
    let named = |name| {
        change(Changes {
            name: Some(sealed(name)),
            ..NOTHING
        })
    };
    let own = |action| AccountCommand {
        actor: clerk(),
        account: clerk().account,
        ..command(action)
    };
    let mut account = existing();
    let all = [
        named("李"),
        command(AccountAction::ResetPassword),
        own(AccountAction::ChangePassword),
        own(AccountAction::SetRecovery { answer: 2 }),
        own(AccountAction::RecoverPassword),
        command(AccountAction::Deactivate),
        command(AccountAction::Reactivate),
    ];
    for (revision, asked) in (1..).zip(all) {
        assert_eq!(account.revision, revision);
        for other in [revision - 1, revision + 1] {
            let stale = run(&mut account, seen_at(other, asked.clone()));
            assert_eq!(stale, refused(Reason::StaleRevision, "expectedRevision"));
        }
        run(&mut account, seen_at(revision, asked)).unwrap();
    }
    let stranger = AccountCommand {
        actor: auditor(),
        ..seen_at(0, named("王"))
    };
    let told = run(&mut account, stranger);
    assert_eq!(told, Err((Reason::RoleNotAllowed, None)), "no more is told");
}
