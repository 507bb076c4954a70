//! The seed documents as stories: each file under `tests/stories/` follows one document step by step, over GraphQL,
//! with the document's own sentence at each step. What was asked and answered is a transcript beside it, for
//! people to read; a stale one is written anew, and the test fails. See `tests/stories/README.md`.

mod answers;
mod written;

use crate::gateway::department;
use answers::{contains, find};
use chrono::TimeDelta;
use docket_core::desk::Options;
use docket_core::{Clock as _, ManualClock};
use docket_domain::people::Actor;
use docket_domain::rules::{CALENDAR_CN, DEFAULT_PACK, PACKS};
use docket_domain::ticket::scenario::{OTHER_DEPARTMENT, UNIT};
use docket_gateway::app::Founding;
use docket_tests::TestStore;
use docket_tests::city::found;
use docket_tests::server::{Client, Server};
use docket_tests::staff::{PASSWORD, STAFF, hash, hire};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use written::{Step, Story, assert_told_apart, stories};

/// When each story begins: on a Monday, at ten in Shanghai.
const BEGINS: &str = "2026-11-23T02:00:00Z";

/// A story while it is played.
struct Played<'s> {
    server: Server,
    clock: Arc<ManualClock>,
    people: HashMap<String, Client>,
    names: HashMap<String, String>,
    transcript: String,
    story: &'s Story,
}

#[tokio::test]
async fn every_document_is_a_story_that_runs() {
    let stories = stories();
    for seed in ["s1", "s2", "s3", "s5", "s7", "s10", "s11"] {
        let of_it = |(name, _): &&(String, Story)| name.starts_with(&format!("{seed}-"));
        assert!(
            stories.iter().any(|story| of_it(&story)),
            "{seed} has a story"
        );
    }
    let mut transcripts = Vec::new();
    for (name, story) in &stories {
        assert_told_apart(name, story);
        let on_sqlite = played(TestStore::sqlite(), story).await;
        let on_postgres = played(TestStore::postgres().await, story).await;
        assert_eq!(on_sqlite, on_postgres, "{name}: both stores tell the same");
        transcripts.push((format!("../stories/{name}.md"), on_sqlite));
    }
    docket_tests::golden::goldens(transcripts);
}

async fn played(store: TestStore, story: &Story) -> String {
    let mut transcript = String::new();
    docket_tests::store::run(store, async |store: &TestStore| {
        let mut played = Played::begin(store, story).await;
        for step in &story.steps {
            played.step(step).await;
        }
        played.tell_what_is_not_shown();
        transcript = std::mem::take(&mut played.transcript);
    })
    .await;
    transcript
}

impl<'s> Played<'s> {
    async fn begin(store: &TestStore, story: &'s Story) -> Self {
        let pack = PACKS.iter().find(|(name, _)| *name == story.pack);
        let pack = pack.unwrap_or_else(|| panic!("{}", story.pack)).1;
        let change = |pack: String, (from, to): &(String, String)| {
            assert!(pack.contains(from), "{from}");
            pack.replacen(from, to, 1)
        };
        let pack = story.changes.iter().fold(pack.to_owned(), change);
        let founding = Founding {
            name: "12345热线".into(),
            pack: DEFAULT_PACK.into(),
            holidays: CALENDAR_CN.into(),
        };
        let clock = Arc::new(ManualClock::at(BEGINS.parse().unwrap()));
        let server = Server::open(store.options(clock.clone()), &founding).await;
        found(&server.app.desk).await;
        let hashed = hash(&server.app.store.ops).await;
        for (login, role, department, unit) in STAFF {
            // One after the other: lists tell them by when they came.
            clock.set(clock.now() + TimeDelta::seconds(1));
            hire(&server.app.desk, &hashed, login, *role, *department, *unit).await;
        }
        // Staff first: a pack may ask their logins to begin otherwise.
        let (docket, options) = (Actor::system(), Options::default());
        let desk = &server.app.desk;
        if pack != founding.pack {
            let published = desk.publish(&docket, &pack, CALENDAR_CN, &options);
            published.await.unwrap();
        }
        let names = [
            ("department", department()),
            ("other_department", format!("department:{OTHER_DEPARTMENT}")),
            ("unit", format!("unit:{UNIT}")),
            ("password", PASSWORD.to_owned()),
        ];
        let changed = if story.changes.is_empty() {
            ""
        } else {
            ", changed as the story says"
        };
        let transcript = format!(
            "# {}\n\nPlayed under the rule pack `{}`{changed}. Written by a test; see `{}`.\n",
            story.title, story.pack, "tests/cases/seeds.rs"
        );
        Self {
            server,
            clock,
            people: HashMap::new(),
            names: names.map(|(name, id)| (name.to_owned(), id)).into(),
            transcript,
            story,
        }
    }

    async fn person(&mut self, login: &str) -> Client {
        if let Some(known) = self.people.get(login) {
            return known.clone();
        }
        let client = self.server.client();
        if login == "visitor" {
            return client;
        }
        let client = client.logged_in(login, PASSWORD).await;
        self.people.insert(login.to_owned(), client.clone());
        client
    }

    async fn step(&mut self, step: &Step) {
        let passed = TimeDelta::minutes(1 + step.minutes_later);
        self.clock.set(self.clock.now() + passed);
        self.head(step);
        let position = self.server.app.desk.journal().head().await.unwrap();
        let views = &self.server.app.views;
        views
            .wait_for(position, docket_tests::store::PATIENCE)
            .await
            .unwrap();
        if step.does.is_some() {
            self.does(step).await;
        } else {
            self.asks(step).await;
        }
    }

    /// The document's words as a quotation, and what is ours to say apart from them.
    fn head(&mut self, step: &Step) {
        if let Some(words) = &step.shows {
            let _ = write!(self.transcript, "\n> {words}\n");
        }
        if let Some(note) = &step.note {
            let _ = write!(self.transcript, "\n*{note}*\n");
        }
        if step.shows.is_some() || step.note.is_some() {
            self.transcript.push('\n');
        }
    }

    fn tell_what_is_not_shown(&mut self) {
        self.transcript.push_str("\n## Not shown\n\n");
        for (words, why) in &self.story.not_shown {
            let _ = writeln!(self.transcript, "- “{words}”: {why}");
        }
    }

    /// Puts ids for names that begin with `$`.
    fn filled(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.filled_text(text)),
            Value::Array(all) => all.iter().map(|value| self.filled(value)).collect(),
            Value::Object(map) => {
                let pairs = map
                    .iter()
                    .map(|(key, value)| (key.clone(), self.filled(value)));
                Value::Object(pairs.collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn filled_text(&self, text: &str) -> String {
        let mut names: Vec<_> = self.names.iter().collect();
        // The longest first: one name may begin another.
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        names.iter().fold(text.to_owned(), |text, (name, id)| {
            text.replace(&format!("${name}"), id)
        })
    }

    async fn does(&mut self, step: &Step) {
        let mutation = step.does.as_deref().unwrap();
        let input_type = format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]);
        let selects = step
            .selects
            .as_deref()
            .unwrap_or("ticket { id number state }");
        let query = format!(
            "mutation($input: {input_type}!) {{ {mutation}(input: $input) {{ {selects} userErrors {{ code path }} }} }}"
        );
        let mut input = self.filled(&Value::Object(step.input.clone()));
        if step.reads_captcha {
            let (id, digits) = self.captcha().await;
            (input["captchaId"], input["captchaAnswer"]) = (json!(id), json!(digits));
        }
        let mut answer = self.answered(step, &query, json!({ "input": input })).await;
        let mut payload = match answer.get_mut(mutation) {
            Some(payload) => payload.take(),
            None => answer,
        };
        if let Some(token) = payload["token"].as_str() {
            let mut session = self.server.client();
            session.token = Some(token.to_owned());
            let login = input["login"].as_str().unwrap().to_owned();
            self.people.insert(login, session);
            payload["token"] = json!("…");
        }
        if let Some(name) = &step.calls_it {
            let id = payload["ticket"]["id"].as_str().unwrap().to_owned();
            let number = payload["ticket"]["number"].as_str().unwrap().to_owned();
            self.names.insert(name.clone(), id);
            self.names.insert(format!("number_of_{name}"), number);
        }
        // A link is another each time.
        if payload["url"].is_string() {
            payload["url"] = json!("…");
        }
        self.keep(step, &mut payload);
        if let Some(Value::Object(ticket)) = payload.get_mut("ticket") {
            ticket.remove("id");
            ticket.remove("number");
        }
        if payload["userErrors"] == json!([]) {
            payload.as_object_mut().unwrap().remove("userErrors");
        }
        self.holds(step, &payload);
        let input = Value::Object(step.input.clone());
        let captcha = if step.reads_captcha {
            " with the digits of a captcha"
        } else {
            ""
        };
        let _ = write!(
            self.transcript,
            "- **{}** `{mutation}`{captcha}\n  ```json\n  {input}\n  ```\n  → `{payload}`\n",
            step.who
        );
    }

    /// The data that a step's request is answered with. It is refused, or fails, exactly where that is due.
    async fn answered(&mut self, step: &Step, query: &str, variables: Value) -> Value {
        let person = self.person(&step.who).await;
        let mut response = person.run(query, variables).await;
        let fault = response.pointer("/errors/0").map(|error| {
            let code = error["extensions"]["code"].as_str();
            json!(code.expect("a coded fault"))
        });
        let refusals = find(&response["data"], "userErrors");
        let refusal = refusals.first().map(|errors| errors[0]["code"].clone());
        let code = fault.clone().or(refusal).unwrap_or(Value::Null);
        let title = &self.story.title;
        let who = &step.who;
        assert_eq!(
            code,
            json!(step.refused),
            "{title}: {who}: {query}\n{response:#}"
        );
        match fault {
            Some(code) => json!({ "errors": [{ "code": code }] }),
            None => response["data"].take(),
        }
    }

    /// A captcha's id, and its digits as a person would read them off its image.
    async fn captcha(&self) -> (String, String) {
        let visitor = self.server.client();
        let data = visitor.data("{ captcha { id } }", json!({})).await;
        let id = data["captcha"]["id"].as_str().unwrap().to_owned();
        let digits = self.server.app.desk.captcha_text(&id).unwrap();
        (id, digits)
    }

    async fn asks(&mut self, step: &Step) {
        let asked = match (&step.asks, &step.inbox) {
            (Some(query), None) => query.clone(),
            (None, Some(tab)) => format!(
                "inbox(tab: {tab}) {{ edges {{ node {{ unviewed ticket {{ title state }} }} }} }}"
            ),
            _ => panic!("a step does, asks, or looks into an inbox"),
        };
        let query = format!("{{ {} }}", self.filled_text(&asked));
        let mut answer = self.answered(step, &query, json!({})).await;
        let began = std::time::Instant::now();
        while step.waits && !self.is_there(step, &answer) {
            assert!(
                began.elapsed() < docket_tests::store::PATIENCE,
                "{answer:#}"
            );
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            answer = self.answered(step, &query, json!({})).await;
        }
        self.keep(step, &mut answer);
        self.holds(step, &answer);
        // A number differs from one time to the next.
        let numbers = self.names.iter();
        let numbers = numbers.filter(|(name, _)| name.starts_with("number_of_"));
        let answer = numbers.fold(answer.to_string(), |answer, (name, number)| {
            answer.replace(number, &format!("${name}"))
        });
        let _ = write!(
            self.transcript,
            "- **{}** asks `{asked}`\n  → `{answer}`\n",
            step.who
        );
    }

    /// Remembers what later steps name; the transcript shows the name.
    fn keep(&mut self, step: &Step, answer: &mut Value) {
        for (name, pointer) in &step.keeps {
            let found = answer.pointer_mut(pointer).unwrap();
            let kept = std::mem::replace(found, json!(format!("${name}")));
            let kept = kept.as_str().unwrap().to_owned();
            self.names.insert(name.clone(), kept);
        }
    }

    fn is_there(&self, step: &Step, answer: &Value) -> bool {
        let mut wanted = step.gets.iter();
        wanted.all(|(key, wanted)| {
            let wanted = self.filled(wanted);
            find(answer, key)
                .iter()
                .any(|value| contains(value, &wanted))
        })
    }

    fn holds(&self, step: &Step, answer: &Value) {
        for (key, wanted) in &step.gets {
            let wanted = &self.filled(wanted);
            let found = find(answer, key);
            let title = &self.story.title;
            assert!(
                found.iter().any(|value| contains(value, wanted)),
                "{title}: {}: {key}: {wanted} in {answer:#}",
                step.who
            );
        }
    }
}
