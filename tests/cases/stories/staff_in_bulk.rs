//! A department's leader adds many of the own staff at one time.

use super::Story;
use super::accounts::{id_of, log_in};
use super::reorganised::other;
use crate::gateway::department;
use docket_tests::server::Client;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};

on_both_stores! {
    a_leader_adds_many_each_with_its_own_outcome,
    a_list_sent_again_creates_nothing_twice,
    what_is_no_list_creates_nothing,
}

const COMMAND: &str = "01937d2e-5c00-7000-8000-0000000000e1";

fn new(login: &str) -> Value {
    json!({
        "login": login, "name": "王小明", "password": format!("password of {login}"), "roles": ["CLERK"],
        "departmentId": department(),
    })
}

fn with(login: &str, field: &str, value: Value) -> Value {
    let mut new = new(login);
    new[field] = value;
    new
}

const QUERY: &str = "mutation($input: CreateAccountsInput!) { createAccounts(input: $input) {
    outcomes { account { id login } userErrors { code path } } userErrors { code path } } }";

/// Of each account its login, or why it was refused and where.
async fn create(keeper: &Client, accounts: &[Value]) -> Vec<String> {
    let input = json!({ "accounts": accounts, "commandId": COMMAND });
    let mut data = keeper.data(QUERY, json!({ "input": input })).await;
    let payload = data["createAccounts"].take();
    let outcomes = payload["outcomes"].as_array().unwrap();
    let errors: Vec<&Value> = outcomes
        .iter()
        .flat_map(|outcome| outcome["userErrors"].as_array().unwrap())
        .collect();
    let all: Vec<&Value> = payload["userErrors"].as_array().unwrap().iter().collect();
    assert_eq!(errors, all);
    let told = outcomes.iter().enumerate().map(|(place, outcome)| {
        let Some(error) = outcome["userErrors"].get(0) else {
            return outcome["account"]["login"].as_str().unwrap().to_owned();
        };
        assert_eq!(outcome["account"], Value::Null);
        let path: Vec<&str> = error["path"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p.as_str().unwrap())
            .collect();
        assert_eq!(path[..3], ["input", "accounts", &place.to_string()]);
        format!(
            "{} {}",
            error["code"].as_str().unwrap(),
            path[3..].join(".")
        )
    });
    told.collect()
}

async fn a_leader_adds_many_each_with_its_own_outcome(store: &TestStore) {
    let story = Story::begin(store).await;
    let leader = story.person("leader").await;
    let mut recovered = new("cg-a");
    recovered["recoveryQuestion"] = json!("FIRST_SCHOOL");
    recovered["recoveryAnswer"] = json!("实验小学");
    let rows = [
        recovered,
        with("cg-b", "password", json!("short")),
        with("cg-c", "departmentId", json!(other())),
        with("cg-d", "name", json!(" ")),
        new("CG-A"),
        new("clerk"),
        with("cg-e", "roles", json!(["LEADER"])),
    ];
    let told = create(&leader, &rows).await;
    let expected = [
        "cg-a",
        "UNFIT_PASSWORD password",
        "NOT_OWN_STAFF departmentId",
        "REQUIRED name",
        "ALREADY_EXISTS login",
        "ALREADY_EXISTS login",
        "cg-e",
    ];
    assert_eq!(told, expected);
    let client = story.server.client();
    for login in ["cg-a", "cg-e"] {
        let told = log_in(&client, login, &format!("password of {login}")).await;
        assert_ne!(told["token"], Value::Null, "{login}");
    }
    assert_eq!(store.rows("ops", "recoveries").await, 1);
    for login in ["clerk", "admin", "operator"] {
        let person = story.person(login).await;
        let input = json!({ "input": { "accounts": [new(&format!("by-{login}"))] } });
        if login == "admin" {
            person.data(QUERY, input).await;
        } else {
            assert_eq!(person.fault(QUERY, input).await, "FORBIDDEN", "{login}");
        }
    }
}

async fn a_list_sent_again_creates_nothing_twice(store: &TestStore) {
    let story = Story::begin(store).await;
    let (leader, admin) = (story.person("leader").await, story.person("admin").await);
    let journal = story.server.app.desk.journal();
    let first = [
        new("cg-a"),
        with("cg-b", "password", json!("short")),
        new("cg-c"),
    ];
    let told = create(&leader, &first).await;
    assert_eq!(told, ["cg-a", "UNFIT_PASSWORD password", "cg-c"]);
    let head = journal.head().await.unwrap();
    let ids = [id_of(&admin, "cg-a").await, id_of(&admin, "cg-c").await];
    assert_eq!(create(&leader, &first).await, told);
    assert_eq!(journal.head().await.unwrap(), head);
    // Corrected and in another order, with one that is not what it was.
    let second = [
        new("cg-c"),
        new("cg-b"),
        with("cg-a", "password", json!("another-password")),
    ];
    let told = create(&leader, &second).await;
    assert_eq!(told, ["cg-c", "cg-b", "COMMAND_REUSED "]);
    assert_eq!(journal.head().await.unwrap(), head + 1);
    let now = [id_of(&admin, "cg-a").await, id_of(&admin, "cg-c").await];
    assert_eq!(now, ids);
}

async fn what_is_no_list_creates_nothing(store: &TestStore) {
    let story = Story::begin(store).await;
    let leader = story.person("leader").await;
    let journal = story.server.app.desk.journal();
    let head = journal.head().await.unwrap();
    let many: Vec<Value> = (0..201).map(|n| new(&format!("cg-{n}"))).collect();
    let fault = async |accounts: Value| {
        let input = json!({ "input": { "accounts": accounts } });
        leader.fault(QUERY, input).await
    };
    assert_eq!(fault(json!(many)).await, "TOO_LARGE");
    let malformed = json!([new("cg-a"), with("cg-b", "departmentId", json!("nowhere"))]);
    assert_eq!(fault(malformed).await, "BAD_REQUEST");
    assert_eq!(create(&leader, &[]).await, Vec::<String>::new());
    assert_eq!(journal.head().await.unwrap(), head);
}
