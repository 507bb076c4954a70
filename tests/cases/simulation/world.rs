//! A city in which people try things: some tickets, a clock that jumps, rules and offices that change. Only the
//! domain, no store.

use super::chance::Chance;
use super::invariants;
use super::people::{city, people, placed};
use super::tally::Tally;
use chrono::TimeDelta;
use docket_domain::ids::{EventId, TicketId};
use docket_domain::organisation::{Organisation, OrganisationAction};
use docket_domain::people::Actor;
use docket_domain::rules::Rules;
use docket_domain::sealed::Sealed;
use docket_domain::ticket::actions::decide_exclusion::DecideExclusion;
use docket_domain::ticket::actions::leave;
use docket_domain::ticket::scenario::{self, DEPARTMENT, OTHER_DEPARTMENT, UNIT};
use docket_domain::ticket::{
    ACTIONS, Context, Gate, Ticket, TicketAction, TicketCommand, TicketEvent, TicketState,
    available_actions,
};
use docket_domain::time::Timestamp;
use docket_domain::{Aggregate, Refusal, Stamp};
use std::sync::Arc;

/// Tickets at one time.
pub const TICKETS: usize = 12;
/// Longer logs are left off: what they show, shorter ones have shown.
const LOG_MAX: usize = 150;

/// What brings a ticket on, or to its end.
const GOES_ON: &[&str] = &[
    "answer",
    "decline",
    "transfer",
    "assign",
    "reassign",
    "recall",
    "sign",
    "delegate",
    "return",
    "accept_return",
    "refuse_return",
    "reply",
    "rework",
    "sign_off",
    "review",
    "call_back",
    "redo",
    "close",
    "resume",
    "rule",
    "unmerge",
    "terminate",
    "conclude",
];

/// An event as a log would hold it.
pub struct Logged {
    /// What the log knows of it beside its data.
    pub stamp: Stamp,
    /// The event's type.
    pub event_type: &'static str,
    /// Its bytes.
    pub data: String,
    /// The rules it was decided under.
    pub rules: usize,
}

/// A ticket with its log.
pub struct Case {
    /// Its id.
    pub id: TicketId,
    /// It as it lives.
    pub ticket: Ticket,
    /// Its log.
    pub log: Vec<Logged>,
    /// Whether business time ever ran backwards for it.
    pub ran_back: bool,
}

/// The city.
pub struct World {
    name: String,
    step: u64,
    /// The ticket something is done with.
    at: usize,
    pub(super) chance: Chance,
    pub(super) now: Timestamp,
    /// Every pack there is; [`Self::current`] is in force.
    pub packs: Vec<Arc<Rules>>,
    pub(super) current: usize,
    pub(super) organisation: Arc<Organisation>,
    pub(super) people: Vec<Actor>,
    pub(super) cases: Vec<Case>,
    pub(super) tally: Tally,
}

impl Drop for World {
    /// Whatever fails says how it is had again.
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("FAILED: {}, at its step {}", self.name, self.step);
            for logged in &self.cases[self.at].log {
                println!(
                    "  {} {} {}",
                    logged.stamp.at, logged.event_type, logged.data
                );
            }
        }
    }
}

impl World {
    /// A city of a seed.
    pub fn new(seed: u64, number: u64, packs: Vec<Arc<Rules>>) -> Self {
        let mut chance = Chance::of(seed, number);
        let now = scenario::now() - TimeDelta::hours(chance.up_to(24 * 330) - 24 * 20);
        let cases = (0..TICKETS).map(|_| Case::new(&mut chance)).collect();
        Self {
            name: format!("world {number} of DOCKET_SIM_SEED={seed}"),
            step: 0,
            at: 0,
            now,
            current: chance.index(packs.len()),
            chance,
            packs,
            organisation: city(),
            people: people(),
            cases,
            tally: Tally::default(),
        }
    }

    /// Lives through so many commands.
    pub fn run(mut self, commands: u64) -> Tally {
        while self.tally.commands < commands {
            self.step += 1;
            self.pass_time();
            self.change();
            let at = self.chance.index(self.cases.len());
            if self.chance.once_in(6) {
                self.fire_timers(at);
            } else {
                self.try_something(at);
            }
            self.retire(at);
        }
        for at in 0..self.cases.len() {
            invariants::replayed(&self.cases[at]);
        }
        std::mem::take(&mut self.tally)
    }

    /// Minutes mostly, days now and then, and seldom a clock that is set back.
    fn pass_time(&mut self) {
        let minutes = match self.chance.below(200) {
            0 => -self.chance.up_to(2 * 24 * 60),
            1..=160 => self.chance.up_to(60),
            161..=192 => self.chance.up_to(8 * 60),
            _ => self.chance.up_to(4 * 24 * 60),
        };
        self.now += TimeDelta::minutes(minutes) + TimeDelta::microseconds(self.chance.up_to(999));
    }

    /// Other rules are published, or a unit goes under the other department.
    fn change(&mut self) {
        if self.chance.once_in(150) {
            self.current = self.chance.index(self.packs.len());
        }
        if self.chance.once_in(300) {
            let (above, _) = self
                .organisation
                .unit(UNIT)
                .expect("it is never taken away");
            let department = if above.id == DEPARTMENT {
                OTHER_DEPARTMENT
            } else {
                DEPARTMENT
            };
            let action = OrganisationAction::MoveUnit {
                id: UNIT,
                department,
            };
            scenario::reorganise(Arc::make_mut(&mut self.organisation), action);
        }
    }

    pub(super) fn context(&self, actor: &Actor, now: Timestamp) -> Context {
        Context {
            now,
            actor: placed(actor.clone(), &self.organisation),
            rules: self.packs[self.current].clone(),
            organisation: self.organisation.clone(),
            expected_revision: None,
        }
    }

    pub(super) fn by_itself(
        &mut self,
        at: usize,
        action: TicketAction<Sealed>,
    ) -> Result<bool, Refusal> {
        let context = self.context(&Actor::system(), self.now);
        self.decide(at, &context, action)
    }

    /// Decides a command and folds it, and looks whether all is as it must be. Whether it did something.
    pub(super) fn decide(
        &mut self,
        at: usize,
        context: &Context,
        action: TicketAction<Sealed>,
    ) -> Result<bool, Refusal> {
        self.at = at;
        let case = &mut self.cases[at];
        let name = action.spec().name;
        let offered = available_actions(&case.ticket, context).contains(&name);
        let sees = case.ticket.is_visible_to(&context.actor);
        let command = TicketCommand {
            context: context.clone(),
            action,
        };
        let again = self.chance.once_in(8).then(|| command.clone());
        let decided = Ticket::decide(&case.ticket, command);
        if let Some(again) = again.map(|command| Ticket::decide(&case.ticket, command)) {
            assert_eq!(decided, again, "a decision follows from its input alone");
        }
        self.tally.decided(name, &decided);
        invariants::offered_is_taken(name, offered, &decided);
        let fresh = case.ticket.state == TicketState::Absent || context.actor == Actor::system();
        assert!(
            decided.is_err() || sees || fresh,
            "{name} was taken from somebody who may not know of the ticket"
        );
        let events = decided?;
        let done = !events.is_empty();
        for event in events {
            self.fold(at, context, &event);
        }
        let whole = self.chance.once_in(16);
        let case = &self.cases[at];
        if done && whole {
            invariants::clocks(case, &self.packs, &self.packs[self.current], self.now);
            invariants::replayed(case);
            self.somebody_can_go_on(at);
            self.somebody_can_decide(at);
        }
        Ok(done)
    }

    fn fold(&mut self, at: usize, context: &Context, event: &TicketEvent) {
        let stamp = Stamp {
            event: EventId(self.chance.id()),
            at: context.now,
            by: context.actor.account,
            rules: context.rules.version,
        };
        let encoded = Ticket::encode(event);
        let decoded = Ticket::decode(encoded.event_type, &encoded.data).expect("it was written");
        assert_eq!(&decoded, event, "an event is read as it was written");
        assert_eq!(Ticket::encode(&decoded), encoded, "byte for byte");
        let case = &mut self.cases[at];
        case.ran_back |= case.log.last().is_some_and(|last| last.stamp.at > stamp.at);
        let before = case.ticket.clone();
        Ticket::evolve(&mut case.ticket, &stamp, &decoded);
        case.log.push(Logged {
            stamp,
            event_type: encoded.event_type,
            data: encoded.data,
            rules: self.current,
        });
        invariants::sound(&before, case);
    }

    pub(super) fn leave(&mut self, master: TicketId, follower: Option<TicketId>) {
        if let Some(at) = self.cases.iter().position(|case| case.id == master) {
            let _ = self.by_itself(at, TicketAction::Leave(leave::Leave { follower }));
        }
    }

    /// Ends what was watched long enough, and begins with another request in its place.
    fn retire(&mut self, at: usize) {
        let case = &self.cases[at];
        let over = case.ticket.state.is_over() && self.chance.once_in(25);
        let erased = case.ticket.erased_at.is_some() && self.chance.once_in(4);
        if over || erased || case.log.len() > LOG_MAX {
            invariants::replayed(case);
            self.cases[at] = Case::new(&mut self.chance);
        }
    }

    /// Whoever has the ticket can do something about it: there is no dead end.
    fn somebody_can_go_on(&self, at: usize) {
        let ticket = &self.cases[at].ticket;
        let rests = ticket.state.is_over() || ticket.state == TicketState::Absent;
        if rests || ticket.erased_at.is_some() {
            return;
        }
        let can = |actor: &Actor| {
            let offered = available_actions(ticket, &self.context(actor, self.now));
            offered.iter().any(|name| GOES_ON.contains(name))
        };
        assert!(
            self.people.iter().any(can),
            "nobody can go on with what is {:?}: {:?}",
            ticket.state,
            ticket.assignments
        );
    }

    /// Whatever pack is in force, somebody may decide on each exclusion that was asked for.
    fn somebody_can_decide(&self, at: usize) {
        let ticket = &self.cases[at].ticket;
        let spec = ACTIONS.iter().find(|spec| spec.name == "decide_exclusion");
        let Some(Gate::Ticket(states)) = spec.map(|spec| spec.gate) else {
            panic!("it starts from states of the ticket")
        };
        if ticket.erased_at.is_some() || !states.contains(&ticket.state) {
            return;
        }
        for asked in ticket.pending_exclusions() {
            let action = DecideExclusion {
                asking: Some(asked.no),
                granted: true,
                text: scenario::sealed("核查属实"),
            };
            let may = |actor: &Actor| {
                let command = TicketCommand {
                    context: self.context(actor, self.now),
                    action: TicketAction::DecideExclusion(action.clone()),
                };
                Ticket::decide(ticket, command).is_ok()
            };
            assert!(
                self.people.iter().any(may),
                "nobody can decide on {asked:?}"
            );
        }
    }
}

impl Case {
    fn new(chance: &mut Chance) -> Self {
        Self {
            id: chance.id(),
            ticket: Ticket::default(),
            log: Vec::new(),
            ran_back: false,
        }
    }
}
