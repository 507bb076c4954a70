//! A clock that stands still: light, inbox and figures are those of the moment it stopped.

use super::Story;
use chrono::TimeDelta;
use docket_core::ManualClock;
use docket_domain::ticket::scenario::now;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::sync::Arc;

on_both_stores! { what_is_suspended_in_time_is_not_late }

/// Suspended for longer than anything here lasts.
async fn suspend(story: &Story, ticket: &Value) {
    let input = json!({
        "id": ticket["id"], "ground": "APPRAISAL", "text": "等待鉴定",
        "expectedAt": (now() + TimeDelta::days(300)).to_rfc3339(),
    });
    story.does("office", "suspendTicket", input).await;
}

/// What its citizen is told of its limit, by number and query code.
async fn told(story: &Story, ticket: &Value) -> Value {
    let query =
        "query($input: ProgressInput!) { progress(input: $input) { state suspended dueAt } }";
    let code = json!({ "number": ticket["number"], "queryCode": ticket["queryCode"] });
    let nobody = story.server.client();
    nobody.data(query, json!({ "input": code })).await["progress"].take()
}

/// The numbers in a tab of the clerk's inbox, and of the office's, by their light.
async fn with_light(story: &Story, light: &str) -> [Vec<String>; 2] {
    let arguments = format!("tab: SUSPENDED, filter: {{ light: {light} }}");
    [
        story.inbox("clerk", &arguments).await,
        story.inbox("office", &arguments).await,
    ]
}

/// What was due to be replied on the day that all of them are due, and what of it was replied in time.
async fn due_and_replied(story: &Story) -> [i64; 2] {
    let office = story.person("office").await;
    let position = story.server.app.desk.journal().head().await.unwrap();
    let query = format!(
        "{{ statistics(from: \"2026-11-30\", to: \"2026-11-30\", groupBy: NOTHING, minPosition: \"{position}\") {{
            dueToReply repliedInTime }} }}"
    );
    let data = office.data(&query, json!({})).await;
    let figures = &data["statistics"][0];
    ["dueToReply", "repliedInTime"].map(|figure| figures[figure].as_i64().expect("a figure"))
}

/// A ticket's light and that of its clock, by either rules.
async fn lights(story: &Story, ticket: &Value) -> Vec<Value> {
    let fields = "assignments { light clock { light judgedThen { light } judgedNow { light } } }";
    let mut seen = story.reads("clerk", &ticket["id"], fields).await;
    let mut of = |pointer: &str| seen.pointer_mut(pointer).unwrap().take();
    vec![
        of("/assignments/0/light"),
        of("/assignments/0/clock/light"),
        of("/assignments/0/clock/judgedThen/light"),
        of("/assignments/0/clock/judgedNow/light"),
    ]
}

async fn what_is_suspended_in_time_is_not_late(store: &TestStore) {
    let clock = Arc::new(ManualClock::at(now()));
    let story = Story::begin_at(store, clock.clone(), "").await;
    let at = |days| clock.set(now() + TimeDelta::days(days));
    // Monday; all are due the Monday after, yellow from the Friday evening.
    let names = ["GREEN", "YELLOW", "RED"];
    let [green, yellow, red] = [
        story.signed().await,
        story.signed().await,
        story.signed().await,
    ];
    let tickets = [&green, &yellow, &red];
    assert_eq!(due_and_replied(&story).await, [3, 0]);
    let before = told(&story, &green).await;
    assert_eq!(before["suspended"], false);
    for (days, ticket) in [(1, &green), (5, &yellow), (8, &red)] {
        at(days);
        suspend(&story, ticket).await;
    }
    let stopped = json!({ "state": before["state"], "suspended": true, "dueAt": null });
    assert_eq!(told(&story, &green).await, stopped);
    at(30);
    for (name, ticket) in names.iter().zip(tickets) {
        assert_eq!(lights(&story, ticket).await, vec![json!(name); 4]);
        let number = ticket["number"].as_str().unwrap().to_owned();
        let found = vec![number];
        assert_eq!(
            with_light(&story, name).await,
            [found.clone(), found],
            "{name}"
        );
    }
    let late = vec![red["number"].as_str().unwrap().to_owned()];
    assert_eq!(story.inbox("clerk", "tab: OVERDUE").await, late);
    assert_eq!(story.inbox("office", "tab: OVERDUE").await, late);
    assert_eq!(due_and_replied(&story).await, [1, 0], "only what was late");

    let resume = json!({ "id": green["id"], "text": "鉴定已出" });
    story.does("office", "resumeTicket", resume).await;
    assert_eq!(lights(&story, &green).await[0], "GREEN");
    let after = told(&story, &green).await;
    assert_eq!(after["suspended"], false);
    let due = |told: &Value| told["dueAt"].as_str().expect("a limit").to_owned();
    assert!(due(&after) > due(&before), "{before} {after}");
    assert_eq!(due_and_replied(&story).await, [1, 0], "due another day");
    at(80);
    assert_eq!(lights(&story, &green).await, vec![json!("RED"); 4]);
}
