//! Playing the city's staff: offices and people, and what becomes of each ticket.

use super::city::{City, Letter};
use super::{DAYS, id};
use chrono::{DateTime, TimeDelta, Utc};
use docket_core::desk::{Caller, NewAccount, NewTicket, Options, Password};
use docket_core::{Desk, DeskError, ManualClock};
use docket_domain::ids::{AccountId, CommandId, DepartmentId, TicketId, UnitId};
use docket_domain::organisation::OrganisationAction;
use docket_domain::people::{Actor, Role};
use docket_domain::ticket::actions::{assign, delegate, rate, reply, send_back, sign, view};
use docket_domain::ticket::{Satisfaction, Secrecy, TicketAction};
use std::collections::HashMap;

/// Tickets played.
const TICKETS: usize = 144;

pub(super) struct Stage<'s> {
    pub(super) desk: &'s Desk,
    pub(super) clock: &'s ManualClock,
    pub(super) city: City,
    pub(super) people: HashMap<String, Actor>,
    pub(super) hashed: String,
}

/// Login, name, role, department, unit.
type Hire = (String, String, Role, Option<String>, Option<String>);

/// One thing that happens to a ticket.
enum Move {
    Receive(NewTicket),
    Act(TicketAction<String>),
}

impl Stage<'_> {
    pub(super) async fn set_up(&mut self) -> Result<(), DeskError> {
        let system = Actor::system();
        for department in &self.city.departments {
            let action = OrganisationAction::AddDepartment {
                id: DepartmentId(id(&department.code)),
                name: department.name.clone(),
                region: Some(department.region.clone()),
            };
            self.desk
                .organise(
                    &system,
                    action,
                    &named(&format!("department {}", department.code)),
                )
                .await?;
            for unit in &department.units {
                let action = OrganisationAction::AddUnit {
                    id: UnitId(id(&unit.code)),
                    department: DepartmentId(id(&department.code)),
                    name: unit.name.clone(),
                };
                self.desk
                    .organise(&system, action, &named(&format!("unit {}", unit.code)))
                    .await?;
            }
        }
        for (login, name, role, department, unit) in self.staff() {
            let command = CommandId(id(&format!("account {login}")));
            let actor = self
                .hire(&login, name, role, department, unit, command)
                .await?;
            self.people.insert(login, actor);
        }
        Ok(())
    }

    pub(super) async fn hire(
        &self,
        login: &str,
        name: String,
        role: Role,
        department: Option<String>,
        unit: Option<String>,
        command: CommandId,
    ) -> Result<Actor, DeskError> {
        let new = NewAccount {
            login: login.to_owned(),
            name,
            roles: vec![role],
            department: department.map(|d| DepartmentId(id(&d))),
            unit: unit.map(|u| UnitId(id(&u))),
        };
        let options = Options {
            command: Some(command),
            ..Options::default()
        };
        let password = Password::Hashed(self.hashed.clone());
        let outcome = self
            .desk
            .create_account(&Actor::system(), new, password, &options)
            .await?;
        Ok(outcome.state.actor(AccountId(outcome.id)))
    }

    /// Login, name, role, department, unit of everybody but the administrator.
    fn staff(&self) -> Vec<Hire> {
        let centre = [
            ("operator", "话务员", Role::Operator),
            ("dispatcher", "派单员", Role::Dispatcher),
            ("citizen", "市民", Role::Citizen),
            ("auditor", "审计员", Role::Auditor),
        ];
        let mut staff: Vec<_> = centre
            .iter()
            .map(|(login, name, role)| ((*login).to_owned(), (*name).to_owned(), *role, None, None))
            .collect();
        for d in &self.city.departments {
            for (suffix, role, title) in [
                ("clerk", Role::Clerk, "经办"),
                ("leader", Role::Leader, "领导"),
            ] {
                let login = format!("{}-{suffix}", d.code);
                staff.push((
                    login,
                    format!("{}{title}", d.name),
                    role,
                    Some(d.code.clone()),
                    None,
                ));
            }
            for u in &d.units {
                let login = format!("{}-clerk", u.code);
                let name = format!("{}经办", u.name);
                staff.push((
                    login,
                    name,
                    Role::Clerk,
                    Some(d.code.clone()),
                    Some(u.code.clone()),
                ));
            }
        }
        staff
    }

    /// Plays every ticket's moves in the order of their times, up to now.
    pub(super) async fn play(&mut self, end: DateTime<Utc>) -> Result<(), DeskError> {
        let mut moves = Vec::new();
        for number in 0..TICKETS {
            let letter = &self.city.letters[number % self.city.letters.len()];
            for (step, (at, who, what)) in self.moves(number, letter, end).into_iter().enumerate() {
                moves.push((at, number, step, who, what));
            }
        }
        moves.sort_by_key(|(at, number, step, ..)| (*at, *number, *step));
        let mut tickets: HashMap<usize, TicketId> = HashMap::new();
        for (at, number, step, who, what) in moves {
            if at > end {
                break;
            }
            self.clock.set(at);
            let actor = self.people.get(&who).ok_or(DeskError::NotFounded)?;
            let options = named(&format!("ticket {number} step {step}"));
            match what {
                Move::Receive(new) => {
                    let outcome = self.desk.receive(actor, new, &options).await?;
                    tickets.insert(number, TicketId(outcome.id));
                }
                Move::Act(action) => {
                    let Some(ticket) = tickets.get(&number) else {
                        continue;
                    };
                    self.desk.act(actor, *ticket, action, &options).await?;
                }
            }
        }
        Ok(())
    }

    /// What happens to a ticket: as far as its share, so that every state has some.
    fn moves(
        &self,
        number: usize,
        letter: &Letter,
        end: DateTime<Utc>,
    ) -> Vec<(DateTime<Utc>, String, Move)> {
        let share = number % 12;
        let spread = i64::try_from(number * 7919 % TICKETS).unwrap_or(0);
        // What is still at the start came lately; what is over came earlier. Every fourth is late.
        let age_hours = match share {
            0 => 2 + spread % 10,
            1..=6 if number % 4 == 3 => 24 * 12 + spread,
            1..=6 => 20 + spread % 60,
            _ => 24 * 3 + spread * (DAYS - 4) * 24 / i64::try_from(TICKETS).unwrap_or(1),
        };
        let start = end - TimeDelta::hours(age_hours);
        let citizen = number % 9 == 4;
        let (department, unit) = (letter.department.clone(), letter.unit.clone());
        let clerk = format!("{department}-clerk");
        let mut moves = Vec::new();
        let mut push = |minutes: i64, who: &str, what: Move| {
            moves.push((start + TimeDelta::minutes(minutes), who.to_owned(), what));
        };
        let by = if citizen { "citizen" } else { "operator" };
        push(0, by, Move::Receive(self.request(number, letter)));
        if share == 0 {
            return moves;
        }
        push(25, "dispatcher", Move::Act(self.assign(number, letter)));
        if share == 1 {
            return moves;
        }
        push(60, &clerk, Move::Act(TicketAction::View(view::View)));
        if share == 2 {
            return moves;
        }
        if share == 7 {
            push(150, &clerk, Move::Act(self.send_back(number)));
            return moves;
        }
        push(120, &clerk, Move::Act(TicketAction::Sign(sign::Sign)));
        if share == 3 {
            return moves;
        }
        if let Some(unit) = &unit {
            let unit_clerk = format!("{unit}-clerk");
            push(180, &clerk, Move::Act(self.delegate(number, unit)));
            if share != 4 {
                push(300, &unit_clerk, Move::Act(TicketAction::Sign(sign::Sign)));
            }
            if share > 5 {
                push(600, &unit_clerk, Move::Act(Self::reply(letter, false)));
            }
        }
        if share <= 6 {
            return moves;
        }
        let leader = format!("{department}-leader");
        push(
            1_440 + i64::try_from(number % 5).unwrap_or(0) * 1_440,
            &leader,
            Move::Act(Self::reply(letter, true)),
        );
        if share >= 9 {
            let satisfaction = match number % 7 {
                0 => Satisfaction::Dissatisfied,
                1 | 2 => Satisfaction::Fairly,
                _ => Satisfaction::Satisfied,
            };
            let rating = rate::Rate {
                satisfaction,
                solved: Some(!number.is_multiple_of(7)),
                comment: None,
            };
            push(10_080, by, Move::Act(TicketAction::Rate(rating)));
        }
        moves
    }

    fn request(&self, number: usize, letter: &Letter) -> NewTicket {
        let caller = &self.city.callers[number % self.city.callers.len()];
        let anonymous = number % 13 == 5;
        NewTicket {
            kind: letter.kind,
            channel: letter.channel.clone(),
            topic: Some(letter.topic.clone()),
            urgency: letter.urgency,
            secrecy: if number % 17 == 3 {
                Secrecy::Confidential
            } else {
                Secrecy::Open
            },
            wants_reply: !anonymous,
            caller: (!anonymous).then(|| Caller {
                name: Some(caller.name.clone()),
                sex: Some(caller.sex.clone()),
                phone: Some(caller.phone.clone()),
                ..Caller::default()
            }),
            title: letter.title.clone(),
            body: letter.body.clone(),
            place: Some(format!("{}{}", letter.street, letter.place)),
            region: Some(letter.district.clone()),
            incident_at: None,
            respondent: letter.respondent.clone(),
            accused_department: None,
            earlier: None,
        }
    }

    fn assign(&self, number: usize, letter: &Letter) -> TicketAction<String> {
        let phrases = &self.city.phrases.instructions;
        TicketAction::Assign(assign::Assign {
            lead: DepartmentId(id(&letter.department)),
            assists: letter
                .assists
                .iter()
                .map(|code| DepartmentId(id(code)))
                .collect(),
            instruction: Some(phrases[number % phrases.len()].text.clone()),
        })
    }

    fn delegate(&self, number: usize, unit: &str) -> TicketAction<String> {
        let phrases = &self.city.phrases.instructions;
        let instruction = Some(phrases[(number + 5) % phrases.len()].text.clone());
        TicketAction::Delegate(delegate::Delegate {
            unit: UnitId(id(unit)),
            instruction,
        })
    }

    fn send_back(&self, number: usize) -> TicketAction<String> {
        let reasons = &self.city.phrases.return_reasons;
        let reason = &reasons[number % reasons.len()];
        TicketAction::SendBack(send_back::SendBack {
            reason: reason.code.clone(),
            text: reason.text.clone(),
            suggested_department: None,
        })
    }

    fn reply(letter: &Letter, lead: bool) -> TicketAction<String> {
        TicketAction::Reply(reply::Reply {
            opinion: lead.then(|| letter.opinion.clone()),
            answer: letter.answer.clone(),
            contacted: Some(true),
            solved: Some(true),
            unsolved_reason: None,
            handler: "李工".into(),
            phone: "13800000099".into(),
        })
    }
}

fn named(step: &str) -> Options {
    Options {
        command: Some(CommandId(id(step))),
        ..Options::default()
    }
}
