//! Texts of which nothing can be seen, and what no text may hold: the same for every text there is.

use super::Story;
use crate::gateway::request;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};

on_both_stores! {
    what_shows_nothing_is_not_filled_in,
    control_characters_are_refused_and_turns_taken_out,
}

/// What a mutation that is no ticket's is refused for.
async fn told(story: &Story, login: &str, mutation: &str, input: Value) -> Value {
    let person = story.person(login).await;
    let mut name = mutation.to_owned();
    name[..1].make_ascii_uppercase();
    let query = format!(
        "mutation($input: {name}Input!) {{ {mutation}(input: $input) {{ userErrors {{ code path }} }} }}"
    );
    let mut data = person.data(&query, json!({ "input": input })).await;
    data[mutation]["userErrors"].take()
}

fn error(code: &str, path: &[&str]) -> Value {
    let path = [&["input"], path].concat();
    json!([{ "code": code, "path": path }])
}

async fn what_shows_nothing_is_not_filled_in(store: &TestStore) {
    let story = Story::begin(store).await;
    let id = story.received().await["id"].take();
    let mut blank = request();
    blank["title"] = json!("\u{200B}");
    blank["body"] = json!(" \u{FEFF}\u{2060} ");
    let told_of = json!([
        { "code": "REQUIRED", "path": ["input", "title"] },
        { "code": "REQUIRED", "path": ["input", "body"] },
    ]);
    assert_eq!(
        told(&story, "operator", "receiveTicket", blank).await,
        told_of
    );
    for nothing in ["   ", "\u{200B}", "\u{202E}\u{202C}", "\u{3164}"] {
        let urge = json!({ "id": id, "text": nothing });
        let refused = told(&story, "supervisor", "urgeTicket", urge).await;
        assert_eq!(refused, error("REQUIRED", &["text"]), "{nothing:?}");
        let notice = json!({ "title": nothing, "body": "停用一小时。" });
        let refused = told(&story, "office", "publishNotice", notice).await;
        assert_eq!(refused, error("REQUIRED", &["title"]), "{nothing:?}");
        let department = json!({ "name": nothing });
        let refused = told(&story, "admin", "addDepartment", department).await;
        assert_eq!(refused, error("REQUIRED", &["name"]), "{nothing:?}");
    }
}

async fn control_characters_are_refused_and_turns_taken_out(store: &TestStore) {
    let story = Story::begin(store).await;
    let ticket = story.signed().await;
    let id = &ticket["id"];
    let odd = "路灯\u{0}不亮";
    let mut matter = request();
    matter["body"] = json!(odd);
    let mut caller = request();
    caller["caller"]["name"] = json!(odd);
    let mut reply = super::reply(id);
    reply["solved"] = json!(false);
    reply["unsolvedReason"] = json!(odd);
    let account =
        json!({ "login": "new", "name": odd, "password": "pass-word-1", "roles": ["OPERATOR"] });
    let phrase = json!({ "kind": "PHRASE", "title": "问候", "text": odd });
    for (login, mutation, input, path) in [
        ("operator", "receiveTicket", matter, &["body"][..]),
        ("operator", "receiveTicket", caller, &["caller", "name"]),
        ("clerk", "replyTicket", reply, &["unsolvedReason"]),
        (
            "office",
            "publishNotice",
            json!({ "title": odd, "body": "停用" }),
            &["title"],
        ),
        ("office", "addPhrase", phrase, &["text"]),
        ("admin", "addDepartment", json!({ "name": odd }), &["name"]),
        ("admin", "createAccount", account, &["name"]),
    ] {
        let refused = told(&story, login, mutation, input).await;
        assert_eq!(
            refused,
            error("CONTROL_CHARACTER", path),
            "{login} {mutation}"
        );
    }
    // Kept as it is read: lines and columns stay, what turns their order does not.
    let mut matter = request();
    matter["title"] = json!("\u{202E}路灯不亮\u{202C}");
    matter["body"] = json!("一\r\n二\t三");
    matter["caller"]["phone"] = json!("\u{202D}13800138000\u{202C}");
    let operator = story.person("operator").await;
    let received = operator.act("receiveTicket", matter).await;
    let fields = "title body caller { phone }";
    let seen = story.reads("operator", &received["id"], fields).await;
    let kept = json!({
        "title": "路灯不亮", "body": "一\n二\t三", "caller": { "phone": "13800138000" },
    });
    assert_eq!(seen, kept);
}
