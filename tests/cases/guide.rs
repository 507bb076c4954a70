//! `docs/api.md`: every example in it, run in its order against `docket serve --demo`.
//!
//! A fenced block of GraphQL stands under a line `As …:`, which names an account in backticks, or nobody. Comments behind
//! it say with which variables it is run (`<!-- with JSON -->`), and what later examples need (`<!-- keep NAME = PATH -->`).

use super::readme::{PASSWORD, assert_taken, at, docket, filled, read};
use docket_tests::server::{Client, ServerProcess};
use docket_tests::store::PATIENCE;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::time::timeout;

const GUIDE: &str = "docs/api.md";
/// Where the guide has its server.
const THERE: &str = "http://127.0.0.1:8080";
/// The file that it uploads: a picture as far as its first bytes go, and as large as the guide says.
const PICTURE: (&str, usize) = ("\u{73b0}\u{573a}\u{7167}\u{7247}.jpg", 184_320);

/// An example.
#[derive(Debug, Default)]
struct Example {
    language: String,
    text: String,
    /// `None`: nobody's.
    login: Option<String>,
    variables: Option<String>,
    keep: Vec<(String, String)>,
}

fn examples(guide: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut lines = guide.lines();
    let mut above = "";
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|l| *l != "```").collect();
            if language == "graphql" {
                let told = above
                    .strip_prefix("As ")
                    .and_then(|of| of.strip_suffix(':'));
                assert!(told.is_some(), "whose is it? {above:?} {block:?}");
            }
            examples.push(Example {
                language: language.into(),
                text: block.join("\n"),
                login: above.rsplit('`').nth(1).map(str::to_owned),
                ..Example::default()
            });
        } else if let Some(comment) = line.strip_prefix("<!-- with ") {
            let example = examples.last_mut().expect("a comment follows its example");
            example.variables = Some(comment.trim_end_matches("-->").into());
        } else if let Some(comment) = line.strip_prefix("<!-- keep ") {
            let example = examples.last_mut().expect("a comment follows its example");
            for kept in comment.trim_end_matches("-->").split(';') {
                let (name, path) = kept.split_once('=').expect("NAME = PATH");
                example.keep.push((name.trim().into(), path.trim().into()));
            }
        }
        above = line;
    }
    examples
}

/// Sends a file as the guide's `curl -T FILE URL` does.
async fn upload(line: &str, server: &str) -> Value {
    let (file, url) = line
        .strip_prefix("curl -T ")
        .and_then(|rest| rest.split_once(' '))
        .expect("the guide uploads by curl");
    let (name, size) = PICTURE;
    assert_eq!(file, name);
    let mut picture = vec![0xFF, 0xD8, 0xFF, 0xE0];
    picture.resize(size, 0);
    let put = reqwest::Client::new().put(url.replace(THERE, server));
    let answer = put.body(picture).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    answer.json().await.unwrap()
}

/// The first result of a subscription.
async fn first(client: &Client, query: &str, variables: &Value) -> Value {
    let mut answer = reqwest::Client::new()
        .post(format!("{}/graphql", client.url))
        .bearer_auth(client.token.as_deref().unwrap())
        .header("accept", "text/event-stream")
        .json(&json!({ "query": query, "variables": variables }))
        .send()
        .await
        .unwrap();
    let mut text = String::new();
    loop {
        let chunk = timeout(PATIENCE, answer.chunk()).await.unwrap().unwrap();
        text.push_str(std::str::from_utf8(&chunk.expect("it goes on")).unwrap());
        if let Some((event, _)) = text.split_once("\n\n") {
            let data = event.lines().find_map(|line| line.strip_prefix("data:"));
            if let Some(data) = data.filter(|_| event.contains("event: next")) {
                return serde_json::from_str(data).unwrap();
            }
            text.drain(..event.len() + 2);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_example_runs_as_printed() {
    let folder = tempfile::tempdir().unwrap();
    let mut serve = docket(folder.path());
    serve.args(["serve", "--demo", "--listen", "127.0.0.1:0"]);
    let demo = ServerProcess::spawn(serve);
    let nobody = demo.client();
    let mut kept = BTreeMap::new();
    let mut ran = BTreeMap::<String, usize>::new();
    let mut uploaded = Value::Null;
    for example in examples(&read(GUIDE)) {
        *ran.entry(example.language.clone()).or_default() += 1;
        match example.language.as_str() {
            "graphql" => {
                let client = match &example.login {
                    Some(login) => nobody.logged_in(login, PASSWORD).await,
                    None => nobody.clone(),
                };
                let query = filled(&example.text, &kept);
                let variables = filled(example.variables.as_deref().unwrap_or("{}"), &kept);
                let variables: Value = serde_json::from_str(&variables).unwrap();
                let data = if query.starts_with("subscription") {
                    first(&client, &query, &variables).await["data"].take()
                } else {
                    client.data(&query, variables).await
                };
                assert!(
                    data.as_object().is_some_and(|data| !data.is_empty()),
                    "{query}"
                );
                assert_taken(&data, &query);
                for (name, path) in example.keep {
                    let value = at(&data, &path).as_str();
                    let value = value.unwrap_or_else(|| panic!("{path} is no text: {data:#}"));
                    kept.insert(name, value.to_owned());
                }
            }
            "sh" => uploaded = upload(&filled(&example.text, &kept), &demo.url).await,
            // Answers, which are given with dots for what is different each time.
            "json" | "text" => {}
            other => panic!("what is {other}?"),
        }
    }
    assert_eq!(uploaded["attachmentId"], kept["attachment"]);
    assert!(ran["graphql"] >= 17 && ran["sh"] == 1, "{ran:?}");
}
