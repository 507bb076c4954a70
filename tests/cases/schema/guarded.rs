//! Commands that are no ticket's, guarded by the revision that was seen; and positions, which bring what another process did.

use super::person;
use crate::gateway::{city, department};
use docket_domain::ticket::scenario::{OTHER_DEPARTMENT, UNIT};
use docket_tests::server::{Client, Server};
use docket_tests::staff::PASSWORD;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};

on_both_stores! {
    offices_are_guarded,
    accounts_are_guarded,
    phrases_and_notices_are_guarded,
    a_citizens_progress_is_guarded_too,
    a_position_brings_what_another_process_changed,
}

/// Does a command: what it says of an entity, with position and errors.
async fn does(person: &Client, mutation: &str, said: &str, input: Value) -> Value {
    let mut name = mutation.to_owned();
    name[..1].make_ascii_uppercase();
    let query = format!(
        "mutation($input: {name}Input!) {{ {mutation}(input: $input) {{ {said} position userErrors {{ code path }} }} }}"
    );
    person.data(&query, json!({ "input": input })).await[mutation].take()
}

/// A command on the revision that was seen is taken and moves it; on that revision no other is taken, and nothing changes.
async fn guards(person: &Client, entity: &str, mutation: &str, input: Value, next: Value) -> u64 {
    let said = match entity {
        "changed" | "set" => entity.to_owned(),
        entity => format!("{entity} {{ revision }}"),
    };
    let taken = does(person, mutation, &said, input.clone()).await;
    assert_eq!(taken["userErrors"], json!([]), "{mutation}");
    assert!(taken["position"].is_string(), "{mutation}: {taken}");
    let stale = does(person, mutation, &said, next).await;
    let expected = json!([{ "code": "STALE_REVISION", "path": ["input", "expectedRevision"] }]);
    assert_eq!(stale["userErrors"], expected, "{mutation}");
    assert_eq!(stale["position"], Value::Null, "{mutation}");
    let revision = taken[entity]["revision"].as_u64();
    let seen = input["expectedRevision"].as_u64().unwrap();
    assert!(
        revision.is_none_or(|now| now == seen + 1),
        "{mutation}: {taken}"
    );
    revision.unwrap_or(seen + 1)
}

#[expect(clippy::needless_pass_by_value, reason = "made where it is given")]
fn with(input: &Value, changes: Value) -> Value {
    let mut input = input.clone();
    for (name, value) in changes.as_object().unwrap() {
        input[name] = value.clone();
    }
    input
}

async fn offices_are_guarded(store: &TestStore) {
    let server = city(store).await;
    let admin = person(&server, "admin").await;
    // Two administrators look at the same office.
    let rename = json!({ "id": department(), "name": "综合执法局", "expectedRevision": 1 });
    let late = with(&rename, json!({ "name": "城管局" }));
    guards(&admin, "department", "renameDepartment", rename, late).await;
    let region = json!({ "id": department(), "region": "高新区", "expectedRevision": 2 });
    let late = with(&region, json!({ "region": "老城区" }));
    guards(&admin, "department", "changeDepartmentRegion", region, late).await;
    let unit = format!("unit:{UNIT}");
    let rename = json!({ "id": unit, "name": "直属大队", "expectedRevision": 1 });
    let late = with(&rename, json!({ "name": "机动大队" }));
    guards(&admin, "unit", "renameUnit", rename, late).await;
    let to = format!("department:{OTHER_DEPARTMENT}");
    let r#move = json!({ "id": unit, "departmentId": to, "expectedRevision": 2 });
    let back = with(&r#move, json!({ "departmentId": department() }));
    guards(&admin, "unit", "moveUnit", r#move, back).await;
    let offices = admin
        .data(
            "{ departments { name region revision units { name revision } } }",
            json!({}),
        )
        .await;
    let named = |name: &str| {
        let all = offices["departments"].as_array().unwrap().iter();
        all.into_iter().find(|of| of["name"] == name).unwrap()
    };
    let ours = named("综合执法局");
    assert_eq!(
        (&ours["region"], &ours["revision"]),
        (&json!("高新区"), &json!(3))
    );
}

async fn accounts_are_guarded(store: &TestStore) {
    let server = city(store).await;
    let admin = person(&server, "admin").await;
    let leader = person(&server, "leader").await;
    let found = "{ account(login: \"operator\") { id revision } }";
    let account = admin.data(found, json!({})).await["account"].take();
    let (id, seen) = (account["id"].clone(), account["revision"].as_u64().unwrap());
    let change = json!({ "id": id, "name": "王", "expectedRevision": seen });
    let late = with(&change, json!({ "name": "李" }));
    let seen = guards(&admin, "account", "changeAccount", change, late).await;
    let reset = json!({ "id": id, "password": "another-password", "expectedRevision": seen });
    let seen = guards(&admin, "account", "resetPassword", reset.clone(), reset).await;
    let out = json!({ "id": id, "expectedRevision": seen });
    let seen = guards(&admin, "account", "deactivateAccount", out.clone(), out).await;
    let back = json!({ "id": id, "expectedRevision": seen });
    guards(&admin, "account", "reactivateAccount", back.clone(), back).await;

    // Of one's own.
    let me = leader.data("{ me { revision } }", json!({})).await;
    let seen = me["me"]["revision"].as_u64().unwrap();
    let set = json!({ "question": "FIRST_SCHOOL", "answer": "一", "password": PASSWORD, "expectedRevision": seen });
    let seen = guards(&leader, "set", "setRecovery", set.clone(), set).await;
    let new = json!({ "oldPassword": PASSWORD, "newPassword": "ein neues Passwort", "expectedRevision": seen });
    let late = json!({ "oldPassword": "ein neues Passwort", "newPassword": PASSWORD, "expectedRevision": seen });
    guards(&leader, "changed", "changePassword", new, late).await;
}

async fn phrases_and_notices_are_guarded(store: &TestStore) {
    let server = city(store).await;
    let office = person(&server, "office").await;
    let leader = person(&server, "leader").await;
    let text = json!({ "kind": "PHRASE", "title": "致谢", "text": "感谢您的来电。" });
    let added = does(&leader, "addPhrase", "phrase { id revision }", text).await;
    assert!(added["position"].is_string());
    let change = json!({ "id": added["phrase"]["id"], "title": "致谢", "text": "谢谢。", "expectedRevision": 1 });
    let late = with(&change, json!({ "text": "多谢。" }));
    guards(&leader, "phrase", "changePhrase", change, late).await;
    let id = &added["phrase"]["id"];
    let remove = |revision| json!({ "id": id, "expectedRevision": revision });
    let stale = does(&leader, "removePhrase", "phrase { id }", remove(1)).await;
    assert_eq!(stale["userErrors"][0]["code"], "STALE_REVISION");
    let removed = does(&leader, "removePhrase", "phrase { id }", remove(2)).await;
    assert_eq!(removed["userErrors"], json!([]));

    // Of a notice: reading it does not move it.
    let notice = json!({ "title": "系统升级", "body": "周六停用。" });
    let published = does(
        &office,
        "publishNotice",
        "notice { id revision }",
        notice.clone(),
    )
    .await;
    let id = &published["notice"]["id"];
    let read = |revision| json!({ "id": id, "expectedRevision": revision });
    let marked = does(&leader, "markNoticeRead", "notice { revision }", read(1)).await;
    assert_eq!(
        (&marked["notice"]["revision"], &marked["userErrors"]),
        (&json!(1), &json!([]))
    );
    let change = with(
        &notice,
        json!({ "id": id, "body": "周日停用。", "expectedRevision": 1 }),
    );
    let late = with(&change, json!({ "body": "周一停用。" }));
    guards(&office, "notice", "changeNotice", change, late).await;
    let stale = does(&leader, "markNoticeRead", "notice { revision }", read(1)).await;
    assert_eq!(
        stale["userErrors"][0]["code"], "STALE_REVISION",
        "nobody has read what they were not shown"
    );
    let stale = does(&office, "withdrawNotice", "notice { revision }", read(1)).await;
    assert_eq!(stale["userErrors"][0]["code"], "STALE_REVISION");
    let withdrawn = does(&office, "withdrawNotice", "notice { revision }", read(2)).await;
    assert_eq!(withdrawn["notice"]["revision"], 3);
}

async fn a_citizens_progress_is_guarded_too(store: &TestStore) {
    let server = city(store).await;
    let operator = person(&server, "operator").await;
    let said = "ticket { number queryCode }";
    let received = does(&operator, "receiveTicket", said, crate::gateway::request()).await;
    let (number, code) = (
        &received["ticket"]["number"],
        &received["ticket"]["queryCode"],
    );
    let nobody = server.client();
    let asked = "query($i: ProgressInput!) { progress(input: $i) { revision } }";
    let shown = json!({ "i": { "number": number, "queryCode": code } });
    let seen = nobody.data(asked, shown).await["progress"]["revision"]
        .as_u64()
        .unwrap();
    let input =
        |revision| json!({ "number": number, "queryCode": code, "expectedRevision": revision });
    let said = "progress { state }";
    let stale = does(&nobody, "withdrawByCode", said, input(seen + 1)).await;
    assert_eq!(stale["userErrors"][0]["code"], "STALE_REVISION");
    let withdrawn = does(&nobody, "withdrawByCode", said, input(seen)).await;
    assert_eq!(withdrawn["progress"]["state"], "WITHDRAWN");
}

async fn a_position_brings_what_another_process_changed(store: &TestStore) {
    let (ours, theirs) = (city(store).await, Server::start(store).await);
    let (admin, leader) = (person(&ours, "admin").await, person(&ours, "leader").await);
    let (admin_there, leader_there) = (admin.at(&theirs.url), leader.at(&theirs.url));
    let found = "query($p: Position) { account(login: \"clerk\", minPosition: $p) { name }
                 accounts(minPosition: $p) { login name } departments(minPosition: $p) { name } }";
    let mine =
        "query($p: Position) { me(minPosition: $p) { name } phrases(minPosition: $p) { title } }";
    let id = admin
        .data("{ account(login: \"clerk\") { id } }", json!({}))
        .await["account"]["id"]
        .take();
    let own = leader.data("{ me { id } }", json!({})).await["me"]["id"].take();
    for turn in 0..4 {
        // The other process knows them as they were, and would for a second.
        admin_there.data(found, json!({ "p": null })).await;
        leader_there.data(mine, json!({ "p": null })).await;
        let name = format!("第{turn}");
        let to = json!({ "id": department(), "name": name });
        does(&admin, "renameDepartment", "department { id }", to).await;
        let text = json!({ "kind": "PHRASE", "title": name, "text": "感谢您的来电。" });
        does(&leader, "addPhrase", "phrase { id }", text).await;
        let to = json!({ "id": own, "name": name });
        does(&admin, "changeAccount", "account { id }", to).await;
        let to = json!({ "id": id, "name": name });
        let changed = does(&admin, "changeAccount", "account { id }", to).await;
        let since = json!({ "p": changed["position"] });
        let there = admin_there.data(found, since.clone()).await;
        assert_eq!(there["account"]["name"], name);
        assert_eq!(there["departments"][0]["name"], name);
        let clerk = json!({ "login": "clerk", "name": name });
        assert!(there["accounts"].as_array().unwrap().contains(&clerk));
        let there = leader_there.data(mine, since).await;
        assert_eq!(there["me"]["name"], name);
        assert_eq!(there["phrases"][turn]["title"], name);
    }
    // A position that is still to come is waited for in vain, and that is said.
    let head = ours.app.desk.journal().head().await.unwrap();
    let beyond = json!({ "p": (head + 1).to_string() });
    assert_eq!(admin_there.fault(found, beyond).await, "VIEWS_BEHIND");
}
