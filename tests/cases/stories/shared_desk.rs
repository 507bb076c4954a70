//! Colleagues of one office: whose turn it is, and how a caller was reached.

use super::Story;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};

on_both_stores! {
    a_ticket_changes_hands_within_an_office,
    contacts_are_noted,
    colleagues_are_those_of_ones_own_office,
}

async fn a_ticket_changes_hands_within_an_office(store: &TestStore) {
    let story = Story::begin(store).await;
    let (first, second) = (story.signed().await, story.assigned().await);
    let mine = "tab: IN_PROGRESS, filter: { mine: true }";
    assert_eq!(
        story.inbox("clerk", mine).await.len(),
        1,
        "who signs has it"
    );
    assert!(story.inbox("leader", mine).await.is_empty());

    let leader = story.person("leader").await;
    let me = leader.data("{ me { id } }", json!({})).await["me"]["id"].take();
    let hand_over = json!({ "id": first["id"], "toId": me });
    story
        .may_not(&["other-clerk"], "handOverTicket", &hand_over, "NOT_FOUND")
        .await;
    story
        .may_not(
            &["dispatcher"],
            "handOverTicket",
            &hand_over,
            "ROLE_NOT_ALLOWED",
        )
        .await;
    story.does("clerk", "handOverTicket", hand_over).await;
    assert!(story.inbox("clerk", mine).await.is_empty());
    assert_eq!(story.inbox("leader", mine).await.len(), 1);
    let seen = story
        .reads(
            "clerk",
            &first["id"],
            "assignments { handler { name } } availableActions",
        )
        .await;
    assert_eq!(seen["assignments"][0]["handler"]["name"], "leader by name");
    let actions = seen["availableActions"].as_array().unwrap();
    assert!(actions.contains(&json!("reply")), "nobody's right is lost");

    // Not to another office, nor to nobody.
    let other = story.person("unit-clerk").await;
    let other = other.data("{ me { id } }", json!({})).await["me"]["id"].take();
    let nobody = json!("account:00000000-0000-0000-0000-000000000009");
    for to in [other, nobody] {
        let wrong = json!({ "id": first["id"], "toId": to });
        story
            .may_not(&["clerk"], "handOverTicket", &wrong, "NOT_COLLEAGUE")
            .await;
    }
    // Taken before it is signed; and signing leaves it with whoever has it.
    let take = json!({ "id": second["id"], "toId": me });
    story.does("leader", "handOverTicket", take).await;
    story
        .does("clerk", "signTicket", json!({ "id": second["id"] }))
        .await;
    assert_eq!(story.inbox("leader", mine).await.len(), 2);
}

async fn contacts_are_noted(store: &TestStore) {
    let story = Story::begin(store).await;
    let ticket = story.signed().await;
    let id = &ticket["id"];
    let missed = json!({ "id": id, "reached": false, "means": "PHONE" });
    story
        .may_not(&["other-clerk"], "contactTicket", &missed, "NOT_FOUND")
        .await;
    story
        .may_not(&["operator"], "contactTicket", &missed, "ROLE_NOT_ALLOWED")
        .await;
    story.does("clerk", "contactTicket", missed).await;
    let early =
        json!({ "id": id, "reached": true, "means": "VISIT", "at": "2020-01-01T00:00:00Z" });
    story
        .may_not(&["clerk"], "contactTicket", &early, "INVALID_VALUE")
        .await;
    let seen = story
        .reads("clerk", id, "assignments { contacts reachedAt }")
        .await;
    assert_eq!(
        seen["assignments"][0],
        json!({ "contacts": 1, "reachedAt": null })
    );
    let reached =
        json!({ "id": id, "reached": true, "means": "VISIT", "evidence": "现场照片三张" });
    story.does("leader", "contactTicket", reached).await;
    let fields = "assignments { contacts reachedAt } timeline { nodes { texts { field text } } }";
    let seen = story.reads("auditor", id, fields).await;
    assert_eq!(seen["assignments"][0]["contacts"], 2);
    assert_ne!(seen["assignments"][0]["reachedAt"], Value::Null);
    let evidence = json!([{ "field": "evidence", "text": "现场照片三张" }]);
    assert_eq!(seen["timeline"]["nodes"][4]["texts"], evidence);
}

async fn colleagues_are_those_of_ones_own_office(store: &TestStore) {
    let story = Story::begin(store).await;
    let query = "{ colleagues { id name } }";
    let ticket = story.signed().await;
    // The views have come that far.
    story.reads("clerk", &ticket["id"], "state").await;
    for (login, expected) in [
        ("clerk", vec!["clerk by name", "leader by name"]),
        ("unit-clerk", vec!["unit-clerk by name"]),
        ("other-clerk", vec!["other-clerk by name"]),
    ] {
        let data = story.person(login).await.data(query, json!({})).await;
        let colleagues = data["colleagues"].as_array().unwrap();
        let mut names: Vec<_> = colleagues
            .iter()
            .map(|c| c["name"].as_str().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(names, expected, "{login}");
    }
    let data = story.person("leader").await.data(query, json!({})).await;
    let to = &data["colleagues"][0]["id"];
    let hand_over = json!({ "id": ticket["id"], "toId": to });
    story.does("clerk", "handOverTicket", hand_over).await;
    for nobody in ["dispatcher", "citizen", "auditor", "analyst", "admin"] {
        let told = story.person(nobody).await.fault(query, json!({})).await;
        assert_eq!(told, "FORBIDDEN", "{nobody}");
    }
}
