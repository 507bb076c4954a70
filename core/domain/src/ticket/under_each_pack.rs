//! Under each pack that comes with Docket every action is done by somebody, or the pack leaves it out and says so.

use super::actions::light::LightUp;
use super::actions::receive::Receive;
use super::scenario::*;
use super::{ACTIONS, TicketAction, available_actions};
use crate::people::Actor;
use crate::refusal::Reason;
use crate::rules::{CALENDAR_CN, DEFAULT_PACK, PACKS, Rules};
use crate::sealed::Sealed;
use crate::ticket::Context;
use crate::time::Light;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a pack leaves out on purpose, and where it says so.
const LEFT_OUT: &[(&str, &str, &str)] = &[
    ("pingyao", "call_back", "when = \"never\""),
    ("pingyao", "note_call_back_due", "when = \"never\""),
];

const DAY: i64 = 24 * 60;

/// The stories of one pack, and what was done in them.
struct Stories {
    name: &'static str,
    rules: Arc<Rules>,
    /// The same pack, with the calendar of another year.
    later: Rules,
    done: RefCell<BTreeSet<&'static str>>,
}

/// One story so far.
#[derive(Clone)]
struct Story<'s> {
    given: Given,
    of: &'s Stories,
}

impl Story<'_> {
    /// Somebody does something, and it makes a difference.
    fn does(self, actor: Actor, action: TicketAction<Sealed>) -> Self {
        let name = action.spec().name;
        let tried = self.given.clone().when(actor.clone(), action.clone());
        tried.then(|_| {});
        self.of.done.borrow_mut().insert(name);
        Self {
            given: self.given.and(actor, action),
            ..self
        }
    }

    /// The first who may does it.
    fn somebody(self, people: &[Actor], action: TicketAction<Sealed>) -> Self {
        let name = action.spec().name;
        let ticket = self.given.clone().fold();
        let may = |actor: &&Actor| {
            let context = Context {
                rules: self.of.rules.clone(),
                ..context((*actor).clone())
            };
            available_actions(&ticket, &context).contains(&name)
        };
        let first = people.iter().find(may);
        let first = first.unwrap_or_else(|| panic!("{}: nobody may {name}", self.of.name));
        self.does(first.clone(), action)
    }

    fn later(self, minutes: i64) -> Self {
        Self {
            given: self.given.later(minutes),
            ..self
        }
    }
}

impl Stories {
    fn of(name: &'static str, pack: &str) -> Self {
        let known = CALENDAR_CN.replace("2026]", "2026, 2027]");
        Self {
            name,
            rules: Arc::new(Rules::parse(pack, CALENDAR_CN, 1).unwrap()),
            later: Rules::parse(pack, &known, 2).unwrap(),
            done: RefCell::default(),
        }
    }

    fn leaves_out(&self, action: &str) -> bool {
        let mut left_out = LEFT_OUT.iter();
        left_out.any(|(pack, name, _)| (*pack, *name) == (self.name, action))
    }

    fn nothing_yet(&self) -> Story<'_> {
        Story {
            given: given([]).ruled_by((*self.rules).clone()),
            of: self,
        }
    }

    /// A request that has whatever the pack's forms may ask for.
    fn received(&self) -> Story<'_> {
        let TicketAction::Receive(plain) = receive() else {
            unreachable!("it is one")
        };
        let request = TicketAction::Receive(Receive {
            topic: self.rules.topics().first().cloned(),
            region: self.rules.regions().first().cloned(),
            place: Some(sealed("长江路")),
            incident_at: Some(now()),
            respondent: Some(sealed("某公司")),
            ..plain
        });
        self.nothing_yet().does(operator(), request)
    }

    fn assigned(&self) -> Story<'_> {
        self.received().does(dispatcher(), assign())
    }

    fn signed(&self) -> Story<'_> {
        self.assigned().does(clerk(), sign())
    }

    /// A leader answers, which every pack lets.
    fn replied(&self) -> Story<'_> {
        self.signed().does(leader(), reply())
    }

    fn reviewed(&self) -> Story<'_> {
        self.replied().does(office(), review())
    }

    fn closed(&self) -> Story<'_> {
        if self.leaves_out("call_back") {
            self.reviewed().does(office(), close())
        } else {
            self.reviewed().does(caller_back(), call_back())
        }
    }

    fn at_the_desk(&self) {
        let received = || self.received();
        received()
            .does(operator(), answer())
            .does(office(), correct());
        received().does(operator(), decline());
        received().does(operator(), transfer());
        received()
            .does(office(), set_secrecy())
            .does(supervisor(), urge());
        received().does(operator(), withdraw());
        self.nothing_yet().does(Actor::system(), import());
    }

    fn handing_out(&self) {
        self.assigned().does(dispatcher(), recall());
        self.assigned()
            .does(clerk(), view())
            .does(clerk(), send_back())
            .does(dispatcher(), refuse_return())
            .does(clerk(), send_back())
            .does(dispatcher(), accept_return())
            .does(dispatcher(), dispute())
            .does(joint_meeting(), rule());
        self.signed()
            .does(dispatcher(), add_assist())
            .does(supervisor(), supervise())
            .does(supervisor(), lift_supervision())
            .does(office(), suspend())
            .does(office(), resume())
            .does(dispatcher(), print())
            .does(dispatcher(), attach_file())
            .does(dispatcher(), open_file());
        self.signed().does(dispatcher(), reassign());
        self.signed()
            .does(dispatcher(), merge())
            .does(dispatcher(), unmerge())
            .does(dispatcher(), merge())
            .does(Actor::system(), conclude());
        self.received()
            .does(Actor::system(), join())
            .does(Actor::system(), leave());
    }

    fn handling(&self) {
        self.signed()
            .does(leader(), take(&leader()))
            .does(clerk(), contact())
            .does(clerk(), delegate())
            .does(unit_clerk(), sign())
            .does(unit_clerk(), reply())
            .does(clerk(), rework())
            .does(unit_clerk(), reply())
            .does(clerk(), save_full_draft())
            .does(leader(), sign_off());
        self.signed()
            .does(clerk(), ask_extension())
            .does(dispatcher(), refuse_extension())
            .does(leader(), ask_extension())
            .does(dispatcher(), grant_extension())
            .does(clerk(), ask_termination())
            .does(office(), refuse_termination())
            .does(clerk(), ask_termination())
            .does(office(), terminate());
    }

    fn afterwards(&self) {
        if !self.leaves_out("call_back") {
            self.reviewed()
                .does(caller_back(), not_solved())
                .does(office(), close());
        }
        self.reviewed().does(office(), redo());
        self.closed()
            .does(caller_back(), rate())
            .does(office(), archive());
        self.closed().does(Actor::system(), erase());
        // What a department answered is corrected by somebody, too.
        self.replied().somebody(&[leader(), office()], correct());
    }

    /// Somebody decides on the first asking, and somebody else on the appeal.
    fn exclusions(&self) {
        let another = Actor {
            account: id(0xAF),
            ..joint_meeting()
        };
        let members = [office(), joint_meeting(), another];
        for granted in [true, false] {
            self.closed()
                .does(leader(), ask_exclusion())
                .somebody(&members, decide_exclusion(false))
                .does(leader(), ask_exclusion())
                .somebody(&members, decide_exclusion(granted));
        }
    }

    fn by_itself(&self) {
        let TicketAction::LightUp(light) = light() else {
            unreachable!("it is one")
        };
        let red = TicketAction::LightUp(LightUp {
            light: Light::Red,
            ..light
        });
        self.signed().later(60 * DAY).does(Actor::system(), red);
        if !self.leaves_out("call_back") {
            self.reviewed()
                .later(10 * DAY)
                .does(Actor::system(), note_call_back_due());
        }
        let at_new_year = self.received().later(38 * DAY).does(dispatcher(), assign());
        let known = Story {
            given: at_new_year.given.ruled_by(self.later.clone()),
            of: self,
        };
        known.does(Actor::system(), settle_dues());
    }
}

#[test]
fn every_action_is_done_under_each_shipped_pack_or_left_out_in_words() {
    for (name, pack) in PACKS {
        let stories = Stories::of(name, pack);
        stories.at_the_desk();
        stories.handing_out();
        stories.handling();
        stories.afterwards();
        stories.exclusions();
        stories.by_itself();
        let done = stories.done.borrow();
        for spec in ACTIONS {
            let left_out = stories.leaves_out(spec.name);
            assert_ne!(done.contains(spec.name), left_out, "{name}: {}", spec.name);
        }
    }
}

#[test]
fn what_a_pack_leaves_out_it_says_and_nobody_may() {
    for (name, action, says) in LEFT_OUT {
        let (_, pack) = PACKS.iter().find(|(known, _)| known == name).unwrap();
        assert!(pack.contains(says), "{name}: {action}");
    }
    let (name, pack) = PACKS.iter().find(|(name, _)| *name == "pingyao").unwrap();
    let stories = Stories::of(name, pack);
    let reviewed = stories.reviewed().later(30 * DAY).given;
    assert_eq!(reviewed.clone().fold().call_back_due, None);
    for (who, action) in [
        (caller_back(), call_back()),
        (Actor::system(), note_call_back_due()),
    ] {
        let tried = reviewed.clone().when(who, action);
        tried.refused(Reason::WrongState, None);
    }
}

#[test]
fn what_a_pack_lists_no_grounds_for_is_offered_to_nobody() {
    let mut pack: toml::Table = DEFAULT_PACK.parse().unwrap();
    for section in [
        "decline",
        "suspend",
        "exclude",
        "terminate",
        "transfer",
        "archive",
    ] {
        assert!(pack.remove(section).is_some(), "{section}");
    }
    let bare = Rules::parse(&pack.to_string(), CALENDAR_CN, 1).unwrap();
    let refuses = |given: Given, actor: Actor, action: TicketAction<Sealed>| {
        let (name, given) = (action.spec().name, given.ruled_by(bare.clone()));
        let bound = Context {
            rules: Arc::new(bare.clone()),
            ..context(actor.clone())
        };
        let offered = available_actions(&given.clone().fold(), &bound);
        assert!(!offered.contains(&name), "{name}");
        given.when(actor, action).refused(Reason::NotInRules, None);
    };
    refuses(received(), operator(), decline());
    refuses(received(), operator(), transfer());
    refuses(signed(), office(), suspend());
    refuses(signed(), clerk(), ask_termination());
    refuses(replied(), clerk(), ask_exclusion());
    refuses(received().and(operator(), decline()), office(), archive());
}
