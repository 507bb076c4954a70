//! Notices: the hotline office publishes, those they are for read, and it is known who has.

use super::Story;
use crate::gateway::department;
use chrono::TimeDelta;
use docket_core::ManualClock;
use docket_domain::ticket::scenario::now;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::sync::Arc;

on_both_stores! {
    a_notice_is_published_read_changed_and_withdrawn,
    a_notice_is_for_whom_it_is_addressed_to,
    notices_are_paged_and_expire,
}

impl Story {
    /// Does something to a notice; the payload.
    async fn notices_do(&self, login: &str, mutation: &str, input: Value) -> Value {
        let mut name = mutation.to_owned();
        name[..1].make_ascii_uppercase();
        let query = format!(
            "mutation($input: {name}Input!) {{ {mutation}(input: $input) {{ notice {{ id title body edition read
               departments {{ name }} withdrawnAt }} position userErrors {{ code path }} }} }}"
        );
        let person = self.person(login).await;
        person.data(&query, json!({ "input": input })).await[mutation].take()
    }

    /// The nodes of a person's notices.
    async fn notices(&self, login: &str, arguments: &str, fields: &str) -> Vec<Value> {
        let head = self.server.app.desk.journal().head().await.unwrap();
        let query = format!(
            "{{ notices(minPosition: \"{head}\"{arguments}) {{ edges {{ node {{ {fields} }} }} }} }}"
        );
        let person = self.person(login).await;
        let data = person.data(&query, json!({})).await;
        let edges = data["notices"]["edges"].as_array().unwrap();
        edges.iter().map(|edge| edge["node"].clone()).collect()
    }
}

fn upgrade() -> Value {
    json!({ "title": "系统升级", "body": "周六 22 点起停用一小时。" })
}

async fn a_notice_is_published_read_changed_and_withdrawn(store: &TestStore) {
    let story = Story::begin(store).await;
    for login in [
        "clerk",
        "leader",
        "dispatcher",
        "auditor",
        "citizen",
        "admin",
    ] {
        let refused = story.notices_do(login, "publishNotice", upgrade()).await;
        assert_eq!(
            refused["userErrors"][0]["code"], "ROLE_NOT_ALLOWED",
            "{login}"
        );
    }
    let mut publish = upgrade();
    publish["commandId"] = json!("0e0f1c2e-9f50-4dd2-8a6b-6fb1c0c1a223");
    let published = story
        .notices_do("office", "publishNotice", publish.clone())
        .await;
    let again = story.notices_do("office", "publishNotice", publish).await;
    assert_eq!(again, published, "sent again, it is the same one");
    let id = &published["notice"]["id"];
    assert_eq!(published["notice"]["edition"], 1);

    let read = "id title body read readBy { department { name } count }";
    for login in ["clerk", "leader", "unit-clerk", "other-clerk", "operator"] {
        let seen = story.notices(login, ", unreadOnly: true", read).await;
        assert_eq!(seen.len(), 1, "{login}");
        assert_eq!(seen[0]["title"], "系统升级");
        assert_eq!(
            (&seen[0]["read"], &seen[0]["readBy"]),
            (&json!(false), &Value::Null)
        );
    }
    for login in ["clerk", "unit-clerk", "clerk", "operator"] {
        let marked = story
            .notices_do(login, "markNoticeRead", json!({ "id": id }))
            .await;
        assert_eq!(marked["notice"]["read"], true, "{login}");
    }
    assert_eq!(
        story.notices("clerk", ", unreadOnly: true", "id").await,
        [] as [Value; 0]
    );
    assert_eq!(story.notices("clerk", "", read).await[0]["read"], true);
    let seen = story.notices("office", "", read).await;
    let counts = json!([
        { "department": null, "count": 1 },
        { "department": { "name": "城市管理局" }, "count": 2 },
    ]);
    assert_eq!(seen[0]["readBy"], counts);
    assert_eq!(
        story.notices("auditor", "", read).await[0]["readBy"],
        counts
    );

    it_is_changed_and_withdrawn(&story, id).await;
}

async fn it_is_changed_and_withdrawn(story: &Story, id: &Value) {
    let mut change = json!({ "id": id, "title": "系统升级", "body": "改为周日。" });
    let changed = story
        .notices_do("office", "changeNotice", change.clone())
        .await;
    assert_eq!(changed["notice"]["edition"], 2);
    let unread = story.notices("clerk", ", unreadOnly: true", "body").await;
    assert_eq!(
        unread,
        [json!({ "body": "改为周日。" })],
        "another edition is unread"
    );
    change["body"] = json!(" ");
    let refused = story
        .notices_do("office", "changeNotice", change.clone())
        .await;
    let required = json!([{ "code": "REQUIRED", "path": ["input", "body"] }]);
    assert_eq!(refused["userErrors"], required);

    let withdraw = json!({ "id": id });
    let withdrawn = story
        .notices_do("office", "withdrawNotice", withdraw.clone())
        .await;
    assert_ne!(withdrawn["notice"]["withdrawnAt"], Value::Null);
    for login in ["clerk", "operator"] {
        assert_eq!(story.notices(login, "", "id").await, [] as [Value; 0]);
        let late = story
            .notices_do(login, "markNoticeRead", withdraw.clone())
            .await;
        assert_eq!(late["userErrors"][0]["code"], "NOTICE_WITHDRAWN", "{login}");
    }
    let never = story
        .notices_do("citizen", "markNoticeRead", withdraw.clone())
        .await;
    assert_eq!(
        never["userErrors"][0]["code"], "NOT_FOUND",
        "it never was for them"
    );
    for login in ["office", "auditor"] {
        assert_eq!(
            story.notices(login, "", "edition").await,
            [json!({ "edition": 2 })]
        );
    }
    let late = story.notices_do("office", "withdrawNotice", withdraw).await;
    assert_eq!(late["userErrors"][0]["code"], "NOTICE_WITHDRAWN");
}

async fn a_notice_is_for_whom_it_is_addressed_to(store: &TestStore) {
    let story = Story::begin(store).await;
    let mut some = upgrade();
    some["departmentIds"] = json!([department()]);
    let published = story
        .notices_do("office", "publishNotice", some.clone())
        .await;
    let id = &published["notice"]["id"];
    let named = json!([{ "name": "城市管理局" }]);
    assert_eq!(published["notice"]["departments"], named);
    for login in ["clerk", "leader", "unit-clerk", "dispatcher", "auditor"] {
        let seen = story.notices(login, "", "departments { name }").await;
        assert_eq!(seen, [json!({ "departments": named })], "{login}");
    }
    for login in ["other-clerk", "other-unit-clerk"] {
        assert_eq!(
            story.notices(login, "", "id").await,
            [] as [Value; 0],
            "{login}"
        );
    }
    for nobody in ["citizen", "analyst", "admin"] {
        let told = story.person(nobody).await;
        let told = told
            .fault("{ notices { edges { node { id } } } }", json!({}))
            .await;
        assert_eq!(told, "FORBIDDEN", "{nobody}");
    }
    for (login, code) in [
        ("other-clerk", "NOT_FOUND"),
        ("citizen", "NOT_FOUND"),
        ("auditor", "ROLE_NOT_ALLOWED"),
    ] {
        let refused = story
            .notices_do(login, "markNoticeRead", json!({ "id": id }))
            .await;
        assert_eq!(refused["userErrors"][0]["code"], code, "{login}");
    }
    // What is not said stays; what is said of all is said in a word of its own.
    let mut change = upgrade();
    change["id"] = id.clone();
    for absent in [None, Some(Value::Null)] {
        change.as_object_mut().unwrap().remove("departmentIds");
        if let Some(null) = absent {
            change["departmentIds"] = null;
        }
        let changed = story
            .notices_do("office", "changeNotice", change.clone())
            .await;
        assert_eq!(changed["notice"]["departments"], named);
        let none = [] as [Value; 0];
        assert_eq!(story.notices("other-clerk", "", "id").await, none);
    }
    change["departmentIds"] = json!([]);
    let refused = story
        .notices_do("office", "changeNotice", change.clone())
        .await;
    let wrong = json!([{ "code": "INVALID_VALUE", "path": ["input", "departmentIds"] }]);
    assert_eq!(refused["userErrors"], wrong);
    change["departmentIds"] = Value::Null;
    change["toAll"] = json!(true);
    story.notices_do("office", "changeNotice", change).await;
    assert_eq!(
        story
            .notices("other-clerk", "", "departments { name }")
            .await,
        [json!({ "departments": null })]
    );
    some["departmentIds"] = json!([]);
    let refused = story.notices_do("office", "publishNotice", some).await;
    assert_eq!(refused["userErrors"], wrong);
}

async fn notices_are_paged_and_expire(store: &TestStore) {
    let clock = Arc::new(ManualClock::at(now()));
    let story = Story::begin_at(store, clock.clone(), "").await;
    for day in 1..=3 {
        let mut notice = upgrade();
        notice["title"] = json!(format!("公告{day}"));
        notice["expiresAt"] = json!((now() + TimeDelta::days(day)).to_rfc3339());
        story.notices_do("office", "publishNotice", notice).await;
    }
    let head = story.server.app.desk.journal().head().await.unwrap();
    let page = "query($after: String, $at: Position) { notices(first: 2, after: $after, minPosition: $at) {
        edges { node { title } } pageInfo { hasNextPage endCursor } } }";
    let clerk = story.person("clerk").await;
    let (mut after, mut titles) = (Value::Null, Vec::new());
    loop {
        let variables = json!({ "after": after, "at": head.to_string() });
        let notices = clerk.data(page, variables).await["notices"].take();
        let edges = notices["edges"].as_array().unwrap();
        titles.extend(edges.iter().map(|edge| edge["node"]["title"].clone()));
        if notices["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = notices["pageInfo"]["endCursor"].clone();
    }
    titles.sort_by_key(ToString::to_string);
    assert_eq!(titles, ["公告1", "公告2", "公告3"]);
    clock.set(now() + TimeDelta::days(1));
    assert_eq!(story.notices("clerk", "", "title").await.len(), 2);
    assert_eq!(story.notices("office", "", "title").await.len(), 3);
}
