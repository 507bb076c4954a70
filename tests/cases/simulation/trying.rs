//! Somebody tries something in a city.

use super::drawn::{self, Draw};
use super::people::placed;
use super::requests;
use super::world::{TICKETS, World};
use chrono::TimeDelta;
use docket_domain::people::Actor;
use docket_domain::sealed::Sealed;
use docket_domain::ticket::actions::join;
use docket_domain::ticket::scenario::sealed;
use docket_domain::ticket::{ACTIONS, Context, TicketAction, available_actions};
use docket_domain::time::Timestamp;
use std::convert::Infallible;

/// How often somebody else is asked before anything is tried by anybody.
const TRIES: usize = 8;

impl World {
    fn somebody(&mut self) -> Actor {
        self.chance.one(&self.people).clone()
    }

    /// Somebody tries something: mostly what they may do, and else anything.
    pub(super) fn try_something(&mut self, at: usize) {
        // Another machine's clock may be behind.
        let now = if self.chance.once_in(50) {
            self.now - TimeDelta::minutes(self.chance.up_to(180))
        } else {
            self.now
        };
        let (mut context, name) = self.somebody_with_something(at, now);
        if self.chance.once_in(40) {
            let near = self.cases[at].ticket.revision.saturating_sub(1);
            context.expected_revision = Some(near + u32::from(self.chance.once_in(2)));
        }
        let action = self.draw(at, name, &context);
        let action = self.looked_up(at, action, &context);
        let unmerged_from = self.cases[at]
            .ticket
            .merged
            .as_ref()
            .map(|merged| merged.master);
        let unmerges = matches!(action, TicketAction::Unmerge(_));
        let taken = self.decide(at, &context, action).is_ok();
        if let Some(master) = unmerged_from.filter(|_| taken && unmerges) {
            self.leave(master, Some(self.cases[at].id));
        }
    }

    /// Somebody whose office has the ticket, every other time: they are few among so many.
    fn holder(&mut self, at: usize) -> Option<Actor> {
        let ticket = &self.cases[at].ticket;
        let has = |actor: &&Actor| {
            let actor = placed((*actor).clone(), &self.organisation);
            actor.in_office() && ticket.held_by(&actor).is_some()
        };
        let holders: Vec<&Actor> = self.people.iter().filter(has).collect();
        if holders.is_empty() || self.chance.once_in(2) {
            return None;
        }
        Some((*self.chance.one(&holders)).clone())
    }

    /// Somebody, and what they may do; or anybody, and anything.
    fn somebody_with_something(&mut self, at: usize, now: Timestamp) -> (Context, &'static str) {
        let anybody = self.somebody();
        let mut chosen = (self.context(&anybody, now), self.chance.one(ACTIONS).name);
        let mut least = u64::MAX;
        for _ in 0..TRIES {
            if self.chance.once_in(30) {
                break;
            }
            let somebody = self.holder(at).unwrap_or_else(|| self.somebody());
            let context = self.context(&somebody, now);
            let offered = available_actions(&self.cases[at].ticket, &context);
            if offered.is_empty() {
                continue;
            }
            // What was never done in this city is not left to luck.
            let new = |name: &&&str| !self.tally.done.contains_key(**name);
            let never = offered.iter().find(new).copied();
            if let Some(never) = never.filter(|_| self.chance.once_in(3)) {
                return (context, never);
            }
            let name = *self.chance.one(&offered);
            let rarity = drawn::rarity(name);
            if rarity <= least {
                (chosen, least) = ((context, name), rarity);
                if self.chance.once_in(rarity) {
                    break;
                }
            }
        }
        chosen
    }

    fn draw(&mut self, at: usize, name: &str, context: &Context) -> TicketAction<Sealed> {
        let other = self.cases[self.chance.index(TICKETS)].id;
        let mut draw = Draw {
            chance: &mut self.chance,
            rules: &context.rules,
            now: context.now,
            actor: &context.actor,
            people: &self.people,
            other,
        };
        match name {
            "receive" => return requests::receive(&mut draw),
            "import" => return requests::import(&mut draw),
            _ => {}
        }
        let mut action = drawn::action(&mut draw, name);
        if let TicketAction::Erase(erase) = &mut action {
            erase.replayed = !self.cases[at].ticket.state.is_over();
        }
        let sealing = &mut |_, text: String| Ok::<_, Infallible>(sealed(&text));
        action
            .try_map(sealing)
            .unwrap_or_else(|never| match never {})
    }

    /// What the desk looks up before a decision.
    fn looked_up(
        &mut self,
        at: usize,
        action: TicketAction<Sealed>,
        context: &Context,
    ) -> TicketAction<Sealed> {
        match action {
            TicketAction::HandOver(mut action) => {
                let to = self.people.iter().find(|actor| actor.account == action.to);
                let place = |actor: &Actor| placed(actor.clone(), &self.organisation).office();
                action.office = to.and_then(place);
                TicketAction::HandOver(action)
            }
            TicketAction::Merge(mut action) => {
                let other = self.cases.iter().position(|case| case.id == action.master);
                action.ruled_to = other.and_then(|other| self.cases[other].ticket.ruled_to());
                let may = available_actions(&self.cases[at].ticket, context).contains(&"merge");
                let may = may && action.keeps_the_ruling_of(&self.cases[at].ticket);
                action.fit = match other.filter(|other| *other != at && may) {
                    Some(other) => {
                        let sees = self.cases[other].ticket.is_visible_to(&context.actor);
                        let follower = self.cases[at].id;
                        let join = TicketAction::Join(join::Join { follower });
                        sees && self.by_itself(other, join).is_ok()
                    }
                    None => false,
                };
                TicketAction::Merge(action)
            }
            other => other,
        }
    }
}
