//! Trusted documents: asked for by their ids on every transport, and where the settings say so nothing else.

use crate::live::Socket;
use crate::{DOCKET, set_up};
use docket_tests::TestStore;
use docket_tests::server::{Client, ServerProcess, command, store_arguments};
use docket_tests::staff::PASSWORD;
use docket_tests::store::PATIENCE;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tokio::time::timeout;

const NAME: &str = "query Name { __typename }";
/// `sha256` of [`NAME`], as `sha256sum` tells it.
const NAME_HASH: &str = "0e4a8f9218e1eee5b3e96b8ad146605666e2d8341fcd9e43f2b958a8e2803e01";
const LOGIN: &str =
    "mutation Login($i: LoginInput!) { login(input: $i) { token userErrors { code } } }";
const INBOX: &str = "query($first: Int!) { inbox(tab: TO_SIGN, first: $first) { totalCount } }";
const LIVE: &str =
    "subscription Live($after: Position) { inboxChanged(after: $after) { position } }";
const SCHEMA: &str = "{ __schema { queryType { name } } }";

fn manifest() -> Value {
    json!({ NAME_HASH: NAME, "login": LOGIN, "inbox": INBOX, "live": LIVE, "schema": SCHEMA })
}

fn write(store: &TestStore, manifest: &Value) -> PathBuf {
    let path = store.dir().join("documents.json");
    std::fs::write(&path, manifest.to_string()).unwrap();
    path
}

fn serve(store: &TestStore, manifest: &Path, only: &str) -> std::process::Command {
    let mut serve = command(DOCKET, store);
    serve
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(store_arguments(store))
        .env("DOCKET_DOCUMENTS_MANIFEST", manifest)
        .env("DOCKET_DOCUMENTS_ONLY", only);
    serve
}

fn posted(client: &Client, body: &Value) -> RequestBuilder {
    let request = reqwest::Client::new()
        .post(format!("{}/graphql", client.url))
        .json(body);
    match &client.token {
        Some(token) => request.bearer_auth(token),
        None => request,
    }
}

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn code(told: &Value) -> &str {
    told["errors"][0]["extensions"]["code"]
        .as_str()
        .unwrap_or("")
}

async fn log_in(client: &Client) -> Client {
    let variables = json!({ "i": { "login": "clerk", "password": PASSWORD } });
    let (_, told) = answer(posted(
        client,
        &json!({ "documentId": "login", "variables": variables }),
    ))
    .await;
    client.with_token(told["data"]["login"]["token"].as_str())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_is_asked_for_by_its_id_over_http() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        set_up(store).await;
        let server = ServerProcess::spawn(serve(store, &write(store, &manifest()), "false"));
        let nobody = server.client();
        let prefixed = format!("sha256:{NAME_HASH}");
        let hash = json!({ "persistedQuery": { "version": 1, "sha256Hash": NAME_HASH } });
        for body in [
            json!({ "documentId": prefixed }),
            json!({ "documentId": NAME_HASH, "operationName": "Name" }),
            json!({ "extensions": hash }),
            json!({ "extensions": hash, "query": NAME }),
            json!({ "query": "{ __typename }" }),
        ] {
            let (status, told) = answer(posted(&nobody, &body)).await;
            assert_eq!(
                (status, &told["data"]),
                (200, &json!({ "__typename": "Query" })),
                "{body}"
            );
        }
        let get = |query: &[(&str, &str)]| {
            reqwest::Client::new()
                .request(Method::GET, format!("{}/graphql", server.url))
                .query(query)
        };
        assert_eq!(answer(get(&[("documentId", &prefixed)])).await.0, 200);
        // A mutation needs POST, whatever it is asked by.
        assert_eq!(answer(get(&[("documentId", "login")])).await.0, 405);
        let modern = ("accept", "application/graphql-response+json");
        for (accept, status) in [(modern, 400), (("accept", "application/json"), 200)] {
            let request =
                posted(&nobody, &json!({ "documentId": "other" })).header(accept.0, accept.1);
            let (told_status, told) = answer(request).await;
            assert_eq!(
                (told_status, code(&told)),
                (status, "PERSISTED_QUERY_NOT_FOUND")
            );
            assert_eq!(
                (told["errors"].as_array().map(Vec::len), told.get("data")),
                (Some(1), None)
            );
        }
        let (status, told) = answer(posted(&nobody, &json!({}))).await;
        assert_eq!((status, code(&told)), (400, "BAD_REQUEST"));
        let clerk = log_in(&nobody).await;
        let inbox = |first: i32| json!({ "documentId": "inbox", "variables": { "first": first } });
        let (_, told) = answer(posted(&clerk, &inbox(20))).await;
        assert_eq!(told["data"]["inbox"]["totalCount"], 0, "{told}");
        // What is sent with it is looked at as ever.
        assert_eq!(
            code(&answer(posted(&clerk, &inbox(501))).await.1),
            "TOO_LARGE"
        );
        assert_eq!(
            code(&answer(posted(&clerk, &inbox(-1))).await.1),
            "BAD_REQUEST"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_else_is_taken_on_any_transport() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        set_up(store).await;
        let server = ServerProcess::spawn(serve(store, &write(store, &manifest()), "true"));
        let clerk = log_in(&server.client()).await;
        let text = json!({ "query": "{ __typename }" });
        for (accept, status) in [
            ("application/graphql-response+json", 400),
            ("application/json", 200),
        ] {
            let (told_status, told) = answer(posted(&clerk, &text).header("accept", accept)).await;
            assert_eq!(
                (told_status, code(&told)),
                (status, "TRUSTED_DOCUMENTS_ONLY")
            );
        }
        // Not even one that is in the manifest, nor the schema, by its text.
        for query in [NAME, SCHEMA, "{ __type(name: \"Query\") { name } }", "{"] {
            let (_, told) = answer(posted(&clerk, &json!({ "query": query }))).await;
            assert_eq!(code(&told), "TRUSTED_DOCUMENTS_ONLY", "{query}");
        }
        // An id goes before a text.
        let both = json!({ "documentId": "schema", "query": "{ __typename }" });
        let (_, told) = answer(posted(&clerk, &both)).await;
        assert_eq!(
            told["data"]["__schema"]["queryType"]["name"], "Query",
            "{told}"
        );
        let stream = posted(&clerk, &text)
            .header("accept", "text/event-stream")
            .send()
            .await
            .unwrap();
        assert!(
            stream
                .text()
                .await
                .unwrap()
                .contains("TRUSTED_DOCUMENTS_ONLY")
        );
        let named = json!({ "documentId": NAME_HASH });
        let stream = posted(&clerk, &named)
            .header("accept", "text/event-stream")
            .send()
            .await
            .unwrap();
        assert!(
            stream
                .text()
                .await
                .unwrap()
                .contains("{\"data\":{\"__typename\":\"Query\"},")
        );
        let mut socket = Socket::open(&clerk).await;
        for (payload, expected) in [
            (text, "TRUSTED_DOCUMENTS_ONLY"),
            (
                json!({ "documentId": "other" }),
                "PERSISTED_QUERY_NOT_FOUND",
            ),
        ] {
            socket
                .send(json!({ "id": "1", "type": "subscribe", "payload": payload }))
                .await;
            let told = socket.next().await;
            assert_eq!(told["type"], "error");
            assert_eq!(told["payload"][0]["extensions"]["code"], expected);
        }
        socket
            .send(json!({ "id": "1", "type": "subscribe", "payload": { "documentId": "live" } }))
            .await;
        socket
            .send(json!({ "id": "2", "type": "subscribe", "payload": named }))
            .await;
        let told = socket.next().await;
        assert_eq!(
            (&told["id"], &told["payload"]["data"]["__typename"]),
            (&json!("2"), &json!("Query")),
            "{told}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manifest_is_checked_at_the_start_and_read_anew() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        set_up(store).await;
        let refused = async |manifest: &Path| {
            let mut serve = serve(store, manifest, "true");
            let output = tokio::task::spawn_blocking(move || serve.output().unwrap())
                .await
                .unwrap();
            assert!(!output.status.success());
            String::from_utf8(output.stderr).unwrap()
        };
        let deep = format!(
            "{{ {} name {} }}",
            "__schema { types { fields { type { ".repeat(5),
            "} } } } ".repeat(5)
        );
        let wrong = json!({
            "a": "{ nothing }", "b": "{", "c": deep, "d": NAME, "sha256:00": NAME,
        });
        let said = refused(&write(store, &wrong)).await;
        for told in [
            "documents.json",
            "a: Unknown field \"nothing\"",
            "\nb: ",
            "\nc: ",
            "sha256:00: the document is of another hash",
        ] {
            assert!(said.contains(told), "{told}: {said}");
        }
        assert!(!said.contains("\nd: "), "{said}");
        for unfit in [json!([]), json!({ "a": 1 })] {
            let said = refused(&write(store, &unfit)).await;
            assert!(
                said.contains("expected a JSON map from ids to documents"),
                "{said}"
            );
        }
        assert!(
            refused(Path::new("no/such.json"))
                .await
                .contains("no/such.json")
        );
        let mut none = command(DOCKET, store);
        none.args(["serve"])
            .args(store_arguments(store))
            .env("DOCKET_DOCUMENTS_ONLY", "true");
        let output = tokio::task::spawn_blocking(move || none.output().unwrap())
            .await
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains("documents.only needs documents.manifest"),
            "{said}"
        );

        // In the form of Apollo's tools.
        let apollo = |id: &str| {
            json!({ "format": "apollo-persisted-query-manifest", "version": 1,
            "operations": [{ "id": id, "name": "Name", "type": "query", "body": NAME }] })
        };
        let path = write(store, &apollo("one"));
        let server = ServerProcess::spawn(serve(store, &path, "true"));
        let nobody = server.client();
        let ask = async |id: &str| {
            answer(posted(&nobody, &json!({ "documentId": id })))
                .await
                .1
        };
        assert_eq!(ask("one").await["data"]["__typename"], "Query");
        // One that will not do changes nothing; the next one does.
        std::fs::write(&path, "{").unwrap();
        server.signal("HUP");
        assert_eq!(ask("one").await["data"]["__typename"], "Query");
        write(store, &apollo("two"));
        server.signal("HUP");
        let taken_up = async { while code(&ask("two").await) == "PERSISTED_QUERY_NOT_FOUND" {} };
        timeout(PATIENCE, taken_up)
            .await
            .expect("the manifest is read anew");
        assert_eq!(code(&ask("one").await), "PERSISTED_QUERY_NOT_FOUND");
    })
    .await;
}
