//! Forms printed (S11): by whom they belong to, on record, behind a link that is known to nobody else.

use super::{Story, reply};
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};

on_both_stores! { forms_are_printed_on_record }

async fn printed(story: &Story, who: &str, input: Value) -> Value {
    let query = "mutation($input: PrintTicketInput!) { printTicket(input: $input) {
        url expiresAt position userErrors { code path } } }";
    let person = story.person(who).await;
    person.data(query, json!({ "input": input })).await["printTicket"].take()
}

async fn page(story: &Story, url: &str) -> reqwest::Response {
    let base = &story.server.url;
    reqwest::get(format!("{base}{url}")).await.unwrap()
}

async fn forms_are_printed_on_record(store: &TestStore) {
    let story = Story::begin(store).await;
    let ticket = story.signed().await;
    let id = &ticket["id"];
    story.does("clerk", "replyTicket", reply(id)).await;
    let done = printed(
        &story,
        "operator",
        json!({ "id": id, "form": "ACCEPTANCE" }),
    )
    .await;
    let url = done["url"].as_str().unwrap();
    let response = page(&story, url).await;
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("cache-control"), "no-store");
    assert!(header("content-security-policy").contains("default-src 'none'"));
    let html = response.text().await.unwrap();
    let number = ticket["number"].as_str().unwrap();
    for wanted in [
        "受理单",
        number,
        "夜间施工扰民",
        "王*明",
        "已停工",
        "@page { size: A4; margin: 0 }",
    ] {
        assert!(html.contains(wanted), "{wanted}: {html}");
    }
    assert!(
        !html.contains("王小明") && !html.contains("13800000001"),
        "masked by default"
    );
    assert_eq!(page(&story, &format!("{url}0")).await.status(), 404);

    let input = json!({ "id": id, "form": "ASSIGNMENT", "masked": false });
    let done = printed(&story, "clerk", input).await;
    let html = page(&story, done["url"].as_str().unwrap())
        .await
        .text()
        .await
        .unwrap();
    for wanted in ["下派单", "城市管理局", "王小明", "13800000001", "领导签名"] {
        assert!(html.contains(wanted), "{wanted}: {html}");
    }
    let refused = printed(&story, "clerk", json!({ "id": id, "form": "SUPERVISION" })).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_SUPERVISED");
    let auditor = printed(&story, "auditor", json!({ "id": id, "form": "ACCEPTANCE" })).await;
    assert_eq!(auditor["userErrors"][0]["code"], "ROLE_NOT_ALLOWED");
    assert_eq!(auditor["url"], Value::Null);

    let seen = story
        .reads("auditor", id, "timeline { nodes { type by { name } } }")
        .await;
    let steps = seen["timeline"]["nodes"].as_array().unwrap();
    let prints: Vec<_> = steps
        .iter()
        .filter(|step| step["type"] == "printed")
        .collect();
    assert_eq!(prints.len(), 2, "each print is on record: {seen}");
    assert_eq!(prints[1]["by"]["name"], "clerk by name");
}
