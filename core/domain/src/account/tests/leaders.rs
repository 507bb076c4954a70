//! A department's leader keeps the accounts of its own staff, and nobody else's.

use super::*;
use crate::ticket::scenario::{leader, unit_clerk};

fn by_the_leader(action: AccountAction) -> AccountCommand {
    AccountCommand {
        actor: leader(),
        ..command(action)
    }
}

fn whole(role: Role, department: Option<DepartmentId>, unit: Option<UnitId>) -> Account {
    let mut account = Account::default();
    let new = create(&[role], department, unit);
    run(&mut account, command(AccountAction::Create(new))).unwrap();
    account
}

fn deactivated(mut account: Account) -> Account {
    run(&mut account, command(AccountAction::Deactivate)).unwrap();
    account
}

fn named() -> AccountAction {
    AccountAction::Change(Changes {
        name: Some(sealed("王小红")),
        ..NOTHING
    })
}

#[test]
fn a_leader_adds_clerks_and_leaders_of_the_own_department() {
    use Role::{Administrator, Clerk, Leader, Operator};
    let add = |roles: &[Role], department, unit| {
        let new = AccountAction::Create(create(roles, department, unit));
        run(&mut Account::default(), by_the_leader(new))
    };
    for roles in [&[Clerk][..], &[Leader], &[Clerk, Leader]] {
        add(roles, Some(DEPARTMENT), None).unwrap();
        add(roles, Some(DEPARTMENT), Some(UNIT)).unwrap();
        for (department, unit) in [
            (OTHER_DEPARTMENT, None),
            (OTHER_DEPARTMENT, Some(OTHER_UNIT)),
        ] {
            let tried = add(roles, Some(department), unit);
            assert_eq!(tried, refused(Reason::NotOwnStaff, "departmentId"));
        }
    }
    for role in [Operator, Administrator, Role::Citizen, Role::Auditor] {
        let tried = add(&[role], None, None);
        assert_eq!(tried, refused(Reason::NotOwnStaff, "roles"), "{role:?}");
    }
}

#[test]
fn a_leader_keeps_the_own_departments_staff_and_knows_of_no_others() {
    let staff = [
        whole(Role::Clerk, Some(DEPARTMENT), None),
        whole(Role::Leader, Some(DEPARTMENT), None),
        whole(Role::Clerk, Some(DEPARTMENT), Some(UNIT)),
    ];
    let others = [
        whole(Role::Clerk, Some(OTHER_DEPARTMENT), None),
        whole(Role::Leader, Some(OTHER_DEPARTMENT), Some(OTHER_UNIT)),
        whole(Role::Operator, None, None),
        whole(Role::Administrator, None, None),
        Account::default(),
    ];
    for action in [
        named(),
        AccountAction::Deactivate,
        AccountAction::ResetPassword,
    ] {
        for account in &staff {
            run(&mut account.clone(), by_the_leader(action.clone())).unwrap();
            assert!(leader().keeps(account, &city()));
        }
        for account in &others {
            let tried = run(&mut account.clone(), by_the_leader(action.clone()));
            assert_eq!(tried, refused(Reason::NotFound, "id"), "{action:?}");
            assert!(!leader().keeps(account, &city()));
        }
    }
    let back = || by_the_leader(AccountAction::Reactivate);
    run(&mut deactivated(staff[0].clone()), back()).unwrap();
    let tried = run(&mut deactivated(others[0].clone()), back());
    assert_eq!(tried, refused(Reason::NotFound, "id"));
}

#[test]
fn a_leader_moves_nobody_out_and_makes_nobody_more() {
    let clerk = || whole(Role::Clerk, Some(DEPARTMENT), None);
    let change = |changes| run(&mut clerk(), by_the_leader(AccountAction::Change(changes)));
    change(Changes {
        roles: Some(vec![Role::Leader]),
        unit: Given::This(UNIT),
        ..NOTHING
    })
    .unwrap();
    let away = change(Changes {
        department: Given::This(OTHER_DEPARTMENT),
        ..NOTHING
    });
    assert_eq!(away, refused(Reason::NotOwnStaff, "departmentId"));
    let by_unit = change(Changes {
        unit: Given::This(OTHER_UNIT),
        ..NOTHING
    });
    assert_eq!(by_unit, refused(Reason::NotOwnStaff, "departmentId"));
    let more = change(Changes {
        roles: Some(vec![Role::Administrator]),
        department: Given::Nothing,
        ..NOTHING
    });
    assert_eq!(more, refused(Reason::NotOwnStaff, "roles"));
}

#[test]
fn a_unit_that_moved_away_took_its_people_with_it() {
    let mut theirs = by_the_leader(named());
    theirs.organisation = city_after_the_move();
    let tried = run(
        &mut whole(Role::Clerk, Some(DEPARTMENT), Some(UNIT)),
        theirs,
    );
    assert_eq!(tried, refused(Reason::NotFound, "id"));
}

#[test]
fn leaders_leave_their_own_rights_alone() {
    let own = |action| AccountCommand {
        account: leader().account,
        ..by_the_leader(action)
    };
    let leads = || whole(Role::Leader, Some(DEPARTMENT), None);
    for action in [AccountAction::Deactivate, AccountAction::ResetPassword] {
        let tried = run(&mut leads(), own(action));
        assert_eq!(tried, refused(Reason::OwnAccount, "id"));
    }
    let change = |changes| run(&mut leads(), own(AccountAction::Change(changes)));
    let roles = change(Changes {
        roles: Some(vec![Role::Leader, Role::Clerk]),
        ..NOTHING
    });
    assert_eq!(roles, refused(Reason::OwnAccount, "roles"));
    let place = change(Changes {
        unit: Given::This(UNIT),
        ..NOTHING
    });
    assert_eq!(place, refused(Reason::OwnAccount, "unitId"));
    run(&mut leads(), own(named())).unwrap();
}

#[test]
fn leaders_of_units_keep_no_accounts() {
    let mut of_a_unit = by_the_leader(named());
    of_a_unit.actor.unit = Some(UNIT);
    let mut clerks = by_the_leader(named());
    clerks.actor = unit_clerk();
    for command in [of_a_unit, clerks] {
        let tried = run(&mut existing(), command);
        assert_eq!(tried, Err((Reason::RoleNotAllowed, None)));
    }
}
