//! Playing the city's staff: offices, people and phrasebooks are set up, and every ticket is played.

use super::city::City;
use super::id;
use super::moves::{Move, TICKETS};
use chrono::{DateTime, Utc};
use docket_core::desk::{NewAccount, Options, Password};
use docket_core::{Desk, DeskError, ManualClock};
use docket_domain::ids::{AccountId, CommandId, DepartmentId, PhraseId, TicketId, UnitId};
use docket_domain::organisation::OrganisationAction;
use docket_domain::people::{Actor, Role};
use docket_domain::phrasebook::{Owner, PhraseAction};
use docket_domain::ticket::TicketAction;
use docket_domain::ticket::actions::HANDLED;
use docket_domain::ticket::actions::merge::Merge;
use std::collections::HashMap;

pub(super) struct Stage<'s> {
    pub(super) desk: &'s Desk,
    pub(super) clock: &'s ManualClock,
    pub(super) city: City,
    pub(super) people: HashMap<String, Actor>,
    pub(super) hashed: String,
}

/// Login, name, role, department, unit.
type Hire = (String, String, Role, Option<String>, Option<String>);

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
        self.write_phrasebooks().await
    }

    /// Every department's leader, and the hotline office, write the city's phrases down.
    async fn write_phrasebooks(&self) -> Result<(), DeskError> {
        let departments = self.city.departments.iter().map(|department| {
            let owner = Owner::Department(DepartmentId(id(&department.code)));
            (format!("{}-leader", department.code), owner)
        });
        let centre = std::iter::once(("office".to_owned(), Owner::Centre));
        for (keeper, owner) in departments.chain(centre) {
            let actor = self.people.get(&keeper).ok_or(DeskError::NotFounded)?;
            for (number, phrase) in self.city.phrases.replies.iter().enumerate() {
                let step = format!("phrase {number} of {keeper}");
                let action = PhraseAction::Add {
                    id: PhraseId(id(&step)),
                    kind: phrase.kind,
                    title: phrase.title.clone(),
                    text: phrase.text.clone(),
                };
                self.desk
                    .keep_phrase(actor, owner, action, &named(&step))
                    .await?;
            }
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
            ..NewAccount::default()
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
        let organisation = self.desk.organisation().await?;
        let id = AccountId(outcome.id);
        let actor = outcome.state.actor(id, &organisation);
        actor.ok_or(DeskError::Deactivated)
    }

    /// Login, name, role, department, unit of everybody but the administrator.
    fn staff(&self) -> Vec<Hire> {
        let centre = [
            ("operator", "话务员", Role::Operator),
            ("dispatcher", "派单员", Role::Dispatcher),
            ("call-back", "回访员", Role::CallBack),
            ("supervisor", "督办员", Role::Supervisor),
            ("office", "热线办", Role::Office),
            ("joint-meeting", "联席会议", Role::JointMeeting),
            ("citizen", "市民", Role::Citizen),
            ("auditor", "审计员", Role::Auditor),
            ("analyst", "分析员", Role::Analyst),
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
                Move::Merge => self.merge(actor, number, &tickets, &options).await?,
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
}

impl Stage<'_> {
    /// Merges a ticket into the first other one that is being handled.
    async fn merge(
        &self,
        actor: &Actor,
        number: usize,
        tickets: &HashMap<usize, TicketId>,
        options: &Options,
    ) -> Result<(), DeskError> {
        let Some(id) = tickets.get(&number) else {
            return Ok(());
        };
        for other in 0..TICKETS {
            let Some(master) = tickets.get(&other).filter(|master| *master != id) else {
                continue;
            };
            let found = self.desk.ticket(*master).await?;
            if found.is_some_and(|found| HANDLED.contains(&found.state.state)) {
                let merge = Merge::with(*master);
                self.desk
                    .act(actor, *id, TicketAction::Merge(merge), options)
                    .await?;
                return Ok(());
            }
        }
        Ok(())
    }
}

fn named(step: &str) -> Options {
    Options {
        command: Some(CommandId(id(step))),
        ..Options::default()
    }
}
