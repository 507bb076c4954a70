//! What somebody sends who means no good: answered by a code, and the server is unmoved.

use super::{city_within, code};
use crate::set_up;
use docket_gateway::settings::Limits;
use docket_tests::TestStore;
use docket_tests::server::ServerProcess;
use docket_tests::staff::PASSWORD;
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long an answer may take that costs nothing. Far more than it takes, for a machine that is busy with other tests.
const AT_ONCE: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_huge_or_deep_is_answered_by_a_code_at_once() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let server = city_within(store, Limits::default()).await;
        let clerk = server.client().logged_in("clerk", PASSWORD).await;
        let aliases: String = (0..60_000).map(|n| format!("a{n}: __typename ")).collect();
        assert!(aliases.len() > 1_000_000);
        let page =
            |first: &str| format!("{{ inbox(tab: TO_SIGN, first: {first}) {{ totalCount }} }}");
        let by_variable = "query($v: Int) { inbox(tab: TO_SIGN, first: $v) { totalCount } }";
        let lists = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        let objects = |n: usize| format!("{}1{}", "{a:".repeat(n), "}".repeat(n));
        let deep: Value = json!("placeholder");
        for (query, variables, expected) in [
            (format!("{{ {aliases} }}"), json!({}), "TOO_LARGE"),
            (page("-1"), json!({}), "BAD_REQUEST"),
            (page("-2147483649"), json!({}), "BAD_REQUEST"),
            (page("99999999999"), json!({}), "TOO_LARGE"),
            (page("1e9"), json!({}), "TOO_LARGE"),
            (by_variable.to_owned(), json!({ "v": -1 }), "BAD_REQUEST"),
            (
                by_variable.to_owned(),
                json!({ "v": 2_000_000_000 }),
                "TOO_LARGE",
            ),
            (by_variable.to_owned(), json!({ "v": 1e300 }), "BAD_REQUEST"),
            (
                format!("{{ __type(name: {}) {{ name }} }}", lists(5_000)),
                json!({}),
                "TOO_LARGE",
            ),
            (
                format!("{{ __type(name: {}) {{ name }} }}", objects(5_000)),
                json!({}),
                "TOO_LARGE",
            ),
            ("{a".repeat(5_000), json!({}), "TOO_LARGE"),
            ("{".repeat(30_000), json!({}), "TOO_LARGE"),
            (
                format!(
                    "query($v: {}Int{}) {{ __typename }}",
                    "[".repeat(5_000),
                    "]".repeat(5_000)
                ),
                json!({}),
                "TOO_LARGE",
            ),
            ("#".repeat(30_000), json!({}), "BAD_REQUEST"),
            ("\"".repeat(30_000), json!({}), "BAD_REQUEST"),
            (String::new(), deep, "BAD_REQUEST"),
        ] {
            let asked = Instant::now();
            let told = clerk.run(&query, variables).await;
            let shown: String = query.chars().take(60).collect();
            assert_eq!(code(&told), expected, "{shown}: {told}");
            assert!(asked.elapsed() < AT_ONCE, "{shown}: {:?}", asked.elapsed());
        }
        // In JSON, which no client library would write.
        let body = format!(
            "{{\"query\":\"query($v: [Int]) {{ __typename }}\",\"variables\":{{\"v\":{}}}}}",
            lists(5_000)
        );
        let request = reqwest::Client::new().post(format!("{}/graphql", server.url));
        let response = request
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 400);
        assert_eq!(code(&response.json().await.unwrap()), "BAD_REQUEST");
        // As before.
        assert_eq!(
            clerk.data("{ me { login } }", json!({})).await["me"]["login"],
            "clerk"
        );
        assert_eq!(server.app.meters.panics.get(), 0);
    })
    .await;
}

/// Tries of a stranger, from one address, as fast as they can be sent.
const LOGINS: usize = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_logins_move_nothing() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        set_up(store).await;
        let mut serve = docket_tests::server::command(crate::DOCKET, store);
        serve
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(docket_tests::server::store_arguments(store))
            .env_remove("DOCKET_RATE_ACCOUNT")
            .env_remove("DOCKET_RATE_ADDRESS");
        let server = ServerProcess::spawn(serve);
        let stranger = server.client().from("198.51.100.66");
        let login = "mutation($i: LoginInput!) { login(input: $i) { userErrors { code } } }";
        let began = Instant::now();
        let resident = || memory(server.id());
        let before = resident();
        let told: Vec<String> = stream::iter(0..LOGINS)
            .map(|n| {
                let stranger = stranger.clone();
                async move {
                    let input = json!({ "login": format!("guess-{n}"), "password": "password" });
                    let told = stranger.run(login, json!({ "i": input })).await;
                    let refusal = told["data"]["login"]["userErrors"][0]["code"].as_str();
                    refusal.unwrap_or_else(|| code(&told)).to_owned()
                }
            })
            .buffer_unordered(64)
            .collect()
            .await;
        let took = began.elapsed();
        // Somebody at another address logs in at once meanwhile, and the log of security has not grown by the tries.
        let asked = Instant::now();
        let clerk = server
            .client()
            .from("198.51.100.1")
            .logged_in("clerk", PASSWORD)
            .await;
        assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
        clerk.data("{ me { login } }", json!({})).await;
        let mut codes: BTreeMap<&str, usize> = BTreeMap::new();
        for code in &told {
            *codes.entry(code).or_default() += 1;
        }
        let grown = resident().saturating_sub(before);
        println!("{LOGINS} logins in {took:?}: {codes:?}; {grown} KiB more memory");
        let known = [
            "WRONG_CREDENTIALS",
            "CAPTCHA_REQUIRED",
            "TOO_MANY_TRIES",
            "RATE_LIMITED",
            "OVERLOADED",
        ];
        assert!(codes.keys().all(|code| known.contains(code)), "{codes:?}");
        let tried = LOGINS - codes.get("RATE_LIMITED").copied().unwrap_or(0);
        // Fifty at once, then five a second.
        let let_in = 60 + 5 * usize::try_from(took.as_secs()).unwrap();
        assert!(tried <= let_in, "{tried} of at most {let_in}");
        assert!(grown < 64 * 1024, "{grown} KiB");
        let rows = store.rows("ops", "security_log").await;
        assert!(rows <= tried as u64 + 5, "{rows} rows of {tried} tries");
    })
    .await;
}

/// Resident memory of a process, in KiB.
fn memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .parse()
        .unwrap()
}
