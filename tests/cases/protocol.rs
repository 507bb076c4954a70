//! GraphQL over HTTP: methods, media types, limits, the console.

use crate::gateway::city;
use docket_tests::TestStore;
use docket_tests::server::Server;
use docket_tests::staff::PASSWORD;
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use std::fmt::Write as _;

async fn send(
    server: &Server,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Response {
    let mut request = Client::new()
        .request(method, format!("{}{path}", server.url))
        .body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

const JSON: (&str, &str) = ("content-type", "application/json");
const MODERN: (&str, &str) = ("accept", "application/graphql-response+json");

#[tokio::test]
async fn methods_and_media_types() {
    let store = TestStore::sqlite();
    let server = city(&store).await;
    let query = r#"{"query":"{ __typename }"}"#;
    let ok = send(&server, Method::POST, "/graphql", &[JSON, MODERN], query).await;
    assert_eq!(ok.status(), StatusCode::OK);
    let media = ok.headers()["content-type"].to_str().unwrap().to_owned();
    assert_eq!(media, "application/graphql-response+json; charset=utf-8");
    let body: Value = ok.json().await.unwrap();
    assert_eq!(body["data"], json!({ "__typename": "Query" }));
    assert_eq!(body["errors"], Value::Null);
}

/// A request and the status it gets.
type Refused<'r> = (Method, Vec<(&'r str, &'r str)>, &'r str, u16);

/// Sends what is to be refused, and looks at the status. No answer has `data`.
async fn refused(server: &Server, requests: Vec<Refused<'_>>) {
    for (method, headers, body, status) in requests {
        let response = send(server, method.clone(), "/graphql", &headers, body).await;
        assert_eq!(
            response.status().as_u16(),
            status,
            "{method} {headers:?} {body}"
        );
        let allow = response.headers().get("allow").is_some();
        assert_eq!(allow, status == 405, "{method}");
        let text = response.text().await.unwrap();
        assert!(!text.contains("\"data\""), "{text}");
    }
}

#[tokio::test]
async fn what_is_not_well_formed_is_refused_by_its_status() {
    let store = TestStore::sqlite();
    let server = city(&store).await;
    let query = r#"{"query":"{ __typename }"}"#;
    let requests = vec![
        (
            Method::POST,
            vec![("content-type", "text/plain")],
            query,
            415,
        ),
        (
            Method::POST,
            vec![("content-type", "multipart/form-data; boundary=x")],
            query,
            415,
        ),
        (Method::POST, vec![], query, 415),
        (
            Method::POST,
            vec![JSON, ("accept", "image/png")],
            query,
            406,
        ),
        (Method::POST, vec![JSON, MODERN], "{", 400),
        (Method::POST, vec![JSON, MODERN], "[]", 400),
        (Method::POST, vec![JSON, MODERN], r#"{"query":"{"}"#, 400),
        (
            Method::POST,
            vec![JSON, MODERN],
            r#"{"query":"{ nothing }"}"#,
            400,
        ),
        (
            Method::POST,
            vec![JSON, ("accept", "application/json")],
            r#"{"query":"{ nothing }"}"#,
            200,
        ),
        (
            Method::POST,
            vec![JSON, ("accept", "application/json")],
            "{",
            400,
        ),
        (
            Method::POST,
            vec![JSON, ("accept", "application/json")],
            r#"{"query":1}"#,
            400,
        ),
    ];
    refused(&server, requests).await;
}

#[tokio::test]
async fn other_media_and_methods_are_refused_by_their_status() {
    let store = TestStore::sqlite();
    let server = city(&store).await;
    let query = r#"{"query":"{ __typename }"}"#;
    let requests = vec![
        // Not the values of the object in a row, either.
        (
            Method::POST,
            vec![JSON, MODERN],
            r#"["{ __typename }",null,null,null]"#,
            400,
        ),
        (
            Method::POST,
            vec![JSON, MODERN, ("content-encoding", "gzip")],
            query,
            415,
        ),
        (
            Method::POST,
            vec![("content-type", "application/json; charset=gbk"), MODERN],
            query,
            415,
        ),
        (
            Method::POST,
            vec![("content-type", "application/x-www-form-urlencoded")],
            "query=%7B__typename%7D",
            415,
        ),
        (
            Method::POST,
            vec![JSON, ("accept", "application/json;q=0, text/html")],
            query,
            406,
        ),
        (Method::PUT, vec![JSON], query, 405),
        (Method::DELETE, vec![("accept", "image/png")], "", 405),
    ];
    refused(&server, requests).await;
}

/// Statuses tell of faults where the media type lets them, and errors of a whole request are at no place.
#[tokio::test]
async fn a_request_error_is_told_without_a_place() {
    let store = TestStore::sqlite();
    let server = city(&store).await;
    let mut query = "{ __typename }".to_owned();
    for n in 0..101 {
        let _ = write!(query, " fragment f{n} on Query {{ __typename }}");
    }
    let body = json!({ "query": query }).to_string();
    let refused = send(&server, Method::POST, "/graphql", &[JSON, MODERN], &body).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let told = refused.json::<Value>().await.unwrap();
    let error = &told["errors"][0];
    assert_eq!(error["extensions"]["code"], "TOO_LARGE", "{told}");
    assert_eq!(error.get("locations").filter(|l| **l != json!([])), None);
    let head = send(
        &server,
        Method::HEAD,
        "/graphql?query=%7B__typename%7D",
        &[MODERN],
        "",
    )
    .await;
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(head.text().await.unwrap(), "");
}

#[tokio::test]
async fn a_get_reads_and_never_writes() {
    let store = TestStore::sqlite();
    let server = city(&store).await;
    let read = send(
        &server,
        Method::GET,
        "/graphql?query=%7B__typename%7D",
        &[MODERN],
        "",
    )
    .await;
    assert_eq!(read.status(), StatusCode::OK);
    let login =
        format!("mutation{{login(input:{{login:\"clerk\",password:\"{PASSWORD}\"}}){{token}}}}");
    let encoded: String = login.bytes().map(|b| format!("%{b:02X}")).collect();
    let write = send(
        &server,
        Method::GET,
        &format!("/graphql?query={encoded}"),
        &[MODERN],
        "",
    )
    .await;
    assert_eq!(write.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(write.headers()["allow"], "POST");
    assert!(!write.text().await.unwrap().contains("token"));
}

#[tokio::test]
async fn what_is_too_much_is_refused_by_a_code() {
    let store = TestStore::sqlite();
    let server = city(&store).await;
    let client = server.client().logged_in("operator", PASSWORD).await;
    let body = json!({ "query": "{ __typename }", "variables": { "x": "长".repeat(100_000) } })
        .to_string();
    let large = send(&server, Method::POST, "/graphql", &[JSON, MODERN], &body).await;
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let aliases: String = (0..4_000).map(|n| format!("a{n}: __typename ")).collect();
    let query = json!({ "query": format!("{{ {aliases} }}") }).to_string();
    let long = send(&server, Method::POST, "/graphql", &[JSON, MODERN], &query).await;
    assert_eq!(long.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let deep = format!(
        "{{ __schema {{ types {{ {}name{} }} }} }}",
        "fields { type { ".repeat(9),
        " } }".repeat(9)
    );
    let refused = client.run(&deep, json!({})).await;
    let message = refused["errors"][0]["message"].as_str();
    assert_eq!(message, Some("请求过大：字段嵌套至多15层"), "{refused}");
    let page = "inbox(tab: TO_ASSIGN, first: 100) { edges { node { ticket { timeline(first: 200) { nodes { at } } } } } }";
    let refused = client.run(&format!("{{ {page} }}"), json!({})).await;
    let message = refused["errors"][0]["message"].as_str();
    let told = "请求过大：查询过于复杂，请减少字段或行数";
    assert_eq!(message, Some(told), "{refused}");
}

#[tokio::test]
async fn the_console_needs_nothing_from_outside() {
    let store = TestStore::sqlite();
    let server = city(&store).await;
    let page = send(&server, Method::GET, "/", &[], "").await;
    assert_eq!(page.status(), StatusCode::OK);
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    let text = page.text().await.unwrap();
    for outside in ["http://", "https://", "//cdn", "@import"] {
        let found: Vec<_> = text
            .lines()
            .filter(|l| l.contains(outside) && !l.contains("www.w3.org"))
            .collect();
        assert!(found.is_empty(), "{found:?}");
    }
    let demo = send(&server, Method::GET, "/demo.json", &[], "").await;
    assert_eq!(demo.status(), StatusCode::NOT_FOUND);
    let ready = send(&server, Method::GET, "/readyz", &[], "").await;
    assert_eq!(ready.status(), StatusCode::OK);
}

/// The console's examples are operations of the schema: none is refused as malformed.
#[tokio::test]
async fn the_consoles_examples_fit_the_schema() {
    let store = TestStore::sqlite();
    let server = city(&store).await;
    let client = server.client().logged_in("auditor", PASSWORD).await;
    let page = send(&server, Method::GET, "/", &[], "")
        .await
        .text()
        .await
        .unwrap();
    let (_, examples) = page.split_once("const EXAMPLES = [").unwrap();
    let (examples, _) = examples.split_once("\n];").unwrap();
    let mut operations = Vec::new();
    for part in examples.split("query: ").skip(1) {
        let quote = part.chars().next().unwrap();
        operations.push(part[1..].split(quote).next().unwrap().to_owned());
    }
    assert_eq!(operations.len(), 9);
    for operation in operations.iter().filter(|o| !o.starts_with("subscription")) {
        let response = client.run(operation, json!({})).await;
        let message = response["errors"][0]["message"].as_str().unwrap_or("");
        let code = &response["errors"][0]["extensions"]["code"];
        // Its variables are left to be filled in, or it is another role's.
        let unset = *code == "FORBIDDEN" || message.contains("缺少变量");
        assert!(
            response["data"].is_object() || unset,
            "{operation}\n{response:#}"
        );
        assert!(
            !message.contains("未知") && !message.contains("没有"),
            "{operation}\n{response:#}"
        );
    }
}

/// A few hundred bytes of fragments that spread each other twice: refused before anything walks them.
#[tokio::test]
async fn fragments_that_multiply_are_refused_at_once() {
    let store = TestStore::sqlite();
    let server = city(&store).await;
    let mut query = "{ ...f0 }".to_owned();
    for n in 0..28 {
        let next = n + 1;
        let _ = write!(query, " fragment f{n} on Query {{ ...f{next} ...f{next} }}");
    }
    query.push_str(" fragment f28 on Query { __typename }");
    let refused = server.client().fault(&query, json!({})).await;
    assert_eq!(refused, "TOO_LARGE");
    let round = "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }";
    assert_eq!(server.client().fault(round, json!({})).await, "BAD_REQUEST");
    let wide: String = (0..2_001).map(|n| format!("a{n}:__typename ")).collect();
    assert_eq!(
        server
            .client()
            .fault(&format!("{{{wide}}}"), json!({}))
            .await,
        "TOO_LARGE"
    );
    assert_eq!(
        server.client().fault("{ nothing }", json!({})).await,
        "BAD_REQUEST"
    );
}
