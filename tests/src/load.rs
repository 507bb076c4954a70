//! People who work at a hotline through GraphQL, whatever befalls its server, and a ledger of what was
//! acknowledged to them. The ledger is the tests' own: the server never writes to it.

use crate::commits::fresh;
use crate::server::Client;
use crate::staff::PASSWORD;
use docket_domain::ticket::scenario::DEPARTMENT;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;
use uuid::Uuid;

/// The steps of a ticket, and who takes them.
const STEPS: [(&str, Role); 4] = [
    ("receiveTicket", Role::Operator),
    ("assignTicket", Role::Dispatcher),
    ("signTicket", Role::Clerk),
    ("replyTicket", Role::Clerk),
];

#[derive(Clone, Copy)]
enum Role {
    Operator,
    Dispatcher,
    Clerk,
}

/// Sessions of those who take the steps.
#[derive(Clone)]
pub struct Crew {
    /// Receives.
    pub operator: Client,
    /// Assigns.
    pub dispatcher: Client,
    /// Signs and replies, at [`DEPARTMENT`].
    pub clerk: Client,
}

impl Crew {
    /// Logs everybody in.
    pub async fn log_in(client: &Client) -> Self {
        Self {
            operator: client.logged_in("operator", PASSWORD).await,
            dispatcher: client.logged_in("dispatcher", PASSWORD).await,
            clerk: client.logged_in("clerk", PASSWORD).await,
        }
    }

    /// The same people at another server of the same store.
    #[must_use]
    pub fn at(&self, url: &str) -> Self {
        Self {
            operator: self.operator.at(url),
            dispatcher: self.dispatcher.at(url),
            clerk: self.clerk.at(url),
        }
    }

    async fn send(&self, command: &Command) -> Result<Acknowledgement, reqwest::Error> {
        let client = match command.role {
            Role::Operator => &self.operator,
            Role::Dispatcher => &self.dispatcher,
            Role::Clerk => &self.clerk,
        };
        let payload = client
            .try_mutate(command.mutation, command.input.clone())
            .await?;
        Ok(Acknowledgement::of(command.id, &payload))
    }
}

/// A command that was taken, as the client was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The command.
    pub command: Uuid,
    /// The ticket, as GraphQL names it.
    pub ticket: String,
    /// Its revision after the command.
    pub revision: u64,
    /// Where the command's event is.
    pub position: u64,
}

impl Acknowledgement {
    /// What a payload says that must not be a refusal.
    #[must_use]
    pub fn of(command: Uuid, payload: &Value) -> Self {
        let ticket = &payload["ticket"];
        assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
        Self {
            command,
            ticket: ticket["id"].as_str().expect("a ticket").into(),
            revision: ticket["revision"].as_u64().expect("a revision"),
            position: position_of(payload),
        }
    }

    /// The ticket's id in the journal.
    #[must_use]
    pub fn stream(&self) -> Uuid {
        stream_of(&self.ticket)
    }
}

/// The position of a payload.
#[must_use]
pub fn position_of(payload: &Value) -> u64 {
    let position = payload["position"].as_str().expect("a position");
    position.parse().unwrap()
}

/// The id in the journal of a ticket as GraphQL names it.
#[must_use]
pub fn stream_of(ticket: &str) -> Uuid {
    let id = ticket.strip_prefix("ticket:").expect("a ticket's id");
    id.parse().unwrap()
}

/// What was acknowledged, in the order in which it was learnt.
#[derive(Default)]
pub struct Ledger {
    entries: Mutex<Vec<Acknowledgement>>,
    count: watch::Sender<usize>,
    closed: AtomicBool,
    unanswered: AtomicU64,
}

impl Ledger {
    fn write(&self, entry: Acknowledgement) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.push(entry);
        self.count.send_replace(entries.len());
    }

    /// Everything so far.
    #[must_use]
    pub fn entries(&self) -> Vec<Acknowledgement> {
        self.entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// Waits until there are so many.
    pub async fn reached(&self, count: usize) {
        let mut counts = self.count.subscribe();
        counts.wait_for(|n| *n >= count).await.unwrap();
    }

    /// Lets workers begin commands again.
    pub fn open(&self) {
        self.closed.store(false, Ordering::SeqCst);
        self.unanswered.store(0, Ordering::SeqCst);
    }

    /// From now on no worker begins a command.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// Requests begun since it was opened, and never answered though the server had a connection open.
    #[must_use]
    pub fn unanswered(&self) -> u64 {
        self.unanswered.load(Ordering::SeqCst)
    }
}

/// A command as it is sent, once or again.
struct Command {
    id: Uuid,
    role: Role,
    mutation: &'static str,
    input: Value,
}

/// Somebody who takes one ticket after another through its steps.
#[derive(Default)]
pub struct Worker {
    ticket: Option<String>,
    step: usize,
    pending: Option<Command>,
    /// Commands never answered, and not sent again.
    pub given_up: Vec<Uuid>,
    /// Commands that were sent again, and answered then.
    pub repeated: Vec<Uuid>,
}

impl Worker {
    /// Works until the ledger is closed or a request is not answered. A command that an earlier server
    /// did not answer is sent again first, twice at the same time: both answers must be the same.
    pub async fn work(&mut self, crew: &Crew, ledger: &Ledger) {
        if let Some(command) = &self.pending {
            let (one, two) = tokio::join!(crew.send(command), crew.send(command));
            if let (Ok(one), Ok(two)) = (&one, &two) {
                assert_eq!(one, two, "one command, one outcome");
            }
            let Ok(answer) = one.or(two) else { return };
            self.repeated.push(command.id);
            self.took(answer, ledger);
        }
        while !ledger.closed.load(Ordering::SeqCst) {
            let command = self.next();
            let sent = crew.send(&command).await;
            self.pending = Some(command);
            match sent {
                Ok(answer) => self.took(answer, ledger),
                Err(error) => {
                    let in_flight = u64::from(!error.is_connect());
                    ledger.unanswered.fetch_add(in_flight, Ordering::SeqCst);
                    return;
                }
            }
        }
    }

    /// Whether its last command was not answered.
    #[must_use]
    pub const fn is_left_waiting(&self) -> bool {
        self.pending.is_some()
    }

    /// Gives up the command that was not answered, and the ticket with it.
    pub fn give_up(&mut self) {
        self.given_up.extend(self.pending.take().map(|c| c.id));
        (self.ticket, self.step) = (None, 0);
    }

    fn took(&mut self, answer: Acknowledgement, ledger: &Ledger) {
        self.pending = None;
        self.step = (self.step + 1) % STEPS.len();
        self.ticket = (self.step > 0).then(|| answer.ticket.clone());
        ledger.write(answer);
    }

    fn next(&self) -> Command {
        let (mutation, role) = STEPS[self.step];
        let id = fresh();
        let mut input = match mutation {
            "receiveTicket" => received(),
            "assignTicket" => assigned(&DEPARTMENT.to_string()),
            "replyTicket" => replied("已责令停工"),
            _ => json!({}),
        };
        input["commandId"] = json!(id);
        if let Some(ticket) = &self.ticket {
            input["id"] = json!(ticket);
        }
        Command {
            id,
            role,
            mutation,
            input,
        }
    }
}

/// The input of a plain request.
#[must_use]
pub fn received() -> Value {
    json!({
        "kind": "COMPLAIN", "channel": "phone", "title": "夜间施工扰民", "body": "连续三天夜里施工。",
        "caller": { "name": "陈女士", "phone": "13800000000" },
    })
}

/// The input of an assignment to a department.
#[must_use]
pub fn assigned(department: &str) -> Value {
    json!({ "leadId": format!("department:{department}"), "instruction": "请尽快办理" })
}

/// The input of a full answer.
#[must_use]
pub fn replied(answer: &str) -> Value {
    json!({
        "opinion": "已到现场核实", "answer": answer, "contacted": true, "solved": true,
        "handler": "李工", "phone": "13800000001",
    })
}
