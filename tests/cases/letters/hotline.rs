//! The hotline that handles the letters: a server on a manual clock, its staff over GraphQL.

use super::mailbag::{Letter, Mailbag};
use super::offices::{City, Department, Route};
use super::schedule::{Schedule, Step};
use chrono::{NaiveDateTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Asia::Shanghai;
use docket_core::{Clock as _, ManualClock};
use docket_domain::Timestamp;
use docket_domain::rules::DEFAULT_PACK;
use docket_gateway::app::Founding;
use docket_tests::TestStore;
use docket_tests::server::{Client, Server};
use docket_tests::staff::PASSWORD;
use docket_tests::store::PATIENCE;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// Staff log in again when a session is older than this; it lasts 12 hours.
const SESSION: TimeDelta = TimeDelta::hours(11);

/// The hotline.
pub struct Hotline<'m> {
    /// Its server.
    pub server: Server,
    nobody: Client,
    clock: Arc<ManualClock>,
    schedule: &'m Schedule,
    letters: &'m [Letter],
    routes: Vec<Route<'m>>,
    sessions: HashMap<String, (Timestamp, Client)>,
    tickets: Vec<Told>,
    /// Commands given.
    pub commands: usize,
    /// Sessions opened.
    pub logins: usize,
}

/// What the operator was told of a ticket and, but for the id, tells the citizen.
struct Told {
    id: String,
    number: String,
    query_code: String,
}

/// A local time as an instant.
fn instant(local: NaiveDateTime) -> Timestamp {
    Shanghai
        .from_local_datetime(&local)
        .unwrap()
        .with_timezone(&Utc)
}

/// The default rules with room for the longest answer: letters are not cut.
fn founding() -> Founding {
    let pack = ["body", "opinion", "answer"]
        .iter()
        .fold(DEFAULT_PACK.to_owned(), |pack, text| {
            let raised = pack.replacen(
                &format!("\n{text} = 5000\n"),
                &format!("\n{text} = 20000\n"),
                1,
            );
            assert_ne!(raised, pack, "the default pack's limit of {text}");
            raised
        });
    // The letters are reckoned by one term for all: no word in them makes one urgent.
    let pack = without_triage(&pack);
    Founding {
        pack,
        ..Founding::default()
    }
}

/// A pack without its rules of triage.
fn without_triage(pack: &str) -> String {
    let parts = pack.split("\n\n");
    let kept: Vec<&str> = parts
        .filter(|part| !part.contains("[[triage.rules]]"))
        .collect();
    assert!(
        kept.len() < pack.split("\n\n").count(),
        "the default pack has rules of triage"
    );
    kept.join("\n\n")
}

impl<'m> Hotline<'m> {
    /// Opens one on the day before the first letter.
    pub async fn open(
        store: &TestStore,
        schedule: &'m Schedule,
        mailbag: &'m Mailbag,
        city: &'m City,
    ) -> Self {
        let first = mailbag.letters[0].received_at - TimeDelta::days(1);
        let clock = Arc::new(ManualClock::at(instant(first)));
        let server = Server::open(store.options(clock.clone()), &founding()).await;
        city.set_up(&server.app.desk).await;
        let letters = mailbag.letters.iter().enumerate();
        let routes = letters
            .map(|(number, letter)| city.route(number, letter))
            .collect();
        Self {
            nobody: server.client(),
            server,
            clock,
            schedule,
            letters: &mailbag.letters,
            routes,
            sessions: HashMap::new(),
            tickets: Vec::new(),
            commands: 0,
            logins: 0,
        }
    }

    /// Moves the clock on.
    pub fn set_clock(&self, local: NaiveDateTime) {
        self.clock.set(instant(local));
    }

    /// A member of staff, logged in.
    pub async fn staff(&mut self, login: &str) -> Client {
        let now = self.clock.now();
        if let Some((since, client)) = self.sessions.get(login)
            && now - since < SESSION
        {
            return client.clone();
        }
        let client = self.nobody.logged_in(login, PASSWORD).await;
        self.sessions
            .insert(login.to_owned(), (now, client.clone()));
        self.logins += 1;
        client
    }

    /// Does a step of a letter, which must be taken and leave the ticket in the state it leads to.
    pub async fn step(&mut self, at: NaiveDateTime, number: usize, step: Step) {
        self.set_clock(at);
        if step == Step::Rate {
            return self.rate(number).await;
        }
        let (login, mutation, state) = self.who_and_what(number, step);
        let input = self.input(number, step);
        let client = self.staff(&login).await;
        let ticket = client.act(mutation, input).await;
        assert_eq!(
            ticket["state"], state,
            "{step:?} of letter {number} at {at}"
        );
        self.commands += 1;
        if step == Step::Receive {
            assert_eq!(
                self.tickets.len(),
                number,
                "letters come in the order of their numbers"
            );
            let text = |field: &str| ticket[field].as_str().unwrap().to_owned();
            self.tickets.push(Told {
                id: text("id"),
                number: text("number"),
                query_code: text("queryCode"),
            });
        }
    }

    /// The citizen has no account: number and query code are enough to rate.
    async fn rate(&mut self, number: usize) {
        let told = &self.tickets[number];
        let satisfaction = self.schedule.satisfaction(number);
        let input = json!({
            "number": told.number, "queryCode": told.query_code, "satisfaction": satisfaction,
        });
        let rated = self.nobody.rate_by_code(input).await;
        assert_eq!(rated["userErrors"], json!([]), "letter {number}");
        assert_eq!(rated["progress"]["satisfaction"], satisfaction);
        self.commands += 1;
    }

    /// Letters whose department no topic word told.
    pub fn by_turn(&self) -> usize {
        self.routes.iter().filter(|route| !route.known).count()
    }

    /// The department that has a letter in the end.
    fn department(&self, number: usize) -> &'m Department {
        let route = &self.routes[number];
        let is_returned = self.schedule.is_returned(number, self.letters.len());
        if is_returned {
            route.second
        } else {
            route.first
        }
    }

    /// Who does it, by which mutation, and the state that it leads to.
    fn who_and_what(&self, number: usize, step: Step) -> (String, &'static str, &'static str) {
        let first = self.routes[number].first;
        let department = self.department(number);
        let unit = department.unit(number / 2);
        match step {
            Step::Receive => ("operator".into(), "receiveTicket", "RECEIVED"),
            Step::Assign | Step::AssignAgain => ("dispatcher".into(), "assignTicket", "ASSIGNED"),
            Step::Return => (first.clerk(), "returnTicket", "RETURNED"),
            Step::Sign => (department.clerk(), "signTicket", "IN_PROGRESS"),
            Step::Delegate => (department.clerk(), "delegateTicket", "DELEGATED"),
            Step::UnitSign => (unit.clerk(), "signTicket", "DELEGATED"),
            Step::UnitReply => (unit.clerk(), "replyTicket", "AWAITING_SUMMARY"),
            Step::Reply => (department.clerk(), "replyTicket", "REPLIED"),
            Step::Rate => unreachable!("the citizen's own doing"),
        }
    }

    fn input(&self, number: usize, step: Step) -> Value {
        let letter = &self.letters[number];
        let first = self.routes[number].first;
        let department = self.department(number);
        let answer = letter.answer.as_ref().map(|(_, text)| text);
        let mut input = match step {
            Step::Receive => return self.request(letter),
            Step::Assign => {
                json!({ "leadId": first.global_id(), "instruction": "请按期办理" })
            }
            Step::Return => json!({ "reason": "NOT_COMPETENT", "text": "不属于本单位职责",
                "suggestedDepartmentId": department.global_id() }),
            Step::AssignAgain => json!({ "leadId": department.global_id() }),
            Step::Sign | Step::UnitSign => json!({}),
            Step::Delegate => json!({ "unitId": department.unit(number / 2).global_id(),
                "instruction": "请核实并提出答复" }),
            Step::UnitReply => {
                json!({ "answer": answer, "handler": "李工", "phone": "13800000001" })
            }
            Step::Reply => json!({ "answer": answer, "opinion": "已核实办理", "contacted": true,
                "solved": true, "handler": "王主任", "phone": "13800000002" }),
            Step::Rate => unreachable!("the citizen's own doing"),
        };
        input["id"] = json!(self.tickets[number].id);
        input
    }

    /// What the operator writes down. The pseudonym gives a phone number of its own.
    fn request(&self, letter: &Letter) -> Value {
        let words = [
            ("咨询", "CONSULT"),
            ("建议", "SUGGEST"),
            ("投诉", "COMPLAIN"),
            ("举报", "REPORT"),
            ("感谢", "PRAISE"),
        ];
        let kind = words.iter().find(|(word, _)| letter.title.contains(word));
        let first = self
            .letters
            .iter()
            .position(|other| other.citizen == letter.citizen);
        let phone = format!("139{:08}", first.expect("it is among them"));
        json!({
            "kind": kind.map_or("HELP", |(_, kind)| kind),
            "channel": "website",
            "caller": { "name": letter.citizen, "phone": phone },
            "title": letter.title,
            "body": letter.body,
        })
    }

    /// Waits until the views have come as far as the log; its length.
    pub async fn settle(&self) -> u64 {
        let head = self.server.app.desk.journal().head().await.unwrap();
        self.server
            .app
            .views
            .wait_for(head, PATIENCE)
            .await
            .unwrap();
        head
    }

    /// The figures as they stand: the statistics of all days, and what is overdue.
    pub async fn figures(&mut self) -> Value {
        self.settle().await;
        let query = "{ statistics(from: \"2018-01-01\", to: \"2030-12-31\", groupBy: NOTHING) {
            received assigned returned signed dueToSign signedInTime replied dueToReply repliedInTime
            rated satisfied fairly dissatisfied } }";
        let mut statistics = self.staff("auditor").await.data(query, json!({})).await;
        let mut figures = statistics["statistics"][0].take();
        let query = "{ inbox(tab: OVERDUE) { totalCount } }";
        let inbox = self.staff("dispatcher").await.data(query, json!({})).await;
        figures["overdue"] = inbox["inbox"]["totalCount"].clone();
        figures
    }

    /// Every letter is as it was written, but for how its lines end, and answered as it was answered, to the second.
    pub async fn compare_letters(&mut self) {
        let auditor = self.staff("auditor").await;
        let query =
            "query($id: ID!) { ticket(id: $id) { title body receivedAt answer { at text } } }";
        for (letter, told) in self.letters.iter().zip(&self.tickets) {
            let found = auditor.data(query, json!({ "id": told.id })).await;
            let time = |at: NaiveDateTime| instant(at).to_rfc3339();
            let kept = |text: &str| text.trim().replace("\r\n", "\n");
            let answer = letter.answer.as_ref();
            let expected = json!({
                "title": kept(&letter.title),
                "body": kept(&letter.body),
                "receivedAt": time(letter.received_at),
                "answer": answer.map(|(at, text)| json!({ "at": time(*at), "text": kept(text) })),
            });
            assert_eq!(found["ticket"], expected);
        }
    }
}
