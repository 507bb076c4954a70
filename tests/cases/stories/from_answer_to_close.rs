//! A draft, a rework, the reply, the review, a call that finds it unsolved, a second round, and the close.

use super::{Story, reply, unit};
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};

on_both_stores! {
    an_answer_is_drafted_reworked_reviewed_redone_and_closed,
    what_stays_unsolved_is_closed_with_a_reason_and_a_closed_ticket_is_redone,
}

async fn an_answer_is_drafted_reworked_reviewed_redone_and_closed(store: &TestStore) {
    let story = Story::begin(store).await;
    let ticket = story.signed().await;
    let id = &ticket["id"];
    the_unit_replies_twice(&story, id).await;
    the_leader_submits_the_clerks_draft(&story, id).await;
    story.is_in("leader", "REPLIED", &ticket).await;
    story.is_in("unit-clerk", "DONE", &ticket).await;
    story.is_in("office", "TO_REVIEW", &ticket).await;

    let review = json!({ "id": id, "opinion": "答复清楚" });
    let others = ["operator", "dispatcher", "supervisor", "clerk", "auditor"];
    let not_theirs = "ROLE_NOT_ALLOWED";
    story
        .may_not(&others, "reviewTicket", &review, not_theirs)
        .await;
    let close = json!({ "id": id });
    story
        .may_not(&["office"], "closeTicket", &close, "NOT_REVIEWED")
        .await;
    let state = story.does("office", "reviewTicket", review).await;
    assert_eq!(state, "AWAITING_CALL_BACK");
    story.is_in("call-back", "TO_CALL_BACK", &ticket).await;

    let unsolved = json!({
        "id": id, "reached": true, "contacted": true, "solved": false, "satisfaction": "DISSATISFIED",
        "comment": "昨晚还在施工", "recording": "录音 0042",
    });
    let others = ["office", "operator", "clerk", "unit-clerk"];
    story
        .may_not(&others, "callBackTicket", &unsolved, not_theirs)
        .await;
    let state = story.does("call-back", "callBackTicket", unsolved).await;
    assert_eq!(state, "AWAITING_REDO");
    story.is_in("office", "TO_REDO", &ticket).await;

    the_second_round(&story, &ticket).await;
}

async fn the_unit_replies_twice(story: &Story, id: &Value) {
    let delegate = json!({ "id": id, "unitId": unit(), "instruction": "请核实" });
    story.does("clerk", "delegateTicket", delegate).await;
    story
        .does("unit-clerk", "signTicket", json!({ "id": id }))
        .await;
    let first = story.does("unit-clerk", "replyTicket", reply(id)).await;
    assert_eq!(first, "AWAITING_SUMMARY");
    let rework = json!({ "id": id, "instruction": "请补充现场照片" });
    story
        .may_not(&["unit-clerk"], "reworkTicket", &rework, "NOT_HOLDER")
        .await;
    let empty = json!({ "id": id, "instruction": " " });
    story
        .may_not(&["clerk"], "reworkTicket", &empty, "REQUIRED")
        .await;
    let state = story.does("clerk", "reworkTicket", rework).await;
    assert_eq!(state, "DELEGATED");
    let seen = story
        .reads(
            "unit-clerk",
            id,
            "assignments { no state instruction signDue { at } }",
        )
        .await;
    let again = json!({ "no": 3, "state": "IN_PROGRESS", "instruction": "请补充现场照片", "signDue": null });
    assert_eq!(seen["assignments"][2], again, "it goes on without signing");
    story.does("unit-clerk", "replyTicket", reply(id)).await;
}

async fn the_leader_submits_the_clerks_draft(story: &Story, id: &Value) {
    let draft = json!({ "id": id, "answer": "已停工,待领导审定", "handler": "李工" });
    story.does("clerk", "saveDraft", draft).await;
    let fields = "assignments { draft { answer handler by { name } } } timeline { nodes { type texts { text } } }";
    let seen = story.reads("leader", id, fields).await;
    let saved = &seen["assignments"][0]["draft"];
    let by = json!({ "name": "clerk by name" });
    assert_eq!(
        *saved,
        json!({ "answer": "已停工,待领导审定", "handler": "李工", "by": by })
    );
    for stranger in ["unit-clerk", "dispatcher", "auditor"] {
        let seen = story.reads(stranger, id, fields).await;
        assert_eq!(seen["assignments"][0]["draft"], Value::Null, "{stranger}");
        assert!(!seen.to_string().contains("待领导审定"), "{stranger}");
        assert!(seen.to_string().contains("drafted"), "{stranger}");
    }
    assert_eq!(
        story.does("leader", "replyTicket", reply(id)).await,
        "REPLIED"
    );
    let late = json!({ "id": id, "answer": "改一改" });
    story
        .may_not(&["clerk"], "saveDraft", &late, "NOT_HOLDER")
        .await;
    let seen = story
        .reads("leader", id, "assignments { draft { answer } }")
        .await;
    assert_eq!(
        seen["assignments"][0]["draft"],
        Value::Null,
        "submitted is final"
    );
}

async fn the_second_round(story: &Story, ticket: &Value) {
    let id = &ticket["id"];
    let redo = json!({ "id": id, "instruction": "夜间仍在施工,请再查" });
    let others = ["call-back", "dispatcher", "clerk"];
    story
        .may_not(&others, "redoTicket", &redo, "ROLE_NOT_ALLOWED")
        .await;
    assert_eq!(
        story.does("office", "redoTicket", redo).await,
        "IN_PROGRESS"
    );
    story.is_in("clerk", "IN_PROGRESS", ticket).await;
    let fields = "round answer { text } callBacks { solved } review { at }
        assignments { round state instruction answer { text } }";
    let seen = story.reads("clerk", id, fields).await;
    assert_eq!(seen["round"], 2);
    for emptied in ["answer", "review"] {
        assert_eq!(seen[emptied], Value::Null, "{emptied} is the next round's");
    }
    assert_eq!(seen["callBacks"], json!([]));
    let assignments = seen["assignments"].as_array().unwrap();
    let last = assignments.last().unwrap();
    assert_eq!(last["instruction"], "夜间仍在施工,请再查");
    assert_eq!(
        assignments[0]["answer"]["text"], "已停工",
        "the first stays"
    );

    story.does("clerk", "replyTicket", reply(id)).await;
    story
        .does("office", "reviewTicket", json!({ "id": id }))
        .await;
    let solved = json!({ "id": id, "reached": true, "solved": true, "satisfaction": "SATISFIED" });
    assert_eq!(
        story.does("call-back", "callBackTicket", solved).await,
        "CLOSED"
    );
    for login in ["dispatcher", "clerk", "unit-clerk"] {
        story.is_in(login, "DONE", ticket).await;
    }
    let fields = "ending { kind by { name } } firstRating { satisfaction } lastRating { satisfaction relayed }
        callBacks { reached solved comment }";
    let seen = story.reads("leader", id, fields).await;
    assert_eq!(seen["ending"]["kind"], "CLOSED");
    assert_eq!(seen["ending"]["by"]["name"], "call-back by name");
    assert_eq!(seen["firstRating"]["satisfaction"], "DISSATISFIED");
    let last = json!({ "satisfaction": "SATISFIED", "relayed": true });
    assert_eq!(seen["lastRating"], last);
    let statistics = story.person("analyst").await;
    let query = "{ statistics(from: \"2026-01-01\", to: \"2035-12-31\", groupBy: NOTHING) { closed redone rated } }";
    let counted = statistics.data(query, json!({})).await;
    let expected = json!({ "closed": 1, "redone": 1, "rated": 1 });
    assert_eq!(counted["statistics"][0], expected);
}

async fn what_stays_unsolved_is_closed_with_a_reason_and_a_closed_ticket_is_redone(
    store: &TestStore,
) {
    let story = Story::begin(store).await;
    let ticket = story.signed().await;
    let id = &ticket["id"];
    story.does("clerk", "replyTicket", reply(id)).await;
    story
        .does("office", "reviewTicket", json!({ "id": id }))
        .await;
    let nobody = json!({ "id": id, "reached": false });
    for state in ["AWAITING_CALL_BACK", "AWAITING_CALL_BACK", "CLOSED"] {
        let done = story
            .does("call-back", "callBackTicket", nobody.clone())
            .await;
        assert_eq!(done, state, "three tries, says the pack");
    }
    let redo = json!({ "id": id, "instruction": "群众来电反映未解决" });
    assert_eq!(
        story.does("office", "redoTicket", redo).await,
        "IN_PROGRESS"
    );
    story.does("clerk", "replyTicket", reply(id)).await;
    story
        .does("office", "reviewTicket", json!({ "id": id }))
        .await;
    let unsolved = json!({ "id": id, "reached": true, "solved": false });
    story.does("call-back", "callBackTicket", unsolved).await;
    let silent = json!({ "id": id });
    story
        .may_not(&["office"], "closeTicket", &silent, "REQUIRED")
        .await;
    let close = json!({ "id": id, "text": "已依法答复,诉求不合理" });
    assert_eq!(story.does("office", "closeTicket", close).await, "CLOSED");
    let seen = story.reads("dispatcher", id, "ending { kind text }").await;
    assert_eq!(seen["ending"]["text"], "已依法答复,诉求不合理");
}
