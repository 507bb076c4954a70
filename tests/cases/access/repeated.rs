//! Commands at the door that are sent again because no answer came: each gets the first outcome, and does nothing twice.

use super::{city, unhurried};
use docket_core::clock::ManualClock;
use docket_core::ops::TOKEN_LASTS;
use docket_domain::ticket::scenario::now;
use docket_gateway::settings::Access;
use docket_tests::commits::fresh;
use docket_tests::server::{Client, Server};
use docket_tests::staff::PASSWORD;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

on_both_stores! {
    a_login_sent_again_gives_the_session_it_opened,
    a_refresh_sent_again_gives_the_tokens_it_gave,
    a_new_password_is_set_once,
    a_change_that_broke_off_is_finished_when_it_is_sent_again,
    question_and_answer_are_set_once,
    a_recovery_is_done_once,
    whoever_is_out_may_log_out_again,
}

async fn begin(store: &TestStore) -> (Server, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(now()));
    let server = city(store, clock.clone(), unhurried(), Access::default()).await;
    (server, clock)
}

async fn does(client: &Client, mutation: &str, said: &str, input: Value) -> Value {
    let mut name = mutation.to_owned();
    name[..1].make_ascii_uppercase();
    let query = format!(
        "mutation($input: {name}Input!) {{ {mutation}(input: $input) {{ {said} userErrors {{ code path }} }} }}"
    );
    client.data(&query, json!({ "input": input })).await[mutation].take()
}

const SESSION: &str = "token expiresAt refreshToken sessionEndsAt";

async fn log_in(client: &Client, login: &str, password: &str, command: &str) -> Value {
    let input = json!({ "login": login, "password": password, "commandId": command });
    does(client, "login", SESSION, input).await
}

async fn refresh(client: &Client, token: &Value, command: Option<&str>) -> Value {
    let input = json!({ "refreshToken": token, "commandId": command });
    does(client, "refreshSession", SESSION, input).await
}

fn code(payload: &Value) -> &str {
    payload["userErrors"][0]["code"].as_str().unwrap_or("")
}

fn id() -> String {
    fresh::<Uuid>().to_string()
}

async fn is_in(client: &Client, session: &Value) -> bool {
    let client = client.with_token(session["token"].as_str());
    client.run("{ me { id } }", json!({})).await["errors"].is_null()
}

async fn sessions(server: &Server) -> u64 {
    server.app.store.ops.sessions_open().await.unwrap()
}

async fn a_login_sent_again_gives_the_session_it_opened(store: &TestStore) {
    let (server, _) = begin(store).await;
    let client = server.client();
    let command = id();
    let first = log_in(&client, "clerk", PASSWORD, &command).await;
    let again = log_in(&client, "clerk", PASSWORD, &command).await;
    assert_eq!(again, first);
    assert!(is_in(&client, &again).await);
    assert_eq!(sessions(&server).await, 1);
    // The id opens nothing by itself, and is another's for another login.
    let wrong = log_in(&client, "clerk", "wrong-password", &command).await;
    assert_eq!(code(&wrong), "WRONG_CREDENTIALS");
    let other = log_in(&client, "leader", PASSWORD, &command).await;
    assert_ne!(other["token"], first["token"]);
    let another = log_in(&client, "clerk", PASSWORD, &id()).await;
    assert_ne!(another["token"], first["token"]);
    assert_eq!(sessions(&server).await, 3);
    // Two at once are one.
    let command = id();
    let (one, two) = tokio::join!(
        log_in(&client, "clerk", PASSWORD, &command),
        log_in(&client, "clerk", PASSWORD, &command)
    );
    assert_eq!(one, two);
    assert!(is_in(&client, &one).await);
    // What has gone on, or is over, is not given anew.
    let next = refresh(&client, &one["refreshToken"], None).await;
    assert!(is_in(&client, &next).await);
    let late = log_in(&client, "clerk", PASSWORD, &command).await;
    assert_eq!(code(&late), "SESSION_OVER");
    let command = id();
    let out = log_in(&client, "clerk", PASSWORD, &command).await;
    let leaving = client.with_token(out["token"].as_str());
    let logout = "mutation { logout { loggedOut } }";
    leaving.data(logout, json!({})).await;
    let late = log_in(&client, "clerk", PASSWORD, &command).await;
    assert_eq!(code(&late), "SESSION_OVER");
    assert!(!is_in(&client, &out).await);
}

async fn a_refresh_sent_again_gives_the_tokens_it_gave(store: &TestStore) {
    let (server, clock) = begin(store).await;
    let client = server.client();
    let first = log_in(&client, "clerk", PASSWORD, &id()).await;
    let (old, command) = (&first["refreshToken"], id());
    let second = refresh(&client, old, Some(&command)).await;
    clock.set(now() + TOKEN_LASTS / 2);
    let again = refresh(&client, old, Some(&command)).await;
    assert_eq!(again, second, "times and all");
    assert!(is_in(&client, &again).await);
    // Two at once are one.
    let command_of_two = id();
    let token = &second["refreshToken"];
    let (one, two) = tokio::join!(
        refresh(&client, token, Some(&command_of_two)),
        refresh(&client, token, Some(&command_of_two)),
    );
    assert_eq!(one["token"], two["token"]);
    assert_eq!(one["userErrors"], json!([]));
    assert!(is_in(&client, &one).await);
    // Its successor was used: whoever comes with the first one now holds what is in two hands.
    let stolen = refresh(&client, old, Some(&command)).await;
    assert_eq!(code(&stolen), "TOKEN_REUSED");
    assert!(!is_in(&client, &one).await);
    // With another id, or none, it is no repeat.
    for other in [Some(id()), None] {
        let first = log_in(&client, "clerk", PASSWORD, &id()).await;
        let second = refresh(&client, &first["refreshToken"], Some(&command)).await;
        assert!(is_in(&client, &second).await);
        let thief = refresh(&client, &first["refreshToken"], other.as_deref()).await;
        assert_eq!(code(&thief), "TOKEN_REUSED");
        assert!(!is_in(&client, &second).await);
    }
}

fn new_password(old: &str, new: &str, command: &str) -> Value {
    json!({ "oldPassword": old, "newPassword": new, "commandId": command })
}

async fn a_new_password_is_set_once(store: &TestStore) {
    let (server, _) = begin(store).await;
    let client = server.client().logged_in("clerk", PASSWORD).await;
    let head = async || server.app.desk.journal().head().await.unwrap();
    let (before, command) = (head().await, id());
    let input = new_password(PASSWORD, "ein neues Passwort", &command);
    let first = does(&client, "changePassword", "changed position", input.clone()).await;
    assert_eq!(
        (&first["changed"], head().await),
        (&json!(true), before + 1)
    );
    let again = does(&client, "changePassword", "changed position", input).await;
    assert_eq!(again, first);
    assert_eq!(head().await, before + 1, "nothing was done twice");
    let other = new_password(PASSWORD, "noch ein Passwort", &command);
    let other = does(&client, "changePassword", "changed position", other).await;
    assert_eq!(code(&other), "COMMAND_REUSED");
    assert!(
        is_in(
            &server.client(),
            &log_in(&client, "clerk", "ein neues Passwort", &id()).await
        )
        .await
    );
}

/// The process was killed after the password was set, and before that was written down.
async fn a_change_that_broke_off_is_finished_when_it_is_sent_again(store: &TestStore) {
    let (server, _) = begin(store).await;
    let client = server.client().logged_in("clerk", PASSWORD).await;
    let app = &server.app;
    let clerk = app.desk.account_of("clerk").await.unwrap().unwrap();
    let created_by = app
        .desk
        .account(clerk)
        .await
        .unwrap()
        .unwrap()
        .created_by
        .unwrap();
    let new = docket_core::desk::Password::Clear("ein neues Passwort".into());
    let hashed = app.store.ops.hash_password(&new).await.unwrap();
    app.store.ops.set_hash(created_by, &hashed).await.unwrap();
    let head = app.desk.journal().head().await.unwrap();
    let mut input = new_password(PASSWORD, "ein neues Passwort", &id());
    let done = does(&client, "changePassword", "changed", input.clone()).await;
    assert_eq!(done["userErrors"], json!([]));
    assert_eq!(app.desk.journal().head().await.unwrap(), head + 1);
    // Whoever does not name their command sends nothing again.
    input["commandId"] = Value::Null;
    let wrong = does(&client, "changePassword", "changed", input).await;
    assert_eq!(code(&wrong), "WRONG_CREDENTIALS");
    let wrong = new_password("wrong-password", "noch ein Passwort", &id());
    let wrong = does(&client, "changePassword", "changed", wrong).await;
    assert_eq!(code(&wrong), "WRONG_CREDENTIALS");
}

async fn question_and_answer_are_set_once(store: &TestStore) {
    let (server, _) = begin(store).await;
    let client = server.client().logged_in("clerk", PASSWORD).await;
    let set = |answer: &str, command: &str| json!({ "question": "FIRST_SCHOOL", "answer": answer, "password": PASSWORD, "commandId": command });
    let command = id();
    let first = does(
        &client,
        "setRecovery",
        "set position",
        set("实验小学", &command),
    )
    .await;
    assert_eq!(first["set"], true);
    let again = does(
        &client,
        "setRecovery",
        "set position",
        set("实验小学", &command),
    )
    .await;
    assert_eq!(again, first);
    let other = does(
        &client,
        "setRecovery",
        "set position",
        set("第一小学", &command),
    )
    .await;
    assert_eq!(code(&other), "COMMAND_REUSED");
}

async fn a_recovery_is_done_once(store: &TestStore) {
    let (server, _) = begin(store).await;
    let clerk = server.client().logged_in("clerk", PASSWORD).await;
    let set = json!({ "question": "FIRST_SCHOOL", "answer": "实验小学", "password": PASSWORD });
    does(&clerk, "setRecovery", "set", set).await;
    let client = server.client();
    let recover = |new: &str, command: &str| json!({ "login": "clerk", "answer": "实验小学", "newPassword": new, "commandId": command });
    let command = id();
    let first = does(
        &client,
        "recoverPassword",
        "recovered position",
        recover("recovered-password", &command),
    )
    .await;
    assert_eq!(first["recovered"], true);
    // Logged in meanwhile: the repeat ends no session.
    let session = log_in(&client, "clerk", "recovered-password", &id()).await;
    let again = does(
        &client,
        "recoverPassword",
        "recovered position",
        recover("recovered-password", &command),
    )
    .await;
    assert_eq!(again, first);
    assert!(is_in(&client, &session).await);
    let other = does(
        &client,
        "recoverPassword",
        "recovered position",
        recover("another-password", &command),
    )
    .await;
    assert_eq!(code(&other), "COMMAND_REUSED");
}

async fn whoever_is_out_may_log_out_again(store: &TestStore) {
    let (server, _) = begin(store).await;
    let client = server.client().logged_in("clerk", PASSWORD).await;
    let out = "mutation($i: LogoutInput) { logout(input: $i) { loggedOut } }";
    let input = json!({ "i": { "commandId": id() } });
    for _ in 0..2 {
        let told = client.data(out, input.clone()).await;
        assert_eq!(told["logout"]["loggedOut"], true);
    }
    assert_eq!(
        client.fault("{ me { id } }", json!({})).await,
        "UNAUTHENTICATED"
    );
    let nobody = client.with_token(None);
    assert_eq!(nobody.fault(out, input).await, "UNAUTHENTICATED");
}
