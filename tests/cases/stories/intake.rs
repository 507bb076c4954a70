//! The form, triage and routing as the rule pack has them, from the console to the department's desk.

use super::Story;
use crate::gateway::request;
use docket_core::clock::SystemClock;
use docket_domain::rules::{CALENDAR_CN, DEFAULT_PACK};
use docket_gateway::app::Founding;
use docket_tests::city::found;
use docket_tests::server::Server;
use docket_tests::staff::hire_all;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::sync::Arc;

on_both_stores! {
    the_form_asks_for_what_the_pack_says,
    triage_raises_and_never_lowers,
    what_is_routed_is_assigned_by_docket,
}

const LISTS: &str = "topics = [\"市容/油烟\", \"教育\"]
regions = [\"东区\"]
routes = [{ topic = \"市容\", department = \"城市管理局\" }]
";

/// A hotline with kinds, a form and routes of its own.
async fn begin(store: &TestStore) -> Story {
    let praise = "[[kinds]]\ncode = \"praise\"\nzh = \"表扬\"\nen = \"Praise\"\n";
    let form = "required = [{ kind = \"complain\", fields = [\"place\", \"region\", \"contact\"] }]
menu = [{ code = \"fumes\", zh = \"油烟\", en = \"Fumes\", kind = \"complain\", topic = \"市容/油烟\" }]";
    let pack = [
        (praise, ""),
        ("required = []\nmenu = []", form),
        ("assigns_by_itself = false", "assigns_by_itself = true"),
    ]
    .iter()
    .fold(format!("{LISTS}{DEFAULT_PACK}"), |pack, (from, to)| {
        assert!(pack.contains(from), "{from}");
        pack.replacen(from, to, 1)
    });
    let founding = Founding {
        name: "云州市".into(),
        pack,
        holidays: CALENDAR_CN.into(),
    };
    let server = Server::open(store.options(Arc::new(SystemClock)), &founding).await;
    found(&server.app.desk).await;
    hire_all(&server.app.desk, &server.app.store.ops).await;
    Story { server }
}

/// A request, with some of its fields changed; null takes one out.
fn with(changes: &Value) -> Value {
    let mut input = request();
    let fields = input.as_object_mut().unwrap();
    fields.insert("place".into(), json!("长江路1号"));
    fields.insert("region".into(), json!("东区"));
    for (field, value) in changes.as_object().unwrap() {
        fields.insert(field.clone(), value.clone());
    }
    fields.retain(|_, value| !value.is_null());
    input
}

async fn the_form_asks_for_what_the_pack_says(store: &TestStore) {
    let story = begin(store).await;
    let operator = story.person("operator").await;
    let query = "{ rulePack { kinds { code zh } menu { code kind topic }
        requiredFields { kind fields } assignsByItself } }";
    let pack = operator.data(query, json!({})).await["rulePack"].take();
    let kinds = pack["kinds"].as_array().unwrap();
    assert_eq!(kinds.len(), 5);
    assert!(kinds.iter().all(|kind| kind["code"] != "PRAISE"));
    let fumes = json!([{ "code": "fumes", "kind": "COMPLAIN", "topic": "市容/油烟" }]);
    assert_eq!(pack["menu"], fumes);
    let fields = json!([{ "kind": "COMPLAIN", "fields": ["PLACE", "REGION", "CONTACT"] }]);
    assert_eq!(pack["requiredFields"], fields);
    assert_eq!(pack["assignsByItself"], true);

    let query = "mutation($input: ReceiveTicketInput!) { receiveTicket(input: $input) {
        ticket { id } userErrors { code path } } }";
    for (changes, code, path) in [
        (
            json!({ "kind": "PRAISE" }),
            "INVALID_VALUE",
            json!(["kind"]),
        ),
        (json!({ "place": " " }), "REQUIRED", json!(["place"])),
        (json!({ "region": null }), "REQUIRED", json!(["region"])),
        (
            json!({ "caller": null }),
            "REQUIRED",
            json!(["caller", "phone"]),
        ),
    ] {
        let input = json!({ "input": with(&changes) });
        let told = operator.data(query, input).await["receiveTicket"].take();
        assert_eq!(told["ticket"], Value::Null);
        let mut at = vec![json!("input")];
        at.extend(path.as_array().unwrap().iter().cloned());
        assert_eq!(told["userErrors"], json!([{ "code": code, "path": at }]));
    }
    // Whatever is missing is told at one time.
    let none = with(&json!({ "title": " ", "place": null, "region": null }));
    let told = operator.data(query, json!({ "input": none })).await["receiveTicket"].take();
    let missing = |path| json!({ "code": "REQUIRED", "path": ["input", path] });
    let all = ["title", "place", "region"].map(missing);
    assert_eq!(told["userErrors"], json!(all));
    // Another kind's form asks for nothing more; a citizen's form is the same one.
    operator
        .act(
            "receiveTicket",
            with(&json!({ "kind": "HELP", "place": null })),
        )
        .await;
    let citizen = story.person("citizen").await;
    let refused = citizen
        .refused("receiveTicket", with(&json!({ "place": null })))
        .await;
    assert_eq!(refused, "REQUIRED");
    // An earlier number is linked to.
    let first = operator.act("receiveTicket", with(&json!({}))).await;
    let again = with(&json!({ "earlier": first["number"] }));
    let again = operator.act("receiveTicket", again).await;
    let seen = story.reads("operator", &again["id"], "earlier").await;
    assert_eq!(seen["earlier"], first["number"]);
}

async fn triage_raises_and_never_lowers(store: &TestStore) {
    let story = begin(store).await;
    let operator = story.person("operator").await;
    for (said, body, urgency) in [
        (Value::Null, "路灯不亮。", "NORMAL"),
        (Value::Null, "小区停水两天。", "URGENT"),
        (json!("NORMAL"), "小区停水两天。", "URGENT"),
        (json!("CRITICAL"), "小区停水两天。", "CRITICAL"),
        (json!("URGENT"), "路灯不亮。", "URGENT"),
        (Value::Null, "电梯里有人被困。", "CRITICAL"),
    ] {
        let input = with(&json!({ "urgency": said, "body": body }));
        let ticket = operator.act("receiveTicket", input).await;
        let seen = story.reads("operator", &ticket["id"], "urgency").await;
        assert_eq!(seen["urgency"], urgency, "{body}");
    }
}

async fn what_is_routed_is_assigned_by_docket(store: &TestStore) {
    let story = begin(store).await;
    let operator = story.person("operator").await;
    let plain = operator
        .act("receiveTicket", with(&json!({ "topic": "教育" })))
        .await;
    let fumes = with(&json!({ "topic": "市容/油烟" }));
    let routed = operator.act("receiveTicket", fumes).await;
    let id = &routed["id"];
    let fields =
        "state assignments { officeName } timeline(first: 5) { nodes { type by { name } } }";
    let seen = story
        .until(id, fields, |seen| seen["state"] != "RECEIVED")
        .await;
    assert_eq!(seen["state"], "ASSIGNED");
    assert_eq!(seen["assignments"], json!([{ "officeName": "城市管理局" }]));
    let steps = seen["timeline"]["nodes"].as_array().unwrap();
    let by_docket = json!({ "type": "assigned", "by": null });
    assert!(steps.contains(&by_docket), "{steps:?}");
    story.is_in("clerk", "TO_SIGN", &routed).await;
    // Taken back, it is the dispatcher's, and nobody assigns it a second time.
    story
        .does(
            "dispatcher",
            "recallTicket",
            json!({ "id": id, "text": "错派" }),
        )
        .await;
    tokio::time::sleep(docket_gateway::worker::LOOKS_EVERY * 3).await;
    for waiting in [id, &plain["id"]] {
        assert_eq!(
            story.reads("office", waiting, "state").await["state"],
            "RECEIVED"
        );
    }
}
