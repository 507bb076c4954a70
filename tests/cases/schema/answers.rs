//! What every answer tells beside its data, and in which language its errors speak.

use super::{person, with_requests};
use docket_gateway::error::Language;
use docket_tests::server::Client;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};

async fn every_answer_tells_its_cost_and_how_far_the_views_are(store: &TestStore) {
    let (server, tickets, position) = with_requests(store, 3).await;
    let operator = person(&server, "operator").await;
    let query = "query($p: Position, $n: Int) { inbox(tab: TO_ASSIGN, first: $n, minPosition: $p) {
        nodes { ticket { id } } } }";
    let small = operator.run(query, json!({ "p": position, "n": 1 })).await;
    let large = operator.run(query, json!({ "p": position, "n": 11 })).await;
    let cost = |answer: &Value| answer["extensions"]["cost"]["complexity"].as_u64().unwrap();
    let row = cost(&large) - cost(&small);
    assert_eq!(
        row,
        10 * 2,
        "a ticket and its id for each row more: {small:#}"
    );
    assert_eq!(small["extensions"]["cost"]["depth"], 4);
    assert_eq!(small["extensions"]["cost"]["complexityMax"], 20_000);
    let wanted: u64 = position.as_str().unwrap().parse().unwrap();
    let reached = |answer: &Value| {
        answer["extensions"]["position"]
            .as_str()
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    assert!(reached(&small) >= wanted);
    assert_eq!(
        small["extensions"]["lag"],
        json!({ "events": 0, "milliseconds": 0 })
    );
    // A mutation's answer and one with errors tell it, too.
    let input = json!({ "input": { "id": tickets[0] } });
    let refused = operator
        .run(
            "mutation($input: SignTicketInput!) { signTicket(input: $input) { position } }",
            input,
        )
        .await;
    assert!(
        refused["extensions"]["lag"]["events"].is_u64(),
        "{refused:#}"
    );
    let failed = operator.run("{ events { head } }", json!({})).await;
    assert!(failed["errors"][0]["extensions"]["code"] == "FORBIDDEN");
    assert!(
        failed["extensions"]["cost"]["complexity"].is_u64(),
        "{failed:#}"
    );
}

async fn asked_in(client: &Client, languages: &str, query: &str) -> Value {
    let request = reqwest::Client::new()
        .post(format!("{}/graphql", client.url))
        .bearer_auth(client.token.as_deref().unwrap_or("none"))
        .header("accept-language", languages)
        .json(&json!({ "query": query }));
    request.send().await.unwrap().json().await.unwrap()
}

async fn faults_and_refusals_speak_the_language_asked_for(store: &TestStore) {
    let (server, tickets, _) = with_requests(store, 1).await;
    let clerk = person(&server, "clerk").await;
    let fault = "{ inbox(tab: TO_SIGN, after: \"bm9wZQ\") { totalCount } }";
    for (languages, expected) in [
        ("en", "this cursor does not belong to this query"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "分页游标无效"),
        (
            "zh;q=0.3, en-GB;q=0.7",
            "this cursor does not belong to this query",
        ),
        ("fr", "分页游标无效"),
    ] {
        let told = asked_in(&clerk, languages, fault).await;
        assert_eq!(told["errors"][0]["message"], expected, "{languages}");
    }
    let detailed = "{ ticket { id } }";
    let told = asked_in(&clerk, "en", detailed).await;
    assert_eq!(
        told["errors"][0]["message"],
        "the request is not well formed: give id, number or sourceNumber, one of them"
    );
    let nobody = server.client();
    let told = asked_in(&nobody, "en", "{ me { id } }").await;
    assert_eq!(told["errors"][0]["message"], "log in first");
    let refused = format!(
        "mutation {{ signTicket(input: {{ id: {} }}) {{ userErrors {{ message }} }} }}",
        tickets[0]
    );
    for (languages, chinese) in [("en;q=0.1, zh;q=0", false), ("*", true)] {
        let told = asked_in(&clerk, languages, &refused).await;
        let message = told["data"]["signTicket"]["userErrors"][0]["message"]
            .as_str()
            .unwrap();
        assert_eq!(!message.is_ascii(), chinese, "{languages}: {message}");
    }
}

async fn labels_speak_the_language_asked_for(store: &TestStore) {
    let (server, tickets, position) = with_requests(store, 1).await;
    let operator = person(&server, "operator").await;
    let query = format!(
        "{{ ticket(id: {}, minPosition: {position}) {{ timeline {{ nodes {{ label }} }} }}
            inbox(tab: TO_ASSIGN) {{ counts {{ tab label }} }} }}",
        tickets[0]
    );
    for (language, step, tab) in [
        ("en", "Receive", "To assign"),
        ("zh", "受理", "待派单"),
        ("fr", "受理", "待派单"),
    ] {
        let told = asked_in(&operator, language, &query).await;
        let data = &told["data"];
        assert_eq!(data["ticket"]["timeline"]["nodes"][0]["label"], step);
        let first = json!({ "tab": "TO_ASSIGN", "label": tab });
        assert_eq!(data["inbox"]["counts"][0], first);
    }
}

/// No action and no tab has the name of another, in either language.
#[test]
fn names_are_told_apart() {
    use docket_domain::ticket::ACTIONS;
    use docket_projections::inbox::Tab;
    let differ = |names: Vec<&str>| {
        let all = names.iter().collect::<std::collections::BTreeSet<_>>();
        assert_eq!(all.len(), names.len(), "{names:?}");
        assert!(names.iter().all(|name| !name.trim().is_empty()));
    };
    differ(ACTIONS.iter().map(|spec| spec.zh).collect());
    differ(ACTIONS.iter().map(|spec| spec.en).collect());
    differ(Tab::ALL.iter().map(|tab| tab.name_zh()).collect());
    differ(Tab::ALL.iter().map(|tab| tab.name_en()).collect());
    assert!(ACTIONS.iter().all(|spec| spec.en.is_ascii()));
}

#[test]
fn languages_are_weighed() {
    let of = |header| Language::from_header(header);
    for english in [
        "en",
        "EN-us",
        "fr, en",
        "zh;q=0.4,en;q=0.5",
        "zh;q=0, en;q=0.001",
        "en, zh",
        "zh;q=2, en;q=0.1",
        "en ; q = 1.0",
    ] {
        assert_eq!(of(english), Language::English, "{english}");
    }
    for chinese in [
        "",
        "zh",
        "zh-Hant;q=0.2",
        "fr",
        "zh, en",
        "en;q=0",
        "en;q=0.9, zh",
        "*, en;q=0.5",
        "english",
        "en;q=x",
    ] {
        assert_eq!(of(chinese), Language::Chinese, "{chinese}");
    }
}

on_both_stores! {
    every_answer_tells_its_cost_and_how_far_the_views_are,
    faults_and_refusals_speak_the_language_asked_for,
    labels_speak_the_language_asked_for,
}
