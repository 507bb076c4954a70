//! Tokens of an identity provider, which the test itself is: keys made here, served on loopback.

mod provider;

use super::{city, code, posted, sent, unhurried};
use crate::DOCKET;
use crate::live::Socket;
use chrono::TimeDelta;
use docket_core::Span;
use docket_core::clock::{Clock as _, ManualClock};
use docket_core::desk::Options;
use docket_domain::people::Actor;
use docket_domain::ticket::scenario::now;
use docket_gateway::settings::{Access, OidcSettings};
use docket_tests::server::{Client, Server, command, store_arguments};
use docket_tests::staff::PASSWORD;
use docket_tests::{TestStore, on_both_stores};
use provider::{AUDIENCE, ISSUER, Provider, Signer};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;

on_both_stores! {
    whoever_the_provider_vouches_for_is_their_account,
    every_token_that_is_not_taken_has_its_code,
    keys_rotate_and_are_fetched_now_and_then,
    a_provider_that_is_down_shuts_out_nobody_it_need_not,
    a_subscription_ends_with_its_provider_token,
    doctor_asks_the_provider,
}

const LEEWAY: TimeDelta = TimeDelta::seconds(30);

struct Place {
    server: Server,
    provider: Provider,
    clock: Arc<ManualClock>,
}

async fn place(store: &TestStore) -> Place {
    let provider = Provider::start().await;
    let clock = Arc::new(ManualClock::at(now()));
    let oidc = OidcSettings {
        issuer: ISSUER.into(),
        audience: AUDIENCE.into(),
        jwks: provider.url.clone(),
        algorithms: ["RS256", "ES256", "EdDSA"].map(String::from).into(),
        claim: "preferred_username".into(),
        leeway: LEEWAY,
    };
    let access = Access {
        oidc: Some(oidc),
        ..Access::default()
    };
    let server = city(store, clock.clone(), unhurried(), access).await;
    Place {
        server,
        provider,
        clock,
    }
}

impl Place {
    /// What a token of an hour says of somebody.
    fn claims(&self, login: &str) -> Value {
        let now = self.clock.now().timestamp();
        json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "0a1b", "preferred_username": login,
            "iat": now, "nbf": now, "exp": now + 3_600,
        })
    }

    /// The status and the code of an answer to a token; no code where it was taken.
    async fn told(&self, token: &str) -> (StatusCode, String) {
        let (status, headers, answer) =
            sent(posted(&self.server, "{ me { login } }").bearer_auth(token)).await;
        let challenged = headers.contains_key("www-authenticate");
        assert_eq!(challenged, status == StatusCode::UNAUTHORIZED);
        (status, code(&answer).to_owned())
    }

    /// A time as claims write it, so many seconds from now.
    fn at(&self, seconds: i64) -> Value {
        json!(self.clock.now().timestamp() + seconds)
    }

    async fn is_taken(&self, token: &str) -> bool {
        self.told(token).await == (StatusCode::OK, String::new())
    }

    async fn code(&self, token: &str) -> String {
        self.told(token).await.1
    }

    fn client(&self, token: &str) -> Client {
        self.server.client().with_token(Some(token))
    }
}

async fn whoever_the_provider_vouches_for_is_their_account(store: &TestStore) {
    let place = place(store).await;
    for (signer, login) in [
        (Signer::rsa("r1"), "clerk"),
        (Signer::ec("e1"), "office"),
        (Signer::ed("d1"), "auditor"),
    ] {
        place.provider.serve([&signer]);
        place.clock.set(place.clock.now() + TimeDelta::minutes(1));
        let client = place.client(&signer.sign(&place.claims(login)));
        let me = client
            .data("{ me { login roles mustChangePassword } }", json!({}))
            .await;
        assert_eq!(me["me"]["login"], login);
        assert_eq!(me["me"]["roles"], json!([login.to_uppercase()]));
        assert_eq!(me["me"]["mustChangePassword"], false);
    }
    let signer = Signer::ed("d2");
    place.provider.serve([&signer]);
    place.clock.set(place.clock.now() + TimeDelta::hours(2));
    // Case and space of a login do not matter, an audience may be one of several, and numbers may have fractions.
    let mut claims = place.claims(" Clerk ");
    claims["aud"] = json!(["another", AUDIENCE]);
    claims["exp"] = json!(claims["exp"].as_f64().unwrap() + 0.5);
    assert!(place.is_taken(&signer.sign(&claims)).await);
    // Rights are the account's, whatever the token says.
    claims["roles"] = json!(["ADMINISTRATOR"]);
    let client = place.client(&signer.sign(&claims));
    assert_eq!(
        client.fault("{ accounts { id } }", json!({})).await,
        "FORBIDDEN"
    );
    assert_eq!(
        client
            .fault("mutation { logout { loggedOut } }", json!({}))
            .await,
        "BAD_REQUEST"
    );
    // Passwords go on beside it.
    place.server.client().logged_in("clerk", PASSWORD).await;
}

/// A token's claims with one changed, or taken away.
fn with(claims: &Value, claim: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(claim)),
        value => claims[claim] = value,
    }
    claims
}

/// Tokens that are not to be taken, and by which code.
fn untaken(place: &Place, rsa: &Signer) -> Vec<(&'static str, String, &'static str)> {
    let good = place.claims("clerk");
    let with = |claim: &str, value: Value| rsa.sign(&with(&good, claim, value));
    let at = |seconds| place.at(seconds);
    let leeway = LEEWAY.num_seconds();
    let forged = Signer::ed("r1");
    let mut cut = rsa.sign(&good);
    cut.truncate(cut.len() - 8);
    let payload = |token: &str| token.split('.').nth(1).unwrap().to_owned();
    let (one, two) = (rsa.sign(&good), with("preferred_username", json!("admin")));
    let swapped = one.replace(&payload(&one), &payload(&two));
    vec![
        (
            "wrong issuer",
            with("iss", json!("https://evil.test")),
            "TOKEN_REFUSED",
        ),
        ("no issuer", with("iss", Value::Null), "TOKEN_REFUSED"),
        (
            "wrong audience",
            with("aud", json!("another")),
            "TOKEN_REFUSED",
        ),
        ("no audience", with("aud", Value::Null), "TOKEN_REFUSED"),
        ("expired", with("exp", at(-leeway)), "TOKEN_EXPIRED"),
        ("no expiry", with("exp", Value::Null), "TOKEN_REFUSED"),
        (
            "an expiry of words",
            with("exp", json!("2099")),
            "TOKEN_REFUSED",
        ),
        (
            "an endless expiry",
            with("exp", json!(1e300)),
            "TOKEN_REFUSED",
        ),
        ("not yet", with("nbf", at(leeway + 1)), "TOKEN_REFUSED"),
        (
            "a beginning of words",
            with("nbf", json!("soon")),
            "TOKEN_REFUSED",
        ),
        ("alg none", rsa.sign_by_none(&good), "TOKEN_REFUSED"),
        (
            "HS256 with the public key",
            rsa.sign_by_its_public_key(&good),
            "TOKEN_REFUSED",
        ),
        (
            "another key under this name",
            forged.sign(&good),
            "TOKEN_REFUSED",
        ),
        (
            "an unknown key",
            Signer::ed("unknown").sign(&good),
            "TOKEN_REFUSED",
        ),
        ("a signature cut short", cut, "TOKEN_REFUSED"),
        ("another token's claims", swapped, "TOKEN_REFUSED"),
        (
            "far too long",
            format!("a.{}.b", "x".repeat(9_000)),
            "TOKEN_REFUSED",
        ),
        (
            "no login",
            with("preferred_username", Value::Null),
            "ACCOUNT_UNKNOWN",
        ),
        (
            "a login that is a number",
            with("preferred_username", json!(7)),
            "ACCOUNT_UNKNOWN",
        ),
        (
            "nobody's login",
            with("preferred_username", json!("nobody")),
            "ACCOUNT_UNKNOWN",
        ),
    ]
}

async fn every_token_that_is_not_taken_has_its_code(store: &TestStore) {
    let place = place(store).await;
    let (rsa, other) = (Signer::rsa("r1"), Signer::ed("d2"));
    place.provider.serve([&rsa, &other]);
    let good = place.claims("clerk");
    assert!(place.is_taken(&rsa.sign(&good)).await);
    let no_tokens = ["a.b", "..", "...."].map(|no| ("no JWT", no.to_owned(), "TOKEN_REFUSED"));
    for (what, token, expected) in untaken(&place, &rsa).into_iter().chain(no_tokens) {
        let told = place.told(&token).await;
        assert_eq!(
            told,
            (StatusCode::UNAUTHORIZED, expected.to_owned()),
            "{what}"
        );
    }
    let leeway = LEEWAY.num_seconds();
    let within = [
        ("exp", place.at(1 - leeway)),
        ("nbf", place.at(leeway)),
        ("nbf", Value::Null),
    ];
    for (claim, value) in within {
        let token = rsa.sign(&with(&good, claim, value));
        assert!(place.is_taken(&token).await, "{claim} within the leeway");
    }
    let noted = place
        .server
        .app
        .desk
        .security_log(None, &Span::first(100))
        .await
        .unwrap();
    assert!(
        noted.iter().any(|row| row.kind == "bearer_refused"),
        "{noted:?}"
    );
    deactivated_is_out(&place, &rsa).await;
}

async fn deactivated_is_out(place: &Place, signer: &Signer) {
    let token = signer.sign(&place.claims("leader"));
    assert!(place.is_taken(&token).await);
    let desk = &place.server.app.desk;
    let leader = desk.account_of("leader").await.unwrap().unwrap();
    let by = Actor::system();
    desk.deactivate_account(&by, leader, &Options::default())
        .await
        .unwrap();
    assert_eq!(place.code(&token).await, "ACCOUNT_DEACTIVATED");
    // A socket is not opened for a token that is not taken.
    let mut socket = Socket::connect(&place.server.url, Some("graphql-transport-ws")).await;
    let payload = json!({ "Authorization": format!("Bearer {token}") });
    socket
        .send(json!({ "type": "connection_init", "payload": payload }))
        .await;
    assert_eq!(socket.next().await, json!({ "closed": 4403 }));
}

async fn keys_rotate_and_are_fetched_now_and_then(store: &TestStore) {
    let place = place(store).await;
    let (old, new) = (Signer::ed("old"), Signer::ec("new"));
    place.provider.serve([&old]);
    assert_eq!(place.provider.asked(), 0, "not before it is needed");
    for login in ["clerk", "office", "admin"] {
        assert!(place.is_taken(&old.sign(&place.claims(login))).await);
    }
    assert_eq!(place.provider.asked(), 1);
    // Strangers' keys have nothing fetched before its time, however many there are.
    for n in 0..5 {
        let strange = Signer::ed(&format!("strange-{n}"));
        assert_eq!(
            place.code(&strange.sign(&place.claims("clerk"))).await,
            "TOKEN_REFUSED"
        );
    }
    assert_eq!(place.provider.asked(), 1);
    place.provider.serve([&old, &new]);
    let fresh = new.sign(&place.claims("clerk"));
    assert_eq!(
        place.code(&fresh).await,
        "TOKEN_REFUSED",
        "too soon after the last time"
    );
    place.clock.set(place.clock.now() + TimeDelta::seconds(10));
    // Many at once: one of them fetches.
    let all = (0..8).map(|_| place.is_taken(&fresh));
    assert!(
        futures_util::future::join_all(all)
            .await
            .into_iter()
            .all(|taken| taken)
    );
    assert_eq!(place.provider.asked(), 2);
    assert!(
        place.is_taken(&old.sign(&place.claims("clerk"))).await,
        "beside it"
    );
    // Withdrawn: after an hour the keys are fetched anew, behind the first token that comes.
    place.provider.serve([&new]);
    place.clock.set(place.clock.now() + TimeDelta::hours(1));
    let mut taken = true;
    while taken {
        place.clock.set(place.clock.now() + TimeDelta::seconds(1));
        taken = place.is_taken(&old.sign(&place.claims("clerk"))).await;
    }
    assert!(place.provider.asked() >= 3);
    assert!(place.is_taken(&new.sign(&place.claims("clerk"))).await);
}

async fn a_provider_that_is_down_shuts_out_nobody_it_need_not(store: &TestStore) {
    let place = place(store).await;
    let signer = Signer::ed("d1");
    place.provider.serve([&signer]);
    place.provider.set_down(true);
    let told = place.told(&signer.sign(&place.claims("clerk"))).await;
    let down = (
        StatusCode::SERVICE_UNAVAILABLE,
        "PROVIDER_UNAVAILABLE".to_owned(),
    );
    assert_eq!(told, down);
    assert_eq!(
        place.told(&signer.sign(&place.claims("office"))).await,
        down
    );
    assert_eq!(place.provider.asked(), 1, "nor is it hurried");
    let token = signer.sign(&place.claims("clerk"));
    let (_, headers, answer) =
        sent(posted(&place.server, "{ me { login } }").bearer_auth(token)).await;
    assert_eq!(headers["retry-after"], "10");
    assert_eq!(answer["errors"][0]["extensions"]["retryAfter"], 10);
    place.server.client().logged_in("clerk", PASSWORD).await;
    place.provider.set_down(false);
    place.clock.set(place.clock.now() + TimeDelta::seconds(10));
    assert!(
        place.is_taken(&signer.sign(&place.claims("clerk"))).await,
        "by itself"
    );
    // Down again: its keys are known for a day.
    place.provider.set_down(true);
    place.clock.set(place.clock.now() + TimeDelta::hours(23));
    assert!(place.is_taken(&signer.sign(&place.claims("clerk"))).await);
    place.clock.set(place.clock.now() + TimeDelta::hours(2));
    assert_eq!(place.told(&signer.sign(&place.claims("clerk"))).await, down);
    // What is no set of keys is nothing.
    place.provider.set_down(false);
    place.provider.serve_text("<html>");
    place.clock.set(place.clock.now() + TimeDelta::seconds(10));
    assert_eq!(place.told(&signer.sign(&place.claims("clerk"))).await, down);
}

async fn a_subscription_ends_with_its_provider_token(store: &TestStore) {
    let place = place(store).await;
    let signer = Signer::ed("d1");
    place.provider.serve([&signer]);
    let client = place.client(&signer.sign(&place.claims("operator")));
    let mut live = Socket::open(&client).await;
    let query = "subscription { inboxChanged(after: \"0\") { position } }";
    live.subscribe(query, json!({})).await;
    let mutation = "mutation($i: ReceiveTicketInput!) { receiveTicket(input: $i) { position } }";
    let input = json!({ "i": crate::gateway::request() });
    client.data(mutation, input.clone()).await;
    live.push("inboxChanged").await;
    place
        .clock
        .set(place.clock.now() + TimeDelta::hours(1) + LEEWAY);
    // Nothing that comes after is told.
    let other = place.client(&signer.sign(&place.claims("operator")));
    other.data(mutation, input).await;
    let told = live.next().await;
    assert_eq!(told["type"], "error", "{told}");
    assert!(told.to_string().contains("UNAUTHENTICATED"), "{told}");
    assert_eq!(
        client.fault("{ me { id } }", json!({})).await,
        "TOKEN_EXPIRED"
    );
}

async fn doctor_asks_the_provider(store: &TestStore) {
    let place = place(store).await;
    let told = || {
        let mut doctor = command(DOCKET, store);
        doctor.arg("doctor").args(store_arguments(store));
        doctor.envs([
            ("DOCKET_OIDC_ISSUER", ISSUER),
            ("DOCKET_OIDC_AUDIENCE", AUDIENCE),
            ("DOCKET_OIDC_JWKS", &place.provider.url),
        ]);
        async move {
            let output = tokio::process::Command::from(doctor)
                .output()
                .await
                .unwrap();
            assert!(output.status.success(), "a warning is no problem");
            let text = String::from_utf8(output.stdout).unwrap();
            let line = text.lines().find(|line| line.contains(" oidc: "));
            line.expect("a word on it").to_owned()
        }
    };
    // By default RS256 alone is taken.
    place.provider.serve([&Signer::rsa("a"), &Signer::ed("b")]);
    let line = told().await;
    assert!(
        line.starts_with("ok ") && line.ends_with("oidc.algorithms: 1"),
        "{line}"
    );
    place.provider.serve([&Signer::ed("b")]);
    let line = told().await;
    assert!(
        line.starts_with("warning ") && line.contains("has no key"),
        "{line}"
    );
    place.provider.serve_text(r#"{ "keys": [] }"#);
    let line = told().await;
    assert!(
        line.starts_with("warning ") && line.contains("has no key"),
        "{line}"
    );
    place.provider.serve_text("<html>");
    let line = told().await;
    assert!(
        line.starts_with("warning ") && line.contains("no set of keys"),
        "{line}"
    );
    place.provider.set_down(true);
    let line = told().await;
    assert!(
        line.starts_with("warning ") && line.contains("it answers 502"),
        "{line}"
    );
}
