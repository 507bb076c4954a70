//! Files attached to tickets: sent by a link, sealed, listed, opened on record; and all that must not be.

mod edges;
mod kept;
mod s3;

use crate::live::Socket;
use crate::stories::Story;
use docket_gateway::app::Founding;
use docket_gateway::settings::Limits;
use docket_tests::TestStore;
use docket_tests::search::{below, contains, dump};
use docket_tests::server::{Client, Server};
use docket_tests::staff::hire_all;
use serde_json::{Value, json};

docket_tests::on_both_stores! {
    a_file_goes_in_and_comes_out,
    what_is_in_a_file_and_what_it_is_called_lies_nowhere_in_the_clear,
    a_caller_sees_what_is_theirs,
    an_accused_department_never_learns_of_it,
}

/// Words that occur nowhere else.
const PLANTED: &str = "欧阳苏铁 Quagmire-Zyx";

/// Bytes that begin as a photograph does, so many of them.
fn photo(bytes: usize) -> Vec<u8> {
    let mut photo = b"\xff\xd8\xff\xe0\0\x10JFIF\0".to_vec();
    while photo.len() < bytes {
        photo.extend(format!("{PLANTED} {}\n", photo.len()).as_bytes());
    }
    photo.truncate(bytes);
    photo
}

/// A file as it is asked for.
fn wanted(ticket: &Value, part: &str, size: usize) -> Value {
    json!({
        "id": ticket["id"], "part": part, "name": format!("{PLANTED}.jpg"), "mediaType": "image/jpeg", "size": size,
    })
}

/// Asks for a link to send a file to: the payload.
pub(crate) async fn ask(person: &Client, input: &Value) -> Value {
    let query = "mutation($input: RequestUploadInput!) { requestUpload(input: $input) {
        uploadUrl attachmentId expiresAt userErrors { code path message } } }";
    let mut data = person.data(query, json!({ "input": input })).await;
    data["requestUpload"].take()
}

/// Sends bytes to a link below a server's address: the status, and what it says.
pub(crate) async fn put(base: &str, link: &Value, bytes: Vec<u8>) -> (u16, Value) {
    let url = format!("{base}{}", link.as_str().expect("a link"));
    let response = reqwest::Client::new().put(url).body(bytes).send().await;
    let response = response.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap())
}

/// Attaches a photograph: its id.
async fn attach(person: &Client, ticket: &Value, part: &str, size: usize) -> Value {
    let asked = ask(person, &wanted(ticket, part, size)).await;
    assert_eq!(asked["userErrors"], json!([]));
    let (status, said) = put(&person.url, &asked["uploadUrl"], photo(size)).await;
    assert_eq!(status, 201, "{said}");
    assert_eq!(said["attachmentId"], asked["attachmentId"]);
    said["attachmentId"].clone()
}

/// Opens a file: the payload.
pub(crate) async fn open(person: &Client, input: Value) -> Value {
    let query = "mutation($input: OpenAttachmentInput!) { openAttachment(input: $input) {
        url expiresAt position userErrors { code path } } }";
    let mut data = person.data(query, json!({ "input": input })).await;
    data["openAttachment"].take()
}

async fn get(base: &str, link: &Value) -> reqwest::Response {
    let url = format!("{base}{}", link.as_str().expect("a link"));
    reqwest::get(url).await.unwrap()
}

/// A small city within limits that a test can reach.
async fn small_story(store: &TestStore, change: impl FnOnce(&mut Limits)) -> Story {
    let mut limits = Limits::default();
    limits.files.bytes_max = 100_000;
    limits.files.files_max = 3;
    change(&mut limits);
    let options = store.options(std::sync::Arc::new(docket_core::SystemClock));
    let server = Server::open_with(options, &Founding::default(), limits).await;
    docket_tests::city::found(&server.app.desk).await;
    hire_all(&server.app.desk, &server.app.store.ops).await;
    Story { server }
}

const FILES: &str = "attachments { id name part mediaType size sha256 at by { name } }";

async fn a_file_goes_in_and_comes_out(store: &TestStore) {
    let story = Story::begin(store).await;
    let ticket = story.signed().await;
    let clerk = story.person("clerk").await;
    // More than two pieces of sealing, and no whole number of them.
    let size = 200_001;
    let id = attach(&clerk, &ticket, "EVIDENCE", size).await;
    let seen = story.reads("dispatcher", &ticket["id"], FILES).await;
    let file = &seen["attachments"][0];
    assert_eq!(file["id"], id);
    assert_eq!(file["name"], format!("{PLANTED}.jpg"));
    assert_eq!(
        [&file["part"], &file["mediaType"]],
        [&json!("EVIDENCE"), &json!("image/jpeg")]
    );
    assert_eq!(
        (&file["size"], &file["by"]["name"]),
        (&json!(size), &json!("clerk by name"))
    );

    // Who opens it says what for.
    let mut input = json!({ "id": ticket["id"], "attachmentId": id });
    let refused = open(&clerk, input.clone()).await;
    let required = json!({ "code": "REQUIRED", "path": ["input", "purpose"] });
    assert_eq!(refused["userErrors"][0], required);
    input["purpose"] = json!("核实现场");
    input["commandId"] = json!("3c1d8f0a-7d52-4a2c-9d0e-0a4f5a1f2b07");
    let opened = open(&clerk, input.clone()).await;
    assert!(opened["position"].is_string() && opened["expiresAt"].is_string());
    let head = reqwest::Client::new()
        .head(format!("{}{}", clerk.url, opened["url"].as_str().unwrap()))
        .send()
        .await;
    assert_eq!(head.unwrap().status(), 405, "a look uses no link up");
    let response = get(&clerk.url, &opened["url"]).await;
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "image/jpeg");
    assert_eq!(header("content-length"), size.to_string());
    assert_eq!(
        header("content-disposition"),
        "attachment; filename*=UTF-8''%E6%AC%A7%E9%98%B3%E8%8B%8F%E9%93%81%20Quagmire-Zyx.jpg"
    );
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("cache-control"), "no-store");
    assert!(header("content-security-policy").starts_with("sandbox; default-src 'none'"));
    assert!(
        response.bytes().await.unwrap() == photo(size),
        "byte by byte"
    );
    let again = get(&clerk.url, &opened["url"]).await;
    assert_eq!(again.status(), 404, "a link works once");
    let again = again.json::<Value>().await.unwrap();
    assert_eq!(again["code"], "LINK_OVER");
    // A command sent again gives no second link.
    let repeated = open(&clerk, input).await;
    assert_eq!(repeated["url"], Value::Null);
    assert_eq!(repeated["position"], opened["position"]);

    let steps = "timeline { nodes { type by { name } texts { field text } } }";
    let seen = story.reads("auditor", &ticket["id"], steps).await;
    let steps = seen["timeline"]["nodes"].as_array().unwrap();
    let of = |kind: &str| {
        steps
            .iter()
            .filter(|step| step["type"] == kind)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("file_attached").len(), 1, "{seen}");
    let opened = of("file_opened");
    assert_eq!(opened.len(), 1, "every opening is on record, once: {seen}");
    assert_eq!(opened[0]["by"]["name"], "clerk by name");
    assert_eq!(
        opened[0]["texts"],
        json!([{ "field": "purpose", "text": "核实现场" }])
    );
}

async fn what_is_in_a_file_and_what_it_is_called_lies_nowhere_in_the_clear(store: &TestStore) {
    use docket_core::clock::Clock as _;
    let since = docket_core::SystemClock.now();
    let story = Story::begin(store).await;
    let ticket = story.signed().await;
    let clerk = story.person("clerk").await;
    attach(&clerk, &ticket, "EVIDENCE", 70_000).await;
    let files = below(&store.dir().join("files"));
    assert_eq!(files.len(), 1);
    assert!(files[0].len() > 70_000);
    let mut all = dump(store, since).await;
    all.extend(files);
    for part in ["欧阳苏铁", "Quagmire-Zyx", "JFIF"] {
        assert!(!contains(&all, part), "{part}");
    }
    assert!(
        contains(&all, "file_attached"),
        "the search finds what is there"
    );
}

async fn a_caller_sees_what_is_theirs(store: &TestStore) {
    let story = Story::begin(store).await;
    let citizen = story.person("citizen").await;
    let mut request = crate::gateway::request();
    request["channel"] = json!("website");
    request.as_object_mut().unwrap().remove("caller");
    let ticket = citizen.act("receiveTicket", request).await;
    let id = &ticket["id"];
    let follow = "subscription($id: ID!, $after: Position) { ticketChanged(id: $id, after: $after) { type } }";
    let mut live = Socket::open(&citizen).await;
    let head = story.server.app.desk.journal().head().await.unwrap();
    live.subscribe(follow, json!({ "id": id, "after": head.to_string() }))
        .await;
    let own = attach(&citizen, &ticket, "MATTER", 1_000).await;
    let refused = ask(&citizen, &wanted(&ticket, "EVIDENCE", 1_000)).await;
    assert_eq!(refused["userErrors"][0]["code"], "INVALID_VALUE");
    let other = story.person("other-citizen").await;
    let refused = ask(&other, &wanted(&ticket, "MATTER", 1_000)).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_FOUND");

    let assign = json!({ "id": id, "leadId": crate::gateway::department() });
    story.does("dispatcher", "assignTicket", assign).await;
    story.does("clerk", "signTicket", json!({ "id": id })).await;
    let clerk = story.person("clerk").await;
    attach(&clerk, &ticket, "EVIDENCE", 1_000).await;
    let answer = attach(&clerk, &ticket, "ANSWER", 1_000).await;
    let ids = async |who: &str| {
        let seen = story.reads(who, id, "attachments { id }").await;
        let files = seen["attachments"].as_array().unwrap().clone();
        files
            .into_iter()
            .map(|mut file| file["id"].take())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids("citizen").await, std::slice::from_ref(&own));
    assert_eq!(ids("clerk").await.len(), 3);
    story
        .does("clerk", "replyTicket", crate::stories::reply(id))
        .await;
    assert_eq!(ids("citizen").await, [own.clone(), answer]);
    for kind in ["assigned", "signed", "replied"] {
        let pushed = live.push("ticketChanged").await;
        assert_eq!(
            pushed["type"], kind,
            "what is the staff's alone is not pushed"
        );
    }
    // Their own they open without a reason; it is on record, and not told to them.
    let opened = open(&citizen, json!({ "id": id, "attachmentId": own })).await;
    let response = get(&citizen.url, &opened["url"]).await;
    assert!(response.bytes().await.unwrap() == photo(1_000));
    let steps = story
        .reads("citizen", id, "timeline { nodes { type } }")
        .await;
    assert!(!steps.to_string().contains("file_"), "{steps}");
    let steps = story
        .reads("office", id, "timeline { nodes { type } }")
        .await;
    assert!(steps.to_string().contains("file_opened"), "{steps}");
}

async fn an_accused_department_never_learns_of_it(store: &TestStore) {
    let story = Story::begin(store).await;
    let ticket = story.signed().await;
    let (clerk, id) = (story.person("clerk").await, &ticket["id"]);
    let file = attach(&clerk, &ticket, "EVIDENCE", 1_000).await;
    let input = json!({ "id": id, "attachmentId": file, "purpose": "核实" });
    let opened = open(&clerk, input.clone()).await;
    let asked = ask(&clerk, &wanted(&ticket, "EVIDENCE", 1_000)).await;
    // Others never had a right.
    let refused = open(&story.person("other-clerk").await, input.clone()).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_FOUND");
    let refused = open(&story.person("auditor").await, input.clone()).await;
    assert_eq!(refused["userErrors"][0]["code"], "ROLE_NOT_ALLOWED");
    for who in ["analyst", "admin"] {
        let refused = open(&story.person(who).await, input.clone()).await;
        assert_eq!(refused["userErrors"][0]["code"], "NOT_FOUND", "{who}");
    }

    let back = json!({ "id": id, "reason": "NOT_COMPETENT", "text": "不属我局" });
    story.does("clerk", "returnTicket", back).await;
    story
        .does("dispatcher", "acceptReturn", json!({ "id": id }))
        .await;
    let secret = json!({
        "id": id, "secrecy": "CONFIDENTIAL", "accusedDepartmentId": crate::gateway::department(), "text": "举报该局",
    });
    story.does("dispatcher", "setSecrecy", secret).await;
    // Links from before let nothing any more: rights are looked at when they are used.
    assert_eq!(get(&clerk.url, &opened["url"]).await.status(), 404);
    let (status, said) = put(&clerk.url, &asked["uploadUrl"], photo(1_000)).await;
    assert_eq!((status, &said["code"]), (404, &json!("LINK_OVER")));
    for refused in [
        open(&clerk, input).await,
        ask(&clerk, &wanted(&ticket, "EVIDENCE", 1_000)).await,
    ] {
        assert_eq!(refused["userErrors"][0]["code"], "NOT_FOUND");
    }
    assert_eq!(below(&store.dir().join("files")).len(), 1);
}
