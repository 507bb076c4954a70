//! Forms printed (S11): by whom they belong to, on record, behind a link that is known to nobody else.

use super::{Story, reply};
use crate::gateway::department;
use docket_tests::server::Server;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};

on_both_stores! {
    forms_are_printed_on_record,
    a_command_sent_again_shows_nothing_more,
    an_urging_notice_says_what_is_asked_and_by_whom,
    a_link_is_good_at_every_process_of_the_store,
}

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
    assert_eq!(page(&story, url).await.status(), 404, "a link works once");
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

    let mut input = json!({ "id": id, "form": "ASSIGNMENT", "masked": false });
    let refused = printed(&story, "clerk", input.clone()).await;
    assert_eq!(
        refused["userErrors"][0],
        json!({ "code": "REQUIRED", "path": ["input", "purpose"] })
    );
    input["purpose"] = json!("上门核实");
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
        .reads(
            "auditor",
            id,
            "timeline { nodes { type by { name } texts { text } } }",
        )
        .await;
    let steps = seen["timeline"]["nodes"].as_array().unwrap();
    let prints: Vec<_> = steps
        .iter()
        .filter(|step| step["type"] == "printed")
        .collect();
    assert_eq!(prints.len(), 2, "each print is on record: {seen}");
    assert_eq!(prints[1]["by"]["name"], "clerk by name");
    assert_eq!(prints[1]["texts"][0]["text"], "上门核实");
}

async fn an_urging_notice_says_what_is_asked_and_by_whom(store: &TestStore) {
    let story = Story::begin(store).await;
    let ticket = story.signed().await;
    let id = &ticket["id"];
    let print = json!({ "id": id, "form": "URGING" });
    let refused = printed(&story, "clerk", print.clone()).await;
    assert_eq!(refused["userErrors"][0]["code"], "INVALID_VALUE");
    let urging = json!({ "id": id, "text": "来电人再次来电,请今日答复" });
    story.does("supervisor", "urgeTicket", urging).await;
    let done = printed(&story, "clerk", print).await;
    let html = page(&story, done["url"].as_str().unwrap()).await;
    let html = html.text().await.unwrap();
    for wanted in [
        "催办通知书",
        "1 次",
        "来电人再次来电,请今日答复",
        "supervisor by name",
    ] {
        assert!(html.contains(wanted), "{wanted}: {html}");
    }
}

async fn a_link_is_good_at_every_process_of_the_store(store: &TestStore) {
    let story = Story::begin(store).await;
    let other = Server::start(store).await;
    let ticket = story.signed().await;
    let print = json!({ "id": ticket["id"], "form": "ACCEPTANCE" });
    let done = printed(&story, "operator", print).await;
    let url = done["url"].as_str().unwrap();
    let fetched = reqwest::get(format!("{}{url}", other.url)).await.unwrap();
    assert!(fetched.text().await.unwrap().contains("受理单"));
    assert_eq!(page(&story, url).await.status(), 404, "it was used there");
}

/// Whoever had a ticket once cannot read on in it by sending old commands again.
async fn a_command_sent_again_shows_nothing_more(store: &TestStore) {
    let story = Story::begin(store).await;
    let clerk = story.person("clerk").await;
    let ticket = story.assigned().await;
    let id = &ticket["id"];
    let view = json!({ "id": id, "commandId": "3c1d8f0a-7d52-4a2c-9d0e-0a4f5a1f2b01" });
    let viewed = "mutation($input: ViewTicketInput!) { viewTicket(input: $input) {
        ticket { body caller { phone } timeline { nodes { type texts { text } } } } userErrors { code } } }";
    let print = json!({
        "id": id, "form": "ACCEPTANCE", "masked": false, "purpose": "上门",
        "commandId": "3c1d8f0a-7d52-4a2c-9d0e-0a4f5a1f2b02",
    });
    let first = clerk.data(viewed, json!({ "input": view })).await["viewTicket"].take();
    assert_eq!(first["ticket"]["caller"]["phone"], "13800000001");
    assert!(printed(&story, "clerk", print.clone()).await["url"].is_string());
    let again = printed(&story, "clerk", print.clone()).await;
    assert_eq!(
        (&again["url"], &again["userErrors"]),
        (&Value::Null, &json!([]))
    );
    assert!(again["position"].is_string(), "{again}");

    let back = json!({ "id": id, "reason": "NOT_COMPETENT", "text": "不属我局" });
    story.does("clerk", "returnTicket", back).await;
    story
        .does("dispatcher", "acceptReturn", json!({ "id": id }))
        .await;
    let now = clerk.data(viewed, json!({ "input": view })).await["viewTicket"].take();
    assert_eq!(now["ticket"]["caller"], Value::Null, "{now}");
    assert!(!now.to_string().contains("138"), "{now}");

    let secret = json!({ "id": id, "secrecy": "CONFIDENTIAL", "accusedDepartmentId": department(), "text": "举报该局" });
    story.does("dispatcher", "setSecrecy", secret).await;
    let now = clerk.data(viewed, json!({ "input": view })).await["viewTicket"].take();
    assert_eq!(
        now,
        json!({ "ticket": null, "userErrors": [{ "code": "NOT_FOUND" }] })
    );
    let again = printed(&story, "clerk", print).await;
    assert_eq!(again["userErrors"][0]["code"], "NOT_FOUND");
}
