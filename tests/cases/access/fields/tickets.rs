//! Tickets in four situations, with whatever a ticket can have.

use chrono::TimeDelta;
use docket_core::clock::{Clock as _, ManualClock};
use docket_core::desk::{Desk, NewTicket, Options};
use docket_domain::ids::TicketId;
use docket_domain::people::Actor;
use docket_domain::sealed::Sealed;
use docket_domain::ticket::{FilePart, Secrecy, TicketAction, scenario};
use docket_tests::city::new_ticket;
use docket_tests::server::Server;
use docket_tests::staff::STAFF;
use std::convert::Infallible;
use std::sync::Arc;

/// What a text says wherever one is given.
const TEXT: &str = "甲乙丙丁戊";

/// A scenario's action with texts in it, and done when it is said.
fn said(mut action: TicketAction<Sealed>) -> TicketAction<String> {
    if let TicketAction::Contact(contact) = &mut action {
        contact.at = None;
    }
    let said = action.try_map(&mut |_, _| Ok::<_, Infallible>(TEXT.to_owned()));
    let Ok(said) = said;
    said
}

/// A photograph for the caller.
fn photo_of_the_answer() -> TicketAction<Sealed> {
    let mut photo = scenario::attach_file();
    if let TicketAction::AttachFile(photo) = &mut photo {
        photo.part = FilePart::Answer;
    }
    photo
}

/// The small city, and its clock.
pub struct City {
    pub server: Server,
    pub clock: Arc<ManualClock>,
}

impl City {
    pub fn desk(&self) -> &Desk {
        &self.server.app.desk
    }

    pub async fn actor(&self, login: &str) -> Actor {
        let id = self.desk().account_of(login).await.unwrap().unwrap();
        self.desk().actor(id).await.unwrap().unwrap()
    }

    /// A ticket of the citizen's with whatever one can have.
    async fn received(&self, secrecy: Secrecy) -> TicketId {
        let text = || Some(TEXT.to_owned());
        let mut new = NewTicket {
            secrecy,
            place: text(),
            respondent: text(),
            incident_at: Some(self.clock.now() - TimeDelta::hours(1)),
            ..new_ticket()
        };
        if let Some(caller) = &mut new.caller {
            caller.company = text();
            caller.email = Some("wang@example.test".into());
            caller.sex = Some("female".into());
        }
        let by = self.actor("citizen").await;
        let received = self.desk().receive(&by, new, &Options::default()).await;
        TicketId(received.unwrap().id)
    }

    /// Has an action done by the first who may; whether anybody might.
    async fn does(&self, id: TicketId, action: &TicketAction<Sealed>) -> bool {
        let first = ["clerk", "citizen"];
        let all = first.into_iter().chain(STAFF.iter().map(|one| one.0));
        self.clock.set(self.clock.now() + TimeDelta::minutes(1));
        for login in all {
            let by = self.actor(login).await;
            let options = Options::default();
            let action = said(action.clone());
            let done = self.desk().act(&by, id, action, &options);
            if done.await.is_ok() {
                return true;
            }
        }
        false
    }

    async fn all_done(&self, id: TicketId, actions: Vec<TicketAction<Sealed>>) {
        for action in actions {
            let done = self.does(id, &action).await;
            assert!(done, "nobody may do {action:?}");
        }
    }

    pub async fn in_hand(&self, secrecy: Secrecy) -> TicketId {
        use scenario::*;
        let id = self.received(secrecy).await;
        let done = vec![
            assign(),
            view(),
            sign(),
            contact(),
            save_full_draft(),
            supervise(),
            attach_file(),
            open_file(),
        ];
        self.all_done(id, done).await;
        // As far as the default pack lets them be done one after the other.
        for more in [
            dispute(),
            rule(),
            suspend(),
            resume(),
            ask_extension(),
            ask_termination(),
        ] {
            self.does(id, &more).await;
        }
        id
    }

    pub async fn closed(&self) -> TicketId {
        use scenario::*;
        let id = self.received(Secrecy::Open).await;
        let answered = vec![assign(), view(), sign(), photo_of_the_answer(), reply()];
        self.all_done(id, answered).await;
        for more in [
            review(),
            call_back(),
            rate(),
            close(),
            correct(),
            ask_exclusion(),
        ] {
            self.does(id, &more).await;
        }
        id
    }

    /// Tickets to which one thing more has happened, or another.
    pub async fn further(&self) -> Vec<(&'static str, TicketId)> {
        use scenario::*;
        let in_hand = || vec![assign(), view(), sign()];
        let situations = [
            (
                "extended",
                [in_hand(), vec![ask_extension(), grant_extension()]],
            ),
            ("disputed", [in_hand(), vec![dispute()]]),
            ("to be terminated", [in_hand(), vec![ask_termination()]]),
            ("delegated", [in_hand(), vec![delegate()]]),
            ("urged", [in_hand(), vec![urge()]]),
            ("declined", [vec![decline()], vec![]]),
            (
                "excluded",
                [
                    in_hand(),
                    vec![reply(), ask_exclusion(), decide_exclusion(true)],
                ],
            ),
            (
                "archived",
                [in_hand(), vec![reply(), review(), call_back(), archive()]],
            ),
        ];
        let mut further = Vec::new();
        for (name, done) in situations {
            let id = self.received(Secrecy::Open).await;
            self.all_done(id, done.concat()).await;
            further.push((name, id));
        }
        further
    }

    pub async fn given_back(&self) -> TicketId {
        use scenario::*;
        let id = self.received(Secrecy::Open).await;
        let done = vec![assign(), view(), sign(), send_back(), accept_return()];
        self.all_done(id, done).await;
        id
    }
}
