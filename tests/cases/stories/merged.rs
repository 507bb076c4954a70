//! What a merge does not get rid of: a ruling, and a supervision.

use super::Story;
use crate::gateway::department;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};

on_both_stores! {
    a_ruling_is_kept_by_merging_into_one_that_is_ruled_alike,
    what_is_supervised_is_not_merged_away,
}

/// In hand with the department, because the joint meeting ruled so.
async fn ruled(story: &Story) -> Value {
    let ticket = story.signed().await;
    let id = &ticket["id"];
    let dispute = json!({ "id": id, "text": "两部门均称不属职责" });
    story.does("dispatcher", "disputeTicket", dispute).await;
    let rule = json!({ "id": id, "leadId": department(), "text": "由城管局主办" });
    story.does("joint-meeting", "ruleOnTicket", rule).await;
    ticket
}

/// How many tickets are merged into one.
async fn followers(story: &Story, id: &Value) -> usize {
    let seen = story.reads("dispatcher", id, "followers { id }").await;
    seen["followers"].as_array().unwrap().len()
}

async fn a_ruling_is_kept_by_merging_into_one_that_is_ruled_alike(store: &TestStore) {
    let story = Story::begin(store).await;
    let (ruled_on, other) = (ruled(&story).await, story.signed().await);
    let merge = |one: &Value, into: &Value| json!({ "id": one["id"], "masterId": into["id"] });
    // The department has both: but the other could be reassigned, and the ruling with it.
    let away = merge(&ruled_on, &other);
    story
        .may_not(&["dispatcher"], "mergeTicket", &away, "RULED_ON")
        .await;
    assert_eq!(followers(&story, &other["id"]).await, 0);
    let back = merge(&other, &ruled_on);
    assert_eq!(
        story.does("dispatcher", "mergeTicket", back).await,
        "MERGED"
    );
    let alike = ruled(&story).await;
    let into_another = merge(&alike, &ruled_on);
    let state = story.does("dispatcher", "mergeTicket", into_another).await;
    assert_eq!(state, "MERGED");
    assert_eq!(followers(&story, &ruled_on["id"]).await, 2);
}

async fn what_is_supervised_is_not_merged_away(store: &TestStore) {
    let story = Story::begin(store).await;
    let (watched, other) = (story.signed().await, story.signed().await);
    let id = &watched["id"];
    let supervise = json!({ "id": id, "level": "YELLOW", "text": "媒体报道" });
    story.does("supervisor", "superviseTicket", supervise).await;
    let merge = json!({ "id": id, "masterId": other["id"] });
    story
        .may_not(&["dispatcher"], "mergeTicket", &merge, "SUPERVISED")
        .await;
    assert_eq!(followers(&story, &other["id"]).await, 0);
    let lift = json!({ "id": id, "text": "已整改" });
    story.does("supervisor", "liftSupervision", lift).await;
    assert_eq!(
        story.does("dispatcher", "mergeTicket", merge).await,
        "MERGED"
    );
}
