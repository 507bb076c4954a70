//! The README's walk, run as printed against `docket serve --demo`; and the Chinese README beside it.
//!
//! A step is a fenced block of GraphQL under a line that names an account; a comment
//! `<!-- keep NAME = PATH; … -->` after it names what later steps need in place of `<NAME>`.

use docket_tests::server::ServerProcess;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

/// Every demo account's password.
pub(super) const PASSWORD: &str = "docket-demo";
const ENGLISH: &str = "README.md";
const CHINESE: &str = "README.zh-CN.md";

pub(super) fn read(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::read_to_string(root.join(name)).unwrap()
}

/// One operation of the walk.
#[derive(Debug, Default, PartialEq)]
struct Step {
    login: String,
    query: String,
    keep: Vec<(String, String)>,
}

fn steps(readme: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = readme.lines().filter(|line| !line.trim().is_empty());
    let mut above = "";
    while let Some(line) = lines.next() {
        if line == "```graphql" {
            let login = above.rsplit('`').nth(1);
            let login = login.unwrap_or_else(|| panic!("no account named: {above:?}"));
            let block: Vec<&str> = lines.by_ref().take_while(|l| *l != "```").collect();
            steps.push(Step {
                login: login.into(),
                query: block.join("\n"),
                keep: Vec::new(),
            });
        } else if let Some(comment) = line.strip_prefix("<!-- keep ") {
            let step = steps.last_mut().expect("a comment follows its step");
            for kept in comment.trim_end_matches("-->").split(';') {
                let (name, path) = kept.split_once('=').expect("NAME = PATH");
                step.keep.push((name.trim().into(), path.trim().into()));
            }
        }
        above = line;
    }
    steps
}

/// The lines of a section's `sh` blocks. Sections are counted from 1.
fn commands(readme: &str, section: usize) -> Vec<&str> {
    let text = readme.split("\n## ").nth(section).expect("a section");
    let blocks = text.split("```sh\n").skip(1);
    blocks
        .flat_map(|block| block.split("```").next().unwrap_or("").lines())
        .collect()
}

/// What stands at a path: names, `[0]`, and `[name=VALUE]`.
pub(super) fn at<'v>(data: &'v Value, path: &str) -> &'v Value {
    let mut found = data;
    for part in path.split('.') {
        let (name, choice) = part.split_once('[').unwrap_or((part, ""));
        found = &found[name];
        let choice = choice.trim_end_matches(']');
        if let Some((key, wanted)) = choice.split_once('=') {
            let rows = found.as_array().unwrap();
            let row = rows.iter().find(|row| row[key] == wanted);
            found = row.unwrap_or_else(|| panic!("{path}: none has {wanted}"));
        } else if !choice.is_empty() {
            found = &found[choice.parse::<usize>().unwrap()];
        }
    }
    found
}

pub(super) fn filled(text: &str, kept: &BTreeMap<String, String>) -> String {
    let mut text = text.to_owned();
    for (name, value) in kept {
        text = text.replace(&format!("<{name}>"), value);
    }
    assert!(!text.contains("\"<"), "a placeholder is unknown: {text}");
    text
}

/// Every `userErrors` anywhere in a response must be empty.
pub(super) fn assert_taken(value: &Value, query: &str) {
    if let Some(errors) = value.get("userErrors") {
        assert_eq!(*errors, json!([]), "{query}");
    }
    let inner: Vec<&Value> = match value {
        Value::Object(fields) => fields.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    for value in inner {
        assert_taken(value, query);
    }
}

/// A `docket` command in a folder of its own, with nothing set by the environment.
pub(super) fn docket(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_docket-under-test"));
    command.current_dir(folder).stdin(Stdio::null());
    for name in ["STORE", "KEYS", "MASTER_KEY", "LISTEN"] {
        command.env_remove(format!("DOCKET_{name}"));
    }
    command.env("DOCKET_LOG", "error");
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_walk_runs_as_printed() {
    let readme = read(ENGLISH);
    let folder = tempfile::tempdir().unwrap();
    let mut serve = docket(folder.path());
    serve.args(["serve", "--demo", "--listen", "127.0.0.1:0"]);
    let demo = ServerProcess::spawn(serve);
    let nobody = demo.client();
    let mut kept = BTreeMap::new();
    let mut timeline = Vec::new();
    for step in steps(&readme) {
        let client = nobody.logged_in(&step.login, PASSWORD).await;
        let query = filled(&step.query, &kept);
        let data = client.data(&query, json!({})).await;
        assert_taken(&data, &query);
        for (name, path) in step.keep {
            let value = at(&data, &path).as_str();
            let value = value.unwrap_or_else(|| panic!("{path} is no text: {data:#}"));
            kept.insert(name, value.to_owned());
        }
        if let Some(nodes) = data["ticket"]["timeline"]["nodes"].as_array() {
            timeline = nodes.iter().map(|node| node["type"].clone()).collect();
        }
    }
    let walked = [
        "received",
        "assigned",
        "viewed",
        "signed",
        "delegated",
        "signed",
        "replied",
        "replied",
        "rated",
        "reviewed",
        "called_back",
    ];
    assert_eq!(timeline, walked);
    let commands = commands(&readme, 2);
    assert_eq!(commands.len(), 2, "replay and verify");
    for line in commands {
        let line = filled(line, &kept).replace('"', "");
        let arguments = line.strip_prefix("target/release/docket ").unwrap();
        let ran = docket(folder.path()).args(arguments.split(' ')).output();
        let ran = ran.unwrap();
        let said = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success(), "{line}\n{said}");
        assert!(said.contains("rated") || said.contains("clean"), "{said}");
    }
}

#[test]
fn both_languages_show_the_same() {
    let (english, chinese) = (read(ENGLISH), read(CHINESE));
    let walk = steps(&english);
    assert!(!walk.is_empty());
    assert_eq!(walk, steps(&chinese));
    assert_eq!(
        english.matches("\n## ").count(),
        chinese.matches("\n## ").count()
    );
    for section in 1..=english.matches("\n## ").count() {
        assert_eq!(commands(&english, section), commands(&chinese, section));
    }
}

#[test]
fn two_commands_set_it_up() {
    let wanted = ["cargo run --release -- serve --demo", "tests/run"];
    for name in [ENGLISH, CHINESE] {
        assert_eq!(commands(&read(name), 1), wanted, "{name}");
    }
}
