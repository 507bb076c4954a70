//! No office is troubled: a request is answered directly, or declined with the lawful channel for it.

use super::Story;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};

on_both_stores! {
    an_operator_answers_at_once,
    what_is_not_for_the_hotline_is_declined,
    the_packs_lists_are_there_to_choose_from,
}

async fn an_operator_answers_at_once(store: &TestStore) {
    let story = Story::begin(store).await;
    let ticket = story.received().await;
    let id = &ticket["id"];
    let answer =
        json!({ "id": id, "answer": "工作日9点至17点均可办理", "article": "居住证办理指南" });
    story
        .may_not(
            &["dispatcher", "office"],
            "answerTicket",
            &answer,
            "ROLE_NOT_ALLOWED",
        )
        .await;
    assert_eq!(
        story.does("operator", "answerTicket", answer).await,
        "REPLIED"
    );
    story.is_in("office", "TO_REVIEW", &ticket).await;
    let fields = "answer { text article handler contacted } assignments { no }";
    let seen = story.reads("operator", id, fields).await;
    let told = json!({ "text": "工作日9点至17点均可办理", "article": "居住证办理指南", "handler": null, "contacted": null });
    assert_eq!(seen["answer"], told);
    assert_eq!(seen["assignments"], json!([]));
    // Handled anew it goes to an office, which nobody had been.
    let redo = json!({ "id": id, "instruction": "答复有误" });
    assert_eq!(story.does("office", "redoTicket", redo).await, "RECEIVED");
    story.is_in("dispatcher", "TO_ASSIGN", &ticket).await;
    let again = json!({ "id": id, "answer": "再答" });
    story
        .may_not(&["operator"], "answerTicket", &again, "WRONG_STATE")
        .await;
}

async fn what_is_not_for_the_hotline_is_declined(store: &TestStore) {
    let story = Story::begin(store).await;
    let ticket = story.received().await;
    let id = &ticket["id"];
    let decline =
        json!({ "id": id, "reason": "LITIGATION", "lawfulChannel": "请通过诉讼途径解决" });
    story
        .may_not(&["office"], "declineTicket", &decline, "ROLE_NOT_ALLOWED")
        .await;
    story
        .may_not(&["clerk"], "declineTicket", &decline, "NOT_FOUND")
        .await;
    let mut wrong = decline.clone();
    wrong["reason"] = json!("WEATHER");
    story
        .may_not(&["dispatcher"], "declineTicket", &wrong, "INVALID_VALUE")
        .await;
    let mut silent = decline.clone();
    silent["lawfulChannel"] = json!("");
    story
        .may_not(&["dispatcher"], "declineTicket", &silent, "REQUIRED")
        .await;
    assert_eq!(
        story.does("dispatcher", "declineTicket", decline).await,
        "DECLINED"
    );
    story.is_in("operator", "DONE", &ticket).await;
    let fields = "ending { kind reason lawfulChannel text } availableActions
        timeline { nodes { type label texts { field text } } }";
    let seen = story.reads("operator", id, fields).await;
    let ending = json!({ "kind": "DECLINED", "reason": "LITIGATION", "lawfulChannel": "请通过诉讼途径解决", "text": null });
    assert_eq!(seen["ending"], ending);
    let offered = json!(["set_secrecy", "print", "attach_file"]);
    assert_eq!(seen["availableActions"], offered);
    let texts = json!([{ "field": "lawful_channel", "text": "请通过诉讼途径解决" }]);
    let step = json!({ "type": "declined", "label": "不予受理", "texts": texts });
    assert_eq!(seen["timeline"]["nodes"][1], step);
    let nobody = story.server.client();
    let shown = json!({ "number": ticket["number"], "queryCode": ticket["queryCode"] });
    let query = "query($input: ProgressInput!) { progress(input: $input) { state lawfulChannel endedAt department } }";
    let progress = nobody.data(query, json!({ "input": shown })).await["progress"].take();
    assert_eq!(progress["lawfulChannel"], "请通过诉讼途径解决");
    assert_eq!(progress["department"], Value::Null);
    assert!(progress["endedAt"].is_string());
}

async fn the_packs_lists_are_there_to_choose_from(store: &TestStore) {
    let story = Story::begin(store).await;
    let query = "{ rulePack { version channels { code } topics returnReasons { code zh }
        declineReasons { code channelZh channelEn } } }";
    let mut pack = story.person("operator").await.data(query, json!({})).await["rulePack"].take();
    assert_eq!(pack["version"], 1);
    assert_eq!(pack["channels"][0]["code"], "phone");
    assert_eq!(pack["topics"], json!([]));
    assert_eq!(pack["returnReasons"].as_array().unwrap().len(), 4);
    // What is proposed is what is then told.
    let ticket = story.received().await;
    let reason = pack["declineReasons"][1].take();
    let decline = json!({ "id": ticket["id"], "reason": reason["code"], "lawfulChannel": reason["channelZh"] });
    assert_eq!(
        story.does("operator", "declineTicket", decline).await,
        "DECLINED"
    );
    let told = story.server.client().fault(query, json!({})).await;
    assert_eq!(told, "UNAUTHENTICATED");
}
