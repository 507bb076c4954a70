//! Where the pack asks for it, the leader signs off what the clerk drafted, and finds it in a tab of its own.

use super::{Story, reply};
use docket_core::clock::SystemClock;
use docket_domain::rules::DEFAULT_PACK;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::sync::Arc;

on_both_stores! {
    what_waits_for_the_leader_has_a_tab_of_its_own,
}

async fn what_waits_for_the_leader_has_a_tab_of_its_own(store: &TestStore) {
    let not_asked = "[sign_off]\nrequired = false";
    assert!(DEFAULT_PACK.contains(not_asked));
    let pack = DEFAULT_PACK.replace(not_asked, "[sign_off]\nrequired = true");
    let story = Story::begin_under(store, Arc::new(SystemClock), pack).await;
    let ticket = story.signed().await;
    let id = &ticket["id"];
    let part = json!({ "id": id, "answer": "已停工" });
    story.does("clerk", "saveDraft", part).await;
    story.is_in("leader", "IN_PROGRESS", &ticket).await;
    story
        .may_not(&["clerk"], "replyTicket", &reply(id), "SIGN_OFF_NEEDED")
        .await;
    let whole = json!({
        "id": id, "opinion": "已核实", "answer": "已停工", "contacted": true, "solved": true,
        "handler": "李工", "phone": "13800000002",
    });
    story.does("clerk", "saveDraft", whole.clone()).await;
    story.is_in("leader", "TO_SIGN_OFF", &ticket).await;
    // The leader takes a piece out of it: it is the clerk's to complete again.
    let mut cut = whole.clone();
    cut["opinion"] = json!("");
    story.does("leader", "saveDraft", cut).await;
    story.is_in("clerk", "IN_PROGRESS", &ticket).await;
    story.does("clerk", "saveDraft", whole.clone()).await;
    story.is_in("clerk", "TO_SIGN_OFF", &ticket).await;
    // What was read is signed off, and nothing a colleague puts in its place meanwhile.
    let draft = "assignments { draft { id answer } }";
    let read = story.reads("leader", id, draft).await["assignments"][0]["draft"].take();
    let mut other = whole;
    other["answer"] = json!("未停工");
    story.does("clerk", "saveDraft", other).await;
    let sign_off = |read: &Value| json!({ "id": id, "draftId": read["id"] });
    story
        .may_not(
            &["leader"],
            "signOffReply",
            &sign_off(&read),
            "STALE_REVISION",
        )
        .await;
    let read = story.reads("leader", id, draft).await["assignments"][0]["draft"].take();
    let state = story.does("leader", "signOffReply", sign_off(&read)).await;
    assert_eq!(state, "REPLIED");
    story.is_in("leader", "REPLIED", &ticket).await;
}
