//! A unit moves to another department: its work stays where it was given, its people go along.

use super::reorganised::{organised, other};
use super::{Story, reply, unit};
use crate::gateway::department;
use docket_projections::{projection, rebuild};
use docket_tests::server::Server;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};

on_both_stores! {
    work_under_way_stays_with_a_unit_that_is_moved,
    a_unit_that_both_departments_delegated_to_has_one_after_the_other,
    a_units_people_belong_to_its_new_department_from_the_move_on,
}

/// Moves the unit of the small city to the other department.
async fn move_the_unit(story: &Story) {
    let admin = story.person("admin").await;
    let moving = json!({ "id": unit(), "departmentId": other() });
    organised(&admin, "moveUnit", moving).await;
}

/// What a person may do with a ticket, and whether they know of it at all.
async fn may(story: &Story, login: &str, id: &Value) -> Option<Vec<String>> {
    let person = story.person(login).await;
    let head = story.server.app.desk.journal().head().await.unwrap();
    let query =
        "query($id: ID!, $at: Position) { ticket(id: $id, minPosition: $at) { availableActions } }";
    let variables = json!({ "id": id, "at": head.to_string() });
    let mut response = person.run(query, variables).await;
    if response.get("errors").is_some() {
        assert_eq!(response["errors"][0]["extensions"]["code"], "NOT_FOUND");
        return None;
    }
    serde_json::from_value(response["data"]["ticket"]["availableActions"].take()).unwrap()
}

async fn work_under_way_stays_with_a_unit_that_is_moved(store: &TestStore) {
    let story = Story::begin(store).await;
    let delegate = |ticket: &Value| json!({ "id": ticket["id"], "unitId": unit() });
    let (first, second) = (story.signed().await, story.signed().await);
    for ticket in [&first, &second] {
        story
            .does("clerk", "delegateTicket", delegate(ticket))
            .await;
    }
    let kept = story.signed().await;
    move_the_unit(&story).await;

    // The unit goes on with both: it replies to one and returns the other, to whoever delegated them.
    story.is_in("unit-clerk", "TO_SIGN", &first).await;
    story.is_in("clerk", "DELEGATED", &first).await;
    let id = &first["id"];
    assert_eq!(
        may(&story, "other-clerk", id).await,
        None,
        "not its business"
    );
    assert!(
        may(&story, "unit-clerk", id)
            .await
            .unwrap()
            .contains(&"sign".to_owned())
    );
    story
        .does("unit-clerk", "signTicket", json!({ "id": id }))
        .await;
    story.does("unit-clerk", "replyTicket", reply(id)).await;
    story.is_in("clerk", "AWAITING_SUMMARY", &first).await;
    let rework = json!({ "id": id, "instruction": "请补充" });
    story.does("clerk", "reworkTicket", rework).await;
    story.is_in("unit-clerk", "IN_PROGRESS", &first).await;
    story.does("unit-clerk", "replyTicket", reply(id)).await;
    story.does("leader", "replyTicket", reply(id)).await;
    let back = json!({ "id": second["id"], "reason": "NOT_COMPETENT", "text": "非本队职责" });
    story.does("unit-clerk", "returnTicket", back).await;
    story.is_in("clerk", "IN_PROGRESS", &second).await;

    // Anew it is delegated to by its new department alone.
    story
        .may_not(
            &["clerk", "leader"],
            "delegateTicket",
            &delegate(&kept),
            "UNKNOWN_OFFICE",
        )
        .await;
    let theirs = story.received().await;
    let assign = json!({ "id": theirs["id"], "leadId": other() });
    story.does("dispatcher", "assignTicket", assign).await;
    story
        .does("other-clerk", "signTicket", json!({ "id": theirs["id"] }))
        .await;
    story
        .does("other-clerk", "delegateTicket", delegate(&theirs))
        .await;
    story.is_in("unit-clerk", "TO_SIGN", &theirs).await;
    assert_eq!(may(&story, "clerk", &theirs["id"]).await, None);

    // What was answered before the move counts for the department that held it.
    let today = "from: \"2020-01-01\", to: \"2099-12-31\"";
    let query = format!(
        "query($at: Position) {{ statistics({today}, minPosition: $at) {{ department {{ id }} assigned replied }} }}"
    );
    let head = story.server.app.desk.journal().head().await.unwrap();
    let analyst = story.person("analyst").await;
    let data = analyst
        .data(&query, json!({ "at": head.to_string() }))
        .await;
    let row = |id: &str| {
        let rows = data["statistics"].as_array().unwrap();
        let found = rows.iter().find(|row| row["department"]["id"] == id);
        let row = found.unwrap();
        (row["assigned"].clone(), row["replied"].clone())
    };
    assert_eq!(row(&department()), (json!(3), json!(1)));
    assert_eq!(row(&other()), (json!(1), json!(0)));
}

async fn a_unit_that_both_departments_delegated_to_has_one_after_the_other(store: &TestStore) {
    let story = Story::begin(store).await;
    let ticket = story.received().await;
    let id = &ticket["id"];
    let assign = json!({ "id": id, "leadId": department(), "assistIds": [other()] });
    story.does("dispatcher", "assignTicket", assign).await;
    let delegate = json!({ "id": id, "unitId": unit() });
    for clerk in ["clerk", "other-clerk"] {
        story.does(clerk, "signTicket", json!({ "id": id })).await;
        story.does(clerk, "delegateTicket", delegate.clone()).await;
        if clerk == "clerk" {
            move_the_unit(&story).await;
        }
    }
    for _ in 0..2 {
        story.is_in("unit-clerk", "TO_SIGN", &ticket).await;
        story
            .does("unit-clerk", "signTicket", json!({ "id": id }))
            .await;
        story.does("unit-clerk", "replyTicket", reply(id)).await;
    }
    story
        .is_in("other-clerk", "AWAITING_SUMMARY", &ticket)
        .await;
    story.is_in("clerk", "AWAITING_SUMMARY", &ticket).await;
}

async fn a_units_people_belong_to_its_new_department_from_the_move_on(store: &TestStore) {
    let story = Story::begin(store).await;
    let unit_clerk = story.person("unit-clerk").await;
    let me = "{ me { department { id } unit { id name } } colleagues { name } phrases { title } }";
    let phrase = json!({ "input": { "kind": "PHRASE", "title": "城管用语", "text": "已核实" } });
    let add =
        "mutation($input: AddPhraseInput!) { addPhrase(input: $input) { userErrors { code } } }";
    let kept = story.person("leader").await.data(add, phrase).await;
    assert_eq!(kept["addPhrase"]["userErrors"], json!([]));
    let head = story.server.app.desk.journal().head().await.unwrap();
    story
        .server
        .app
        .views
        .wait_for(head, docket_tests::store::PATIENCE)
        .await
        .unwrap();
    let colleagues = json!([{ "name": "unit-clerk by name" }]);
    let expected = |department: String, phrases: Value| {
        json!({
            "me": { "department": { "id": department }, "unit": { "id": unit(), "name": "执法大队" } },
            "colleagues": colleagues, "phrases": phrases,
        })
    };
    let before = unit_clerk.data(me, json!({})).await;
    assert_eq!(
        before,
        expected(department(), json!([{ "title": "城管用语" }]))
    );
    move_the_unit(&story).await;
    // In the session that was open, too, and at once.
    let after = unit_clerk.data(me, json!({})).await;
    assert_eq!(after, expected(other(), json!([])));

    // A process of its own follows, and views built anew say the same.
    let theirs = Server::start(store).await;
    let there = unit_clerk.at(&theirs.url);
    assert_eq!(there.data(me, json!({})).await, after);
    rebuild::rebuild(&theirs.app.store, &projection::all(), &mut |_| {})
        .await
        .unwrap();
    assert_eq!(there.data(me, json!({})).await, after);
    let found = rebuild::verify(&theirs.app.store, &mut |_| {})
        .await
        .unwrap();
    assert!(found.differences.is_empty());

    // A newcomer to the unit is hired under its new department, and is a colleague.
    let admin = story.person("admin").await;
    let hire = "mutation($input: CreateAccountInput!) { createAccount(input: $input) { userErrors { code path } } }";
    let newcomer = |department: String| {
        json!({ "input": {
            "login": "newcomer", "name": "新人", "password": "correct-horse", "roles": ["CLERK"],
            "departmentId": department, "unitId": unit(),
        } })
    };
    let refused = admin.data(hire, newcomer(department())).await;
    let error = json!([{ "code": "UNKNOWN_OFFICE", "path": ["input", "unitId"] }]);
    assert_eq!(refused["createAccount"]["userErrors"], error);
    let hired = admin.data(hire, newcomer(other())).await;
    assert_eq!(hired["createAccount"]["userErrors"], json!([]));
    let ticket = story.signed().await;
    story.reads("clerk", &ticket["id"], "state").await;
    let data = unit_clerk.data("{ colleagues { name } }", json!({})).await;
    assert_eq!(data["colleagues"].as_array().unwrap().len(), 2);
}
