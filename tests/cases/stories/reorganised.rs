//! The city reorganises: offices are renamed and moved, and what happened before stays as it was.

use super::{Story, reply, unit};
use crate::gateway::{department, request};
use docket_core::clock::SystemClock;
use docket_domain::ticket::scenario::OTHER_DEPARTMENT;
use docket_tests::server::Client;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::sync::Arc;

on_both_stores! {
    administrators_reorganise_and_nobody_else,
    a_leader_keeps_the_own_department,
    every_refusal_names_its_field,
    a_command_sent_again_takes_effect_once,
    steps_keep_the_names_that_offices_had,
    a_table_of_departments_knows_renamed_ones,
}

pub(super) fn other() -> String {
    format!("department:{OTHER_DEPARTMENT}")
}

/// Does a command on the organisation: its payload, with the office after it.
pub(super) async fn organise(person: &Client, mutation: &str, input: Value) -> Value {
    let mut name = mutation.to_owned();
    name[..1].make_ascii_uppercase();
    let office = if mutation.ends_with("Unit") {
        "unit { id name department { id } }"
    } else {
        "department { id name region }"
    };
    let query = format!(
        "mutation($input: {name}Input!) {{ {mutation}(input: $input) {{ {office} userErrors {{ code path }} }} }}"
    );
    let mut data = person.data(&query, json!({ "input": input })).await;
    data[mutation].take()
}

/// A command that must be taken.
pub(super) async fn organised(person: &Client, mutation: &str, input: Value) -> Value {
    let payload = organise(person, mutation, input).await;
    assert_eq!(payload["userErrors"], json!([]), "{mutation}");
    payload
}

fn rename(name: &str) -> Value {
    json!({ "id": department(), "name": name })
}

async fn administrators_reorganise_and_nobody_else(store: &TestStore) {
    let story = Story::begin(store).await;
    let admin = story.person("admin").await;
    let renamed = organised(&admin, "renameDepartment", rename(" 综合执法局 ")).await;
    let expected = json!({ "id": department(), "name": "综合执法局", "region": null });
    assert_eq!(renamed["department"], expected);
    let region = json!({ "id": department(), "region": "高新区" });
    let changed = organised(&admin, "changeDepartmentRegion", region).await;
    assert_eq!(changed["department"]["region"], "高新区");
    let second = json!({ "id": unit(), "name": "直属大队" });
    let renamed = organised(&admin, "renameUnit", second).await;
    assert_eq!(renamed["unit"]["name"], "直属大队");
    let moving = json!({ "id": unit(), "departmentId": other() });
    let moved = organised(&admin, "moveUnit", moving.clone()).await;
    let expected = json!({ "id": unit(), "name": "直属大队", "department": { "id": other() } });
    assert_eq!(moved["unit"], expected);

    // Whoever is logged in sees the tree, and how it came to be.
    let history = "history { kind name region department { id } departmentName at }";
    let query = format!("{{ departments {{ id {history} units {{ id {history} }} }} }}");
    let citizen = story.person("citizen").await;
    let departments = citizen.data(&query, json!({})).await["departments"].take();
    let kinds = |office: &Value| {
        let all = office["history"].as_array().unwrap().iter();
        let seen = all.map(|c| format!("{} {}", c["kind"].as_str().unwrap(), c["name"]));
        seen.collect::<Vec<_>>()
    };
    assert_eq!(
        kinds(&departments[0]),
        [
            "ADDED \"城市管理局\"",
            "RENAMED \"综合执法局\"",
            "REGION_CHANGED \"综合执法局\""
        ]
    );
    assert_eq!(departments[0]["history"][2]["region"], "高新区");
    assert_eq!(departments[0]["units"], json!([]));
    let unit = &departments[1]["units"][1];
    assert_eq!(
        kinds(unit),
        [
            "ADDED \"执法大队\"",
            "RENAMED \"直属大队\"",
            "MOVED \"直属大队\""
        ]
    );
    let names: Vec<_> = (0..3)
        .map(|n| &unit["history"][n]["departmentName"])
        .collect();
    assert_eq!(names, ["城市管理局", "综合执法局", "公安局"]);
    assert_eq!(unit["history"][0]["department"]["id"], department());
    assert_eq!(unit["history"][2]["department"]["id"], other());

    for mutation in [
        "renameDepartment(input: { id: \"department:x\", name: \"x\" })",
        "changeDepartmentRegion(input: { id: \"department:x\" })",
        "renameUnit(input: { id: \"unit:x\", name: \"x\" })",
        "moveUnit(input: { id: \"unit:x\", departmentId: \"department:x\" })",
    ] {
        let mutation = mutation
            .replace("department:x", &department())
            .replace("unit:x", &super::unit());
        let query = format!("mutation {{ {mutation} {{ userErrors {{ code }} }} }}");
        for login in ["clerk", "office", "dispatcher", "auditor", "citizen"] {
            let person = story.person(login).await;
            let told = person.fault(&query, json!({})).await;
            assert_eq!(told, "FORBIDDEN", "{login}: {mutation}");
        }
    }
}

async fn a_leader_keeps_the_own_department(store: &TestStore) {
    let story = Story::begin(store).await;
    let leader = story.person("leader").await;
    let renamed = organised(&leader, "renameDepartment", rename("综合执法局")).await;
    assert_eq!(renamed["department"]["name"], "综合执法局");
    let second = json!({ "id": unit(), "name": "直属大队" });
    let renamed = organised(&leader, "renameUnit", second).await;
    assert_eq!(renamed["unit"]["name"], "直属大队");
    let new = json!({ "departmentId": department(), "name": "三中队" });
    let query = "mutation($input: AddUnitInput!) { addUnit(input: $input) {
        department { units { name } } userErrors { code } } }";
    let mut added = leader.data(query, json!({ "input": new })).await;
    let units = added["addUnit"]["department"]["units"].take();
    let names = units.as_array().unwrap().iter().map(|unit| &unit["name"]);
    assert!(names.clone().any(|name| name == "三中队"), "{units}");
    for (mutation, input) in [
        ("renameDepartment", json!({ "id": other(), "name": "x" })),
        (
            "changeDepartmentRegion",
            json!({ "id": department(), "region": "高新区" }),
        ),
        ("moveUnit", json!({ "id": unit(), "departmentId": other() })),
    ] {
        let payload = organise(&leader, mutation, input).await;
        let code = &payload["userErrors"][0]["code"];
        assert_eq!(code, "ROLE_NOT_ALLOWED", "{mutation}");
    }
}

async fn every_refusal_names_its_field(store: &TestStore) {
    let story = Story::begin(store).await;
    let admin = story.person("admin").await;
    let nobody = "department:00000000-0000-0000-0000-000000000009";
    let no_unit = "unit:00000000-0000-0000-0000-000000000009";
    for (mutation, input, code, field) in [
        (
            "renameDepartment",
            rename("城市管理局"),
            "NO_CHANGE",
            "name",
        ),
        (
            "renameDepartment",
            rename("公安局"),
            "ALREADY_EXISTS",
            "name",
        ),
        ("renameDepartment", rename(" "), "REQUIRED", "name"),
        (
            "renameDepartment",
            rename(&"长".repeat(101)),
            "TOO_LONG",
            "name",
        ),
        (
            "renameDepartment",
            json!({ "id": nobody, "name": "新局" }),
            "UNKNOWN_OFFICE",
            "id",
        ),
        (
            "changeDepartmentRegion",
            json!({ "id": department() }),
            "NO_CHANGE",
            "region",
        ),
        (
            "renameUnit",
            json!({ "id": no_unit, "name": "新队" }),
            "UNKNOWN_OFFICE",
            "id",
        ),
        (
            "moveUnit",
            json!({ "id": unit(), "departmentId": department() }),
            "NO_CHANGE",
            "departmentId",
        ),
        (
            "moveUnit",
            json!({ "id": unit(), "departmentId": nobody }),
            "UNKNOWN_OFFICE",
            "departmentId",
        ),
    ] {
        let payload = organise(&admin, mutation, input).await;
        let error = json!([{ "code": code, "path": ["input", field] }]);
        assert_eq!(payload["userErrors"], error, "{mutation}");
    }
}

async fn a_command_sent_again_takes_effect_once(store: &TestStore) {
    let story = Story::begin(store).await;
    let admin = story.person("admin").await;
    let id = "019a0000-0000-7000-8000-000000000001";
    let input = json!({ "id": department(), "name": "综合执法局", "commandId": id });
    organised(&admin, "renameDepartment", input.clone()).await;
    organised(&admin, "renameDepartment", rename("城市管理局")).await;
    // The first outcome, and nothing is renamed again.
    let again = organised(&admin, "renameDepartment", input).await;
    assert_eq!(again["department"]["name"], "综合执法局");
    let query = "{ departments { name history { name } } }";
    let now = admin.data(query, json!({})).await["departments"][0].take();
    assert_eq!(now["name"], "城市管理局");
    assert_eq!(now["history"].as_array().unwrap().len(), 3);
    let other = json!({ "id": department(), "name": "另一个局", "commandId": id });
    let reused = organise(&admin, "renameDepartment", other).await;
    assert_eq!(reused["userErrors"][0]["code"], "COMMAND_REUSED");
}

async fn steps_keep_the_names_that_offices_had(store: &TestStore) {
    let story = Story::begin(store).await;
    let admin = story.person("admin").await;
    let ticket = story.signed().await;
    let id = &ticket["id"];
    organised(&admin, "renameDepartment", rename("综合执法局")).await;
    let delegate = json!({ "id": id, "unitId": unit() });
    story.does("clerk", "delegateTicket", delegate).await;
    let second = json!({ "id": unit(), "name": "直属大队" });
    organised(&admin, "renameUnit", second).await;
    let sign = json!({ "id": id });
    story.does("unit-clerk", "signTicket", sign).await;
    story.does("unit-clerk", "replyTicket", reply(id)).await;
    let third = json!({ "id": unit(), "name": "一大队" });
    organised(&admin, "renameUnit", third).await;

    let fields =
        "assignments { officeName department { name } unit { name } answer { officeName } }
        timeline { nodes { type offices { field name department { name } unit { name } } } }";
    let seen = story.reads("clerk", id, fields).await;
    let step = |kind: &str| {
        let steps = seen["timeline"]["nodes"].as_array().unwrap();
        let found = steps.iter().rev().find(|s| s["type"] == kind);
        found.unwrap()["offices"][0].clone()
    };
    let was = |kind: &str| step(kind)["name"].clone();
    assert_eq!(was("assigned"), "城市管理局");
    assert_eq!(step("assigned")["field"], "lead");
    let now = &step("assigned")["department"]["name"];
    assert_eq!(now, "综合执法局", "the department itself is as it is now");
    assert_eq!(was("delegated"), "执法大队");
    assert_eq!(step("delegated")["unit"]["name"], "一大队");
    assert_eq!(
        (was("signed"), was("replied")),
        (json!("直属大队"), json!("直属大队"))
    );
    // In hand by the present name, what is over by the name of then.
    let (held, over) = (&seen["assignments"][0], &seen["assignments"][1]);
    assert_eq!(held["officeName"], "综合执法局");
    assert_eq!(held["department"]["name"], "综合执法局");
    assert_eq!(over["officeName"], "直属大队");
    assert_eq!(over["answer"]["officeName"], "直属大队");
    assert_eq!(over["unit"]["name"], "一大队");

    // The answer to the citizen, too, and what the citizen without an account is shown.
    let progress = "query($input: ProgressInput!) { progress(input: $input) { department } }";
    let code = json!({ "input": { "number": ticket["number"], "queryCode": ticket["queryCode"] } });
    let shown = async || story.server.client().data(progress, code.clone()).await;
    assert_eq!(shown().await["progress"]["department"], "综合执法局");
    story.does("leader", "replyTicket", reply(id)).await;
    organised(&admin, "renameDepartment", rename("城管委")).await;
    assert_eq!(shown().await["progress"]["department"], "综合执法局");
    let seen = story.reads("operator", id, "answer { officeName }").await;
    assert_eq!(seen["answer"]["officeName"], "综合执法局");

    // Citizens see what happened and when, no more.
    let citizen = story.person("citizen").await;
    let own = citizen.act("receiveTicket", request()).await;
    let assign = json!({ "id": own["id"], "leadId": department() });
    story.does("dispatcher", "assignTicket", assign).await;
    let seen = story.reads(
        "citizen",
        &own["id"],
        "timeline { nodes { type offices { name } } }",
    );
    let seen = seen.await;
    assert_eq!(
        seen["timeline"]["nodes"][1],
        json!({ "type": "assigned", "offices": [] })
    );
}

async fn a_table_of_departments_knows_renamed_ones(store: &TestStore) {
    let lists = "topics = [\"市容\"]\nregions = []\nroutes = [{ topic = \"市容\", department = \"城市管理局\" }]";
    let story = Story::begin_at(store, Arc::new(SystemClock), lists).await;
    let admin = story.person("admin").await;
    organised(&admin, "renameDepartment", rename("综合执法局")).await;
    let mut about = request();
    about["topic"] = json!("市容");
    let ticket = story
        .person("operator")
        .await
        .act("receiveTicket", about)
        .await;
    let seen = story
        .reads("dispatcher", &ticket["id"], "suggestedDepartments { name }")
        .await;
    assert_eq!(
        seen["suggestedDepartments"],
        json!([{ "name": "综合执法局" }])
    );
}
