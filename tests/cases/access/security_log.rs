//! The security log: what is in it, what never is, and that strangers cannot fill it up.

use super::{city, unhurried};
use chrono::TimeDelta;
use docket_core::Span;
use docket_core::clock::{Clock as _, ManualClock};
use docket_core::ops::{Ops, SECURITY_KEPT, SECURITY_STRANGERS_MAX, SecurityKind, Subject};
use docket_domain::ids::AccountId;
use docket_domain::ticket::scenario::now;
use docket_gateway::settings::Access;
use docket_tests::commits::fresh;
use docket_tests::server::{Client, command, store_arguments};
use docket_tests::staff::PASSWORD;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

on_both_stores! {
    what_happens_at_the_doors_is_told_to_auditors_alone,
    strangers_cannot_fill_it_up_nor_wash_away_what_is_proven,
    pages_have_no_gap_and_no_double,
}

const WRONG: &str = "a-secret-that-is-wrong";
const STRANGE: &str = "somebody-who-is-not-there";

async fn try_in(client: &Client, login: &str, password: &str) {
    let query = "mutation($i: LoginInput!) { login(input: $i) { token userErrors { code } } }";
    let input = json!({ "i": { "login": login, "password": password } });
    client.data(query, input).await;
}

async fn log_of(auditor: &Client, more: &str) -> Vec<Value> {
    let query = format!(
        "{{ securityLog(first: 500{more}) {{ nodes {{ kind subject address count hour firstAt lastAt }} }} }}"
    );
    let data = auditor.data(&query, json!({})).await;
    data["securityLog"]["nodes"].as_array().unwrap().clone()
}

async fn what_happens_at_the_doors_is_told_to_auditors_alone(store: &TestStore) {
    let clock = Arc::new(ManualClock::at(now()));
    let server = city(store, clock, unhurried(), Access::default()).await;
    let stranger = server.client().from("198.51.100.7");
    for _ in 0..3 {
        try_in(&stranger, "clerk", WRONG).await;
    }
    try_in(&stranger, STRANGE, WRONG).await;
    let home = server.client().from("2001:db8:1:2:3::4");
    let leader = home.logged_in("leader", PASSWORD).await;
    let me = leader.data("{ me { id } }", json!({})).await["me"]["id"].take();
    leader
        .data("mutation { logout { loggedOut } }", json!({}))
        .await;
    let progress = "{ progress(input: { number: \"202601010000000001\", queryCode: \"ABCDEFGH\" }) { state } }";
    assert!(stranger.run(progress, json!({})).await["errors"].is_array());
    let auditor = server
        .client()
        .from("192.0.2.1")
        .logged_in("auditor", PASSWORD)
        .await;
    let told = log_of(&auditor, "").await;
    let find = |kind: &str, address: &str| {
        let mut rows = told
            .iter()
            .filter(|row| row["kind"] == kind && row["address"] == address);
        rows.next()
            .unwrap_or_else(|| panic!("{kind} from {address}: {told:#?}"))
            .clone()
    };
    let clerk = server.app.desk.account_of("clerk").await.unwrap().unwrap();
    let refused: Vec<_> = told
        .iter()
        .filter(|row| row["kind"] == "LOGIN_REFUSED")
        .collect();
    let of = |subject: &str| {
        refused
            .iter()
            .find(|row| row["subject"].as_str().unwrap().starts_with(subject))
    };
    assert_eq!(of(&format!("account:{}", clerk.0)).unwrap()["count"], 2);
    let unknown = of("unknown:").unwrap();
    assert_eq!(
        (&unknown["count"], &unknown["address"]),
        (&json!(1), &json!("198.51.100.7"))
    );
    // The third try needed a captcha, which it had not.
    assert_eq!(find("CAPTCHA_MISSED", "198.51.100.7")["count"], 1);
    for kind in ["LOGIN", "LOGOUT"] {
        let row = find(kind, "2001:db8:1:2::/64");
        assert_eq!((&row["subject"], &row["count"]), (&me, &json!(1)));
    }
    assert_eq!(find("QUERY_CODE_REFUSED", "198.51.100.7")["count"], 1);
    let only = log_of(&auditor, ", kind: LOGIN").await;
    assert_eq!(only.len(), 2, "leader and auditor: {only:#?}");
    let text = json!(told).to_string();
    for secret in [
        WRONG,
        STRANGE,
        PASSWORD,
        "ABCDEFGH",
        auditor.token.as_deref().unwrap(),
    ] {
        assert!(!text.contains(secret), "{secret}");
    }
    for login in ["admin", "office", "leader", "analyst", "citizen"] {
        let other = server.client().logged_in(login, PASSWORD).await;
        let code = other
            .fault("{ securityLog { nodes { kind } } }", json!({}))
            .await;
        assert_eq!(code, "FORBIDDEN", "{login}");
    }
    on_the_command_line(store, &clerk);
}

fn on_the_command_line(store: &TestStore, clerk: &AccountId) {
    let printed = |more: &[&str]| {
        let output = command(env!("CARGO_BIN_EXE_docket-under-test"), store)
            .arg("security-log")
            .args(store_arguments(store))
            .args(more)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        (output.status.success(), said)
    };
    let (done, said) = printed(&["--kind", "login_refused"]);
    assert!(done, "{said}");
    assert_eq!(said.lines().count(), 3, "a head and two rows: {said}");
    let row = format!("\tlogin_refused\taccount:{}\t198.51.100.7\t2\t", clerk.0);
    assert!(said.contains(&row), "{said}");
    assert_eq!(printed(&["--limit", "1"]).1.lines().count(), 2);
    assert!(!printed(&["--kind", "none"]).0);
}

async fn ops(store: &TestStore, clock: &Arc<ManualClock>) -> Ops {
    let db = store.part("ops").await;
    Ops::open(db, clock.clone()).await.unwrap()
}

async fn strangers_cannot_fill_it_up_nor_wash_away_what_is_proven(store: &TestStore) {
    let clock = Arc::new(ManualClock::at(now()));
    let ops = ops(store, &clock).await;
    let somebody: AccountId = fresh();
    let known = Subject::Account(somebody);
    let home = Some("192.0.2.1".parse().unwrap());
    ops.note(SecurityKind::Login, known, home, 1).await.unwrap();
    let beyond = 50;
    for n in 0..SECURITY_STRANGERS_MAX + beyond {
        let address = IpAddr::V4(Ipv4Addr::from_bits(0x0A00_0000 + u32::try_from(n).unwrap()));
        let refused = SecurityKind::LoginRefused;
        let subject = Subject::Unknown(docket_core::clock::random_bytes());
        ops.note(refused, subject, Some(address), 1).await.unwrap();
    }
    let rows = i64::try_from(store.rows("ops", "security_log").await).unwrap();
    assert_eq!(rows, 1 + SECURITY_STRANGERS_MAX + 1);
    // Nothing went uncounted, and who proved who they are has a row all the same.
    let all = ops
        .security_log(Some(SecurityKind::LoginRefused), &Span::first(5_000))
        .await
        .unwrap();
    let others = all.iter().find(|row| row.subject.is_empty()).unwrap();
    assert_eq!(i64::try_from(others.count).unwrap(), beyond);
    assert_eq!(others.address, "");
    ops.note(SecurityKind::Logout, known, home, 1)
        .await
        .unwrap();
    let out = ops
        .security_log(Some(SecurityKind::Logout), &Span::first(10))
        .await
        .unwrap();
    assert_eq!(out[0].subject, known.to_string());
    // The next hour has room again; half a year later nothing is left of this one.
    clock.set(now() + TimeDelta::hours(1));
    ops.note(SecurityKind::LoginRefused, known, home, 3)
        .await
        .unwrap();
    let page = ops.security_log(None, &Span::first(1)).await.unwrap();
    assert_eq!((page[0].count, &page[0].subject), (3, &known.to_string()));
    assert_eq!(page[0].first_at, clock.now());
    clock.set(now() + SECURITY_KEPT + TimeDelta::hours(2));
    ops.note(SecurityKind::Login, known, home, 1).await.unwrap();
    assert_eq!(store.rows("ops", "security_log").await, 1);
}

async fn pages_have_no_gap_and_no_double(store: &TestStore) {
    let clock = Arc::new(ManualClock::at(now()));
    let server = city(store, clock.clone(), unhurried(), Access::default()).await;
    let auditor = server.client().logged_in("auditor", PASSWORD).await;
    for hour in 0..3 {
        clock.set(now() + TimeDelta::hours(hour));
        for n in 1..=5 {
            let address = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, n)));
            let kind = SecurityKind::BearerRefused;
            server.app.desk.note(kind, None, address, 1).await.unwrap();
        }
    }
    let whole = log_of(&auditor, "").await;
    assert_eq!(whole.len(), 16, "{whole:#?}");
    let query = "query($a: String) { securityLog(first: 3, after: $a) {
        nodes { kind subject address count hour firstAt lastAt } pageInfo { hasNextPage endCursor } } }";
    let (mut paged, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = auditor.data(query, json!({ "a": after })).await["securityLog"].take();
        paged.extend(page["nodes"].as_array().unwrap().clone());
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(paged, whole);
    let bad = "{ securityLog(after: \"bm9wZQ\") { nodes { kind } } }";
    assert_eq!(auditor.fault(bad, json!({})).await, "BAD_CURSOR");
}
