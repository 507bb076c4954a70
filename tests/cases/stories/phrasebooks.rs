//! Reply templates and phrases: leaders keep them, colleagues and units read them.

use super::Story;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};

on_both_stores! { a_department_keeps_its_phrases, the_centre_keeps_its_own }

const READ: &str = "query($kind: PhraseKind) { phrases(kind: $kind) { id kind title text } }";

impl Story {
    /// Does something to a phrasebook; the payload.
    async fn keeps(&self, login: &str, mutation: &str, input: Value) -> Value {
        let mut name = mutation.to_owned();
        name[..1].make_ascii_uppercase();
        let query = format!(
            "mutation($input: {name}Input!) {{ {mutation}(input: $input) {{
               phrase {{ id kind title text }} userErrors {{ code path }} }} }}"
        );
        let person = self.person(login).await;
        person.data(&query, json!({ "input": input })).await[mutation].take()
    }

    async fn phrases(&self, login: &str, kind: Option<&str>) -> Value {
        let person = self.person(login).await;
        person.data(READ, json!({ "kind": kind })).await["phrases"].take()
    }
}

async fn a_department_keeps_its_phrases(store: &TestStore) {
    let story = Story::begin(store).await;
    let add = json!({
        "kind": "TEMPLATE", "title": "夜间施工", "text": "您反映的工地已停止夜间施工。",
        "commandId": "0e0f1c2e-9f50-4dd2-8a6b-6fb1c0c1a222",
    });
    for login in ["clerk", "unit-clerk", "dispatcher"] {
        let refused = story.keeps(login, "addPhrase", add.clone()).await;
        assert_eq!(refused["phrase"], Value::Null);
        assert_eq!(
            refused["userErrors"][0]["code"], "ROLE_NOT_ALLOWED",
            "{login}"
        );
    }
    let added = story.keeps("leader", "addPhrase", add.clone()).await["phrase"].take();
    let again = story.keeps("leader", "addPhrase", add).await;
    assert_eq!(again["phrase"], added, "sent again, it is the same one");
    let phrase = json!({ "kind": "PHRASE", "title": "致谢", "text": "感谢您的来电。" });
    story.keeps("leader", "addPhrase", phrase).await;
    for reader in ["leader", "clerk", "unit-clerk"] {
        assert_eq!(
            story.phrases(reader, None).await.as_array().unwrap().len(),
            2
        );
        let templates = story.phrases(reader, Some("TEMPLATE")).await;
        assert_eq!(templates, json!([added]), "{reader}");
    }
    assert_eq!(story.phrases("other-clerk", None).await, json!([]));

    let change = json!({ "id": added["id"], "title": "夜间施工", "text": "已责令停工并巡查。" });
    let changed = story.keeps("leader", "changePhrase", change.clone()).await;
    assert_eq!(changed["phrase"]["text"], "已责令停工并巡查。");
    let mut empty = change.clone();
    empty["text"] = json!(" ");
    let refused = story.keeps("leader", "changePhrase", empty).await;
    let required = json!([{ "code": "REQUIRED", "path": ["input", "text"] }]);
    assert_eq!(refused["userErrors"], required);
    let remove = json!({ "id": added["id"] });
    let removed = story.keeps("leader", "removePhrase", remove.clone()).await;
    assert_eq!(removed, json!({ "phrase": null, "userErrors": [] }));
    for (mutation, input) in [("changePhrase", change), ("removePhrase", remove)] {
        let refused = story.keeps("leader", mutation, input).await;
        assert_eq!(refused["userErrors"][0]["code"], "NOT_FOUND", "{mutation}");
    }
    assert_eq!(
        story.phrases("clerk", None).await.as_array().unwrap().len(),
        1
    );
}

async fn the_centre_keeps_its_own(store: &TestStore) {
    let story = Story::begin(store).await;
    let add = json!({ "kind": "TEMPLATE", "title": "居住证", "text": "工作日均可办理。" });
    let refused = story.keeps("operator", "addPhrase", add.clone()).await;
    assert_eq!(refused["userErrors"][0]["code"], "ROLE_NOT_ALLOWED");
    story.keeps("office", "addPhrase", add).await;
    assert_eq!(story.phrases("operator", None).await[0]["title"], "居住证");
    assert_eq!(story.phrases("clerk", None).await, json!([]));
    for nobody in ["citizen", "auditor", "analyst", "admin"] {
        let told = story.person(nobody).await.fault(READ, json!({})).await;
        assert_eq!(told, "FORBIDDEN", "{nobody}");
    }
}
