//! What a pack means, and how it is published.

use super::*;
use crate::aggregate::Aggregate as _;
use crate::people::Actor;
use crate::refusal::Reason;
use chrono::NaiveTime;

#[test]
fn the_shipped_pack_is_sound() {
    let rules = Rules::parse(DEFAULT_PACK, CALENDAR_CN, 1).unwrap();
    assert_eq!(rules.titles().0, "default");
    assert_eq!(rules.return_reasons().len(), 4);
    assert_eq!(
        rules.calendar.day_ends(),
        NaiveTime::from_hms_opt(17, 30, 0).unwrap()
    );
}

#[test]
fn mistakes_are_named() {
    for (from, to, named) in [
        ("Asia/Shanghai", "Asia/Nowhere", "time_zone"),
        ("\"17:30\"", "\"25:30\"", "25:30"),
        ("\"14:00\"", "\"11:00\"", "in order"),
        ("praise = { working_days = 5 }", "", "handle.praise"),
        (
            "normal = { working_days = 1 }",
            "normal = { working_days = 0 }",
            "1 to 400",
        ),
        (
            "fairly_weight = 0.6",
            "fairly_weight = 1.6",
            "fairly_weight",
        ),
        ("margin_working_days", "margin_days", "margin_days"),
    ] {
        assert!(DEFAULT_PACK.contains(from), "{from}");
        let error = Rules::parse(&DEFAULT_PACK.replace(from, to), CALENDAR_CN, 1).unwrap_err();
        assert!(error.0.contains(named), "{named}: {error}");
    }
}

/// A pack published before there were these sections is read as ever.
#[test]
fn sections_that_came_later_may_be_missing() {
    let old: String = DEFAULT_PACK
        .split("\n\n")
        .filter(|part| {
            let later = [
                "[decline]",
                "[redo]",
                "[review]",
                "[call_back]",
                "[urge]",
                "[duplicates]",
            ];
            !later.iter().any(|section| part.contains(section))
        })
        .collect::<Vec<_>>()
        .join("\n\n");
    let (old, new) = (
        Rules::parse(&old, CALENDAR_CN, 1).unwrap(),
        Rules::parse(DEFAULT_PACK, CALENDAR_CN, 1).unwrap(),
    );
    assert!(old.decline_reasons().is_empty());
    assert_eq!(new.decline_reasons().len(), 10);
    let now = crate::ticket::scenario::now();
    assert_eq!(old.redo_due(now), new.redo_due(now));
    assert_eq!(old.review_is_required(), new.review_is_required());
    assert_eq!(old.call_back_attempts(), new.call_back_attempts());
    assert_eq!(old.duplicates_within(), new.duplicates_within());
    for by_citizen in [true, false] {
        assert_eq!(old.urge_interval(by_citizen), new.urge_interval(by_citizen));
    }
    for (wants_reply, anonymous) in [(true, false), (true, true), (false, false)] {
        let calls = |rules: &Rules| rules.calls_back(wants_reply, anonymous);
        assert_eq!(calls(&old), wants_reply && !anonymous);
        assert_eq!(calls(&new), calls(&old));
    }
}

#[test]
fn only_administrators_publish_and_versions_count_up() {
    let publish = |actor| Publish {
        actor,
        pack: DEFAULT_PACK.into(),
        holidays: CALENDAR_CN.into(),
    };
    let clerk = Actor {
        roles: vec![Role::Clerk],
        ..Actor::system()
    };
    let refused = RulesBook::decide(&Published::default(), publish(clerk)).unwrap_err();
    assert_eq!(refused.reason, Reason::RoleNotAllowed);
    let mut state = Published::default();
    for version in 1..=2 {
        let events = RulesBook::decide(&state, publish(Actor::system())).unwrap();
        assert_eq!(events[0].version, version);
        let stamp = crate::ticket::scenario::stamp();
        RulesBook::evolve(&mut state, &stamp, &events[0]);
    }
    assert_eq!(state.current.unwrap().version, 2);
}
