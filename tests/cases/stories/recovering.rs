//! At the door: recovering a password that was forgotten.

use super::Story;
use super::accounts::{is_refused, kept, log_in, shut_out};
use super::at_the_door::{captcha, does};
use crate::gateway::department;
use docket_tests::staff::PASSWORD;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};

on_both_stores! {
    a_forgotten_password_is_recovered,
    recovery_opens_no_closed_account_and_may_be_set_from_the_start,
    recovery_tells_nothing_of_who_there_is,
}

async fn a_forgotten_password_is_recovered(store: &TestStore) {
    let story = Story::begin(store).await;
    let client = story.server.client();
    let clerk = story.person("clerk").await;
    let set = |question: &str, answer: &str, password: &str| json!({ "question": question, "answer": answer, "password": password });
    for (input, code, field) in [
        (
            set("FIRST_SCHOOL", "实验小学", "wrong-password"),
            "WRONG_CREDENTIALS",
            "password",
        ),
        (set("FIRST_SCHOOL", " ", PASSWORD), "REQUIRED", "answer"),
        (
            set("FIRST_SCHOOL", &"长".repeat(65), PASSWORD),
            "TOO_LONG",
            "answer",
        ),
    ] {
        let told = does(&clerk, "setRecovery", input, "set").await;
        let error = &told["userErrors"][0];
        assert_eq!(
            (&error["code"], &error["path"]),
            (&json!(code), &json!(["input", field]))
        );
    }
    let input = set("FIRST_SCHOOL", "No. 1 实验小学", PASSWORD);
    assert_eq!(does(&clerk, "setRecovery", input, "set").await["set"], true);
    let asked = "query($login: String!) { recoveryQuestion(login: $login) { code zh en } }";
    let question = client.data(asked, json!({ "login": " CLERK" })).await;
    assert_eq!(question["recoveryQuestion"]["code"], "FIRST_SCHOOL");
    let recover = async |answer: &str, new: &str| {
        let input = json!({ "login": "Clerk", "answer": answer, "newPassword": new });
        does(
            &client,
            "recoverPassword",
            input,
            "recovered captchaRequired",
        )
        .await
    };
    let told = recover("No. 2", "recovered-password").await;
    assert_eq!(told["userErrors"][0]["code"], "WRONG_ANSWER");
    let told = recover("No. 1 实验小学", "short").await;
    assert_eq!(told["userErrors"][0]["code"], "UNFIT_PASSWORD");
    assert_eq!(
        told["userErrors"][0]["path"],
        json!(["input", "newPassword"])
    );
    let told = recover(" Ｎｏ．　1 实验小学", "recovered-password").await;
    assert_eq!(
        (&told["recovered"], &told["userErrors"]),
        (&json!(true), &json!([]))
    );
    assert_eq!(
        clerk.fault("{ me { id } }", json!({})).await,
        "UNAUTHENTICATED"
    );
    assert_eq!(
        shut_out(&client, "clerk", PASSWORD).await,
        "WRONG_CREDENTIALS"
    );
    assert_ne!(
        log_in(&client, "clerk", "recovered-password").await["token"],
        Value::Null
    );
    // In the log it is that it was done, by whom, and nothing else.
    let journal = story.server.app.desk.journal();
    let head = journal.head().await.unwrap();
    let last = journal.read_all(head - 2, 2).await.unwrap();
    let said: Vec<_> = last
        .iter()
        .map(|r| (r.event_type.as_str(), r.data.as_str()))
        .collect();
    assert_eq!(said, [("recovery_set", "{}"), ("password_recovered", "{}")]);
    assert!(last.iter().all(|record| record.actor.0 == record.stream));
}

async fn recovery_opens_no_closed_account_and_may_be_set_from_the_start(store: &TestStore) {
    let story = Story::begin(store).await;
    let client = story.server.client();
    let recover = async |answer: &str, new: &str| {
        let input = json!({ "login": "wang", "answer": answer, "newPassword": new });
        does(&client, "recoverPassword", input, "recovered").await
    };
    let admin = story.person("admin").await;
    let new = json!({
        "login": "wang", "name": "王", "password": "new-password", "roles": ["CLERK"],
        "departmentId": department(), "recoveryQuestion": "FAVOURITE_BOOK", "recoveryAnswer": "红楼梦",
    });
    let mut without = new.clone();
    without["recoveryAnswer"] = Value::Null;
    is_refused(
        &admin,
        "createAccount",
        without,
        "REQUIRED",
        "recoveryAnswer",
    )
    .await;
    let mut empty = new.clone();
    empty["recoveryAnswer"] = json!("　");
    is_refused(&admin, "createAccount", empty, "REQUIRED", "recoveryAnswer").await;
    let id = kept(&admin, "createAccount", new).await["id"].take();
    assert_eq!(recover("红楼梦 ", "next-password").await["recovered"], true);
    client.logged_in("wang", "next-password").await;
    // Whoever is out stays out, and learns it with the right answer only.
    kept(&admin, "deactivateAccount", json!({ "id": id })).await;
    let told = recover("三国演义", "other-password").await;
    assert_eq!(told["userErrors"][0]["code"], "WRONG_ANSWER");
    let told = recover("红楼梦", "other-password").await;
    assert_eq!(told["userErrors"][0]["code"], "ACCOUNT_DEACTIVATED");
    kept(&admin, "reactivateAccount", json!({ "id": id })).await;
    client.logged_in("wang", "next-password").await;
}

async fn recovery_tells_nothing_of_who_there_is(store: &TestStore) {
    let story = Story::begin(store).await;
    let client = story.server.client();
    let asked = "query($login: String!) { recoveryQuestion(login: $login) { code zh en } }";
    let mut codes = std::collections::BTreeSet::new();
    for n in 0..40 {
        let login = format!("nobody-{n}");
        let first = client.data(asked, json!({ "login": login })).await;
        let again = client
            .data(asked, json!({ "login": login.to_uppercase() }))
            .await;
        assert_eq!(first, again);
        codes.insert(
            first["recoveryQuestion"]["code"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    assert!(codes.len() > 3, "{codes:?}");
    let listed = client
        .data("{ recoveryQuestions { code zh en } }", json!({}))
        .await;
    let listed = listed["recoveryQuestions"].as_array().unwrap();
    assert!(
        codes
            .iter()
            .all(|code| listed.iter().any(|q| q["code"] == json!(code)))
    );
    // One with no question set, and one that is nobody's, are locked alike; logging in is another door.
    for login in ["clerk", "nobody"] {
        let recover = async |captcha: Option<(String, String)>| {
            let mut input = json!({ "login": login, "answer": "x", "newPassword": "new-password" });
            if let Some((id, answer)) = captcha {
                (input["captchaId"], input["captchaAnswer"]) = (json!(id), json!(answer));
            }
            let told = does(
                &client,
                "recoverPassword",
                input,
                "recovered captchaRequired",
            )
            .await;
            let code = told["userErrors"][0]["code"].as_str().unwrap().to_owned();
            (code, told["captchaRequired"] == true)
        };
        assert_eq!(recover(None).await, ("WRONG_ANSWER".into(), false));
        assert_eq!(recover(None).await, ("WRONG_ANSWER".into(), true));
        assert_eq!(recover(None).await, ("CAPTCHA_REQUIRED".into(), true));
        for _ in 0..3 {
            let solved = captcha(&story.server, &client).await;
            assert_eq!(recover(Some(solved)).await, ("WRONG_ANSWER".into(), true));
        }
        assert_eq!(recover(None).await.0, "LOGIN_LOCKED");
    }
    // Whoever logs in next is told, once.
    let input = json!({ "login": "clerk", "password": PASSWORD });
    let fields = "token recoveryTried { count lastAt }";
    for told in [true, false] {
        let seen = does(&client, "login", input.clone(), fields).await;
        assert_ne!(seen["token"], Value::Null);
        let tried = &seen["recoveryTried"];
        assert_eq!(tried["count"], if told { json!(5) } else { Value::Null });
        assert_eq!(tried["lastAt"].is_string(), told);
    }
    let other = json!({ "login": "leader", "password": PASSWORD });
    let seen = does(&client, "login", other, fields).await;
    assert_eq!(seen["recoveryTried"], Value::Null);
}
