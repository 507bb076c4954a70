//! What a pack means, and how it is published.

use super::*;
use crate::aggregate::Aggregate as _;
use crate::people::Actor;
use crate::refusal::Reason;
use crate::ticket::Kind::{Consult, Report};
use crate::ticket::scenario::{holidays_until, now, stamp};
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
    let now = now();
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

fn publish(actor: Actor, pack: &str) -> Publish {
    Publish {
        actor,
        pack: pack.into(),
        holidays: CALENDAR_CN.into(),
        at: now(),
        time_zone: Some(chrono_tz::Asia::Shanghai),
    }
}

#[test]
fn administrators_and_the_office_publish_and_versions_count_up() {
    let of = |role| Actor {
        roles: vec![role],
        ..crate::ticket::scenario::clerk()
    };
    for role in Role::ALL {
        let decided = RulesBook::decide(&Published::default(), publish(of(*role), DEFAULT_PACK));
        let may = matches!(role, Role::Administrator | Role::Office);
        assert_eq!(decided.is_ok(), may, "{role:?}");
        let refused = decided.err().map(|refusal| refusal.reason);
        assert!(may || refused == Some(Reason::RoleNotAllowed));
    }
    let mut state = Published::default();
    let again = format!("{DEFAULT_PACK}# Read again.\n");
    for (version, pack) in [(1, DEFAULT_PACK), (2, &*again), (3, DEFAULT_PACK)] {
        let events = RulesBook::decide(&state, publish(Actor::system(), pack)).unwrap();
        assert_eq!(events[0].version, version);
        RulesBook::evolve(&mut state, &stamp(), &events[0]);
        // The very same is in force already.
        let refused = RulesBook::decide(&state, publish(Actor::system(), pack)).unwrap_err();
        assert_eq!(refused.reason, Reason::NoChange);
    }
    assert_eq!(state.current.unwrap().version, 3);
}

#[test]
fn a_hotline_stays_in_the_zone_it_was_founded_in() {
    let elsewhere = DEFAULT_PACK.replace("Asia/Shanghai", "Asia/Urumqi");
    let decide = |time_zone| {
        let publish = publish(Actor::system(), &elsewhere);
        let publish = Publish {
            time_zone,
            ..publish
        };
        RulesBook::decide(&Published::default(), publish).map(|events| events.len())
    };
    let refused = decide(Some(chrono_tz::Asia::Shanghai)).unwrap_err();
    assert_eq!(refused.reason, Reason::OtherTimeZone);
    assert_eq!(
        refused.detail.unwrap().en,
        "pack.time_zone is Asia/Urumqi, the hotline's Asia/Shanghai"
    );
    assert_eq!(decide(Some(chrono_tz::Asia::Urumqi)).unwrap(), 1);
    assert_eq!(decide(None).unwrap(), 1);
}

fn shipped(name: &str) -> Rules {
    let (_, pack) = PACKS.iter().find(|(known, _)| *known == name).unwrap();
    Rules::parse(pack, CALENDAR_CN, 1).unwrap()
}

/// Each pack has what its seed document says.
#[test]
fn the_shipped_packs_are_of_their_cities() {
    // S2, article 3.
    let ordos = shipped("ordos");
    assert_eq!(
        codes_of(&ordos),
        [
            "电话",
            "短信",
            "微信",
            "好差评",
            "“蒙速办”移动政务服务平台",
            "人民网领导留言板",
            "书记信箱",
            "市长信箱"
        ]
    );
    let kinds: Vec<&str> = ordos.kinds().iter().map(|kind| &*kind.zh).collect();
    assert_eq!(kinds, ["咨询", "求助", "投诉", "举报", "意见建议"]);
    // S1, 2.3.
    let putian = shipped("putian");
    for (region, login) in [
        (None, "pt-a"),
        (Some("仙游县"), "xy-a"),
        (Some("荔城区"), "lc-a"),
        (Some("城厢区"), "cx-a"),
        (Some("秀屿区"), "xy-a"),
        (Some("湄洲岛"), "myd-a"),
        (Some("北岸"), "ba-a"),
    ] {
        assert!(putian.login_fits(region, login), "{login}");
        assert!(!putian.login_fits(region, "a"), "{login}");
    }
    // S11: what was reported is not changed by the office any more.
    let pingyao = shipped("pingyao");
    assert!(!pingyao.lets("correct", Role::Clerk) && !pingyao.lets("correct", Role::Leader));
    assert!(pingyao.lets("correct", Role::Office) && pingyao.lets("save_draft", Role::Clerk));
    // S10: the joint meeting.
    let county = shipped("county");
    assert!(county.lets("rule", Role::JointMeeting));
    assert!(!county.lets("decide_exclusion", Role::Office));
    assert!(county.disputed_after_returns() < shipped("default").disputed_after_returns());
}

/// What the default pack says of where its channels are from is so, and says it of every one.
#[test]
fn each_channel_of_the_default_pack_is_cited_from_where_it_is() {
    let cited = |of: &str| -> Vec<&str> {
        let mut lines = DEFAULT_PACK.lines();
        let line = lines.find_map(|line| line.strip_prefix("# - ")?.strip_prefix(of));
        let line = line.unwrap_or_else(|| panic!("nothing of {of}"));
        let (_, codes) = line.rsplit_once(": ").unwrap();
        codes.split(", ").collect()
    };
    let codes = |rules: &Rules| -> Vec<String> {
        let channels = rules.channels().iter();
        channels.map(|channel| channel.code.clone()).collect()
    };
    // S2, article 3, names eight; the pack made from it has them as they stand there.
    let s2 = cited("鄂府办发〔2023〕9号");
    let ordos = [
        "phone",
        "sms",
        "wechat",
        "good_bad_review",
        "app",
        "people_cn",
        "party_secretary_mailbox",
        "mayor_mailbox",
    ];
    assert_eq!(s2, ordos);
    assert_eq!(codes(&shipped("ordos")), ordos);
    // S3 names no more than these, and Suzhou has them all.
    let s3 = cited("苏府办〔2020〕312号");
    assert_eq!(s3, ["provincial_platform", "phone", "website", "forum"]);
    let suzhou = codes(&shipped("suzhou"));
    assert!(s3.iter().all(|code| suzhou.iter().any(|had| had == code)));
    // S5 follows one that came by e-mail.
    let s5 = cited("一级和二级用户简易操作手册");
    let all: std::collections::BTreeSet<&str> = [s2, s3, s5, cited("nowhere else")]
        .concat()
        .into_iter()
        .collect();
    let default = codes(&shipped("default"));
    assert_eq!(all, default.iter().map(String::as_str).collect());
}

/// S3, chapter 5: the forum has terms of its own.
#[test]
fn the_forum_of_suzhou_has_terms_of_its_own() {
    let suzhou = shipped("suzhou");
    assert!(codes_of(&suzhou).contains(&"寒山闻钟论坛"));
    let now = now();
    let due = |kind, channel| {
        let matter = Matter {
            kind: Some(kind),
            topic: None,
            urgency: crate::ticket::Urgency::Normal,
            channel: Some(channel),
        };
        let due = suzhou.handle_due(&matter, now);
        let contact = suzhou.contact_due(&matter, now, due);
        (due.term, contact.is_some())
    };
    let days = |days| Some(Term::WorkingDays(days));
    assert_eq!(due(Consult, "phone"), (days(1), false));
    assert_eq!(due(Report, "phone"), (days(15), false));
    assert_eq!(due(Consult, "forum"), (days(5), true));
    assert_eq!(due(Report, "forum"), (days(5), true));
    // Nor is a consultation given back for longer than there is to answer it.
    let window = |kind, channel| {
        let matter = Matter {
            kind: Some(kind),
            topic: None,
            urgency: crate::ticket::Urgency::Normal,
            channel: Some(channel),
        };
        suzhou.return_by(&matter, now).term
    };
    assert_eq!(window(Consult, "phone"), days(1));
    assert_eq!(window(Report, "phone"), days(2));
    assert_eq!(window(Consult, "forum"), days(2));
}

fn codes_of(rules: &Rules) -> Vec<&str> {
    rules.channels().iter().map(|c| c.zh.as_str()).collect()
}

/// What has a mistake is not published, and the refusal names the first.
#[test]
fn a_pack_with_a_mistake_is_not_published() {
    let publish = Publish {
        actor: Actor::system(),
        pack: format!("{DEFAULT_PACK}[roles]\nrule = [\"office\"]\n"),
        holidays: CALENDAR_CN.into(),
        at: now(),
        time_zone: None,
    };
    assert!(Rules::parse(&publish.pack, CALENDAR_CN, 1).is_ok());
    let refused = RulesBook::decide(&Published::default(), publish).unwrap_err();
    assert_eq!(refused.reason, Reason::InvalidRules);
    let detail = refused.detail.unwrap().en;
    assert!(
        detail.contains("roles.rule") && detail.ends_with("(and 1 more)"),
        "{detail}"
    );
}

/// The rules after these lists of holidays were put in force, whatever they say.
fn in_force(lists: &[&str]) -> Published {
    let mut state = Published::default();
    for (version, list) in (1..).zip(lists) {
        let event = PackPublished {
            version,
            pack: DEFAULT_PACK.into(),
            holidays: (*list).to_owned(),
        };
        RulesBook::evolve(&mut state, &stamp(), &event);
    }
    state
}

fn publish_list(state: &Published, list: &str) -> Result<(), crate::Refusal> {
    let publish = Publish {
        actor: Actor::system(),
        pack: DEFAULT_PACK.into(),
        holidays: list.into(),
        at: now(),
        time_zone: None,
    };
    RulesBook::decide(state, publish).map(|_| ())
}

#[test]
fn a_year_is_corrected_and_only_a_mistaken_one_taken_back() {
    let with_2027 = holidays_until(2027, &[]);
    // One day more is off: a correction.
    let corrected = holidays_until(2027, &["2027-01-04"]);
    publish_list(&in_force(&[&with_2027]), &corrected).unwrap();
    let refused = publish_list(&in_force(&[&with_2027]), CALENDAR_CN).unwrap_err();
    assert!(refused.detail.unwrap().en.contains("has 2027"));
    // Lists that were published before they were checked do not stand in the way.
    for mistaken in [
        CALENDAR_CN.replace("[2019", "[-5, 2019"),
        CALENDAR_CN.replace("2026]", "2026, 2030]"),
        CALENDAR_CN.replace("2026]", "2026, 2027]"),
    ] {
        publish_list(&in_force(&[&mistaken]), CALENDAR_CN).unwrap();
        let refused = publish_list(&Published::default(), &mistaken).unwrap_err();
        assert_eq!(refused.reason, Reason::InvalidRules);
        let detail = refused.detail.unwrap().en;
        assert!(detail.starts_with("list of holidays: line "), "{detail}");
    }
}

#[test]
fn the_days_that_were_published_otherwise_are_known() {
    let days = |lists: &[&str]| -> Vec<String> {
        let rules = in_force(lists).current.unwrap();
        rules.corrected.iter().map(ToString::to_string).collect()
    };
    let with_2027 = holidays_until(2027, &[]);
    let corrected = holidays_until(2027, &["2027-01-04"]);
    // A year that was not published before is no correction of it.
    assert_eq!(days(&[CALENDAR_CN, &with_2027]), [] as [&str; 0]);
    assert_eq!(days(&[&with_2027, &corrected]), ["2027-01-04"]);
    // Neither another pack nor the year after makes it forgotten.
    let longer = holidays_until(2028, &["2027-01-04"]);
    assert_eq!(days(&[&with_2027, &corrected, &longer]), ["2027-01-04"]);
    // Taken back, the year and the last days before it are what they were.
    let taken_back = days(&[&with_2027, CALENDAR_CN]);
    assert_eq!(taken_back.first().unwrap(), "2026-12-26");
    assert_eq!((taken_back.len(), &*taken_back[364]), (365, "2027-12-25"));
}
