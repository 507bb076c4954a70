//! Who publishes, who reads, and what of it stays.

use super::*;
use crate::account::Given;
use crate::aggregate::{Aggregate, Stamp};
use crate::ids::EventId;
use crate::rules::Rules;
use crate::ticket::scenario::*;
use chrono::TimeDelta;

fn content(departments: Option<&[DepartmentId]>) -> Content<Sealed> {
    Content {
        title: sealed("关于系统升级的公告"),
        body: sealed("周六 22 点起停用一小时。"),
        departments: departments.map(<[_]>::to_vec),
        expires_at: Some(now() + TimeDelta::days(7)),
    }
}

/// Another edition, to whom and for how long it was.
fn change() -> Change<Sealed> {
    Change {
        title: sealed("关于系统升级的公告"),
        body: sealed("改为周日。"),
        departments: Given::Kept,
        expires_at: Given::Kept,
    }
}

fn try_at(
    notice: &Notice,
    actor: &Actor,
    at: Timestamp,
    action: NoticeAction<Sealed>,
) -> Result<Vec<NoticeEvent>, Refusal> {
    let command = NoticeCommand {
        actor: actor.clone(),
        now: at,
        max: Rules::default_pack().texts(),
        organisation: context(actor.clone()).organisation,
        action,
        expected_revision: None,
    };
    Notice::decide(notice, command)
}

fn tried(
    notice: &Notice,
    actor: &Actor,
    action: NoticeAction<Sealed>,
) -> Result<Vec<NoticeEvent>, Refusal> {
    try_at(notice, actor, now(), action)
}

/// Does what must be taken, through the stored form.
fn does(notice: &mut Notice, actor: &Actor, action: NoticeAction<Sealed>) {
    for event in tried(notice, actor, action).unwrap() {
        let encoded = Notice::encode(&event);
        let again = Notice::decode(encoded.event_type, &encoded.data).unwrap();
        assert_eq!(again, event);
        let stamp = Stamp {
            event: EventId(uuid::Uuid::nil()),
            at: now(),
            by: actor.account,
            rules: 1,
        };
        Notice::evolve(notice, &stamp, &event);
    }
}

fn published(departments: Option<&[DepartmentId]>) -> Notice {
    let mut notice = Notice::default();
    let publish = NoticeAction::Publish(content(departments));
    does(&mut notice, &office(), publish);
    notice
}

#[test]
fn the_hotline_office_publishes_changes_and_withdraws() {
    for (who, actor) in everybody() {
        let may = who == "hotline office";
        let publish = NoticeAction::Publish(content(None));
        let fresh = tried(&Notice::default(), &actor, publish);
        assert_eq!(fresh.is_ok(), may, "{who}");
        for action in [NoticeAction::Change(change()), NoticeAction::Withdraw] {
            let changed = tried(&published(None), &actor, action);
            assert_eq!(changed.is_ok(), may, "{who}");
        }
    }
    let mut notice = published(None);
    let twice = tried(&notice, &office(), NoticeAction::Publish(content(None)));
    assert_eq!(twice.unwrap_err().reason, Reason::AlreadyExists);
    does(&mut notice, &office(), NoticeAction::Withdraw);
    for action in [NoticeAction::Withdraw, NoticeAction::Change(change())] {
        let late = tried(&notice, &office(), action).unwrap_err();
        assert_eq!(late.reason, Reason::NoticeWithdrawn);
    }
    let nowhere = tried(&Notice::default(), &office(), NoticeAction::Withdraw);
    assert_eq!(nowhere.unwrap_err().reason, Reason::NotFound);
}

#[test]
fn of_a_withdrawn_one_those_it_was_for_are_told_so() {
    let mut notice = published(Some(&[DEPARTMENT]));
    does(&mut notice, &office(), NoticeAction::Withdraw);
    for (who, actor) in everybody() {
        let was_for_them =
            actor.in_centre() || actor.in_office() && actor.department == Some(DEPARTMENT);
        let known = was_for_them || who == "auditor";
        let late = tried(&notice, &actor, NoticeAction::MarkRead).unwrap_err();
        let told = if known {
            Reason::NoticeWithdrawn
        } else {
            Reason::NotFound
        };
        assert_eq!(late.reason, told, "{who}");
    }
}

#[test]
fn those_it_is_for_read_it_and_auditors_only_look() {
    let notice = published(Some(&[DEPARTMENT]));
    for (who, actor) in everybody() {
        let for_them =
            actor.in_centre() || actor.in_office() && actor.department == Some(DEPARTMENT);
        let sees = for_them || who == "auditor";
        assert_eq!(notice.is_visible_to(&actor, now()), sees, "{who}");
        let marked = tried(&notice, &actor, NoticeAction::MarkRead);
        match (for_them, sees) {
            (true, _) => assert_eq!(marked.unwrap().len(), 1, "{who}"),
            (false, true) => assert_eq!(marked.unwrap_err().reason, Reason::RoleNotAllowed),
            (false, false) => assert_eq!(marked.unwrap_err().reason, Reason::NotFound, "{who}"),
        }
    }
    for nobody in [citizen(), analyst(), administrator()] {
        assert!(!published(None).is_visible_to(&nobody, now()));
    }
    assert!(published(None).is_visible_to(&other_clerk(), now()));
}

#[test]
fn it_is_read_once_an_edition() {
    let mut notice = published(None);
    does(&mut notice, &clerk(), NoticeAction::MarkRead);
    assert!(notice.is_read_by(clerk().account) && !notice.is_read_by(leader().account));
    assert_eq!(
        tried(&notice, &clerk(), NoticeAction::MarkRead).unwrap(),
        []
    );
    does(&mut notice, &office(), NoticeAction::Change(change()));
    assert!(!notice.is_read_by(clerk().account), "another edition");
    let marked = tried(&notice, &clerk(), NoticeAction::MarkRead).unwrap();
    assert!(matches!(&marked[..], [NoticeEvent::Read(read)] if read.edition == 2));
}

#[test]
fn a_change_keeps_to_whom_and_for_how_long_unless_it_says_so() {
    let mut notice = published(Some(&[DEPARTMENT]));
    let (named, until) = (
        Some(vec![DEPARTMENT]),
        notice.content.as_ref().unwrap().expires_at,
    );
    assert!(until.is_some());
    for (departments, expires_at, to) in [
        (Given::Kept, Given::Kept, (named.clone(), until)),
        (Given::Nothing, Given::Kept, (None, until)),
        (Given::Kept, Given::Nothing, (None, None)),
        (
            Given::This(vec![DEPARTMENT]),
            Given::This(now() + TimeDelta::days(1)),
            (named, Some(now() + TimeDelta::days(1))),
        ),
    ] {
        let action = NoticeAction::Change(Change {
            departments,
            expires_at,
            ..change()
        });
        does(&mut notice, &office(), action);
        let content = notice.content.as_ref().unwrap();
        assert_eq!((content.departments.clone(), content.expires_at), to);
    }
    for (departments, reason) in [
        (vec![], Reason::InvalidValue),
        (vec![id(99)], Reason::UnknownOffice),
    ] {
        let action = NoticeAction::Change(Change {
            departments: Given::This(departments),
            ..change()
        });
        let refused = tried(&notice, &office(), action).unwrap_err();
        assert_eq!(
            (refused.reason, refused.field),
            (reason, Some("departmentIds"))
        );
    }
}

#[test]
fn what_is_over_is_the_offices_and_auditors_alone() {
    let notice = published(None);
    let later = now() + TimeDelta::days(7);
    assert!(!notice.is_visible_to(&clerk(), later));
    let late = try_at(&notice, &clerk(), later, NoticeAction::MarkRead);
    assert_eq!(late.unwrap_err().reason, Reason::NotFound);
    assert!(notice.is_visible_to(&office(), later) && notice.is_visible_to(&auditor(), later));
}

#[test]
fn each_field_is_checked() {
    let refused = |change: fn(&mut Content<Sealed>), reason, field| {
        let mut wrong = content(Some(&[DEPARTMENT]));
        change(&mut wrong);
        let told = tried(&Notice::default(), &office(), NoticeAction::Publish(wrong));
        let told = told.unwrap_err();
        assert_eq!((told.reason, told.field), (reason, Some(field)));
    };
    refused(|c| c.title = sealed(""), Reason::Required, "title");
    refused(|c| c.body = sealed(""), Reason::Required, "body");
    refused(
        |c| c.title = sealed(&"长".repeat(101)),
        Reason::TooLong,
        "title",
    );
    refused(
        |c| c.expires_at = Some(now()),
        Reason::InvalidValue,
        "expiresAt",
    );
    let field = "departmentIds";
    refused(
        |c| c.departments = Some(vec![]),
        Reason::InvalidValue,
        field,
    );
    refused(
        |c| c.departments = Some(vec![id(99)]),
        Reason::UnknownOffice,
        field,
    );
    let twice: fn(&mut Content<Sealed>) = |c| c.departments = Some(vec![DEPARTMENT; 2]);
    refused(twice, Reason::OfficeTwice, field);
}

#[test]
fn a_notice_is_changed_read_and_withdrawn_as_it_was_seen_or_not_at_all() {
    let mut notice = Notice::default();
    does(&mut notice, &office(), NoticeAction::Publish(content(None)));
    let seen_at = |notice: &Notice, actor: Actor, revision, action| {
        let command = NoticeCommand {
            now: now(),
            max: Rules::default_pack().texts(),
            organisation: context(actor.clone()).organisation,
            actor,
            action,
            expected_revision: Some(revision),
        };
        Notice::decide(notice, command)
            .map(|_| ())
            .map_err(|refusal| (refusal.reason, refusal.field))
    };
    let stale = Err((Reason::StaleRevision, Some("expectedRevision")));
    for revision in 1..3 {
        assert_eq!(notice.revision(), revision);
        for other in [revision - 1, revision + 1] {
            for (actor, action) in [
                (office(), NoticeAction::Change(change())),
                (office(), NoticeAction::Withdraw),
                (leader(), NoticeAction::MarkRead),
            ] {
                assert_eq!(seen_at(&notice, actor, other, action), stale);
            }
        }
        assert_eq!(
            seen_at(&notice, office(), revision, NoticeAction::Withdraw),
            Ok(())
        );
        does(&mut notice, &leader(), NoticeAction::MarkRead);
        assert_eq!(notice.revision(), revision, "reading moves nothing");
        does(&mut notice, &office(), NoticeAction::Change(change()));
    }
    does(&mut notice, &office(), NoticeAction::Withdraw);
    assert_eq!(notice.revision(), 4);
}
