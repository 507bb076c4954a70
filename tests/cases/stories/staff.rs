//! A department's leader keeps the accounts of its own staff (S1: 部门管理 → 人员添加), and of nobody else.

use super::accounts::{id_of, is_refused, keep, kept, log_in, shut_out};
use super::reorganised::other;
use super::{Story, unit};
use crate::gateway::department;
use docket_tests::server::Client;
use docket_tests::staff::PASSWORD;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};

on_both_stores! {
    a_leader_adds_changes_and_lets_go_the_own_staff,
    a_leader_touches_nobody_elses,
    what_makes_no_sense_is_refused_or_set_right,
    leaders_leave_their_own_rights_alone,
}

fn new(login: &str) -> Value {
    json!({
        "login": login, "name": "王小明", "password": "new-password", "roles": ["CLERK"],
        "departmentId": department(), "unitId": unit(), "mobile": " 13800000001 ", "smsQuota": 30,
    })
}

/// The accounts one keeps, by login, with whether they are active.
async fn listed(keeper: &Client) -> Vec<(String, bool)> {
    let data = keeper
        .data("{ accounts { login active } }", json!({}))
        .await;
    let accounts = data["accounts"].as_array().unwrap().iter();
    let mut listed: Vec<_> = accounts
        .map(|a| (a["login"].as_str().unwrap().to_owned(), a["active"] == true))
        .collect();
    listed.sort();
    listed
}

async fn a_leader_adds_changes_and_lets_go_the_own_staff(store: &TestStore) {
    let story = Story::begin(store).await;
    let (leader, admin) = (story.person("leader").await, story.person("admin").await);
    // The department need not be said: a leader has but one.
    let mut wang = new("cg-wang");
    wang["departmentId"] = Value::Null;
    let added = kept(&leader, "createAccount", wang).await;
    let id = added["id"].clone();
    assert_eq!(added["department"]["id"], department());
    assert_eq!(added["unit"]["id"], unit());
    let inner = "query($id: ID!) { account(id: $id) { login mobile smsQuota mustChangePassword } }";
    let shown = json!({
        "login": "cg-wang", "mobile": "13800000001", "smsQuota": 30, "mustChangePassword": null,
    });
    for keeper in [&leader, &admin] {
        let seen = keeper.data(inner, json!({ "id": id })).await;
        assert_eq!(seen["account"], shown);
    }
    let client = story.server.client();
    let wang = client.logged_in("cg-wang", "new-password").await;
    let me = "{ me { login mobile smsQuota mustChangePassword } }";
    let own = wang.data(me, json!({})).await["me"].take();
    assert_eq!(
        (&own["mobile"], &own["mustChangePassword"]),
        (&json!("13800000001"), &json!(false))
    );
    // Colleagues see names, and nothing of what is between a person and who keeps the account.
    let head = story.server.app.desk.journal().head().await.unwrap();
    let patience = docket_tests::store::PATIENCE;
    story
        .server
        .app
        .views
        .wait_for(head, patience)
        .await
        .unwrap();
    let colleague = story.person("unit-clerk").await;
    let all = "{ colleagues { name login mobile smsQuota } }";
    let seen = colleague.data(all, json!({})).await["colleagues"].take();
    let hidden = json!({ "name": "王小明", "login": null, "mobile": null, "smsQuota": null });
    assert!(seen.as_array().unwrap().contains(&hidden), "{seen}");

    let changes =
        json!({ "id": id, "roles": ["LEADER"], "unitId": null, "mobile": null, "smsQuota": 0 });
    let changed = kept(&leader, "changeAccount", changes.clone()).await;
    assert_eq!(
        (&changed["roles"], &changed["unit"]),
        (&json!(["LEADER"]), &Value::Null)
    );
    is_refused(&leader, "changeAccount", changes, "NO_CHANGE", "").await;
    let seen = leader.data(inner, json!({ "id": id })).await["account"].take();
    assert_eq!(
        (&seen["mobile"], &seen["smsQuota"]),
        (&Value::Null, &json!(0))
    );
    let reset = json!({ "id": id, "password": "other-password" });
    kept(&leader, "resetPassword", reset).await;
    assert_eq!(wang.fault(me, json!({})).await, "UNAUTHENTICATED");
    let wang = client.logged_in("cg-wang", "other-password").await;
    kept(&leader, "deactivateAccount", json!({ "id": id })).await;
    assert_eq!(wang.fault(me, json!({})).await, "UNAUTHENTICATED");
    let told = shut_out(&client, "cg-wang", "other-password").await;
    assert_eq!(told, "ACCOUNT_DEACTIVATED");
    let listed = listed(&leader).await;
    let expected = [
        ("cg-wang", false),
        ("clerk", true),
        ("leader", true),
        ("unit-clerk", true),
    ];
    assert_eq!(
        listed,
        expected.map(|(login, active)| (login.to_owned(), active))
    );
    kept(&leader, "reactivateAccount", json!({ "id": id })).await;
    let told = log_in(&client, "cg-wang", "other-password").await;
    assert_ne!(told["token"], Value::Null);
}

async fn a_leader_touches_nobody_elses(store: &TestStore) {
    let story = Story::begin(store).await;
    let (leader, admin) = (story.person("leader").await, story.person("admin").await);
    for (field, value, path) in [
        ("departmentId", json!(other()), "unitId"),
        ("roles", json!(["OPERATOR"]), "departmentId"),
    ] {
        let mut input = new("cg-wang");
        input[field] = value;
        let payload = keep(&leader, "createAccount", input).await;
        assert_eq!(payload["userErrors"][0]["path"], json!(["input", path]));
    }
    for (changes, path) in [
        (
            json!({ "departmentId": other(), "unitId": null }),
            "departmentId",
        ),
        (
            json!({ "roles": ["ADMINISTRATOR"], "departmentId": null, "unitId": null }),
            "roles",
        ),
        (
            json!({ "roles": ["CITIZEN"], "departmentId": null, "unitId": null }),
            "roles",
        ),
    ] {
        let mut input = new("cg-wang");
        for (field, value) in changes.as_object().unwrap() {
            input[field] = value.clone();
        }
        is_refused(&leader, "createAccount", input, "NOT_OWN_STAFF", path).await;
        let mut input = changes;
        input["id"] = id_of(&admin, "clerk").await;
        is_refused(&leader, "changeAccount", input, "NOT_OWN_STAFF", path).await;
    }
    for login in [
        "other-clerk",
        "other-unit-clerk",
        "operator",
        "admin",
        "citizen",
    ] {
        let id = id_of(&admin, login).await;
        for (mutation, input) in [
            ("changeAccount", json!({ "id": id, "name": "无名" })),
            ("deactivateAccount", json!({ "id": id })),
            ("reactivateAccount", json!({ "id": id })),
            (
                "resetPassword",
                json!({ "id": id, "password": "new-password" }),
            ),
        ] {
            is_refused(&leader, mutation, input, "NOT_FOUND", "id").await;
        }
        let query = "query($id: ID) { account(id: $id) { id } }";
        let told = leader.fault(query, json!({ "id": id })).await;
        assert_eq!(told, "NOT_FOUND", "{login}");
        story.person(login).await;
    }
}

async fn what_makes_no_sense_is_refused_or_set_right(store: &TestStore) {
    let story = Story::begin(store).await;
    let leader = story.person("leader").await;
    let with = |field: &str, value: Value| {
        let mut input = new("cg-wang");
        input[field] = value;
        input
    };
    for login in ["cg\0wang", "cg\u{7}wang", "cg wang", "cg\u{200b}wang", "\0"] {
        let input = with("login", json!(login));
        is_refused(&leader, "createAccount", input, "INVALID_VALUE", "login").await;
    }
    is_refused(
        &leader,
        "createAccount",
        with("login", json!(" ")),
        "REQUIRED",
        "login",
    )
    .await;
    for mobile in ["abc", "1234", "１３８００００００００１", "138-0000-000x"] {
        let input = with("mobile", json!(mobile));
        is_refused(&leader, "createAccount", input, "INVALID_VALUE", "mobile").await;
    }
    let mut twice = with("roles", json!(["CLERK", "CLERK"]));
    twice["mobile"] = json!("+86 138-0000-0001");
    let added = kept(&leader, "createAccount", twice).await;
    assert_eq!(added["roles"], json!(["CLERK"]));
    let change = |field: &str, value: Value| json!({ "id": added["id"], field: value });
    let same = change("roles", json!(["CLERK", "CLERK"]));
    is_refused(&leader, "changeAccount", same, "NO_CHANGE", "").await;
    let wrong = change("mobile", json!("abc"));
    is_refused(&leader, "changeAccount", wrong, "INVALID_VALUE", "mobile").await;
    // What is no mobile tells nothing of whether there is an account.
    let admin = story.person("admin").await;
    for id in [
        id_of(&admin, "operator").await,
        json!(format!("account:{}", uuid::Uuid::nil())),
    ] {
        let wrong = json!({ "id": id, "mobile": "abc" });
        is_refused(&leader, "changeAccount", wrong, "INVALID_VALUE", "mobile").await;
    }
}

async fn leaders_leave_their_own_rights_alone(store: &TestStore) {
    let story = Story::begin(store).await;
    let (leader, admin) = (story.person("leader").await, story.person("admin").await);
    let me = id_of(&admin, "leader").await;
    for (mutation, input, field) in [
        ("deactivateAccount", json!({ "id": me }), "id"),
        (
            "resetPassword",
            json!({ "id": me, "password": "new-password" }),
            "id",
        ),
        (
            "changeAccount",
            json!({ "id": me, "roles": ["CLERK", "LEADER"] }),
            "roles",
        ),
        (
            "changeAccount",
            json!({ "id": me, "unitId": unit() }),
            "unitId",
        ),
    ] {
        is_refused(&leader, mutation, input, "OWN_ACCOUNT", field).await;
    }
    let mobile = json!({ "id": me, "mobile": "13800000009" });
    kept(&leader, "changeAccount", mobile).await;
    // In a unit a leader keeps nobody's account, in the session that is open.
    kept(
        &admin,
        "changeAccount",
        json!({ "id": me, "unitId": unit() }),
    )
    .await;
    let query =
        "mutation($id: ID!) { deactivateAccount(input: { id: $id }) { userErrors { code } } }";
    let clerk = id_of(&admin, "unit-clerk").await;
    assert_eq!(
        leader.fault(query, json!({ "id": clerk })).await,
        "FORBIDDEN"
    );
    assert_eq!(
        leader.fault("{ accounts { id } }", json!({})).await,
        "FORBIDDEN"
    );
    let told = log_in(&story.server.client(), "unit-clerk", PASSWORD).await;
    assert_ne!(told["token"], Value::Null);
}
