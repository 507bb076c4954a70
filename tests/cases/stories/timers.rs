//! What Docket does by itself: lights, urgings, supervision, disputes, resumption, the archive. Once for each
//! cause, whatever happens to clocks and servers.

use super::{Story, reply};
use crate::gateway::department;
use crate::safekeeping::docket;
use chrono::TimeDelta;
use docket_core::journal::Journal;
use docket_core::{Desk, ManualClock};
use docket_domain::ids::TicketId;
use docket_domain::rules::{CALENDAR_CN, DEFAULT_PACK};
use docket_domain::ticket::TicketAction;
use docket_domain::ticket::actions::assign::Assign;
use docket_domain::ticket::scenario::{DEPARTMENT, dispatcher, holidays_until, now};
use docket_gateway::app::Founding;
use docket_tests::city::found;
use docket_tests::server::Server;
use docket_tests::staff::hire_all;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

on_both_stores! {
    lights_urging_and_supervision_come_once,
    two_servers_do_it_once_and_one_goes_on_when_the_other_is_gone,
    what_fell_due_during_a_downtime_is_done_and_a_rebuild_does_nothing,
    returns_dispute_a_ticket_and_a_suspension_ends,
    an_ended_ticket_is_archived_after_its_days,
    a_provisional_limit_is_settled_when_the_calendar_is_published,
    a_corrected_list_of_holidays_settles_limits_again,
}

const STRICT: &[(&str, &str)] = &[
    ("urges_at_red = false", "urges_at_red = true"),
    (
        "escalate = []",
        "escalate = [{ working_days = 0, level = \"yellow\" }, { working_days = 2, level = \"red\" }]",
    ),
    ("after_days = 0", "after_days = 30"),
];

pub(super) fn founding() -> Founding {
    let pack = STRICT
        .iter()
        .fold(DEFAULT_PACK.to_owned(), |pack, (from, to)| {
            assert!(pack.contains(from), "{from}");
            pack.replace(from, to)
        });
    Founding {
        name: "云州市".into(),
        pack,
        holidays: CALENDAR_CN.into(),
    }
}

pub(super) async fn begin(store: &TestStore) -> (Story, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(now()));
    let server = Server::open(store.options(clock.clone()), &founding()).await;
    found(&server.app.desk).await;
    hire_all(&server.app.desk, &server.app.store.ops).await;
    (Story { server }, clock)
}

pub(super) fn days(clock: &ManualClock, days: i64) {
    clock.set(now() + TimeDelta::days(days));
}

/// The types of a ticket's events that Docket wrote by itself.
async fn by_itself(journal: &Journal) -> Vec<String> {
    let records = journal.read_all(0, 10_000).await.unwrap();
    let of_docket = |r: &&docket_core::Record| r.category == "ticket" && r.actor.0.is_nil();
    records
        .iter()
        .filter(of_docket)
        .map(|r| r.event_type.clone())
        .collect()
}

/// Waits until Docket has done so many things, and then a while for one too many.
pub(super) async fn did(story: &Story, expected: &[&str]) {
    let journal = story.server.app.desk.journal();
    let started = std::time::Instant::now();
    while by_itself(journal).await.len() < expected.len() {
        assert!(
            started.elapsed() < super::PATIENCE,
            "{:?}",
            by_itself(journal).await
        );
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    tokio::time::sleep(docket_gateway::worker::LOOKS_EVERY * 3).await;
    let mut done = by_itself(journal).await;
    let mut expected: Vec<String> = expected.iter().map(|e| (*e).to_owned()).collect();
    done.sort();
    expected.sort();
    assert_eq!(done, expected);
}

/// How many rows a filter leaves in what is in progress: of the department, of the centre.
async fn filtered(story: &Story, filter: &str) -> [usize; 2] {
    let arguments = format!("tab: IN_PROGRESS, filter: {{ {filter} }}");
    [
        story.inbox("clerk", &arguments).await.len(),
        story.inbox("office", &arguments).await.len(),
    ]
}

/// The one ticket is found by its light, and by no other.
async fn lights_are_filtered(story: &Story, stands: &[&str]) {
    for light in ["GREEN", "YELLOW", "RED"] {
        let rows = usize::from(stands.contains(&light));
        let found = filtered(story, &format!("light: {light}")).await;
        assert_eq!(found, [rows, rows], "{light}");
    }
}

async fn lights_urging_and_supervision_come_once(store: &TestStore) {
    let (story, clock) = begin(store).await;
    let ticket = story.signed().await;
    let id = &ticket["id"];
    did(&story, &[]).await;
    lights_are_filtered(&story, &["GREEN"]).await;
    assert_eq!(filtered(&story, "urged: true").await, [0, 0]);
    // Monday; due the Monday after; yellow from the Friday evening.
    days(&clock, 5);
    did(&story, &["lit"]).await;
    let seen = story
        .reads("clerk", id, "assignments { light } urges")
        .await;
    assert_eq!(
        (&seen["assignments"][0]["light"], &seen["urges"]),
        (&json!("YELLOW"), &json!(0))
    );
    lights_are_filtered(&story, &["YELLOW"]).await;
    days(&clock, 8);
    did(&story, &["lit", "lit", "urged", "supervised"]).await;
    lights_are_filtered(&story, &["RED"]).await;
    for (filter, rows) in [
        ("supervised: true, urged: true", 1),
        ("supervised: false", 0),
        ("urged: false", 0),
    ] {
        let found = filtered(&story, filter).await;
        assert_eq!(found, [rows, rows], "{filter}");
    }
    // A clock set back undoes nothing and repeats nothing.
    days(&clock, 3);
    did(&story, &["lit", "lit", "urged", "supervised"]).await;
    days(&clock, 30);
    did(&story, &["lit", "lit", "urged", "supervised", "supervised"]).await;
    let seen = story
        .reads("clerk", id, "supervision { level by { name } } urges")
        .await;
    assert_eq!(seen["supervision"], json!({ "level": "RED", "by": null }));
    assert_eq!(seen["urges"], 1);
    // Done by Docket, and said to be so; it moved no revision, so the clerk's reply is not stale.
    story.does("clerk", "replyTicket", reply(id)).await;
}

async fn two_servers_do_it_once_and_one_goes_on_when_the_other_is_gone(store: &TestStore) {
    let (story, clock) = begin(store).await;
    let second = Server::open(store.options(clock.clone()), &founding()).await;
    story.signed().await;
    days(&clock, 8);
    let all = ["lit", "lit", "urged", "supervised"];
    did(&story, &all).await;
    // The first is gone without a word.
    drop(story);
    let story = Story { server: second };
    days(&clock, 30);
    let gone = std::time::Instant::now();
    did(&story, &[&all[..], &["supervised"]].concat()).await;
    let looked_for = docket_gateway::worker::LOOKS_EVERY * 3;
    let took = gone.elapsed().saturating_sub(looked_for);
    assert!(took < std::time::Duration::from_secs(10), "{took:?}");
}

async fn what_fell_due_during_a_downtime_is_done_and_a_rebuild_does_nothing(store: &TestStore) {
    let (story, clock) = begin(store).await;
    story.signed().await;
    let app = story.server.app.clone();
    app.views
        .wait_for(app.desk.journal().head().await.unwrap(), super::PATIENCE)
        .await
        .unwrap();
    drop((story, app));
    // Over a weekend and more.
    days(&clock, 9);
    let server = Server::open(store.options(clock.clone()), &founding()).await;
    let story = Story { server };
    let all = ["lit", "lit", "urged", "supervised"];
    did(&story, &all).await;
    drop(story);
    docket_projections::rebuild::rebuild(
        &store.open_at(clock.clone()).await,
        &docket_projections::projection::all(),
        &mut |_| {},
    )
    .await
    .unwrap();
    let server = Server::open(store.options(clock), &founding()).await;
    did(&Story { server }, &all).await;
}

async fn returns_dispute_a_ticket_and_a_suspension_ends(store: &TestStore) {
    let (story, clock) = begin(store).await;
    let ticket = story.received().await;
    let id = &ticket["id"];
    let assign = json!({ "id": id, "leadId": department() });
    let back = json!({ "id": id, "reason": "NOT_COMPETENT", "text": "不属于本单位职责" });
    for _ in 0..3 {
        story
            .does("dispatcher", "assignTicket", assign.clone())
            .await;
        story.does("clerk", "returnTicket", back.clone()).await;
    }
    did(&story, &["disputed"]).await;
    let seen = story
        .reads("joint-meeting", id, "dispute { cause by { name } }")
        .await;
    assert_eq!(seen["dispute"], json!({ "cause": "RETURNS", "by": null }));

    let other = story.signed().await;
    let suspend = json!({
        "id": other["id"], "ground": "APPRAISAL", "text": "等待鉴定",
        "expectedAt": (now() + TimeDelta::days(2)).to_rfc3339(),
    });
    story.does("office", "suspendTicket", suspend).await;
    days(&clock, 3);
    did(&story, &["disputed", "resumed"]).await;
    let seen = story
        .reads(
            "office",
            &other["id"],
            "suspended assignments { moves { cause } }",
        )
        .await;
    assert_eq!(seen["suspended"], false);
    assert_eq!(seen["assignments"][0]["moves"][0]["cause"], "PAUSE");
}

async fn an_ended_ticket_is_archived_after_its_days(store: &TestStore) {
    let (story, clock) = begin(store).await;
    let ticket = story.received().await;
    let id = &ticket["id"];
    let withdraw = json!({ "id": id, "text": "已核对身份" });
    story.does("operator", "withdrawTicket", withdraw).await;
    days(&clock, 29);
    did(&story, &[]).await;
    days(&clock, 30);
    did(&story, &["archived"]).await;
    let seen = story.reads("office", id, "state archived { class }").await;
    assert_eq!(
        seen,
        json!({ "state": "ARCHIVED", "archived": { "class": "10_years" } })
    );
}

/// Whether the citizen and the inbox are told that the limit is provisional, and an export and a replay both of it and
/// of the limit to sign.
async fn told(story: &Story, store: &TestStore, ticket: &Value) -> [bool; 6] {
    let query = "query($input: ProgressInput!) { progress(input: $input) { dueProvisional } }";
    let shown = json!({ "number": ticket["number"], "queryCode": ticket["queryCode"] });
    let nobody = story.server.client();
    let seen = nobody.data(query, json!({ "input": shown })).await;
    let head = story.server.app.desk.journal().head().await.unwrap();
    let query = format!(
        "{{ inbox(tab: TO_SIGN, minPosition: \"{head}\") {{ nodes {{ dueAt dueProvisional }} }} }}"
    );
    let inbox = story.person("clerk").await.data(&query, json!({})).await;
    let row = &inbox["inbox"]["nodes"][0];
    assert_ne!(row["dueAt"], Value::Null);
    let in_inbox = row["dueProvisional"].clone();
    let number = ticket["number"].as_str().unwrap();
    let (worked, said) = docket(store, &["replay", "--ticket", number]).await;
    let last = said.lines().rfind(|line| line.contains("reply by"));
    assert!(worked && last.is_some(), "{said}");
    let (sign, handle) = last.unwrap().split_once("reply by").unwrap();
    let [sign, handle] = [sign, handle].map(|by| json!(by.contains("(provisional)")));
    let arguments = ["export", "--what", "tickets", "--format", "jsonl"];
    let (worked, said) = docket(store, &arguments).await;
    let row = said.lines().find(|line| line.starts_with('{'));
    assert!(worked && row.is_some(), "{said}");
    let row: Value = serde_json::from_str(row.unwrap()).unwrap();
    [
        &seen["progress"]["dueProvisional"],
        &in_inbox,
        &sign,
        &handle,
        &row["due_provisional"],
        &row["sign_due_provisional"],
    ]
    .map(|told| told.as_bool().unwrap())
}

async fn a_provisional_limit_is_settled_when_the_calendar_is_published(store: &TestStore) {
    let (story, clock) = begin(store).await;
    // 31 December 2026; the calendar of 2027 is not published.
    days(&clock, 38);
    let ticket = story.assigned().await;
    let id = &ticket["id"];
    let fields = "assignments { due { at provisional } moves { cause } }";
    let before = story.reads("clerk", id, fields).await;
    assert_eq!(before["assignments"][0]["due"]["provisional"], true);
    assert_eq!(told(&story, store, &ticket).await, [true; 6]);
    let holidays = holidays_until(2027, &["2027-01-04"]);
    let pack = founding().pack;
    let desk = &story.server.app.desk;
    let options = docket_core::desk::Options::default();
    let docket = docket_domain::people::Actor::system();
    desk.publish(&docket, &pack, &holidays, &options)
        .await
        .unwrap();
    did(&story, &["dues_settled"]).await;
    let after = story.reads("clerk", id, fields).await;
    let (old, new) = (&before["assignments"][0], &after["assignments"][0]);
    assert_eq!(new["due"]["provisional"], false);
    assert!(new["due"]["at"].as_str() > old["due"]["at"].as_str());
    assert_eq!(new["moves"], json!([{ "cause": "CALENDAR" }]));
    assert_eq!(told(&story, store, &ticket).await, [false; 6]);

    // What another process decides under the pack before, a moment after the new one was published and looked at,
    // is settled, too. 31 December 2027.
    days(&clock, 38 + 365);
    let other = story.received().await;
    let late = Desk::new(&story.server.app.store);
    assert_eq!(late.rules().await.unwrap().version, 2);
    let longer = holidays_until(2028, &["2027-01-04"]);
    desk.publish(&docket, &pack, &longer, &options)
        .await
        .unwrap();
    tokio::time::sleep(docket_gateway::worker::LOOKS_EVERY + Duration::from_millis(200)).await;
    let id = other["id"]
        .as_str()
        .unwrap()
        .strip_prefix("ticket:")
        .unwrap();
    let assign = TicketAction::Assign(Assign {
        lead: DEPARTMENT,
        assists: Vec::new(),
        instruction: None,
    });
    let id = TicketId(id.parse().unwrap());
    late.act(&dispatcher(), id, assign, &options).await.unwrap();
    let fields = "assignments { due { provisional } }";
    let settled = |seen: &Value| seen["assignments"][0]["due"]["provisional"] == false;
    story.until(&other["id"], fields, settled).await;
}

async fn a_corrected_list_of_holidays_settles_limits_again(store: &TestStore) {
    let (story, _clock) = begin(store).await;
    let (touched, answered) = (story.assigned().await, story.assigned().await);
    let id = &answered["id"];
    story.does("clerk", "signTicket", json!({ "id": id })).await;
    story.does("clerk", "replyTicket", reply(id)).await;
    let fields = "assignments { due { at } moves { cause } }";
    let before = story.reads("clerk", &touched["id"], fields).await;
    assert_eq!(
        before["assignments"][0]["due"]["at"],
        "2026-11-30T09:30:00+00:00"
    );
    // Friday, 27 November 2026, is off after all.
    let corrected = CALENDAR_CN.replace("off = [", "off = [ \"2026-11-27\",");
    let options = docket_core::desk::Options::default();
    let docket = docket_domain::people::Actor::system();
    let desk = &story.server.app.desk;
    desk.publish(&docket, &founding().pack, &corrected, &options)
        .await
        .unwrap();
    let moved = |seen: &Value| seen["assignments"][0]["moves"] == json!([{ "cause": "CALENDAR" }]);
    story.until(&touched["id"], fields, moved).await;
    let after = story.reads("clerk", &touched["id"], fields).await;
    assert_eq!(
        after["assignments"][0]["due"]["at"],
        "2026-12-01T09:30:00+00:00"
    );
    let over = story.reads("clerk", id, fields).await;
    assert_eq!(over["assignments"][0]["moves"], json!([]));
}
