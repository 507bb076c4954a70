//! What helps the dispatcher: how long a ticket has been nobody's, which department fits, and whether the
//! same request is there already.

use super::Story;
use crate::gateway::{department, request};
use chrono::TimeDelta;
use docket_core::desk::{Caller, Carried, OldTicket};
use docket_core::{Clock as _, ManualClock, SystemClock};
use docket_domain::Timestamp;
use docket_domain::ticket::Standing;
use docket_domain::ticket::scenario::OTHER_DEPARTMENT;
use docket_tests::store::PATIENCE;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

on_both_stores! {
    what_is_nobodys_for_longest_comes_first,
    the_packs_table_suggests_departments,
    the_same_request_again_is_shown,
}

const LISTS: &str = r#"
    topics = ["城市管理/施工噪音", "社会治安/涉赌"]
    regions = ["东湖区", "青石区"]
    routes = [
        { topic = "城市管理", department = "城市管理局" },
        { topic = "城市管理", region = "青石区", department = "公安局" },
        { department = "还没有的局" },
    ]
"#;

async fn what_is_nobodys_for_longest_comes_first(store: &TestStore) {
    let story = Story::begin(store).await;
    let query = "{ inbox(tab: TO_ASSIGN) { unassignedSince counts { tab count } } }";
    let dispatcher = story.person("dispatcher").await;
    let nothing = dispatcher.data(query, json!({})).await;
    assert_eq!(nothing["inbox"]["unassignedSince"], Value::Null);
    let (first, second) = (story.received().await, story.received().await);
    let assign = json!({ "id": first["id"], "leadId": department() });
    story.does("dispatcher", "assignTicket", assign).await;
    let recall = json!({ "id": first["id"] });
    story.does("dispatcher", "recallTicket", recall).await;
    let order = "tab: TO_ASSIGN, orderBy: UNASSIGNED_FIRST";
    let numbers = story.inbox("dispatcher", order).await;
    assert_eq!(json!(numbers), json!([second["number"], first["number"]]));
    let longest = story
        .reads("dispatcher", &second["id"], "unassignedSince receivedAt")
        .await;
    assert_eq!(longest["unassignedSince"], longest["receivedAt"]);
    let inbox = dispatcher.data(query, json!({})).await["inbox"].take();
    assert_eq!(inbox["unassignedSince"], longest["unassignedSince"]);
    let count = json!({ "tab": "TO_ASSIGN", "count": 2 });
    assert!(inbox["counts"].as_array().unwrap().contains(&count));
    let clerk = story.person("clerk").await.data(query, json!({})).await;
    assert_eq!(
        clerk["inbox"]["unassignedSince"],
        Value::Null,
        "the centre's"
    );
    let seen = story
        .reads("auditor", &first["id"], "unassignedSince")
        .await;
    assert!(seen["unassignedSince"].is_string());
}

async fn the_packs_table_suggests_departments(store: &TestStore) {
    let story = Story::begin_at(store, Arc::new(SystemClock), LISTS).await;
    let operator = story.person("operator").await;
    let suggested = "suggestedDepartments { name }";
    for (topic, region, expected) in [
        ("城市管理/施工噪音", "东湖区", vec!["城市管理局"]),
        ("城市管理/施工噪音", "青石区", vec!["公安局", "城市管理局"]),
        ("社会治安/涉赌", "东湖区", vec![]),
    ] {
        let mut input = request();
        (input["topic"], input["region"]) = (json!(topic), json!(region));
        let ticket = operator.act("receiveTicket", input).await;
        let seen = story.reads("dispatcher", &ticket["id"], suggested).await;
        let names = seen["suggestedDepartments"].as_array().unwrap();
        let names: Vec<_> = names.iter().map(|d| d["name"].as_str().unwrap()).collect();
        assert_eq!(names, expected, "{topic} {region}");
        let seen = story.reads("auditor", &ticket["id"], suggested).await;
        assert_eq!(seen["suggestedDepartments"], json!([]), "for the centre");
    }
    // Never the one that a confidential report accuses.
    let mut input = request();
    (input["topic"], input["region"]) = (json!("城市管理/施工噪音"), json!("青石区"));
    input["secrecy"] = json!("CONFIDENTIAL");
    input["accusedDepartmentId"] = json!(format!("department:{OTHER_DEPARTMENT}"));
    let ticket = operator.act("receiveTicket", input).await;
    let seen = story.reads("dispatcher", &ticket["id"], suggested).await;
    let only = json!([{ "name": "城市管理局" }]);
    assert_eq!(seen["suggestedDepartments"], only);
}

fn at(phone: &str, place: &str, topic: &str) -> Value {
    let mut input = request();
    input["caller"] = json!({ "name": "王小明", "phone": phone });
    (input["place"], input["topic"]) = (json!(place), json!(topic));
    input
}

fn carried_over(number: &str, phone: &str, received_at: Timestamp) -> OldTicket {
    OldTicket {
        source: "old".into(),
        number: number.into(),
        standing: Standing::Open,
        words: BTreeMap::new(),
        kind: None,
        channel: None,
        topic: None,
        urgency: None,
        secrecy: None,
        wants_reply: None,
        caller: Some(Caller {
            phone: Some(phone.into()),
            ..Caller::default()
        }),
        caller_id: None,
        title: "路灯不亮".into(),
        body: None,
        place: None,
        region: None,
        incident_at: None,
        respondent: None,
        accused_department: None,
        department: None,
        answer: None,
        received_at,
        assigned_at: None,
        answered_at: None,
        closed_at: None,
        due_at: None,
    }
}

async fn the_same_request_again_is_shown(store: &TestStore) {
    let start = SystemClock.now();
    let clock = Arc::new(ManualClock::at(start));
    let story = Story::begin_at(store, clock.clone(), LISTS).await;
    let receive = async |input: Value| {
        clock.set(clock.now() + TimeDelta::minutes(1));
        let operator = story.person("operator").await;
        operator.act("receiveTicket", input).await
    };
    let (noise, gambling) = ("城市管理/施工噪音", "社会治安/涉赌");
    let old = receive(at("138 0000 0001", "长江路 1 号", noise)).await;
    clock.set(start + TimeDelta::days(31));
    let caller = receive(at("138-0000-0001", "黄河路2号", gambling)).await;
    let place = receive(at("13900000009", "长江路1号", noise)).await;
    receive(at("13700000007", "长江路1号", gambling)).await;
    let again = receive(at("13800000001", "长江路1号", noise)).await;

    let fields = "possibleDuplicates { ticket { number } sameContact samePlaceAndTopic }";
    let seen = story.reads("dispatcher", &again["id"], fields).await;
    let duplicate = |ticket: &Value, contact: bool, place: bool| json!({ "ticket": { "number": ticket["number"] }, "sameContact": contact, "samePlaceAndTopic": place });
    let expected = json!([
        duplicate(&place, false, true),
        duplicate(&caller, true, false)
    ]);
    assert_eq!(
        seen["possibleDuplicates"], expected,
        "the old one is too old"
    );
    let seen = story.reads("operator", &old["id"], fields).await;
    assert_eq!(seen["possibleDuplicates"], json!([]));
    let assign = json!({ "id": again["id"], "leadId": department() });
    story.does("dispatcher", "assignTicket", assign).await;
    for other in ["clerk", "auditor"] {
        let seen = story.reads(other, &again["id"], fields).await;
        assert_eq!(seen["possibleDuplicates"], json!([]), "{other}");
    }
    // What was carried over is alike, too: one of the month, not one of last year.
    let desk = &story.server.app.desk;
    for (number, days) in [("1", 3), ("2", 365)] {
        let received = clock.now() - TimeDelta::days(days);
        let old = carried_over(number, "138 0000 0001", received);
        assert_eq!(desk.import(&old).await.unwrap(), Carried::Over);
    }
    let at_head = desk.journal().head().await.unwrap();
    let views = &story.server.app.views;
    views.wait_for(at_head, PATIENCE).await.unwrap();
    let fields_of_source = "possibleDuplicates { sameContact ticket { source { number } } }";
    let seen = story
        .reads("dispatcher", &again["id"], fields_of_source)
        .await;
    let sources: Vec<&Value> = seen["possibleDuplicates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|duplicate| &duplicate["ticket"]["source"]["number"])
        .filter(|number| !number.is_null())
        .collect();
    assert_eq!(sources, [&json!("1")], "{seen}");
    // Whoever receives is told at once.
    let both = at("13800000001", "长江路1号", noise);
    let query = format!(
        "mutation($input: ReceiveTicketInput!) {{ receiveTicket(input: $input) {{ ticket {{ {fields} }} }} }}"
    );
    let operator = story.person("operator").await;
    let data = operator.data(&query, json!({ "input": both })).await;
    let told = &data["receiveTicket"]["ticket"]["possibleDuplicates"];
    assert!(
        told.as_array()
            .unwrap()
            .contains(&duplicate(&again, true, true)),
        "{told}"
    );
}
