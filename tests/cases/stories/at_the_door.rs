//! At the door: what passwords and logins must be like, when they expire, and captchas between failures.

use super::Story;
use super::accounts::{id_of, is_refused, kept};
use crate::gateway::department;
use chrono::TimeDelta;
use docket_core::clock::ManualClock;
use docket_core::desk::Options;
use docket_core::ops::CAPTCHA_FAILURES_MAX;
use docket_domain::ids::DepartmentId;
use docket_domain::organisation::OrganisationAction;
use docket_domain::people::Actor;
use docket_domain::rules::DEFAULT_PACK;
use docket_domain::ticket::scenario::{id, now};
use docket_tests::server::{Client, Server};
use docket_tests::staff::PASSWORD;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::sync::Arc;

on_both_stores! {
    passwords_and_logins_are_as_the_pack_asks,
    an_expired_password_is_changed_before_anything_else,
    after_two_failures_a_captcha_stands_at_the_door,
    a_stranger_without_captchas_locks_nobody_out,
}

/// A pack with prefixes, classes and expiry, as Putian's.
fn strict() -> String {
    let changes = [
        ("classes = 1", "classes = 2"),
        ("expires_days = 0", "expires_days = 180"),
        (
            "prefixes = []",
            "prefixes = [{ region = \"仙游县\", prefix = \"xy-\" }, { region = \"秀屿区\", prefix = \"xy-\" }]",
        ),
    ];
    let regions = "regions = [\"仙游县\", \"秀屿区\"]";
    changes
        .iter()
        .fold(format!("{regions}\n{DEFAULT_PACK}"), |pack, (from, to)| {
            assert!(pack.contains(from), "{from}");
            pack.replacen(from, to, 1)
        })
}

async fn strict_story(store: &TestStore, clock: Arc<ManualClock>) -> Story {
    let story = Story::begin_under(store, clock, strict()).await;
    let action = OrganisationAction::AddDepartment {
        id: id::<DepartmentId>(0xD7),
        name: "仙游县城管局".into(),
        region: Some("仙游县".into()),
    };
    let desk = &story.server.app.desk;
    desk.organise(&Actor::system(), action, &Options::default())
        .await
        .unwrap();
    story
}

/// Does a mutation that needs no account of anybody's: its payload.
pub(super) async fn does(client: &Client, mutation: &str, input: Value, fields: &str) -> Value {
    let mut name = mutation.to_owned();
    name[..1].make_ascii_uppercase();
    let query = format!(
        "mutation($input: {name}Input!) {{ {mutation}(input: $input) {{ {fields} userErrors {{ code path message }} }} }}"
    );
    client.data(&query, json!({ "input": input })).await[mutation].take()
}

async fn passwords_and_logins_are_as_the_pack_asks(store: &TestStore) {
    let story = strict_story(store, Arc::new(ManualClock::at(now()))).await;
    let admin = story.person("admin").await;
    let far = format!("department:{}", id::<DepartmentId>(0xD7));
    let new = |login: &str, password: &str, department: &str| {
        json!({
            "login": login, "name": "李四", "password": password, "roles": ["CLERK"],
            "departmentId": department,
        })
    };
    for login in ["li", "pt-li", "xyli"] {
        let input = new(login, "pass-word", &far);
        is_refused(
            &admin,
            "createAccount",
            input.clone(),
            "LOGIN_PREFIX",
            "login",
        )
        .await;
        let told = does(&admin, "createAccount", input, "account { id }").await;
        let message = told["userErrors"][0]["message"].as_str().unwrap();
        assert!(message.contains("xy-"), "{message}");
    }
    kept(&admin, "createAccount", new("XY-li", "pass-word", &far)).await;
    let elsewhere = new("li", "pass-word", &department());
    kept(&admin, "createAccount", elsewhere).await;
    for unfit in ["password", "pw-1", "PASSWORD"] {
        let input = new("xy-wang", unfit, &far);
        is_refused(&admin, "createAccount", input, "UNFIT_PASSWORD", "password").await;
        let id = id_of(&admin, "clerk").await;
        let input = json!({ "id": id, "password": unfit });
        is_refused(&admin, "resetPassword", input, "UNFIT_PASSWORD", "password").await;
    }
    let clerk = story.person("clerk").await;
    let input = json!({ "oldPassword": PASSWORD, "newPassword": "password" });
    let told = does(&clerk, "changePassword", input, "changed").await;
    let error = &told["userErrors"][0];
    assert_eq!(error["code"], "UNFIT_PASSWORD");
    assert_eq!(error["path"], json!(["input", "newPassword"]));
    assert!(
        error["message"].as_str().unwrap().contains("至少8个字符"),
        "{error}"
    );
    assert!(
        error["message"].as_str().unwrap().contains("2类"),
        "{error}"
    );
}

async fn an_expired_password_is_changed_before_anything_else(store: &TestStore) {
    let clock = Arc::new(ManualClock::at(now()));
    let story = strict_story(store, clock.clone()).await;
    let client = story.server.client();
    let late = now() + TimeDelta::days(180);
    clock.set(late - TimeDelta::hours(1));
    let clerk = story.person("clerk").await;
    let list = "{ colleagues { id } }";
    clerk.data(list, json!({})).await;
    clock.set(late);
    assert_eq!(
        clerk.fault(list, json!({})).await,
        "PASSWORD_EXPIRED",
        "the session that is open"
    );
    let input = json!({ "login": "clerk", "password": PASSWORD });
    let told = does(&client, "login", input, "token mustChangePassword").await;
    assert_eq!(told["mustChangePassword"], true);
    let clerk = client.logged_in("clerk", PASSWORD).await;
    for query in [
        list,
        "{ departments { id } }",
        "{ account(login: \"clerk\") { id } }",
    ] {
        let told = clerk.fault(query, json!({})).await;
        assert_eq!(told, "PASSWORD_EXPIRED", "{query}");
    }
    let me = "{ me { name roles mustChangePassword } }";
    let seen = clerk.data(me, json!({})).await;
    assert_eq!(seen["me"]["mustChangePassword"], true);
    let same = json!({ "oldPassword": PASSWORD, "newPassword": PASSWORD });
    let told = does(&clerk, "changePassword", same, "changed").await;
    assert_eq!(told["userErrors"][0]["code"], "NO_CHANGE");
    let other = json!({ "oldPassword": PASSWORD, "newPassword": "another-word" });
    let told = does(&clerk, "changePassword", other, "changed").await;
    assert_eq!(told["changed"], true, "{told}");
    clerk.data(list, json!({})).await;
    assert_eq!(
        clerk.data(me, json!({})).await["me"]["mustChangePassword"],
        false
    );
    let journal = story.server.app.desk.journal();
    let head = journal.head().await.unwrap();
    let last = journal.read_all(head - 1, 1).await.unwrap().remove(0);
    assert_eq!(
        (last.event_type.as_str(), last.data.as_str()),
        ("password_changed", "{}")
    );
    assert_eq!(last.occurred_at, late);
}

/// A captcha's id, and what is written on it, as a person would read it off the image.
pub(super) async fn captcha(server: &Server, client: &Client) -> (String, String) {
    let data = client
        .data("{ captcha { id svg expiresAt } }", json!({}))
        .await;
    let svg = data["captcha"]["svg"].as_str().unwrap();
    assert!(svg.starts_with("<svg ") && !svg.contains("<text"), "{svg}");
    let id = data["captcha"]["id"].as_str().unwrap().to_owned();
    let text = server.app.desk.captcha_text(&id).unwrap();
    assert!(!svg.contains(&text), "not to be read off its source");
    (id, text)
}

async fn after_two_failures_a_captcha_stands_at_the_door(store: &TestStore) {
    let story = Story::begin(store).await;
    let client = story.server.client();
    let login = async |login: &str, password: &str, captcha: Option<(String, String)>| {
        let mut input = json!({ "login": login, "password": password });
        if let Some((id, answer)) = captcha {
            (input["captchaId"], input["captchaAnswer"]) = (json!(id), json!(answer));
        }
        does(&client, "login", input, "token captchaRequired").await
    };
    let said = |told: &Value| {
        let code = told["userErrors"][0]["code"]
            .as_str()
            .unwrap_or("")
            .to_owned();
        (code, told["captchaRequired"] == true)
    };
    // The same for whoever exists and whoever does not.
    for name in ["clerk", "nobody"] {
        let first = login(name, "wrong-password", None).await;
        assert_eq!(said(&first), ("WRONG_CREDENTIALS".into(), false));
        let second = login(name, "wrong-password", None).await;
        assert_eq!(said(&second), ("WRONG_CREDENTIALS".into(), true));
        let third = login(name, PASSWORD, None).await;
        assert_eq!(said(&third), ("CAPTCHA_REQUIRED".into(), true));
        let solved = captcha(&story.server, &client).await;
        let fourth = login(name, "wrong-password", Some(solved.clone())).await;
        assert_eq!(said(&fourth), ("WRONG_CREDENTIALS".into(), true));
        let fifth = login(name, PASSWORD, Some(solved)).await;
        assert_eq!(
            said(&fifth),
            ("CAPTCHA_REQUIRED".into(), true),
            "good for one try"
        );
        for _ in 0..2 {
            let solved = captcha(&story.server, &client).await;
            let wrong = login(name, "wrong-password", Some(solved)).await;
            assert_eq!(said(&wrong), ("WRONG_CREDENTIALS".into(), true));
        }
        let solved = captcha(&story.server, &client).await;
        let last = login(name, PASSWORD, Some(solved)).await;
        assert_eq!(said(&last).0, "LOGIN_LOCKED", "five passwords were wrong");
    }
    for _ in 0..2 {
        login("leader", "wrong-password", None).await;
    }
    let (id, text) = captcha(&story.server, &client).await;
    let wide: String = text
        .chars()
        .map(|c| char::from_u32(u32::from(c) + 0xFEE0).unwrap())
        .collect();
    let told = login("leader", PASSWORD, Some((id, format!(" {wide}")))).await;
    assert_ne!(told["token"], Value::Null, "{told}");
    let told = login("leader", "wrong-password", None).await;
    assert_eq!(
        said(&told),
        ("WRONG_CREDENTIALS".into(), false),
        "the count is cleared"
    );
    // One made up is none.
    login("office", "wrong-password", None).await;
    login("office", "wrong-password", None).await;
    let made_up = Some(("AAAA".repeat(13), "12345".into()));
    let told = login("office", PASSWORD, made_up).await;
    assert_eq!(said(&told).0, "CAPTCHA_REQUIRED");
}

async fn a_stranger_without_captchas_locks_nobody_out(store: &TestStore) {
    let story = Story::begin(store).await;
    let (stranger, client) = (story.server.client(), story.server.client());
    let stranger = stranger.from("203.0.113.9");
    let login =
        async |client: &Client, name: &str, password: &str, captcha: Option<(String, String)>| {
            let mut input = json!({ "login": name, "password": password });
            if let Some((id, answer)) = captcha {
                (input["captchaId"], input["captchaAnswer"]) = (json!(id), json!(answer));
            }
            let told = does(client, "login", input, "token").await;
            let code = told["userErrors"][0]["code"].as_str();
            code.unwrap_or("in").to_owned()
        };
    for _ in 0..2 {
        let told = login(&stranger, "office", "wrong-password", None).await;
        assert_eq!(told, "WRONG_CREDENTIALS");
    }
    for _ in 0..CAPTCHA_FAILURES_MAX {
        let told = login(&stranger, "office", "wrong-password", None).await;
        assert_eq!(told, "CAPTCHA_REQUIRED");
    }
    let solved = captcha(&story.server, &stranger).await;
    let told = login(&stranger, "office", PASSWORD, Some(solved)).await;
    assert_eq!(told, "TOO_MANY_TRIES");
    let input = json!({ "login": "office", "answer": "x", "newPassword": "new-password" });
    for code in ["WRONG_ANSWER", "WRONG_ANSWER", "TOO_MANY_TRIES"] {
        let told = does(&stranger, "recoverPassword", input.clone(), "recovered").await;
        assert_eq!(told["userErrors"][0]["code"], code, "at every door");
    }
    // Everybody else goes in: its person past a captcha, and from the stranger's address whoever needs none.
    assert_eq!(
        login(&client, "office", PASSWORD, None).await,
        "CAPTCHA_REQUIRED"
    );
    let solved = captcha(&story.server, &client).await;
    assert_eq!(login(&client, "office", PASSWORD, Some(solved)).await, "in");
    assert_eq!(login(&stranger, "clerk", PASSWORD, None).await, "in");
}
