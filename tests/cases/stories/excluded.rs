//! Exclusions from the appraisal: every one is listed, to whom it concerns, with what became of it; and what it does to
//! the figures.

use super::{Story, reply};
use crate::gateway::department;
use chrono::Days;
use docket_core::SystemClock;
use docket_core::clock::Clock as _;
use docket_domain::ids::{ErasureId, TicketId};
use docket_domain::people::Actor;
use docket_domain::ticket::TicketAction;
use docket_domain::ticket::actions::erase::Erase;
use docket_domain::ticket::state::Ground;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};

on_both_stores! {
    every_exclusion_is_listed_to_whom_it_concerns,
    a_filter_shows_some_and_an_erased_ticket_is_gone,
    the_three_rates_are_weighed_and_adjusted,
}

const LIST: &str = "query($p: Position, $f: ExclusionFilter) { exclusions(minPosition: $p, filter: $f) {
    nodes { no state ground text appeal opinion askedBy { name } decidedBy { name } department { name }
        ticket { id number } } } }";

/// Answered by the department, which asks that it be left out.
async fn asked(story: &Story) -> Value {
    let ticket = story.signed().await;
    let id = &ticket["id"];
    story.does("clerk", "replyTicket", reply(id)).await;
    story.does("leader", "askExclusion", ask(id)).await;
    ticket
}

fn ask(id: &Value) -> Value {
    json!({ "id": id, "ground": "FORCE_MAJEURE", "text": "暴雨" })
}

async fn decide(story: &Story, login: &str, id: &Value, granted: bool) {
    let decide = json!({ "id": id, "granted": granted, "text": "核查" });
    story.does(login, "decideExclusion", decide).await;
}

/// The list as somebody sees it now.
async fn list(story: &Story, login: &str, filter: Value) -> Vec<Value> {
    let head = story.server.app.desk.journal().head().await.unwrap();
    let person = story.person(login).await;
    let variables = json!({ "p": head.to_string(), "f": filter });
    let mut data = person.data(LIST, variables).await;
    data["exclusions"]["nodes"]
        .as_array_mut()
        .unwrap()
        .drain(..)
        .collect()
}

/// What stands in it, in its order.
async fn stand(story: &Story, login: &str, filter: Value) -> Vec<String> {
    let rows = list(story, login, filter).await;
    let state = |row: &Value| row["state"].as_str().unwrap().to_owned();
    rows.iter().map(state).collect()
}

async fn every_exclusion_is_listed_to_whom_it_concerns(store: &TestStore) {
    let story = Story::begin(store).await;
    let (first, second) = (asked(&story).await, asked(&story).await);
    decide(&story, "office", &first["id"], false).await;
    story
        .does("leader", "askExclusion", ask(&first["id"]))
        .await;
    decide(&story, "office", &second["id"], true).await;
    for login in [
        "office",
        "joint-meeting",
        "supervisor",
        "auditor",
        "clerk",
        "leader",
    ] {
        let seen = stand(&story, login, Value::Null).await;
        assert_eq!(seen, ["APPEALED", "GRANTED", "REFUSED"], "{login}");
    }
    let rows = list(&story, "auditor", Value::Null).await;
    let granted = json!({
        "no": 1, "state": "GRANTED", "ground": "FORCE_MAJEURE", "text": "暴雨", "appeal": false,
        "opinion": "核查", "askedBy": { "name": "leader by name" },
        "decidedBy": { "name": "office by name" }, "department": { "name": "城市管理局" },
        "ticket": { "id": second["id"], "number": second["number"] },
    });
    assert_eq!(rows[1], granted);
    let none = stand(&story, "other-clerk", Value::Null).await;
    assert_eq!(none, [] as [&str; 0]);
    for login in [
        "operator",
        "dispatcher",
        "call-back",
        "unit-clerk",
        "citizen",
        "analyst",
        "admin",
    ] {
        let person = story.person(login).await;
        let code = person.fault(LIST, json!({})).await;
        assert_eq!(code, "FORBIDDEN", "{login}");
    }
    let other = story.person("other-clerk").await;
    let filter = json!({ "f": { "departmentId": department() } });
    assert_eq!(other.fault(LIST, filter).await, "FORBIDDEN");
    // A report that turns out to accuse the department is hidden from it, with what it asked for.
    let accuses = json!({
        "id": second["id"], "secrecy": "CONFIDENTIAL", "accusedDepartmentId": department(), "text": "举报该局",
    });
    story.does("office", "setSecrecy", accuses).await;
    let seen = stand(&story, "clerk", Value::Null).await;
    assert_eq!(seen, ["APPEALED", "REFUSED"]);
    assert_eq!(stand(&story, "office", Value::Null).await.len(), 3);
}

async fn a_filter_shows_some_and_an_erased_ticket_is_gone(store: &TestStore) {
    let story = Story::begin(store).await;
    let (first, _) = (asked(&story).await, asked(&story).await);
    decide(&story, "office", &first["id"], true).await;
    let some = async |filter| stand(&story, "office", filter).await;
    assert_eq!(some(json!({ "state": "GRANTED" })).await, ["GRANTED"]);
    assert_eq!(some(json!({ "state": "PENDING" })).await, ["PENDING"]);
    let own = json!({ "departmentId": department() });
    assert_eq!(some(own).await.len(), 2);
    let today = SystemClock.now().with_timezone(&chrono_tz::Asia::Shanghai);
    let day = |days| (today.date_naive() + Days::new(days)).to_string();
    let before = (today.date_naive() - Days::new(2)).to_string();
    assert_eq!(some(json!({ "from": before, "to": day(1) })).await.len(), 2);
    assert_eq!(some(json!({ "from": day(2) })).await.len(), 0);
    assert_eq!(some(json!({ "to": before })).await.len(), 0);
    let id = first["id"]
        .as_str()
        .unwrap()
        .strip_prefix("ticket:")
        .unwrap();
    let id = TicketId(id.parse().unwrap());
    let erasing = TicketAction::Erase(Erase {
        erasure: ErasureId(uuid::Uuid::nil()),
        ground: Ground::Request,
        replayed: true,
    });
    let desk = &story.server.app.desk;
    let options = docket_core::desk::Options::default();
    desk.act(&Actor::system(), id, erasing, &options)
        .await
        .unwrap();
    assert_eq!(some(Value::Null).await, ["PENDING"]);
}

/// Answered, reviewed, and its caller called back.
async fn called_back(story: &Story, contacted: bool, solved: bool, satisfaction: &str) -> Value {
    let ticket = story.signed().await;
    let id = &ticket["id"];
    story.does("clerk", "replyTicket", reply(id)).await;
    story
        .does("office", "reviewTicket", json!({ "id": id }))
        .await;
    let call = json!({
        "id": id, "reached": true, "contacted": contacted, "solved": solved, "satisfaction": satisfaction,
    });
    story.does("call-back", "callBackTicket", call).await;
    ticket
}

/// The department's row of all days.
async fn figures(story: &Story) -> Value {
    const FIGURES: &str = "replied assessed contactedInTime solved unsolved notSaid rated
        responseRate resolutionRate satisfactionRate threeRateScore";
    let head = story.server.app.desk.journal().head().await.unwrap();
    let query = format!(
        "{{ statistics(from: \"2026-01-01\", to: \"2035-12-31\", minPosition: \"{head}\", departmentId: \"{}\") {{
            excluded {FIGURES} adjusted {{ {FIGURES} }} }} }}",
        department()
    );
    let analyst = story.person("analyst").await;
    analyst.data(&query, json!({})).await["statistics"][0].take()
}

async fn the_three_rates_are_weighed_and_adjusted(store: &TestStore) {
    let story = Story::begin(store).await;
    called_back(&story, true, true, "SATISFIED").await;
    let bad = called_back(&story, false, false, "DISSATISFIED").await;
    let seen = figures(&story).await;
    let raw = json!({
        "replied": 2, "assessed": 2, "contactedInTime": 1, "solved": 1, "unsolved": 1, "notSaid": 0, "rated": 2,
        "responseRate": 0.5, "resolutionRate": 0.5, "satisfactionRate": 0.5, "threeRateScore": 50.0,
    });
    assert_eq!((&seen["adjusted"], &seen["excluded"]), (&raw, &json!(0)));
    story.does("leader", "askExclusion", ask(&bad["id"])).await;
    assert_eq!(figures(&story).await, seen, "asked for is not granted");
    decide(&story, "office", &bad["id"], true).await;
    let mut seen = figures(&story).await;
    let adjusted = json!({
        "replied": 1, "assessed": 1, "contactedInTime": 1, "solved": 1, "unsolved": 0, "notSaid": 0, "rated": 1,
        "responseRate": 1.0, "resolutionRate": 1.0, "satisfactionRate": 1.0, "threeRateScore": 100.0,
    });
    assert_eq!(seen["adjusted"].take(), adjusted);
    assert_eq!(seen["excluded"], 1);
    for (field, figure) in raw.as_object().unwrap() {
        assert_eq!(&seen[field], figure, "{field} stays as it was");
    }
    let query = "{ rulePack { ratingScale { code zh en } fairlyWeight
        rateWeights { response resolution satisfaction } } }";
    let pack = story.person("clerk").await.data(query, json!({})).await;
    let pack = &pack["rulePack"];
    let fairly = json!({ "code": "FAIRLY", "zh": "基本满意", "en": "Fairly satisfied" });
    assert_eq!(pack["ratingScale"][1], fairly);
    assert_eq!(pack["fairlyWeight"], 0.6);
    let weights = json!({ "response": 30, "resolution": 35, "satisfaction": 35 });
    assert_eq!(pack["rateWeights"], weights);
}
