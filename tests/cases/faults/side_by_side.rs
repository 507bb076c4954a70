//! Two servers on one store, as two processes: each step of each ticket is sent to both at the same time.
//! One is taken and the other refused; or, under one command id, both tell the same outcome.

use super::{DOCKET, audit, open_for_work};
use docket_domain::ticket::scenario::{DEPARTMENT, OTHER_DEPARTMENT};
use docket_tests::load::{Acknowledgement, Crew, assigned, received, replied};
use docket_tests::server::{Client, ServerProcess};
use docket_tests::staff::PASSWORD;
use docket_tests::{TestStore, on_both_stores};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

const TICKETS: usize = 40;
/// Tickets raced for at one time.
const AT_ONCE: usize = 8;
/// What the slower of two may be told.
const REFUSALS: [&str; 3] = ["WRONG_STATE", "NOT_HOLDER", "CONFLICT"];

/// Sessions that hold at both servers.
struct People {
    servers: [String; 2],
    crew: Crew,
    other_clerk: Client,
}

impl People {
    /// A department and its clerk.
    fn office(&self, other: bool) -> (String, &Client) {
        if other {
            (OTHER_DEPARTMENT.to_string(), &self.other_clerk)
        } else {
            (DEPARTMENT.to_string(), &self.crew.clerk)
        }
    }

    /// Sends a command to each server at the same time; which one a hair's breadth earlier is told.
    async fn both(
        &self,
        first: usize,
        by: &Client,
        mutation: &str,
        inputs: [Value; 2],
    ) -> [Value; 2] {
        let send = |server: usize| {
            let (client, input) = (by.at(&self.servers[server]), inputs[server].clone());
            async move { client.mutate(mutation, input).await }
        };
        let mut answers: [Value; 2] = tokio::join!(send(first), send(1 - first)).into();
        answers.rotate_left(first);
        answers
    }
}

/// What became of the races.
#[derive(Default)]
struct Outcome {
    acknowledged: Vec<Acknowledgement>,
    /// Which server won how often.
    wins: [usize; 2],
    refusals: BTreeMap<String, usize>,
}

impl Outcome {
    fn refused(&mut self, payload: &Value) {
        assert_eq!(payload["ticket"], Value::Null, "{payload:#}");
        let code = payload["userErrors"][0]["code"]
            .as_str()
            .expect("a coded refusal");
        assert!(REFUSALS.contains(&code), "{payload:#}");
        *self.refusals.entry(code.into()).or_default() += 1;
    }

    /// Of two commands exactly one was taken: which.
    fn rivals(&mut self, ids: [Uuid; 2], payloads: &[Value; 2]) -> usize {
        let won = usize::from(payloads[0]["ticket"].is_null());
        self.acknowledged
            .push(Acknowledgement::of(ids[won], &payloads[won]));
        self.refused(&payloads[1 - won]);
        self.wins[won] += 1;
        won
    }

    /// Of one command sent twice both told the same.
    fn twins(&mut self, id: Uuid, payloads: &[Value; 2]) {
        let told = payloads
            .each_ref()
            .map(|payload| Acknowledgement::of(id, payload));
        assert_eq!(told[0], told[1], "one command, one outcome");
        self.acknowledged.push(told[0].clone());
    }

    fn merge(&mut self, other: Self) {
        self.acknowledged.extend(other.acknowledged);
        for (sum, wins) in self.wins.iter_mut().zip(other.wins) {
            *sum += wins;
        }
        for (code, count) in other.refusals {
            *self.refusals.entry(code).or_default() += count;
        }
    }
}

fn with(mut input: Value, command: Uuid, ticket: Option<&str>) -> Value {
    input["commandId"] = json!(command);
    if let Some(ticket) = ticket {
        input["id"] = json!(ticket);
    }
    input
}

/// One ticket through both servers, from its receipt to its answer. Even ones are raced for under two
/// command ids a step, odd ones are sent under one. Who held it: whether the other department.
async fn raced(people: &People, number: usize) -> (Outcome, String, bool) {
    let mut outcome = Outcome::default();
    let rivals = number.is_multiple_of(2);
    let id = || docket_tests::commits::fresh::<Uuid>();
    let received_as = id();
    let input = with(received(), received_as, None);
    let first = number / 2 % 2;
    let both = people
        .both(
            first,
            &people.crew.operator,
            "receiveTicket",
            [input.clone(), input],
        )
        .await;
    outcome.twins(received_as, &both);
    let ticket = outcome.acknowledged[0].ticket.clone();
    let mut other = number % 4 == 1;
    for step in ["assignTicket", "signTicket", "replyTicket"] {
        let ids = if rivals { [id(), id()] } else { [id(); 2] };
        let inputs = [0, 1].map(|server| {
            let input = match step {
                "assignTicket" => {
                    assigned(&people.office(if rivals { server == 1 } else { other }).0)
                }
                "replyTicket" if rivals => replied(&format!("由{server}答复")),
                "replyTicket" => replied("已责令停工"),
                _ => json!({}),
            };
            with(input, ids[server], Some(&ticket))
        });
        let by = if step == "assignTicket" {
            &people.crew.dispatcher
        } else {
            people.office(other).1
        };
        let payloads = people.both(first, by, step, inputs).await;
        if !rivals {
            outcome.twins(ids[0], &payloads);
        } else if outcome.rivals(ids, &payloads) == 1 && step == "assignTicket" {
            other = true;
        }
    }
    (outcome, ticket, other)
}

/// The tickets in the replied tab and the counts of all tabs, as a server tells them.
async fn inbox(by: &Client, position: u64) -> Value {
    let query = "query($at: Position!) { inbox(tab: REPLIED, first: 100, orderBy: OLDEST_FIRST, minPosition: $at) {
        totalCount counts { tab count } edges { cursor node { assignmentNo tab ticket { id number state revision } } } } }";
    by.data(query, json!({ "at": position.to_string() })).await["inbox"].take()
}

/// Both servers show an office the same inbox, with its tickets in it.
async fn assert_inbox(people: &People, by: &Client, tickets: &[String], position: u64) {
    let one = inbox(&by.at(&people.servers[0]), position).await;
    let two = inbox(&by.at(&people.servers[1]), position).await;
    assert_eq!(one, two, "both servers show the same");
    let edges = one["edges"].as_array().unwrap();
    let mut shown: Vec<&str> = Vec::new();
    for edge in edges {
        let ticket = &edge["node"]["ticket"];
        assert_eq!(
            (&ticket["state"], &ticket["revision"]),
            (&json!("REPLIED"), &json!(4))
        );
        shown.push(ticket["id"].as_str().unwrap());
    }
    shown.sort_unstable();
    let mut expected: Vec<&str> = tickets.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(shown, expected);
    for count in one["counts"].as_array().unwrap() {
        let expected = if count["tab"] == "REPLIED" {
            tickets.len()
        } else {
            0
        };
        assert_eq!(count["count"], json!(expected), "{count}");
    }
}

async fn two_servers_on_one_store_agree(store: &TestStore) {
    let (first, crew) = open_for_work(store).await;
    let second = ServerProcess::start(DOCKET, store);
    let people = People {
        servers: [first.url.clone(), second.url.clone()],
        other_clerk: second.client().logged_in("other-clerk", PASSWORD).await,
        crew,
    };
    let mut all = Outcome::default();
    let mut offices: HashMap<bool, Vec<String>> = HashMap::new();
    let mut races = stream::iter((0..TICKETS).map(|n| raced(&people, n))).buffered(AT_ONCE);
    while let Some((outcome, ticket, other)) = races.next().await {
        all.merge(outcome);
        offices.entry(other).or_default().push(ticket);
    }
    println!("wins {:?}, refusals {:?}", all.wins, all.refusals);
    assert_eq!(all.acknowledged.len(), 4 * TICKETS);
    let last = all.acknowledged.iter().map(|a| a.position).max().unwrap();
    for (other, tickets) in &offices {
        assert_inbox(&people, people.office(*other).1, tickets, last).await;
    }
    let audited = audit(store, &all.acknowledged).await;
    assert_eq!(
        audited.commands.len(),
        4 * TICKETS,
        "what was refused left nothing behind"
    );
    let mut steps: HashMap<Uuid, Vec<&str>> = HashMap::new();
    for record in audited
        .log
        .iter()
        .filter(|record| record.category == "ticket")
    {
        steps
            .entry(record.stream)
            .or_default()
            .push(&record.event_type);
    }
    assert_eq!(steps.len(), TICKETS);
    assert!(
        steps
            .values()
            .all(|steps| *steps == ["received", "assigned", "signed", "replied"])
    );
}

on_both_stores! { two_servers_on_one_store_agree }
