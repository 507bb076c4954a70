//! The tree grows, changes and remembers.

use super::OrganisationAction as A;
use super::*;
use crate::aggregate::{Aggregate, Stamp};
use crate::people::{Actor, Role};
use crate::refusal::Reason;
use crate::ticket::scenario::{
    self, DEPARTMENT, OTHER_DEPARTMENT, OTHER_UNIT, UNIT, administrator, city, id, now, stamp,
};
use chrono::TimeDelta;

type Tried = Result<(), (Reason, Option<&'static str>)>;

fn asked(actor: Actor, action: A) -> OrganisationCommand {
    OrganisationCommand {
        actor,
        action,
        expected_revision: None,
    }
}

/// What an administrator asks, so many days after [`now`].
fn later(days: i64, state: &mut Organisation, action: A) -> Tried {
    let command = OrganisationCommand {
        actor: administrator(),
        action,
        expected_revision: None,
    };
    let events = Organisation::decide(state, command).map_err(|r| (r.reason, r.field))?;
    let at = now() + TimeDelta::days(days);
    for event in events {
        Organisation::evolve(state, &Stamp { at, ..stamp() }, &event);
    }
    Ok(())
}

fn run(state: &mut Organisation, action: A) -> Tried {
    later(0, state, action)
}

fn refused(reason: Reason, field: &'static str) -> Tried {
    Err((reason, Some(field)))
}

fn rename(id: DepartmentId, name: &str) -> A {
    let name = name.into();
    A::RenameDepartment { id, name }
}

fn rename_unit(id: UnitId, name: &str) -> A {
    let name = name.into();
    A::RenameUnit { id, name }
}

fn move_unit(id: UnitId, department: DepartmentId) -> A {
    A::MoveUnit { id, department }
}

#[test]
fn a_tree_grows_and_refuses_doubles_and_orphans() {
    let mut org = Organisation::default();
    let found = || A::Found {
        name: "云州市".into(),
        time_zone: chrono_tz::Asia::Shanghai,
    };
    run(&mut org, found()).unwrap();
    assert_eq!(run(&mut org, found()), Err((Reason::AlreadyExists, None)));

    let add = |n, name: &str| A::AddDepartment {
        id: id(n),
        name: name.into(),
        region: None,
    };
    run(&mut org, add(1, " 城管局 ")).unwrap();
    assert_eq!(org.departments[0].name, "城管局");
    let double = refused(Reason::AlreadyExists, "name");
    assert_eq!(run(&mut org, add(2, "城管局")), double);
    assert_eq!(
        run(&mut org, add(1, "又一局")),
        double,
        "an id is used once"
    );
    assert_eq!(
        run(&mut org, add(2, "  ")),
        refused(Reason::Required, "name")
    );
    assert_eq!(
        run(&mut org, add(2, &"长".repeat(101))),
        refused(Reason::TooLong, "name")
    );
    assert_eq!(run(&mut org, add(2, &"长".repeat(100))), Ok(()));
    let region = A::AddDepartment {
        id: id(5),
        name: "五局".into(),
        region: Some("长".repeat(101)),
    };
    assert_eq!(
        run(&mut org, region),
        refused(Reason::TooLong, "region"),
        "the field at fault is named"
    );

    let unit = |n, department, name: &str| A::AddUnit {
        id: id(n),
        department,
        name: name.into(),
    };
    run(&mut org, unit(3, id(1), "中队")).unwrap();
    assert_eq!(run(&mut org, unit(4, id(1), "中队")), double);
    assert_eq!(run(&mut org, unit(3, id(2), "大队")), double);
    assert_eq!(
        run(&mut org, unit(4, id(9), "中队")),
        refused(Reason::UnknownOffice, "departmentId")
    );
    assert!(org.is_under(id(3), id(1)));
    assert!(!org.is_under(id(3), id(2)));
}

#[test]
fn only_administrators_change_the_tree() {
    let actor = Actor {
        roles: vec![Role::Clerk, Role::Leader, Role::Office, Role::Dispatcher],
        ..administrator()
    };
    let add = A::AddDepartment {
        id: id(1),
        name: "x".into(),
        region: None,
    };
    let region = A::ChangeDepartmentRegion {
        id: DEPARTMENT,
        region: Some("高新区".into()),
    };
    for action in [
        add,
        region,
        rename(DEPARTMENT, "x"),
        rename_unit(UNIT, "x"),
        move_unit(UNIT, OTHER_DEPARTMENT),
    ] {
        let actor = actor.clone();
        let name = action.name();
        let refused = Organisation::decide(&city(), asked(actor, action));
        assert_eq!(
            refused.unwrap_err().reason,
            Reason::RoleNotAllowed,
            "{name}"
        );
    }
}

#[test]
fn a_leader_keeps_what_is_in_the_own_department() {
    let add = |department| A::AddUnit {
        id: id(9),
        department,
        name: "三中队".into(),
    };
    let of = |actor: Actor, action: A| {
        let decided = Organisation::decide(&city(), asked(actor, action));
        decided.map(|_| ()).map_err(|refusal| refusal.reason)
    };
    for action in [
        rename(DEPARTMENT, "综合执法局"),
        rename_unit(UNIT, "直属大队"),
        add(DEPARTMENT),
    ] {
        let name = action.name();
        assert_eq!(of(scenario::leader(), action.clone()), Ok(()), "{name}");
        let in_unit = Actor {
            unit: Some(UNIT),
            ..scenario::leader()
        };
        for other in [in_unit, scenario::clerk(), scenario::other_clerk()] {
            let refused = of(other, action.clone());
            assert_eq!(refused, Err(Reason::RoleNotAllowed), "{name}");
        }
    }
    let region = A::ChangeDepartmentRegion {
        id: DEPARTMENT,
        region: Some("高新区".into()),
    };
    for others in [
        rename(OTHER_DEPARTMENT, "公安分局"),
        add(OTHER_DEPARTMENT),
        region,
        move_unit(UNIT, OTHER_DEPARTMENT),
    ] {
        let name = others.name();
        let refused = of(scenario::leader(), others);
        assert_eq!(refused, Err(Reason::RoleNotAllowed), "{name}");
    }
}

#[test]
fn a_name_is_changed_unless_it_is_the_same_taken_or_unfit() {
    let mut org = (*city()).clone();
    let cases = [
        (rename(id(9), "新局"), Reason::UnknownOffice, "id"),
        (rename(DEPARTMENT, " 城市管理局"), Reason::NoChange, "name"),
        (rename(DEPARTMENT, "公安局"), Reason::AlreadyExists, "name"),
        (rename(DEPARTMENT, " "), Reason::Required, "name"),
        (
            rename(DEPARTMENT, &"长".repeat(101)),
            Reason::TooLong,
            "name",
        ),
        (rename_unit(id(9), "新队"), Reason::UnknownOffice, "id"),
        (rename_unit(UNIT, "执法大队 "), Reason::NoChange, "name"),
        (rename_unit(UNIT, ""), Reason::Required, "name"),
        (
            rename_unit(UNIT, &"长".repeat(101)),
            Reason::TooLong,
            "name",
        ),
    ];
    for (action, reason, field) in cases {
        let what = format!("{action:?}");
        assert_eq!(run(&mut org, action), refused(reason, field), "{what}");
    }
    let second = A::AddUnit {
        id: id(7),
        department: DEPARTMENT,
        name: "二队".into(),
    };
    run(&mut org, second).unwrap();
    let taken = rename_unit(UNIT, "二队");
    assert_eq!(run(&mut org, taken), refused(Reason::AlreadyExists, "name"));
    // The same name under another department is no double.
    assert_eq!(run(&mut org, rename_unit(UNIT, "治安大队")), Ok(()));
    // A name given up is free for others.
    assert_eq!(run(&mut org, rename(DEPARTMENT, "综合执法局")), Ok(()));
    assert_eq!(
        run(&mut org, rename(OTHER_DEPARTMENT, "城市管理局")),
        Ok(())
    );
    assert_eq!(org.department(DEPARTMENT).unwrap().name, "综合执法局");
    assert_eq!(org.unit(UNIT).unwrap().1.name, "治安大队");
}

#[test]
fn a_unit_moves_unless_it_is_there_or_its_name_is_taken_there() {
    let mut org = (*city()).clone();
    let to = |department| move_unit(UNIT, department);
    assert_eq!(
        run(&mut org, move_unit(id(9), OTHER_DEPARTMENT)),
        refused(Reason::UnknownOffice, "id")
    );
    assert_eq!(
        run(&mut org, to(id(9))),
        refused(Reason::UnknownOffice, "departmentId")
    );
    assert_eq!(
        run(&mut org, to(DEPARTMENT)),
        refused(Reason::NoChange, "departmentId")
    );
    run(&mut org, rename_unit(OTHER_UNIT, "执法大队")).unwrap();
    assert_eq!(
        run(&mut org, to(OTHER_DEPARTMENT)),
        refused(Reason::AlreadyExists, "departmentId")
    );
    run(&mut org, rename_unit(OTHER_UNIT, "治安大队")).unwrap();
    assert_eq!(run(&mut org, to(OTHER_DEPARTMENT)), Ok(()));
    assert!(org.is_under(UNIT, OTHER_DEPARTMENT) && !org.is_under(UNIT, DEPARTMENT));
    assert!(org.department(DEPARTMENT).unwrap().units.is_empty());
    assert_eq!(org.department(OTHER_DEPARTMENT).unwrap().units.len(), 2);
}

#[test]
fn a_region_is_given_changed_and_taken_away() {
    let mut org = (*city()).clone();
    let region = |region: Option<&str>| A::ChangeDepartmentRegion {
        id: DEPARTMENT,
        region: region.map(Into::into),
    };
    let none = refused(Reason::NoChange, "region");
    assert_eq!(run(&mut org, region(None)), none);
    assert_eq!(run(&mut org, region(Some("高新区 "))), Ok(()));
    assert_eq!(run(&mut org, region(Some("高新区"))), none);
    assert_eq!(
        run(&mut org, region(Some(" "))),
        refused(Reason::Required, "region")
    );
    assert_eq!(
        org.department(DEPARTMENT).unwrap().region.as_deref(),
        Some("高新区")
    );
    assert_eq!(run(&mut org, region(None)), Ok(()));
    assert_eq!(org.department(DEPARTMENT).unwrap().region, None);
    let unknown = A::ChangeDepartmentRegion {
        id: id(9),
        region: None,
    };
    assert_eq!(run(&mut org, unknown), refused(Reason::UnknownOffice, "id"));
}

#[test]
fn an_office_had_the_name_that_it_had() {
    let (mut org, day) = ((*city()).clone(), |days| now() + TimeDelta::days(days));
    later(2, &mut org, rename(DEPARTMENT, "综合执法局")).unwrap();
    later(4, &mut org, rename(DEPARTMENT, "城市管理局")).unwrap();
    later(6, &mut org, rename_unit(UNIT, "直属大队")).unwrap();
    later(8, &mut org, move_unit(UNIT, OTHER_DEPARTMENT)).unwrap();
    let department = |days| {
        org.name_at(Office::Department(DEPARTMENT), day(days))
            .unwrap()
    };
    assert_eq!(
        department(-9),
        "城市管理局",
        "before there was one: its first"
    );
    assert_eq!(department(1), "城市管理局");
    assert_eq!(department(2), "综合执法局", "from the moment on");
    assert_eq!(department(3), "综合执法局");
    assert_eq!(department(5), "城市管理局");
    let unit = |days| org.name_at(Office::Unit(UNIT), day(days)).unwrap();
    assert_eq!(
        (unit(5), unit(7), unit(9)),
        ("执法大队", "直属大队", "直属大队")
    );
    assert_eq!(org.name_at(Office::Unit(id(9)), now()), None);

    let history: Vec<_> = org.unit(UNIT).unwrap().1.history.iter().collect();
    let seen = history
        .iter()
        .map(|c| (c.at, c.kind, c.name.as_str(), c.department));
    assert_eq!(
        seen.collect::<Vec<_>>(),
        [
            (day(0), ChangeKind::Added, "执法大队", Some(DEPARTMENT)),
            (day(6), ChangeKind::Renamed, "直属大队", Some(DEPARTMENT)),
            (
                day(8),
                ChangeKind::Moved,
                "直属大队",
                Some(OTHER_DEPARTMENT)
            ),
        ]
    );
}

#[test]
fn a_department_is_found_by_an_old_name_until_another_bears_it() {
    let mut org = (*city()).clone();
    let named = |org: &Organisation, name| org.department_named(name).map(|d| d.id);
    later(1, &mut org, rename(DEPARTMENT, "综合执法局")).unwrap();
    assert_eq!(named(&org, "城市管理局"), Some(DEPARTMENT));
    assert_eq!(named(&org, "综合执法局"), Some(DEPARTMENT));
    assert_eq!(named(&org, "水务局"), None);
    later(2, &mut org, rename(OTHER_DEPARTMENT, "城市管理局")).unwrap();
    assert_eq!(named(&org, "城市管理局"), Some(OTHER_DEPARTMENT));
    later(3, &mut org, rename(OTHER_DEPARTMENT, "公安局")).unwrap();
    assert_eq!(
        named(&org, "城市管理局"),
        Some(OTHER_DEPARTMENT),
        "whoever bore it last"
    );
}

#[test]
fn an_office_is_changed_as_it_was_seen_or_not_at_all() {
    let mut state = (*city()).clone();
    let seen_at = |revision, action| OrganisationCommand {
        expected_revision: Some(revision),
        ..asked(administrator(), action)
    };
    let region = A::ChangeDepartmentRegion {
        id: DEPARTMENT,
        region: Some("高新区".into()),
    };
    for (revision, action) in [
        (1, rename(DEPARTMENT, "综合执法局")),
        (2, region),
        (1, rename_unit(UNIT, "直属大队")),
        (2, move_unit(UNIT, OTHER_DEPARTMENT)),
    ] {
        for other in [revision - 1, revision + 1] {
            let stale = Organisation::decide(&state, seen_at(other, action.clone())).unwrap_err();
            assert_eq!(stale.reason, Reason::StaleRevision);
            assert_eq!(stale.field, Some("expectedRevision"));
        }
        for event in Organisation::decide(&state, seen_at(revision, action)).unwrap() {
            Organisation::evolve(&mut state, &stamp(), &event);
        }
    }
    assert_eq!(
        state.department(DEPARTMENT).unwrap().revision(),
        3,
        "not by its unit"
    );
    assert_eq!(state.unit(UNIT).unwrap().1.revision(), 3);
}
