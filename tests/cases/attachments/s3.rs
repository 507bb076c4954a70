//! Attachments in an S3-compatible store: a small one that speaks as much of the protocol as is asked, and checks that
//! whoever asks has signed.

use super::*;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use docket_core::FilesUrl;
use docket_core::files::S3Access;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

docket_tests::on_both_stores! { a_store_of_objects_will_do }

type Objects = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// What a query says of a name.
fn said<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    let mut pairs = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

async fn s3(
    State(objects): State<Objects>,
    method: Method,
    uri: Uri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let signed = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    if !signed.is_some_and(|value| value.starts_with("AWS4-HMAC-SHA256 Credential=docket/")) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let (key, query) = (uri.path().to_owned(), query.unwrap_or_default());
    let mut objects = objects.lock().unwrap();
    let xml = |text: String| ([("content-type", "application/xml")], text).into_response();
    match method.as_str() {
        "POST" if said(&query, "uploads").is_some() => xml(format!(
            "<InitiateMultipartUploadResult><Bucket>city</Bucket><Key>{key}</Key><UploadId>u1</UploadId>\
             </InitiateMultipartUploadResult>"
        )),
        "PUT" => {
            let part = said(&query, "partNumber").map(|n| format!("{key}#{n:0>5}"));
            objects.insert(part.unwrap_or(key), body.to_vec());
            [("etag", "\"e\"")].into_response()
        }
        "POST" if said(&query, "uploadId").is_some() => {
            let draft = format!("{key}#");
            let parts: Vec<String> = objects
                .keys()
                .filter(|k| k.starts_with(&draft))
                .cloned()
                .collect();
            let whole = parts
                .iter()
                .filter_map(|part| objects.remove(part))
                .flatten()
                .collect();
            objects.insert(key, whole);
            xml(
                "<CompleteMultipartUploadResult><ETag>\"e\"</ETag></CompleteMultipartUploadResult>"
                    .into(),
            )
        }
        "DELETE" => {
            let draft = format!("{key}#");
            objects.retain(|known, _| *known != key && !known.starts_with(&draft));
            StatusCode::NO_CONTENT.into_response()
        }
        "GET" if key == "/city" && said(&query, "list-type") == Some("2") => xml(
            "<ListBucketResult><Name>city</Name><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>".into(),
        ),
        "GET" | "HEAD" => match objects.get(&key) {
            Some(bytes) => {
                let headers = [
                    ("etag", "\"e\"".to_owned()),
                    ("last-modified", "Thu, 26 Nov 2026 07:00:00 GMT".to_owned()),
                ];
                (headers, bytes.clone()).into_response()
            }
            None => StatusCode::NOT_FOUND.into_response(),
        },
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

async fn a_store_of_objects_will_do(store: &TestStore) {
    let objects = Objects::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let app = axum::Router::new()
        .fallback(s3)
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(objects.clone());
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    let mut options = store.options(Arc::new(docket_core::SystemClock));
    options.files = Some("s3://city/docket/files".parse::<FilesUrl>().unwrap());
    options.s3 = S3Access {
        endpoint: Some(endpoint),
        region: Some("cn-north-1".into()),
        access_key: Some("docket".into()),
        secret_key: Some("secret".into()),
    };
    let files = options.open_files().unwrap();
    let mut elsewhere = store.options(Arc::new(docket_core::SystemClock));
    elsewhere.files = Some("s3://nowhere/docket".parse::<FilesUrl>().unwrap());
    elsewhere.s3 = options.s3.clone();
    let nowhere = elsewhere.open_files().unwrap();
    assert!(nowhere.check().await.is_err(), "there is no such bucket");
    let server = Server::open(options, &Founding::default()).await;
    docket_tests::city::found(&server.app.desk).await;
    hire_all(&server.app.desk, &server.app.store.ops).await;
    let story = Story { server };
    let ticket = story.received().await;
    let operator = story.person("operator").await;
    // More than one part.
    let size = 6 << 20;
    let file = attach(&operator, &ticket, "MATTER", size).await;
    let names: Vec<String> = objects.lock().unwrap().keys().cloned().collect();
    assert_eq!(names.len(), 1);
    assert!(names[0].starts_with("/city/docket/files/"), "{names:?}");
    let held: Vec<Vec<u8>> = objects.lock().unwrap().values().cloned().collect();
    assert!(!contains(&held, "Quagmire-Zyx"));
    let input = json!({ "id": ticket["id"], "attachmentId": file, "purpose": "核实" });
    let opened = open(&operator, input).await;
    let response = get(&operator.url, &opened["url"]).await;
    assert!(response.bytes().await.unwrap() == photo(size));
    files.check().await.unwrap();

    // What is refused leaves nothing; what is erased neither.
    let asked = ask(&operator, &wanted(&ticket, "MATTER", 1_000)).await;
    let (status, _) = put(
        &operator.url,
        &asked["uploadUrl"],
        b"<html>".repeat(167)[..1_000].to_vec(),
    )
    .await;
    assert_eq!(status, 415);
    edges::until("it is removed", async || objects.lock().unwrap().len() == 1).await;
    let desk = &story.server.app.desk;
    let withdraw = json!({ "id": ticket["id"], "text": "来电人撤回" });
    operator.act("withdrawTicket", withdraw).await;
    let number = ticket["number"].as_str().unwrap().parse().unwrap();
    let person = desk
        .find_person(&docket_core::desk::Whom::Ticket(number))
        .await
        .unwrap();
    let erased = desk
        .erase(&person, docket_domain::ticket::Ground::Request)
        .await
        .unwrap();
    let left: Vec<String> = objects.lock().unwrap().keys().cloned().collect();
    assert!(erased.scrubbed && left.is_empty(), "{left:?}");

    // Out of reach, it is told by a code, and nothing is attached.
    serving.abort();
    let ticket = story.received().await;
    let asked = ask(&operator, &wanted(&ticket, "MATTER", 1_000)).await;
    let sent = put(&operator.url, &asked["uploadUrl"], photo(1_000));
    let (status, said) = tokio::time::timeout(Duration::from_mins(1), sent)
        .await
        .unwrap();
    assert_eq!((status, &said["code"]), (503, &json!("UNAVAILABLE")));
}
