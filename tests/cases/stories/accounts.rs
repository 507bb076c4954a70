//! Accounts change: name, roles and place, being shut out and let in again, and a password reset.

use super::reorganised::other;
use super::{Story, unit};
use crate::gateway::department;
use docket_core::desk::REFRESH;
use docket_projections::{projection, rebuild};
use docket_tests::server::{Client, Server, command, store_arguments};
use docket_tests::staff::{PASSWORD, STAFF};
use docket_tests::store::PATIENCE;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::Stdio;

on_both_stores! {
    what_is_changed_holds_in_the_session_that_is_open,
    a_change_that_creation_would_refuse_is_refused,
    nobody_is_shut_out_by_mistake,
    administrators_and_leaders_alone_keep_accounts,
    a_deactivated_account_is_out_at_once_and_everywhere,
    a_command_on_an_account_takes_effect_once,
    a_reset_password_is_the_only_one_and_no_secret_is_logged,
    whoever_is_shut_out_is_helped_at_the_command_line,
}

const FIELDS: &str = "account { id name roles active department { id } unit { id } }";

/// Does a command on an account: its payload.
pub(super) async fn keep(person: &Client, mutation: &str, input: Value) -> Value {
    let mut name = mutation.to_owned();
    name[..1].make_ascii_uppercase();
    let query = format!(
        "mutation($input: {name}Input!) {{ {mutation}(input: $input) {{ {FIELDS} userErrors {{ code path }} }} }}"
    );
    let mut data = person.data(&query, json!({ "input": input })).await;
    data[mutation].take()
}

/// A command that must be taken: the account after it.
pub(super) async fn kept(person: &Client, mutation: &str, input: Value) -> Value {
    let mut payload = keep(person, mutation, input).await;
    assert_eq!(payload["userErrors"], json!([]), "{mutation}");
    payload["account"].take()
}

/// An account's id by its login, as an administrator finds it.
pub(super) async fn id_of(admin: &Client, login: &str) -> Value {
    let query = "query($login: String!) { account(login: $login) { id } }";
    let mut data = admin.data(query, json!({ "login": login })).await;
    data["account"]["id"].take()
}

pub(super) async fn log_in(client: &Client, login: &str, password: &str) -> Value {
    let query =
        "mutation($input: LoginInput!) { login(input: $input) { token userErrors { code } } }";
    let input = json!({ "input": { "login": login, "password": password } });
    client.data(query, input).await["login"].take()
}

/// Why a login is refused.
pub(super) async fn shut_out(client: &Client, login: &str, password: &str) -> Value {
    let mut told = log_in(client, login, password).await;
    assert_eq!(told["token"], Value::Null, "{login}");
    told["userErrors"][0]["code"].take()
}

/// Waits until the views of a server have everything.
async fn caught_up(server: &Server) {
    let head = server.app.desk.journal().head().await.unwrap();
    server.app.views.wait_for(head, PATIENCE).await.unwrap();
}

async fn names_of_colleagues(person: &Client) -> Vec<String> {
    let data = person.data("{ colleagues { name } }", json!({})).await;
    let colleagues = data["colleagues"].as_array().unwrap().iter();
    let mut names: Vec<_> = colleagues
        .map(|c| c["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort_unstable();
    names
}

async fn what_is_changed_holds_in_the_session_that_is_open(store: &TestStore) {
    let story = Story::begin(store).await;
    let (admin, clerk) = (story.person("admin").await, story.person("clerk").await);
    let id = id_of(&admin, " CLERK ").await;
    let ticket = story.assigned().await;
    let sign = json!({ "id": ticket["id"] });

    let named = kept(
        &admin,
        "changeAccount",
        json!({ "id": id, "name": "李四", "roles": ["CLERK", "LEADER"] }),
    );
    let expected = json!({
        "id": id, "name": "李四", "roles": ["CLERK", "LEADER"], "active": true,
        "department": { "id": department() }, "unit": null,
    });
    assert_eq!(named.await, expected);
    caught_up(&story.server).await;
    assert_eq!(
        names_of_colleagues(&clerk).await,
        ["leader by name", "李四"]
    );

    // Into a unit of the other department: what it may see and do goes with it.
    let other_unit = format!("unit:{}", docket_domain::ticket::scenario::OTHER_UNIT);
    let moved = kept(
        &admin,
        "changeAccount",
        json!({ "id": id, "unitId": other_unit }),
    )
    .await;
    assert_eq!(moved["department"]["id"], other());
    assert_eq!(moved["unit"]["id"], other_unit);
    assert_eq!(clerk.refused("signTicket", sign.clone()).await, "NOT_FOUND");
    caught_up(&story.server).await;
    assert_eq!(
        names_of_colleagues(&clerk).await,
        ["other-unit-clerk by name", "李四"]
    );
    assert_eq!(
        names_of_colleagues(&story.person("leader").await).await,
        ["leader by name"]
    );

    // Back, and then to the centre, which is of no office.
    let back = json!({ "id": id, "departmentId": department() });
    kept(&admin, "changeAccount", back).await;
    clerk.act("signTicket", sign.clone()).await;
    let centre = json!({ "id": id, "roles": ["OPERATOR"], "departmentId": null });
    let operator = kept(&admin, "changeAccount", centre).await;
    assert_eq!(
        (&operator["department"], &operator["unit"]),
        (&Value::Null, &Value::Null)
    );
    let told = clerk.fault("{ colleagues { id } }", json!({})).await;
    assert_eq!(told, "FORBIDDEN");
    clerk.act("receiveTicket", crate::gateway::request()).await;

    // The views say the same when they are built anew.
    caught_up(&story.server).await;
    let app = &story.server.app;
    let found = rebuild::verify(&app.store, &mut |_| {}).await.unwrap();
    assert!(
        found.differences.is_empty(),
        "{:?}",
        found.differences.len()
    );
    rebuild::rebuild(&app.store, &projection::all(), &mut |_| {})
        .await
        .unwrap();
    let leader = story.person("leader").await;
    assert_eq!(names_of_colleagues(&leader).await, ["leader by name"]);
}

/// A command that must be refused, for a reason and at a field.
pub(super) async fn is_refused(
    admin: &Client,
    mutation: &str,
    input: Value,
    code: &str,
    field: &str,
) {
    let payload = keep(admin, mutation, input.clone()).await;
    let path = if field.is_empty() {
        json!([])
    } else {
        json!(["input", field])
    };
    let error = json!([{ "code": code, "path": path }]);
    assert_eq!(payload["userErrors"], error, "{mutation} {input}");
    assert_eq!(payload["account"], Value::Null);
}

async fn a_change_that_creation_would_refuse_is_refused(store: &TestStore) {
    let story = Story::begin(store).await;
    let admin = story.person("admin").await;
    let id = id_of(&admin, "clerk").await;
    let no_office = "department:00000000-0000-0000-0000-000000000009";
    for (changes, code, field) in [
        (json!({}), "NO_CHANGE", ""),
        (json!({ "name": " clerk by name " }), "NO_CHANGE", ""),
        (json!({ "name": " " }), "REQUIRED", "name"),
        (json!({ "name": "长".repeat(101) }), "TOO_LONG", "name"),
        (json!({ "roles": [] }), "REQUIRED", "roles"),
        (
            json!({ "roles": ["CLERK", "AUDITOR"] }),
            "INVALID_VALUE",
            "roles",
        ),
        (
            json!({ "roles": ["OPERATOR"] }),
            "INVALID_VALUE",
            "departmentId",
        ),
        (json!({ "departmentId": null }), "REQUIRED", "departmentId"),
        (
            json!({ "departmentId": no_office }),
            "UNKNOWN_OFFICE",
            "departmentId",
        ),
        (
            json!({ "departmentId": other(), "unitId": unit() }),
            "UNKNOWN_OFFICE",
            "unitId",
        ),
    ] {
        let mut input = changes;
        input["id"] = id.clone();
        is_refused(&admin, "changeAccount", input, code, field).await;
    }
    let seen = admin
        .data(
            "{ account(login: \"clerk\") { name roles department { id } } }",
            json!({}),
        )
        .await;
    let unchanged = json!({
        "name": "clerk by name", "roles": ["CLERK"], "department": { "id": department() },
    });
    assert_eq!(seen["account"], unchanged);
}

async fn nobody_is_shut_out_by_mistake(store: &TestStore) {
    let story = Story::begin(store).await;
    let admin = story.person("admin").await;
    let (id, me) = (id_of(&admin, "clerk").await, id_of(&admin, "admin").await);
    let nobody = "account:00000000-0000-0000-0000-000000000009";
    let reset = |id: &Value, password: &str| json!({ "id": id, "password": password });
    let no_admin = json!({ "id": me, "roles": ["AUDITOR"] });
    let ticket = story.received().await["id"].clone();
    let ticket = ticket.as_str().unwrap().replace("ticket:", "account:");
    for (mutation, input, code, field) in [
        ("changeAccount", no_admin, "OWN_ACCOUNT", "roles"),
        (
            "deactivateAccount",
            json!({ "id": me }),
            "OWN_ACCOUNT",
            "id",
        ),
        (
            "resetPassword",
            reset(&me, "new-password"),
            "OWN_ACCOUNT",
            "id",
        ),
        (
            "changeAccount",
            json!({ "id": nobody, "name": "无名" }),
            "NOT_FOUND",
            "id",
        ),
        (
            "deactivateAccount",
            json!({ "id": nobody }),
            "NOT_FOUND",
            "id",
        ),
        (
            "deactivateAccount",
            json!({ "id": ticket }),
            "NOT_FOUND",
            "id",
        ),
        (
            "resetPassword",
            reset(&json!(nobody), "new-password"),
            "NOT_FOUND",
            "id",
        ),
        ("reactivateAccount", json!({ "id": id }), "NO_CHANGE", "id"),
        (
            "resetPassword",
            reset(&id, "short"),
            "UNFIT_PASSWORD",
            "password",
        ),
    ] {
        is_refused(&admin, mutation, input, code, field).await;
    }
    // Nothing of it happened.
    story.person("clerk").await;
    admin.data("{ me { id } }", json!({})).await;
}

async fn administrators_and_leaders_alone_keep_accounts(store: &TestStore) {
    let story = Story::begin(store).await;
    let admin = story.person("admin").await;
    let id = id_of(&admin, "unit-clerk").await;
    for login in ["clerk", "unit-clerk", "office", "auditor", "citizen"] {
        let person = story.person(login).await;
        for query in [
            "mutation($id: ID!) { changeAccount(input: { id: $id, name: \"x\" }) { userErrors { code } } }",
            "mutation($id: ID!) { deactivateAccount(input: { id: $id }) { userErrors { code } } }",
            "mutation($id: ID!) { reactivateAccount(input: { id: $id }) { userErrors { code } } }",
            "mutation($id: ID!) { resetPassword(input: { id: $id, password: \"new-password\" }) { userErrors { code } } }",
            "query($id: ID!) { account(id: $id) { id } }",
        ] {
            let told = person.fault(query, json!({ "id": id })).await;
            assert_eq!(told, "FORBIDDEN", "{login}: {query}");
        }
    }
    let by_id = "query($id: ID) { account(id: $id) { login active } }";
    let found = admin.data(by_id, json!({ "id": id })).await;
    assert_eq!(
        found["account"],
        json!({ "login": "unit-clerk", "active": true })
    );
    let unknown = "{ account(login: \"nobody\") { id } }";
    assert_eq!(admin.fault(unknown, json!({})).await, "NOT_FOUND");
    assert_eq!(admin.fault(by_id, json!({})).await, "BAD_REQUEST");
}

async fn a_deactivated_account_is_out_at_once_and_everywhere(store: &TestStore) {
    let story = Story::begin(store).await;
    let theirs = Server::start(store).await;
    let (admin, clerk) = (story.person("admin").await, story.person("clerk").await);
    let (id, leader) = (id_of(&admin, "clerk").await, story.person("leader").await);
    let ticket = story.signed().await;
    let me = "{ me { id } }";
    // The administrator sees who there is, and a leader the own staff.
    let all = "{ accounts { login active } }";
    let listed = admin.data(all, json!({})).await["accounts"].take();
    let clerks = json!({ "login": "clerk", "active": true });
    assert_eq!(listed.as_array().unwrap().len(), STAFF.len());
    assert!(listed.as_array().unwrap().contains(&clerks), "{listed}");
    let own = leader.data(all, json!({})).await["accounts"].take();
    assert_eq!(
        own.as_array().unwrap().len(),
        3,
        "clerk, leader, unit-clerk"
    );
    assert_eq!(clerk.fault(all, json!({})).await, "FORBIDDEN");
    // Both processes know the account.
    clerk.data(me, json!({})).await;
    clerk.at(&theirs.url).data(me, json!({})).await;

    let out = kept(&admin, "deactivateAccount", json!({ "id": id })).await;
    assert_eq!(out["active"], false);
    let again = keep(&admin, "deactivateAccount", json!({ "id": id })).await;
    assert_eq!(again["userErrors"][0]["code"], "NO_CHANGE");
    assert_eq!(clerk.fault(me, json!({})).await, "UNAUTHENTICATED");
    // Another process may remember the session for a moment.
    tokio::time::sleep(REFRESH).await;
    let there = clerk.at(&theirs.url);
    assert_eq!(there.fault(me, json!({})).await, "UNAUTHENTICATED");
    for client in [story.server.client(), theirs.client()] {
        let code = shut_out(&client, "clerk", PASSWORD).await;
        assert_eq!(code, "ACCOUNT_DEACTIVATED");
        let wrong = shut_out(&client, "clerk", "wrong-password").await;
        assert_eq!(
            wrong, "WRONG_CREDENTIALS",
            "only the right password learns it"
        );
    }

    // No colleague, though the work in its hands is told of by its name, and taken over.
    caught_up(&story.server).await;
    assert_eq!(names_of_colleagues(&leader).await, ["leader by name"]);
    let hand_over = |to: &Value| json!({ "id": ticket["id"], "toId": to });
    let refused = leader.refused("handOverTicket", hand_over(&id)).await;
    assert_eq!(refused, "NOT_COLLEAGUE");
    let handler = "assignments { handler { name active } }";
    let seen = story.reads("leader", &ticket["id"], handler).await;
    let expected = json!({ "name": "clerk by name", "active": false });
    assert_eq!(seen["assignments"][0]["handler"], expected);
    let taker = id_of(&admin, "leader").await;
    leader.act("handOverTicket", hand_over(&taker)).await;

    // Let in again it has to log in, and is a colleague.
    kept(&admin, "reactivateAccount", json!({ "id": id })).await;
    assert_eq!(clerk.fault(me, json!({})).await, "UNAUTHENTICATED");
    story.person("clerk").await.data(me, json!({})).await;
    caught_up(&story.server).await;
    let both = ["clerk by name", "leader by name"];
    assert_eq!(names_of_colleagues(&leader).await, both);
    leader.act("handOverTicket", hand_over(&id)).await;
}

async fn a_command_on_an_account_takes_effect_once(store: &TestStore) {
    let story = Story::begin(store).await;
    let admin = story.person("admin").await;
    let id = id_of(&admin, "clerk").await;
    let named = |n: u8| format!("019a0000-0000-7000-8000-00000000000{n}");
    let commands = [
        (
            "changeAccount",
            json!({ "id": id, "name": "李四", "commandId": named(1) }),
        ),
        (
            "deactivateAccount",
            json!({ "id": id, "commandId": named(2) }),
        ),
        (
            "reactivateAccount",
            json!({ "id": id, "commandId": named(3) }),
        ),
        (
            "resetPassword",
            json!({ "id": id, "password": "new-password", "commandId": named(4) }),
        ),
    ];
    for (mutation, input) in &commands {
        let first = kept(&admin, mutation, input.clone()).await;
        let head = story.server.app.desk.journal().head().await.unwrap();
        assert_eq!(kept(&admin, mutation, input.clone()).await, first);
        let after = story.server.app.desk.journal().head().await.unwrap();
        assert_eq!(head, after, "{mutation}");
    }
    // Each once more, late: the first outcomes, and nothing is undone.
    let session = story
        .server
        .client()
        .logged_in("clerk", "new-password")
        .await;
    for (mutation, input) in &commands {
        kept(&admin, mutation, input.clone()).await;
    }
    let me = session.data("{ me { name } }", json!({})).await;
    assert_eq!(me["me"]["name"], "李四");
    let (mutation, mut input) = commands[3].clone();
    input["password"] = json!("other-password");
    let reused = keep(&admin, mutation, input).await;
    assert_eq!(reused["userErrors"][0]["code"], "COMMAND_REUSED");
}

async fn a_reset_password_is_the_only_one_and_no_secret_is_logged(store: &TestStore) {
    let story = Story::begin(store).await;
    let theirs = Server::start(store).await;
    let admin = story.person("admin").await;
    let (first, second) = (story.person("clerk").await, story.person("clerk").await);
    let id = id_of(&admin, "clerk").await;
    let new = "ganz-neues-passwort";
    kept(
        &admin,
        "resetPassword",
        json!({ "id": id, "password": new }),
    )
    .await;
    for session in [&first, &second.at(&theirs.url)] {
        let told = session.fault("{ me { id } }", json!({})).await;
        assert_eq!(told, "UNAUTHENTICATED");
    }
    let client = story.server.client();
    assert_eq!(
        shut_out(&client, "clerk", PASSWORD).await,
        "WRONG_CREDENTIALS"
    );
    assert_ne!(
        log_in(&theirs.client(), "clerk", new).await["token"],
        Value::Null
    );
    // The administrator's own session goes on.
    admin.data("{ me { id } }", json!({})).await;

    let journal = story.server.app.desk.journal();
    let head = journal.head().await.unwrap();
    let last = journal.read_all(head - 1, 1).await.unwrap().remove(0);
    let me = id_of(&admin, "admin").await;
    assert_eq!(
        (last.event_type.as_str(), last.data.as_str()),
        ("password_reset", "{}")
    );
    assert_eq!(json!(format!("account:{}", last.actor)), me, "who did it");
    assert_eq!(json!(format!("account:{}", last.stream)), id);
}

async fn whoever_is_shut_out_is_helped_at_the_command_line(store: &TestStore) {
    let story = Story::begin(store).await;
    let client = story.server.client();
    let new = "von-der-konsole";
    let run = |login: &str| {
        let mut reset = command(env!("CARGO_BIN_EXE_docket-under-test"), store);
        reset
            .args(["account", "reset-password", login])
            .args(store_arguments(store))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = reset.spawn().unwrap();
        // It may have gone before it reads.
        let _ = writeln!(child.stdin.take().unwrap(), "{new}");
        child.wait_with_output().unwrap()
    };
    let session = story.person("admin").await;
    let said = run("Admin");
    assert!(
        said.status.success(),
        "{}",
        String::from_utf8_lossy(&said.stderr)
    );
    assert!(String::from_utf8_lossy(&said.stdout).starts_with("new password for account:"));
    assert_eq!(
        session.fault("{ me { id } }", json!({})).await,
        "UNAUTHENTICATED"
    );
    assert_eq!(
        shut_out(&client, "admin", PASSWORD).await,
        "WRONG_CREDENTIALS"
    );
    let admin = client.logged_in("admin", new).await;
    let nobody = run("nobody");
    assert!(!nobody.status.success());
    assert_eq!(
        String::from_utf8_lossy(&nobody.stderr),
        "docket: there is no account nobody\n"
    );
    // A deactivated one stays so, and that is said.
    let id = id_of(&admin, "clerk").await;
    kept(&admin, "deactivateAccount", json!({ "id": id })).await;
    let said = run("clerk");
    assert!(String::from_utf8_lossy(&said.stdout).contains("deactivated still"));
    assert_eq!(shut_out(&client, "clerk", new).await, "ACCOUNT_DEACTIVATED");
}
