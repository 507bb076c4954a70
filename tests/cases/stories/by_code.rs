//! A citizen without an account urges and withdraws, with number and query code.

use super::{Story, reply};
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};

on_both_stores! { a_citizen_urges_and_withdraws_by_code, with_an_account_they_do_the_same }

impl Story {
    /// Does something by code; the payload.
    async fn by_code(&self, mutation: &str, ticket: &Value, text: Option<&str>) -> Value {
        let mut name = mutation.to_owned();
        name[..1].make_ascii_uppercase();
        let query = format!(
            "mutation($input: {name}Input!) {{ {mutation}(input: $input) {{
               position userErrors {{ code }} progress {{ state urges endedAt }} }} }}"
        );
        let input =
            json!({ "number": ticket["number"], "queryCode": ticket["queryCode"], "text": text });
        let nobody = self.server.client();
        nobody.data(&query, json!({ "input": input })).await[mutation].take()
    }
}

async fn a_citizen_urges_and_withdraws_by_code(store: &TestStore) {
    let story = Story::begin(store).await;
    let ticket = story.signed().await;
    let id = &ticket["id"];
    let urged = story.by_code("urgeByCode", &ticket, Some("请尽快")).await;
    assert_eq!(urged["userErrors"], json!([]));
    assert_eq!(urged["progress"]["urges"], 1);
    let again = story.by_code("urgeByCode", &ticket, None).await;
    assert_eq!(again["userErrors"][0]["code"], "TOO_OFTEN", "once a day");
    let fields = "urges urgedAt revision timeline { nodes { type by { name } texts { text } } }";
    let seen = story.reads("clerk", id, fields).await;
    assert_eq!(seen["urges"], 1);
    assert!(seen["urgedAt"].is_string());
    let step = json!({ "type": "urged", "by": null, "texts": [{ "text": "请尽快" }] });
    assert_eq!(seen["timeline"]["nodes"][3], step);

    let mut wrong = ticket.clone();
    wrong["queryCode"] = json!("AAAAAAAA");
    for mutation in ["urgeByCode", "withdrawByCode"] {
        let refused = story.by_code(mutation, &wrong, None).await;
        assert_eq!(refused["userErrors"][0]["code"], "WRONG_QUERY_CODE");
        assert_eq!(refused["progress"], Value::Null);
    }
    let withdrawn = story.by_code("withdrawByCode", &ticket, None).await;
    assert_eq!(withdrawn["progress"]["state"], "WITHDRAWN");
    assert!(withdrawn["progress"]["endedAt"].is_string());
    story.is_in("clerk", "DONE", &ticket).await;
    story
        .may_not(&["clerk"], "replyTicket", &reply(id), "NOT_HOLDER")
        .await;
    let late = story.by_code("withdrawByCode", &ticket, None).await;
    assert_eq!(late["userErrors"][0]["code"], "WRONG_STATE");
}

async fn with_an_account_they_do_the_same(store: &TestStore) {
    let story = Story::begin(store).await;
    let citizen = story.person("citizen").await;
    let ticket = citizen
        .act("receiveTicket", crate::gateway::request())
        .await;
    let urge = json!({ "id": ticket["id"] });
    story
        .may_not(&["other-citizen"], "urgeTicket", &urge, "NOT_FOUND")
        .await;
    story
        .may_not(
            &["auditor", "call-back"],
            "urgeTicket",
            &urge,
            "ROLE_NOT_ALLOWED",
        )
        .await;
    story
        .may_not(&["supervisor"], "urgeTicket", &urge, "REQUIRED")
        .await;
    story.does("citizen", "urgeTicket", urge).await;
    let urge = json!({ "id": ticket["id"], "text": "请尽快派单" });
    story.does("supervisor", "urgeTicket", urge).await;
    let withdraw = json!({ "id": ticket["id"] });
    story
        .may_not(
            &["dispatcher"],
            "withdrawTicket",
            &withdraw,
            "ROLE_NOT_ALLOWED",
        )
        .await;
    story
        .may_not(&["operator"], "withdrawTicket", &withdraw, "REQUIRED")
        .await;
    let state = story.does("citizen", "withdrawTicket", withdraw).await;
    assert_eq!(state, "WITHDRAWN");
    let seen = story
        .reads(
            "operator",
            &ticket["id"],
            "urges ending { kind by { name } }",
        )
        .await;
    assert_eq!(seen["urges"], 2);
    assert_eq!(seen["ending"]["by"]["name"], "citizen by name");
}
