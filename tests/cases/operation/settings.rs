//! Settings as an operator meets them: in a file, in the environment, as flags; explained, refused, and in force.

use super::{DOCKET, serve, set_up};
use docket_gateway::settings::{ALL, example};
use docket_tests::TestStore;
use docket_tests::server::command;
use docket_tests::staff::PASSWORD;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::process::Output;

fn docket(store: &TestStore, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut docket = command(DOCKET, store);
    docket
        .args(arguments)
        .env_remove("DOCKET_LOG")
        .env_remove("DOCKET_METRICS_LISTEN");
    docket.envs(variables.iter().copied()).output().unwrap()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

fn write(store: &TestStore, text: &str) {
    std::fs::write(store.dir().join("docket.toml"), text).unwrap();
}

#[test]
fn config_tells_each_value_where_it_came_from_and_what_it_does() {
    let store = TestStore::sqlite();
    write(
        &store,
        "store = \"postgres://docket:s3cret@db.example/city\"\n[server]\ndrain = \"20s\"\nlisten = \"127.0.0.1:1\"\n",
    );
    let variables = [
        ("DOCKET_LISTEN", "127.0.0.1:2"),
        ("DOCKET_MASTER_KEY", "s3cret"),
        ("DOCKET_DRAINS", "1s"),
    ];
    let arguments = ["config", "--set", "log.format=json"];
    let output = docket(&store, &arguments, &variables);
    let (said, log) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{log}");
    for told in [
        "\nstore = postgres://db.example/city\n    from docket.toml, line 1 (URL; DOCKET_STORE, --store)\n",
        "\nserver.drain = 20s\n    from docket.toml, line 3 (ms, s, min, h; DOCKET_DRAIN)\n    How long open requests",
        "\nserver.listen = 127.0.0.1:2\n    from the environment (",
        "\nlog.format = json\n    from the command line (",
        "\nserver.request_timeout = 30s\n    from default (",
        "\nmaster_key = ***\n",
        "\ntls.key = (not set)\n",
        "# DOCKET_DRAINS is in the environment, and no setting is called so\n",
    ] {
        assert!(said.contains(told), "{told}\n{said}");
    }
    assert!(!said.contains("s3cret"), "{said}");
    assert!(ALL.iter().all(|spec| said.contains(spec.about)), "{said}");
    let example_told = text(docket(&store, &["config", "--example"], &[]).stdout);
    assert_eq!(example_told, example());
}

#[test]
fn a_mistake_stops_every_command_and_is_told_with_its_line() {
    let store = TestStore::sqlite();
    write(
        &store,
        "[server]\ndrain = \"20s\"\nlisten_on = \"127.0.0.1:1\"\n",
    );
    for arguments in [&["config"][..], &["serve"], &["doctor"], &["verify"]] {
        let output = docket(&store, arguments, &[]);
        let said = text(output.stderr);
        assert!(!output.status.success(), "{arguments:?}");
        let told = "docket: docket.toml, line 3: there is no setting server.listen_on; expected one of server.listen, ";
        assert!(said.starts_with(told), "{arguments:?}: {said}");
    }
    write(&store, "[metrics]\nlisten = \"off\"\n");
    let output = docket(&store, &["config", "--config", "no.toml"], &[]);
    assert!(text(output.stderr).starts_with("docket: no.toml: "));
    let output = docket(&store, &["config"], &[("DOCKET_CONFIG", "no.toml")]);
    assert!(text(output.stderr).starts_with("docket: no.toml: "));
    assert!(docket(&store, &["config"], &[]).status.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_set_is_in_force() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        set_up(store).await;
        let text = "[server]\nbody_bytes_max = \"4KiB\"\n[limits]\ndepth = 5\ncomplexity = 3000\nposition_wait = \"0s\"\n\
                    [sessions]\nlast = \"1h\"\ntoken = \"5min\"\n";
        write(store, text);
        let server = serve(store, &[]);
        let nobody = server.client();
        let long = format!("{{ __typename }} # {}", "x".repeat(4 * 1024));
        assert_eq!(nobody.fault(&long, json!({})).await, "TOO_LARGE");
        let operator = nobody.logged_in("operator", PASSWORD).await;
        let login = "mutation($l: String!, $p: String!) { login(input: { login: $l, password: $p }) { expiresAt sessionEndsAt } }";
        let data = nobody.data(login, json!({ "l": "clerk", "p": PASSWORD })).await;
        for (field, most) in [("expiresAt", 5), ("sessionEndsAt", 60)] {
            let until = data["login"][field].as_str().expect("a time");
            let until = chrono::DateTime::parse_from_rfc3339(until).unwrap();
            let lasts = until.to_utc() - docket_core::Clock::now(&docket_core::SystemClock);
            assert!((most - 4..=most).contains(&lasts.num_minutes()), "{field}: {lasts}");
        }
        let deep = "{ __schema { types { fields { type { ofType { name } } } } } }";
        let told = nobody.run(deep, json!({})).await;
        assert!(told.to_string().contains("字段嵌套至多5层"), "deeper than 5: {told}");
        let inbox = "inbox(tab: TO_ASSIGN, first: 100) { edges { node { ticket { id number state } } } }";
        let broad: String = (0..10).map(|n| format!("n{n}: {inbox} ")).collect();
        let told = operator.run(&format!("{{ {broad} }}"), json!({})).await;
        assert!(told.to_string().contains("查询过于复杂"), "more than 3,000 fields: {told}");
        let narrow = "{ inbox(tab: TO_ASSIGN, first: 5) { edges { node { ticket { id } } } } }";
        assert_eq!(operator.run(narrow, json!({})).await["errors"], Value::Null);
        let ahead = "{ inbox(tab: TO_ASSIGN, first: 5, minPosition: \"999999\") { totalCount } }";
        let asked = std::time::Instant::now();
        assert_eq!(operator.fault(ahead, json!({})).await, "VIEWS_BEHIND");
        assert!(asked.elapsed().as_secs() < 4, "it does not wait the default five seconds");
    })
    .await;
}

#[test]
fn the_example_file_and_the_table_are_as_committed() {
    docket_tests::golden::golden("../../docs/deploy/docket.toml", &example());
    let mut table =
        "| Setting | Default | Unit | Variable, flag | |\n|---|---|---|---|---|\n".to_owned();
    for spec in ALL {
        let default = if spec.default.is_empty() {
            String::new()
        } else {
            format!("`{}`", spec.default)
        };
        let flag = spec
            .flag
            .map(|flag| format!(", `{flag}`"))
            .unwrap_or_default();
        let (name, unit, env, about) = (spec.name, spec.kind.unit(), spec.env, spec.about);
        let _ = writeln!(
            table,
            "| `{name}` | {default} | {unit} | `{env}`{flag} | {about} |"
        );
    }
    crate::documents::generated("docs/operations.md", "settings", &table);
}
