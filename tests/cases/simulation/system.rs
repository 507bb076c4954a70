//! The same on a store: several desks as several processes, real sealing, commands sent again, a runner that is
//! stopped anywhere, and at the end an audit of all of it.

mod audit;

use super::chance::Chance;
use super::drawn::{self, Draw};
use super::people::{people, placed, third_department};
use super::tally::Tally;
use super::{packs, seed, times_more};
use chrono::TimeDelta;
use docket_core::desk::{Options, Outcome};
use docket_core::journal::{Commit, JournalError, NewEvent, StreamId};
use docket_core::{DeskError, ManualClock};
use docket_domain::ids::{AccountId, CommandId, TicketId};
use docket_domain::organisation::OrganisationAction;
use docket_domain::people::Actor;
use docket_domain::policy::Reckoning;
use docket_domain::rules::{Publish, Published, Rules, RulesBook};
use docket_domain::ticket::scenario::{DEPARTMENT, OTHER_DEPARTMENT, UNIT, now, operator};
use docket_domain::ticket::{
    ACTIONS, Kind, Secrecy, Ticket, TicketAction, Urgency, available_actions,
};
use docket_domain::{Aggregate, Reason};
use docket_projections::Views;
use docket_projections::runner::Runner;
use docket_tests::city::{Hotline, found, hotline_at, new_ticket};
use docket_tests::commits::fresh;
use docket_tests::{TestStore, on_both_stores};
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Commands on each store, unless `DOCKET_SIM_COMMANDS` says more.
const COMMANDS: u64 = 4_000;
/// How seldom the runner is stopped, or another started.
const CRASH_OR_START_ONCE_IN: u64 = 80;
/// Processes on the store.
const DESKS: usize = 3;
/// Tickets at one time.
const TICKETS: usize = 10;

/// A command as it was sent.
#[derive(Clone)]
struct Sent {
    actor: Actor,
    ticket: TicketId,
    action: TicketAction<String>,
    options: Options,
}

/// What an acknowledged command got.
struct Acknowledged {
    sent: Sent,
    version: u64,
    position: u64,
    state: Arc<Ticket>,
    /// Whether it made an event.
    did: bool,
}

struct Run {
    chance: Chance,
    clock: Arc<ManualClock>,
    desks: Vec<Hotline>,
    runner: Option<(JoinHandle<()>, Views, Hotline)>,
    people: Vec<Actor>,
    tickets: Vec<TicketId>,
    acknowledged: Vec<Acknowledged>,
    tally: Tally,
    crashes: u64,
    again: u64,
    published: u64,
    fired: u64,
}

impl Run {
    async fn begin(store: &TestStore, seed: u64) -> Self {
        let clock = Arc::new(ManualClock::at(now()));
        let mut desks = Vec::new();
        for _ in 0..DESKS {
            desks.push(hotline_at(store, clock.clone()).await);
        }
        found(&desks[0].desk).await;
        let (docket, options) = (Actor::system(), Options::default());
        let third = desks[0]
            .desk
            .organise(&docket, third_department(), &options);
        third.await.unwrap();
        Self {
            chance: Chance::of(seed, 1_000_000),
            clock,
            desks,
            runner: None,
            people: people(),
            tickets: Vec::new(),
            acknowledged: Vec::new(),
            tally: Tally::default(),
            crashes: 0,
            again: 0,
            published: 0,
            fired: 0,
        }
    }

    fn hotline(&mut self) -> usize {
        self.chance.index(self.desks.len())
    }

    /// Lets time pass, and what happens beside the commands.
    async fn pass(&mut self, store: &TestStore) {
        let minutes = match self.chance.below(100) {
            0 => -self.chance.up_to(24 * 60),
            1..=90 => self.chance.up_to(60),
            _ => self.chance.up_to(2 * 24 * 60),
        };
        let now = self.desks[0].desk.now();
        self.clock.set(now + TimeDelta::minutes(minutes));
        if self.chance.once_in(CRASH_OR_START_ONCE_IN) {
            self.crash_or_start(store).await;
        }
        if self.chance.once_in(120) {
            self.publish().await;
        }
        if self.chance.once_in(150) {
            self.move_the_unit().await;
        }
        if self.chance.once_in(15) {
            self.fire().await;
        }
        if self.tickets.len() < TICKETS || self.chance.once_in(12) {
            self.receive().await;
        }
    }

    /// Stops the runner wherever it is, or starts one: in a process of its own, whose connections go with it.
    async fn crash_or_start(&mut self, store: &TestStore) {
        if self.crash().await {
            self.crashes += 1;
            return;
        }
        let process = hotline_at(store, self.clock.clone()).await;
        let (runner, views, _) = Runner::open(&process.store).await.unwrap();
        self.runner = Some((tokio::spawn(runner.run()), views, process));
    }

    async fn crash(&mut self) -> bool {
        let Some((runner, _views, process)) = self.runner.take() else {
            return false;
        };
        runner.abort();
        assert!(runner.await.is_err_and(|error| error.is_cancelled()));
        process.store.views.close().await;
        true
    }

    /// Puts another pack in force, past the desks, as another process would.
    async fn publish(&mut self) {
        let texts = packs::texts();
        let (pack, holidays) = self.chance.one(&texts).clone();
        let journal = self.desks[0].desk.journal();
        let id = Uuid::new_v5(&journal.log_id().0, b"rules");
        let expected = journal.version(id).await.unwrap();
        let current = self.desks[0].desk.rules().await.unwrap();
        let actor = Actor::system();
        let before = Published {
            current: Some(current.clone()),
            ..Published::default()
        };
        // No year is taken back: another pack comes with the list in force, or with a longer one.
        let years = |list: &str| Rules::parse(&pack, list, 0).unwrap().calendar.holidays;
        let in_force = &current.calendar.holidays;
        let holidays = if in_force.published.is_subset(&years(&holidays).published) {
            holidays
        } else {
            packs::later()
        };
        let publish = Publish {
            actor,
            pack,
            holidays,
            at: self.desks[0].desk.now(),
            time_zone: None,
        };
        let events = RulesBook::decide(&before, publish).unwrap();
        let event = |event| {
            let encoded = RulesBook::encode(event);
            NewEvent {
                id: fresh(),
                event_type: encoded.event_type,
                schema_version: encoded.schema_version,
                data: encoded.data,
            }
        };
        let commit = Commit {
            command: fresh(),
            fingerprint: [9; 32],
            stream: StreamId {
                category: RulesBook::CATEGORY,
                id,
            },
            expected,
            events: events.iter().map(event).collect(),
            claims: Vec::new(),
            actor: AccountId::SYSTEM,
            acting_for: None,
            correlation: fresh(),
            causation: None,
            occurred_at: self.desks[0].desk.now(),
            rules_version: 0,
        };
        journal.append(commit).await.unwrap();
        self.published += 1;
    }

    async fn move_the_unit(&mut self) {
        let at = self.hotline();
        let desk = &self.desks[at].desk;
        let organisation = desk.organisation().await.unwrap();
        let (above, _) = organisation.unit(UNIT).unwrap();
        let department = if above.id == DEPARTMENT {
            OTHER_DEPARTMENT
        } else {
            DEPARTMENT
        };
        let action = OrganisationAction::MoveUnit {
            id: UNIT,
            department,
        };
        // Another desk may have moved it, and this one not know of it yet.
        let (docket, options) = (Actor::system(), Options::default());
        let moved = desk.organise(&docket, action, &options).await;
        assert!(matches!(moved, Ok(_) | Err(DeskError::Refused(_))));
    }

    /// Does what is due, as far as the views know, each by two processes.
    async fn fire(&mut self) {
        let Some((_, views, _)) = &self.runner else {
            return;
        };
        let now = self.desks[0].desk.now();
        let due = views
            .due_timers(Reckoning::At, now, None, 20)
            .await
            .unwrap();
        for timer in due {
            for _ in 0..2 {
                let at = self.chance.index(DESKS);
                let fired = self.desks[at].desk.fire(timer.ticket, timer.timer).await;
                fired.unwrap();
                self.fired += 1;
            }
        }
    }

    async fn receive(&mut self) {
        let mut new = new_ticket();
        new.kind = *self.chance.one(Kind::ALL);
        new.urgency = *self.chance.one(Urgency::ALL);
        new.secrecy = *self.chance.one(Secrecy::ALL);
        new.wants_reply = self.chance.once_in(2);
        new.accused_department = self.chance.once_in(4).then_some(DEPARTMENT);
        let options = Options {
            command: Some(self.chance.id()),
            ..Options::default()
        };
        let (at, twin) = (self.hotline(), self.hotline());
        let (operator, other) = (operator(), new.clone());
        // Twice at once, by two processes or one.
        let (one, two) = tokio::join!(
            self.desks[at].desk.receive(&operator, new, &options),
            self.desks[twin].desk.receive(&operator, other, &options),
        );
        match (one, two) {
            (Ok(one), Ok(two)) => {
                assert_eq!(
                    (one.id, one.position, &one.state),
                    (two.id, two.position, &two.state)
                );
                self.received(TicketId(one.id));
            }
            // One process does not know yet that another pack is in force, whose form is another.
            (Ok(done), Err(DeskError::Refused(no))) | (Err(DeskError::Refused(no)), Ok(done)) => {
                let of_the_form = [Reason::InvalidValue, Reason::Required];
                assert!(of_the_form.contains(&no.reason), "{no}");
                self.received(TicketId(done.id));
            }
            // A pack without the channel.
            (Err(DeskError::Refused(one)), Err(DeskError::Refused(two))) => {
                assert_eq!(one.reason, two.reason);
                self.tally.count("receive", Err(one.reason));
            }
            (one, two) => panic!("{:?} and {:?}", one.err(), two.err()),
        }
    }

    fn received(&mut self, id: TicketId) {
        self.tally.count("receive", Ok(true));
        if self.tickets.len() < TICKETS {
            self.tickets.push(id);
        } else {
            let place = self.chance.index(TICKETS);
            self.tickets[place] = id;
        }
    }

    /// Somebody tries something, and may send it twice.
    async fn try_something(&mut self) {
        let at = self.hotline();
        let ticket = *self.chance.one(&self.tickets);
        let known = self.desks[at].desk.ticket(ticket).await.unwrap().unwrap();
        let (sent, offered) = self.draw(at, ticket, &known.state).await;
        let name = sent.action.spec().name;
        let outcome = self.send(at, &sent).await;
        if let Some(offered) = offered {
            // Of one desk, on a state that nobody else has changed meanwhile.
            let by_input =
                matches!(&outcome, Err(DeskError::Refused(refusal)) if refusal.field.is_some());
            let same = self.desks[at]
                .desk
                .ticket(ticket)
                .await
                .unwrap()
                .unwrap()
                .version;
            let alone = same <= known.version + 1;
            assert!(
                by_input || !alone || offered == outcome.is_ok(),
                "{name}: offered {offered}, {:?}",
                outcome.err()
            );
        }
        match outcome {
            Ok(outcome) => {
                let did = outcome.version > known.version;
                self.tally.count(name, Ok(did));
                if self.chance.once_in(4) {
                    self.send_again(&sent, &outcome).await;
                }
                self.acknowledged.push(Acknowledged {
                    sent,
                    version: outcome.version,
                    position: outcome.position,
                    state: outcome.state,
                    did,
                });
            }
            Err(DeskError::Refused(refusal)) => self.tally.count(name, Err(refusal.reason)),
            Err(error) => panic!("{name}: {error}"),
        }
    }

    async fn draw(&mut self, at: usize, ticket: TicketId, state: &Ticket) -> (Sent, Option<bool>) {
        let desk = &self.desks[at].desk;
        let (rules, organisation) = (
            desk.rules().await.unwrap(),
            desk.organisation().await.unwrap(),
        );
        let context = |actor: &Actor| docket_domain::ticket::Context {
            now: desk.now(),
            actor: placed(actor.clone(), &organisation),
            rules: rules.clone(),
            organisation: organisation.clone(),
            expected_revision: None,
        };
        let here = |name: &&'static str| !["receive", "import"].contains(name);
        let all: Vec<&'static str> = ACTIONS.iter().map(|spec| spec.name).filter(here).collect();
        let mut actor = self.chance.one(&self.people).clone();
        let (mut name, mut least) = (*self.chance.one(&all), u64::MAX);
        for _ in 0..8 {
            let somebody = self.chance.one(&self.people).clone();
            let offered = available_actions(state, &context(&somebody));
            if offered.is_empty() || self.chance.once_in(30) {
                continue;
            }
            let another = *self.chance.one(&offered);
            let rarity = drawn::rarity(another);
            if rarity <= least {
                (actor, name, least) = (somebody, another, rarity);
            }
        }
        let actor = placed(actor, &organisation);
        let offered = available_actions(state, &context(&actor)).contains(&name);
        let mut draw = Draw {
            chance: &mut self.chance,
            rules: &rules,
            now: desk.now(),
            actor: &actor,
            people: &self.people,
            other: self.tickets[0],
        };
        let action = drawn::action(&mut draw, name);
        let command: CommandId = self.chance.id();
        let near = state
            .revision
            .saturating_sub(u32::from(self.chance.once_in(2)));
        let expected_revision = self.chance.once_in(20).then_some(near);
        let options = Options {
            command: Some(command),
            expected_revision,
            ..Options::default()
        };
        // Of what is erased the desk is not asked twice: it is no ticket any more.
        let certain = name != "erase" && state.erased_at.is_none();
        let sent = Sent {
            actor,
            ticket,
            action,
            options,
        };
        (sent, certain.then_some(offered))
    }

    async fn send(&self, at: usize, sent: &Sent) -> Result<Outcome<Ticket>, DeskError> {
        let desk = &self.desks[at].desk;
        desk.act(&sent.actor, sent.ticket, sent.action.clone(), &sent.options)
            .await
    }

    /// Once more, by any process: the first outcome. And something else under its id: nothing.
    async fn send_again(&mut self, sent: &Sent, first: &Outcome<Ticket>) {
        let (at, other) = (self.hotline(), self.hotline());
        let again = self.send(at, sent).await.unwrap();
        assert_eq!(
            (again.version, again.position),
            (first.version, first.position)
        );
        assert_eq!(again.state, first.state, "the state right after it");
        let mut forged = sent.clone();
        forged.actor.account = self.chance.id();
        let refused = self.send(other, &forged).await;
        let reused = matches!(
            refused,
            Err(DeskError::Journal(JournalError::CommandReused))
        );
        assert!(reused, "{:?}", refused.err());
        self.again += 2;
    }
}

async fn whatever_is_tried_the_store_is_sound(store: &TestStore) {
    let kind = if store.is_sqlite() {
        "SQLite"
    } else {
        "PostgreSQL"
    };
    let (seed, began) = (seed(kind), Instant::now());
    let commands = COMMANDS * times_more();
    let mut run = Run::begin(store, seed).await;
    while run.tally.commands < commands {
        run.pass(store).await;
        if !run.tickets.is_empty() {
            run.try_something().await;
        }
    }
    run.crash().await;
    audit::audit(store, &run).await;
    assert!(run.crashes > 0 && run.again > 0 && run.published > 0 && run.fired > 0);
    assert!(!run.tally.refused.contains_key(Reason::InvalidRules.code()));
    println!(
        "{kind}: {} crashes of the runner, {} sent again or forged, {} packs published, {} timers fired",
        run.crashes, run.again, run.published, run.fired
    );
    run.tally.tell(kind, began.elapsed().as_secs_f64());
}

on_both_stores! { whatever_is_tried_the_store_is_sound }
