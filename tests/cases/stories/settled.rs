//! A calendar that comes late: what was judged by a guess meanwhile is judged by it, and what Docket did for the guess
//! is undone.

use super::timers::{begin, days, did, founding};
use super::{Story, reply};
use docket_core::desk::Options;
use docket_domain::people::Actor;
use docket_domain::ticket::scenario::holidays_until;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};

on_both_stores! {
    what_was_answered_late_by_a_guess_was_in_time,
}

/// How many assignments were due to be replied, and were in time, on Friday, 8 January 2027, and on Monday.
async fn counted(story: &Story) -> [Value; 2] {
    let head = story.server.app.desk.journal().head().await.unwrap();
    let mut days = Vec::new();
    for day in ["2027-01-08", "2027-01-11"] {
        let query = format!(
            "{{ statistics(from: \"{day}\", to: \"{day}\", groupBy: NOTHING, minPosition: \"{head}\") {{
                dueToReply repliedInTime }} }}"
        );
        let mut data = story.person("analyst").await.data(&query, json!({})).await;
        days.push(data["statistics"][0].take());
    }
    days.try_into().unwrap()
}

async fn what_was_answered_late_by_a_guess_was_in_time(store: &TestStore) {
    let (story, clock) = begin(store).await;
    // Thursday, 31 December 2026; five working days end on Friday, 8 January, as far as is known.
    days(&clock, 38);
    let ticket = story.signed().await;
    let id = &ticket["id"];
    // On Saturday it is late, and supervised for that; it is answered on Monday.
    days(&clock, 47);
    let mut all = vec!["lit", "lit", "urged", "supervised"];
    did(&story, &all).await;
    days(&clock, 49);
    story.does("clerk", "replyTicket", reply(id)).await;
    let fields = "supervision { level } assignments { light due { at provisional } }
        timeline { nodes { type liftsSupervision } }";
    let before = story.reads("clerk", id, fields).await;
    assert_eq!(before["supervision"]["level"], "YELLOW");
    assert_eq!(before["assignments"][0]["light"], "RED");
    let figures = |due: i64, in_time: i64| json!({ "dueToReply": due, "repliedInTime": in_time });
    let nothing = |day: &Value| *day == Value::Null || *day == figures(0, 0);
    let [friday, monday] = counted(&story).await;
    assert_eq!(friday, figures(1, 0));
    assert!(nothing(&monday), "{monday}");

    // Monday, the 4th, is off, so that Monday, the 11th, was the last day.
    let holidays = holidays_until(2027, &["2027-01-04"]);
    let desk = &story.server.app.desk;
    desk.publish(
        &Actor::system(),
        &founding().pack,
        &holidays,
        &Options::default(),
    )
    .await
    .unwrap();
    all.push("dues_settled");
    did(&story, &all).await;
    let after = story.reads("clerk", id, fields).await;
    assert_eq!(after["supervision"], Value::Null);
    let settled = json!({ "at": "2027-01-11T09:30:00+00:00", "provisional": false });
    assert_eq!(after["assignments"][0]["due"], settled);
    // The last day.
    assert_eq!(after["assignments"][0]["light"], "YELLOW");
    let steps = after["timeline"]["nodes"].as_array().unwrap();
    let told = json!({ "type": "dues_settled", "liftsSupervision": true });
    assert_eq!(steps.last(), Some(&told));
    let others = steps.iter().filter(|step| step["liftsSupervision"] == true);
    assert_eq!(others.count(), 1);
    let [friday, monday] = counted(&story).await;
    assert!(nothing(&friday), "{friday}");
    assert_eq!(monday, figures(1, 1));
}
