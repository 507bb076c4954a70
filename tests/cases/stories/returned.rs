//! A return is a question: the centre refuses it, or accepts it and assigns anew. And what is not signed
//! yet is recalled.

use super::{Story, unit};
use crate::gateway::department;
use docket_domain::ticket::scenario::OTHER_DEPARTMENT;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};

on_both_stores! { a_return_is_refused_and_then_accepted, what_is_not_signed_is_recalled }

fn other_department() -> String {
    format!("department:{OTHER_DEPARTMENT}")
}

async fn a_return_is_refused_and_then_accepted(store: &TestStore) {
    let story = Story::begin(store).await;
    let ticket = story.signed().await;
    let id = &ticket["id"];
    let back = json!({ "id": id, "reason": "NOT_COMPETENT", "text": "不属于本单位职责" });
    story.does("clerk", "returnTicket", back.clone()).await;
    story.is_in("clerk", "RETURNED", &ticket).await;
    story.is_in("dispatcher", "TO_DECIDE", &ticket).await;

    let refuse = json!({ "id": id, "text": "属于贵单位职责" });
    story
        .may_not(
            &["office", "supervisor"],
            "refuseReturn",
            &refuse,
            "ROLE_NOT_ALLOWED",
        )
        .await;
    let silent = json!({ "id": id, "text": "" });
    story
        .may_not(&["dispatcher"], "refuseReturn", &silent, "REQUIRED")
        .await;
    let state = story.does("dispatcher", "refuseReturn", refuse).await;
    assert_eq!(state, "IN_PROGRESS", "as it was");
    story.is_in("leader", "IN_PROGRESS", &ticket).await;

    story.does("clerk", "returnTicket", back).await;
    let wrong = json!({ "id": id, "assignmentNo": 2 });
    story
        .may_not(&["dispatcher"], "acceptReturn", &wrong, "NO_RETURN_PENDING")
        .await;
    let accept = json!({ "id": id, "assignmentNo": 1 });
    let state = story
        .does("dispatcher", "acceptReturn", accept.clone())
        .await;
    assert_eq!(state, "RETURNED");
    story
        .may_not(
            &["dispatcher"],
            "acceptReturn",
            &accept,
            "NO_RETURN_PENDING",
        )
        .await;
    story.is_in("dispatcher", "TO_ASSIGN", &ticket).await;
    let fields = "unassignedSince assignments { returnPending returns { reason accepted } }";
    let seen = story.reads("dispatcher", id, fields).await;
    let answers = json!([
        { "reason": "NOT_COMPETENT", "accepted": false },
        { "reason": "NOT_COMPETENT", "accepted": true },
    ]);
    assert_eq!(seen["assignments"][0]["returns"], answers);
    assert_eq!(seen["assignments"][0]["returnPending"], false);
    assert!(seen["unassignedSince"].is_string());

    let assign = json!({ "id": id, "leadId": other_department() });
    story.does("dispatcher", "assignTicket", assign).await;
    story.is_in("other-clerk", "TO_SIGN", &ticket).await;
    let seen = story.reads("dispatcher", id, "unassignedSince").await;
    assert_eq!(seen["unassignedSince"], Value::Null);
    let query = "{ statistics(from: \"2026-01-01\", to: \"2035-12-31\", groupBy: NOTHING) { returned returnsRefused } }";
    let counted = story
        .person("supervisor")
        .await
        .data(query, json!({}))
        .await;
    let expected = json!({ "returned": 2, "returnsRefused": 1 });
    assert_eq!(counted["statistics"][0], expected);
}

async fn what_is_not_signed_is_recalled(store: &TestStore) {
    let story = Story::begin(store).await;
    let ticket = story.assigned().await;
    let id = &ticket["id"];
    let recall = json!({ "id": id, "text": "派错" });
    story
        .may_not(
            &["operator", "office"],
            "recallTicket",
            &recall,
            "ROLE_NOT_ALLOWED",
        )
        .await;
    story
        .may_not(&["clerk"], "recallTicket", &recall, "WRONG_STATE")
        .await;
    let state = story
        .does("dispatcher", "recallTicket", recall.clone())
        .await;
    assert_eq!(state, "RECEIVED");
    story.is_in("clerk", "DONE", &ticket).await;
    story.is_in("dispatcher", "TO_ASSIGN", &ticket).await;
    let assign = json!({ "id": id, "leadId": department() });
    story.does("dispatcher", "assignTicket", assign).await;
    story.does("clerk", "signTicket", json!({ "id": id })).await;
    story
        .may_not(&["dispatcher"], "recallTicket", &recall, "ALREADY_SIGNED")
        .await;

    // A department takes back what it delegated, the unit does not.
    let delegate = json!({ "id": id, "unitId": unit() });
    story.does("clerk", "delegateTicket", delegate).await;
    story
        .may_not(&["unit-clerk"], "recallTicket", &recall, "WRONG_STATE")
        .await;
    let state = story.does("clerk", "recallTicket", recall).await;
    assert_eq!(state, "IN_PROGRESS");
    let seen = story.reads("clerk", id, "assignments { state }").await;
    let states: Vec<_> = seen["assignments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| &a["state"])
        .collect();
    assert_eq!(states, ["RECALLED", "IN_PROGRESS", "RECALLED"]);
}
