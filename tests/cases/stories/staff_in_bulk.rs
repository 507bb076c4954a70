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
    every_mistake_of_an_account_is_told,
    a_leader_adds_many_from_the_text_of_a_csv_file,
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

/// Codes and paths of errors.
fn told(errors: &Value) -> Vec<(String, String)> {
    let error = |error: &Value| {
        let path = error["path"].as_array().unwrap().iter();
        let path: Vec<&str> = path.map(|part| part.as_str().unwrap()).collect();
        (error["code"].as_str().unwrap().to_owned(), path.join("."))
    };
    errors.as_array().unwrap().iter().map(error).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(code, path): &(&str, &str)| ((*code).to_owned(), (*path).to_owned());
    expected.iter().map(owned).collect()
}

async fn every_mistake_of_an_account_is_told(store: &TestStore) {
    let story = Story::begin(store).await;
    let leader = story.person("leader").await;
    let mut bad = with("cg a", "mobile", json!("abc"));
    (bad["smsQuota"], bad["password"]) = (json!(-1), json!("short"));
    bad["recoveryQuestion"] = json!("FIRST_SCHOOL");
    let input = json!({ "input": { "accounts": [new("cg-b"), bad] } });
    let mut data = leader.data(QUERY, input).await;
    let outcomes = data["createAccounts"]["outcomes"].take();
    assert_eq!(outcomes[0]["account"]["login"], "cg-b", "the others go in");
    let mut mistakes = told(&outcomes[1]["userErrors"]);
    mistakes.sort();
    let expected = [
        ("INVALID_VALUE", "input.accounts.1.login"),
        ("INVALID_VALUE", "input.accounts.1.mobile"),
        ("INVALID_VALUE", "input.accounts.1.smsQuota"),
        ("REQUIRED", "input.accounts.1.recoveryAnswer"),
        ("UNFIT_PASSWORD", "input.accounts.1.password"),
    ];
    assert_eq!(mistakes, pairs(&expected));
    // One alone is told the same.
    let one = "mutation($input: CreateAccountInput!) { createAccount(input: $input) { userErrors { code path } } }";
    let mut two = with("cg-c", "mobile", json!("abc"));
    two["smsQuota"] = json!(-1);
    let data = leader.data(one, json!({ "input": two })).await;
    let expected = [
        ("INVALID_VALUE", "input.mobile"),
        ("INVALID_VALUE", "input.smsQuota"),
    ];
    assert_eq!(told(&data["createAccount"]["userErrors"]), pairs(&expected));
}

const FROM_CSV: &str = "mutation($input: CreateAccountsFromCsvInput!) { createAccountsFromCsv(input: $input) {
    outcomes { line account { login roles department { id } unit { name } } password userErrors { code path message } }
    userErrors { code path } } }";

/// A list in a leader's hands: the own department need not be named.
const CSV: &str = "\u{FEFF}登录名,姓名,角色,单位,手机,部门
cg-a,甲,经办,执法大队,13800000001,
cg-b,,经办,,abc,
cg-c,丙,领导,,,公安局
CG-A,丁,经办,,,
";

async fn a_leader_adds_many_from_the_text_of_a_csv_file(store: &TestStore) {
    let story = Story::begin(store).await;
    let leader = story.person("leader").await;
    let journal = story.server.app.desk.journal();
    let create = async |csv: &str, makes: bool| {
        let input = json!({ "csv": csv, "generatePasswords": makes, "commandId": COMMAND });
        let mut data = leader.data(FROM_CSV, json!({ "input": input })).await;
        data["createAccountsFromCsv"].take()
    };
    let first = create(CSV, true).await;
    let outcomes = first["outcomes"].as_array().unwrap();
    let lines: Vec<u64> = outcomes
        .iter()
        .map(|o| o["line"].as_u64().unwrap())
        .collect();
    assert_eq!(lines, [2, 3, 4, 5]);
    let made = outcomes[0]["password"].as_str().unwrap();
    let account = json!({ "login": "cg-a", "roles": ["CLERK"], "department": { "id": department() },
        "unit": { "name": "执法大队" } });
    assert_eq!(outcomes[0]["account"], account);
    let client = story.server.client();
    assert_ne!(log_in(&client, "cg-a", made).await["token"], Value::Null);
    let expected = [
        ("REQUIRED", "input.csv.3.name"),
        ("INVALID_VALUE", "input.csv.3.mobile"),
        ("NOT_OWN_STAFF", "input.csv.4.department"),
        ("ALREADY_EXISTS", "input.csv.5.login"),
    ];
    assert_eq!(told(&first["userErrors"]), pairs(&expected));
    let message = outcomes[1]["userErrors"][0]["message"].as_str().unwrap();
    assert_eq!(message, "必填项为空", "one language");
    for outcome in &outcomes[1..] {
        assert_eq!(
            (&outcome["account"], &outcome["password"]),
            (&Value::Null, &Value::Null)
        );
    }
    // Sent again, corrected: what is there stays, with the password it was given.
    let head = journal.head().await.unwrap();
    let again = create(&CSV.replace("cg-b,,", "cg-b,乙,").replace("abc", ""), true).await;
    let outcomes = again["outcomes"].as_array().unwrap();
    assert_eq!(outcomes[0]["account"], account);
    assert_eq!(outcomes[0]["password"], Value::Null);
    assert_eq!(outcomes[1]["account"]["login"], "cg-b");
    assert_eq!(journal.head().await.unwrap(), head + 1);
    assert_ne!(log_in(&client, "cg-a", made).await["token"], Value::Null);

    what_is_no_csv_list(&story, &leader).await;
}

async fn what_is_no_csv_list(story: &Story, leader: &Client) {
    let journal = story.server.app.desk.journal();
    let head = journal.head().await.unwrap();
    for (csv, code, path) in [
        ("", "REQUIRED", "input.csv"),
        ("login,name\n", "INVALID_VALUE", "input.csv"),
        ("login,name,role\n", "REQUIRED", "input.generatePasswords"),
    ] {
        let input = json!({ "input": { "csv": csv } });
        let data = leader.data(FROM_CSV, input).await;
        let payload = &data["createAccountsFromCsv"];
        assert_eq!(payload["outcomes"], json!([]));
        assert_eq!(told(&payload["userErrors"]), pairs(&[(code, path)]));
    }
    let rows: Vec<String> = (0..201)
        .map(|n| format!("cg-{n},甲,clerk,pass-word-{n}"))
        .collect();
    let many = format!("login,name,role,password\n{}\n", rows.join("\n"));
    let input = json!({ "input": { "csv": many } });
    assert_eq!(leader.fault(FROM_CSV, input.clone()).await, "TOO_LARGE");
    let operator = story.person("operator").await;
    assert_eq!(operator.fault(FROM_CSV, input).await, "FORBIDDEN");
    assert_eq!(journal.head().await.unwrap(), head);
}
