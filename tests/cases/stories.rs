//! Stories over the wire: what the people of a hotline do one after the other, and who may not.

mod accounts;
mod answered_at_once;
mod at_the_door;
mod beside;
mod by_code;
mod excluded;
mod from_answer_to_close;
mod intake;
mod merged;
mod moved;
mod notices;
mod phrasebooks;
mod prints;
mod recovering;
mod reorganised;
mod returned;
mod settled;
mod shared_desk;
mod signed_off;
mod staff;
mod staff_in_bulk;
mod staff_lists;
mod staff_of_putian;
mod standing_still;
mod timers;
mod unseen;
mod while_assigning;

use crate::gateway::{city, department, request};
use docket_core::clock::Clock;
use docket_domain::rules::{CALENDAR_CN, DEFAULT_PACK};
use docket_domain::ticket::scenario::UNIT;
use docket_gateway::app::Founding;
use docket_tests::TestStore;
use docket_tests::city::found;
use docket_tests::server::{Client, Server};
use docket_tests::staff::{PASSWORD, hire_all};
use docket_tests::store::PATIENCE;
use serde_json::{Value, json};
use std::sync::Arc;

/// The small city at work.
pub(crate) struct Story {
    pub(crate) server: Server,
}

impl Story {
    pub(crate) async fn begin(store: &TestStore) -> Self {
        Self {
            server: city(store).await,
        }
    }

    /// Under a clock, with the default pack after what else it has.
    pub(crate) async fn begin_at(store: &TestStore, clock: Arc<dyn Clock>, lists: &str) -> Self {
        Self::begin_under(store, clock, format!("{lists}\n{DEFAULT_PACK}")).await
    }

    /// Under a clock and a rule pack.
    async fn begin_under(store: &TestStore, clock: Arc<dyn Clock>, pack: String) -> Self {
        let founding = Founding {
            name: "云州市".into(),
            pack,
            holidays: CALENDAR_CN.into(),
        };
        let server = Server::open(store.options(clock), &founding).await;
        found(&server.app.desk).await;
        hire_all(&server.app.desk, &server.app.store.ops).await;
        Self { server }
    }

    pub(crate) async fn person(&self, login: &str) -> Client {
        self.server.client().logged_in(login, PASSWORD).await
    }

    /// Does a mutation that must be taken, and gives the state it leads to.
    pub(crate) async fn does(&self, login: &str, mutation: &str, input: Value) -> Value {
        let person = self.person(login).await;
        person.act(mutation, input).await["state"].take()
    }

    /// Tries a mutation as each of these people: the code of its refusal.
    async fn may_not(&self, logins: &[&str], mutation: &str, input: &Value, code: &str) {
        for login in logins {
            let person = self.person(login).await;
            let refused = person.refused(mutation, input.clone()).await;
            assert_eq!(refused, code, "{login}: {mutation}");
        }
    }

    pub(crate) async fn received(&self) -> Value {
        let operator = self.person("operator").await;
        operator.act("receiveTicket", request()).await
    }

    /// Received and assigned to the department.
    pub(crate) async fn assigned(&self) -> Value {
        let ticket = self.received().await;
        let assign = json!({ "id": ticket["id"], "leadId": department() });
        self.does("dispatcher", "assignTicket", assign).await;
        ticket
    }

    /// Received, assigned and signed.
    pub(crate) async fn signed(&self) -> Value {
        let ticket = self.assigned().await;
        self.does("clerk", "signTicket", json!({ "id": ticket["id"] }))
            .await;
        ticket
    }

    /// What a person reads of a ticket, as it stands in the journal.
    pub(crate) async fn reads(&self, login: &str, id: &Value, fields: &str) -> Value {
        let person = self.person(login).await;
        let position = self.server.app.desk.journal().head().await.unwrap();
        let query = format!(
            "query($id: ID!, $at: Position) {{ ticket(id: $id, minPosition: $at) {{ {fields} }} }}"
        );
        let variables = json!({ "id": id, "at": position.to_string() });
        person.data(&query, variables).await["ticket"].take()
    }

    /// What the centre reads of a ticket once it is so: Docket does some things by itself.
    async fn until(&self, id: &Value, fields: &str, so: impl Fn(&Value) -> bool) -> Value {
        let started = std::time::Instant::now();
        loop {
            let seen = self.reads("office", id, fields).await;
            if so(&seen) {
                return seen;
            }
            assert!(started.elapsed() < PATIENCE, "it never came: {seen}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// The numbers in a tab of a person's inbox.
    async fn inbox(&self, login: &str, arguments: &str) -> Vec<String> {
        let person = self.person(login).await;
        let position = self.server.app.desk.journal().head().await.unwrap();
        let query = format!(
            "{{ inbox({arguments}, minPosition: \"{position}\") {{ edges {{ node {{ ticket {{ number }} }} }} }} }}"
        );
        let data = person.data(&query, json!({})).await;
        let edges = data["inbox"]["edges"].as_array().unwrap();
        let number = |edge: &Value| {
            edge["node"]["ticket"]["number"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        edges.iter().map(number).collect()
    }

    async fn is_in(&self, login: &str, tab: &str, ticket: &Value) {
        let numbers = self.inbox(login, &format!("tab: {tab}")).await;
        let number = ticket["number"].as_str().unwrap();
        assert!(numbers.iter().any(|n| n == number), "{login}'s {tab}");
    }
}

pub(crate) fn reply(id: &Value) -> Value {
    json!({
        "id": id, "opinion": "已核实", "answer": "已停工", "contacted": true, "solved": true,
        "handler": "李工", "phone": "13800000002",
    })
}

fn unit() -> String {
    format!("unit:{UNIT}")
}
