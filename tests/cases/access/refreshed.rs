//! Sessions as a client has them: tokens that expire, and the next ones.

use super::{city, unhurried};
use crate::live::Socket;
use chrono::TimeDelta;
use docket_core::clock::{Clock as _, ManualClock};
use docket_core::ops::SESSION_LASTS;
use docket_domain::ticket::scenario::now;
use docket_gateway::app::{App, Founding};
use docket_gateway::settings::Access;
use docket_tests::server::{Client, Server};
use docket_tests::staff::PASSWORD;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

on_both_stores! {
    a_client_refreshes_until_its_session_ends,
    a_session_ends_by_any_of_its_tokens,
    a_subscription_ends_with_its_token_and_goes_on_with_the_next,
    a_new_password_and_a_deactivation_end_what_could_be_refreshed,
    a_cookie_alone_is_nobody,
}

const TOKEN: Duration = Duration::from_mins(15);

/// The small city under the tokens a server gives by default.
async fn short(store: &TestStore, clock: &Arc<ManualClock>) -> Server {
    drop(city(store, clock.clone(), unhurried(), Access::default()).await);
    let mut options = store.options(clock.clone());
    options.tokens_last = TOKEN;
    let app = App::start(options, &Founding::default()).await.unwrap();
    Server::of(app.within(unhurried())).await
}

async fn log_in(client: &Client, login: &str) -> Value {
    let query = "mutation($i: LoginInput!) { login(input: $i) {
        token expiresAt refreshToken sessionEndsAt userErrors { code } } }";
    let input = json!({ "i": { "login": login, "password": PASSWORD } });
    client.data(query, input).await["login"].take()
}

async fn refresh(client: &Client, refresh_token: &Value) -> Value {
    let query = "mutation($t: String!) { refreshSession(input: { refreshToken: $t }) {
        token expiresAt refreshToken sessionEndsAt userErrors { code path } } }";
    let nobody = Client::new(&client.url);
    let input = json!({ "t": refresh_token });
    nobody.data(query, input).await["refreshSession"].take()
}

fn with(client: &Client, session: &Value) -> Client {
    client.with_token(session["token"].as_str())
}

async fn is_in(client: &Client) -> bool {
    client.run("{ me { id } }", json!({})).await["errors"].is_null()
}

fn refused(session: &Value) -> &str {
    assert_eq!(session["token"], Value::Null);
    assert_eq!(session["refreshToken"], Value::Null);
    session["userErrors"][0]["code"].as_str().unwrap()
}

async fn a_client_refreshes_until_its_session_ends(store: &TestStore) {
    let clock = Arc::new(ManualClock::at(now()));
    let server = short(store, &clock).await;
    let client = server.client();
    let first = log_in(&client, "clerk").await;
    let at = |time: &Value| {
        time.as_str()
            .unwrap()
            .parse::<chrono::DateTime<chrono::Utc>>()
    };
    assert_eq!(at(&first["expiresAt"]).unwrap(), now() + TOKEN);
    assert_eq!(at(&first["sessionEndsAt"]).unwrap(), now() + SESSION_LASTS);
    assert!(is_in(&with(&client, &first)).await);
    clock.set(now() + TOKEN);
    assert!(!is_in(&with(&client, &first)).await);
    let second = refresh(&client, &first["refreshToken"]).await;
    assert_eq!(second["userErrors"], json!([]));
    assert_eq!(second["sessionEndsAt"], first["sessionEndsAt"]);
    assert!(is_in(&with(&client, &second)).await);
    let reused = refresh(&client, &first["refreshToken"]).await;
    assert_eq!(refused(&reused), "TOKEN_REUSED");
    assert!(
        !is_in(&with(&client, &second)).await,
        "the thief's, or one's own"
    );
    let over = refresh(&client, &second["refreshToken"]).await;
    assert_eq!(refused(&over), "SESSION_OVER");
    let third = log_in(&client, "clerk").await;
    let out = with(&client, &third);
    out.data("mutation { logout { loggedOut } }", json!({}))
        .await;
    let over = refresh(&client, &third["refreshToken"]).await;
    assert_eq!(refused(&over), "SESSION_OVER", "after logging out");
}

/// A workbench that stood idle logs out with a token that ran out: its session is over all the same.
async fn a_session_ends_by_any_of_its_tokens(store: &TestStore) {
    let clock = Arc::new(ManualClock::at(now()));
    let server = short(store, &clock).await;
    let client = server.client();
    let out = "mutation($i: LogoutInput) { logout(input: $i) { loggedOut } }";
    let idle = log_in(&client, "clerk").await;
    clock.set(now() + TOKEN);
    // Whoever logs in has what is over swept away.
    let other = log_in(&client, "clerk").await;
    let told = with(&client, &idle).data(out, json!({})).await;
    assert_eq!(told["logout"]["loggedOut"], true);
    let over = refresh(&client, &idle["refreshToken"]).await;
    assert_eq!(refused(&over), "SESSION_OVER");
    assert!(is_in(&with(&client, &other)).await, "that is another one");
    // By its refresh token, with no other.
    let by = json!({ "i": { "refreshToken": other["refreshToken"] } });
    let told = Client::new(&client.url).data(out, by).await;
    assert_eq!(told["logout"]["loggedOut"], true);
    assert!(!is_in(&with(&client, &other)).await);
    let over = refresh(&client, &other["refreshToken"]).await;
    assert_eq!(refused(&over), "SESSION_OVER");
    let nobody = Client::new(&client.url);
    assert_eq!(nobody.fault(out, json!({})).await, "UNAUTHENTICATED");
}

async fn a_subscription_ends_with_its_token_and_goes_on_with_the_next(store: &TestStore) {
    let clock = Arc::new(ManualClock::at(now()));
    let server = short(store, &clock).await;
    let client = server.client();
    let first = log_in(&client, "operator").await;
    let mut live = Socket::open(&with(&client, &first)).await;
    let query = "subscription { inboxChanged(after: \"0\") { position } }";
    live.subscribe(query, json!({})).await;
    clock.set(clock.now() + TimeDelta::from_std(TOKEN).unwrap());
    let second = refresh(&client, &first["refreshToken"]).await;
    let told = live.next().await;
    assert_eq!(told["type"], "error", "{told}");
    assert!(told.to_string().contains("UNAUTHENTICATED"), "{told}");
    let operator = with(&client, &second);
    let mut live = Socket::open(&operator).await;
    live.subscribe(query, json!({})).await;
    let mutation = "mutation($i: ReceiveTicketInput!) { receiveTicket(input: $i) { position } }";
    let input = json!({ "i": crate::gateway::request() });
    let received = operator.data(mutation, input).await;
    let pushed = live.push("inboxChanged").await;
    assert_eq!(pushed["position"], received["receiveTicket"]["position"]);
}

async fn a_new_password_and_a_deactivation_end_what_could_be_refreshed(store: &TestStore) {
    let clock = Arc::new(ManualClock::at(now()));
    let server = short(store, &clock).await;
    let client = server.client();
    let (here, there) = (
        log_in(&client, "clerk").await,
        log_in(&client, "clerk").await,
    );
    let change = "mutation($o: String!, $n: String!) {
        changePassword(input: { oldPassword: $o, newPassword: $n }) { changed } }";
    let input = json!({ "o": PASSWORD, "n": "ein neues Passwort" });
    let changed = with(&client, &here).data(change, input).await;
    assert_eq!(changed["changePassword"]["changed"], true);
    let over = refresh(&client, &there["refreshToken"]).await;
    assert_eq!(refused(&over), "SESSION_OVER");
    let kept = refresh(&client, &here["refreshToken"]).await;
    assert!(is_in(&with(&client, &kept)).await, "where it was changed");
    let leader = log_in(&client, "leader").await;
    let me = with(&client, &leader)
        .data("{ me { id } }", json!({}))
        .await;
    let admin = client.logged_in("admin", PASSWORD).await;
    let end =
        "mutation($id: ID!) { deactivateAccount(input: { id: $id }) { userErrors { code } } }";
    let ended = admin.data(end, json!({ "id": me["me"]["id"] })).await;
    assert_eq!(ended["deactivateAccount"]["userErrors"], json!([]));
    let over = refresh(&client, &leader["refreshToken"]).await;
    assert_eq!(refused(&over), "SESSION_OVER");
}

async fn a_cookie_alone_is_nobody(store: &TestStore) {
    let clock = Arc::new(ManualClock::at(now()));
    let server = short(store, &clock).await;
    let session = log_in(&server.client(), "clerk").await;
    let token = session["token"].as_str().unwrap();
    for name in ["token", "session", "Authorization", "docket"] {
        let cookie = format!("{name}={token}; {name}=Bearer {token}");
        let request = super::posted(&server, "{ me { id } }").header("cookie", cookie);
        let (_, headers, answer) = super::sent(request).await;
        assert_eq!(super::code(&answer), "UNAUTHENTICATED");
        assert!(!headers.contains_key("set-cookie"));
    }
    let login =
        "mutation { login(input: { login: \"clerk\", password: \"correct-horse\" }) { token } }";
    let (_, headers, answer) = super::sent(super::posted(&server, login)).await;
    assert!(answer["data"]["login"]["token"].is_string(), "{answer}");
    assert!(!headers.contains_key("set-cookie"), "nor is one ever set");
}
