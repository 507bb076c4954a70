//! A name planted in every text field a client can fill, and then searched for: in every file and table of
//! the store, every log line (at the finest level, as text and as JSON), every span that is exported, every metric and
//! every error.

use crate::attachments::{ask, open, put};
use docket_core::clock::{Clock as _, SystemClock};
use docket_domain::people::Role;
use docket_domain::ticket::scenario::{DEPARTMENT, OTHER_DEPARTMENT, UNIT};
use docket_tests::city::{found, hotline};
use docket_tests::collector::Collector;
use docket_tests::server::{Client, command, store_arguments};
use docket_tests::staff::{PASSWORD, hash, hire, hire_all};
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

const BINARY: &str = env!("CARGO_BIN_EXE_docket-under-test");
/// Nobody is called so by accident.
const PLANTED: &str = "欧阳琉璃甲";
/// A mobile, planted too.
const MOBILE: &str = "139-0471-1147";

fn planted(what: &str) -> String {
    format!("{what}{PLANTED}{what}")
}

struct Said {
    responses: String,
}

impl Said {
    /// Does a mutation; what was said beside data is kept.
    async fn say(&mut self, client: &Client, mutation: &str, input: Value) -> Value {
        let mut name = mutation.to_owned();
        name[..1].make_ascii_uppercase();
        let query = format!(
            "mutation($input: {name}Input!) {{ {mutation}(input: $input) {{ userErrors {{ code path message }} ticket {{ id number queryCode }} }} }}"
        );
        let response = client.run(&query, json!({ "input": input })).await;
        self.responses.push_str(&response.to_string());
        response["data"][mutation]["ticket"].clone()
    }
}

fn request() -> Value {
    json!({
        "kind": "REPORT", "channel": "phone", "title": planted("t"), "body": planted("b"),
        "place": planted("p"), "respondent": planted("r"),
        "caller": {
            "name": planted("n"), "sex": planted("s"), "phone": planted("1"), "email": planted("e"),
            "company": planted("c"),
        },
    })
}

fn reply(id: &Value) -> Value {
    json!({
        "id": id, "opinion": planted("o"), "answer": planted("a"), "contacted": true, "solved": false,
        "unsolvedReason": planted("u"), "handler": planted("h"), "phone": planted("f"),
    })
}

async fn by_code(client: &Client, said: &mut Said, mutation: &str, ticket: &Value, extra: &Value) {
    let mut name = mutation.to_owned();
    name[..1].make_ascii_uppercase();
    let query = format!(
        "mutation($i: {name}Input!) {{ {mutation}(input: $i) {{ userErrors {{ message }} }} }}"
    );
    for (number, code) in [
        (json!(planted("n")), json!(planted("c"))),
        (ticket["number"].clone(), json!(planted("c"))),
        (ticket["number"].clone(), ticket["queryCode"].clone()),
    ] {
        let mut input = extra.clone();
        (input["number"], input["queryCode"]) = (number, code);
        let response = client.run(&query, json!({ "i": input })).await;
        said.responses.push_str(&response.to_string());
    }
}

/// The steps from the answer to the end, and those of a ticket that no office had.
async fn fill_the_centres_steps(client: &Client, said: &mut Said, id: &Value) {
    let person = async |login: &str| client.logged_in(login, PASSWORD).await;
    let (operator, office) = (person("operator").await, person("office").await);
    let review = json!({ "id": id, "opinion": planted("v") });
    said.say(&office, "reviewTicket", review).await;
    let call = json!({ "id": id, "reached": true, "solved": false, "satisfaction": "FAIRLY",
        "comment": planted("w"), "recording": planted("x") });
    said.say(&person("call-back").await, "callBackTicket", call)
        .await;
    let redo = json!({ "id": id, "instruction": planted("z") });
    said.say(&office, "redoTicket", redo).await;
    let clerk = person("clerk").await;
    said.say(&clerk, "replyTicket", reply(id)).await;
    said.say(&office, "reviewTicket", json!({ "id": id })).await;
    let call = json!({ "id": id, "reached": true, "solved": false });
    said.say(&person("call-back").await, "callBackTicket", call)
        .await;
    let close = json!({ "id": id, "text": planted("C") });
    said.say(&office, "closeTicket", close).await;
    for (mutation, input) in [
        (
            "answerTicket",
            json!({ "answer": planted("a"), "article": planted("r") }),
        ),
        (
            "declineTicket",
            json!({ "reason": "LITIGATION", "lawfulChannel": planted("l") }),
        ),
        ("withdrawTicket", json!({ "text": planted("W") })),
    ] {
        let ticket = said.say(&operator, "receiveTicket", request()).await;
        let mut input = input;
        input["id"] = ticket["id"].clone();
        let mut wrong = input.clone();
        wrong["reason"] = json!(planted("R"));
        said.say(&operator, mutation, wrong).await;
        let done = said.say(&operator, mutation, input).await;
        assert!(done["id"].is_string(), "{mutation}: {}", said.responses);
    }
    let ticket = said.say(&operator, "receiveTicket", request()).await;
    let text = json!({ "text": planted("T") });
    by_code(client, said, "urgeByCode", &ticket, &text).await;
    by_code(client, said, "withdrawByCode", &ticket, &text).await;
    fill_a_phrasebook(client, said).await;
    Box::pin(fill_accounts(client, said)).await;
}

async fn fill_a_phrasebook(client: &Client, said: &mut Said) {
    let leader = client.logged_in("leader", PASSWORD).await;
    let add = "mutation($i: AddPhraseInput!) { addPhrase(input: $i) { phrase { id } userErrors { message } } }";
    let input = json!({ "kind": "TEMPLATE", "title": planted("t"), "text": planted("x") });
    let added = leader.run(add, json!({ "i": input })).await;
    let id = &added["data"]["addPhrase"]["phrase"]["id"];
    assert!(id.is_string(), "{added}");
    let change =
        "mutation($i: ChangePhraseInput!) { changePhrase(input: $i) { userErrors { message } } }";
    for title in [planted("t"), PLANTED.repeat(80)] {
        let input = json!({ "id": id, "title": title, "text": planted("y") });
        let changed = leader.run(change, json!({ "i": input })).await;
        said.responses.push_str(&changed.to_string());
    }
}

/// A list with a good row and a bad one.
fn list_of_accounts() -> String {
    let (login, name, secret, answer) = (planted("H"), planted("N"), planted("PP"), planted("A"));
    let [bad, role, mobile, question] = ["G", "R", "M", "Q"].map(planted);
    format!(
        "login,name,role,mobile,password,recovery_question,recovery_answer
{login},{name},clerk,{MOBILE},{secret},first_school,{answer}
{bad},{name},{role},{mobile},{secret},{question},{answer}
"
    )
}

/// What is asked of accounts, and by those who are not in yet.
async fn fill_accounts(client: &Client, said: &mut Said) {
    let leader = client.logged_in("leader", PASSWORD).await;
    let does = async |person: &Client, said: &mut Said, mutation: &str, input: Value| {
        let mut name = mutation.to_owned();
        name[..1].make_ascii_uppercase();
        let query = format!(
            "mutation($i: {name}Input!) {{ {mutation}(input: $i) {{ userErrors {{ code path message }} }} }}"
        );
        let response = person.run(&query, json!({ "i": input })).await;
        said.responses.push_str(&response.to_string());
        response["data"][mutation]["userErrors"] == json!([])
    };
    let new = json!({
        "login": planted("L"), "name": planted("N"), "password": planted("PP"), "roles": ["CLERK"],
        "departmentId": format!("department:{DEPARTMENT}"), "mobile": MOBILE,
        "recoveryQuestion": "FIRST_SCHOOL", "recoveryAnswer": planted("A"),
    });
    assert!(does(&leader, said, "createAccount", new.clone()).await);
    let (mut many, mut unfit) = (new.clone(), new.clone());
    many["login"] = json!(planted("K"));
    (unfit["login"], unfit["recoveryAnswer"]) = (json!(planted("J")), json!(PLANTED.repeat(20)));
    let list = json!({ "accounts": [many, unfit] });
    assert!(!does(&leader, said, "createAccounts", list).await);
    let list = json!({ "csv": list_of_accounts() });
    assert!(!does(&leader, said, "createAccountsFromCsv", list).await);
    for (field, value) in [
        ("mobile", PLANTED.repeat(10)),
        ("mobile", planted("M")),
        ("recoveryAnswer", PLANTED.repeat(20)),
        ("recoveryQuestion", planted("Q")),
        ("smsQuota", planted("S")),
        ("name", PLANTED.repeat(30)),
    ] {
        let mut wrong = new.clone();
        (wrong[field], wrong["login"]) = (json!(value), json!(planted("W")));
        assert!(
            !does(&leader, said, "createAccount", wrong).await,
            "{field}"
        );
    }
    let found = leader.run(
        "query($l: String) { account(login: $l) { id mobile } recoveryQuestion(login: \"x\") { code } }",
        json!({ "l": planted("L") }),
    );
    let found = found.await;
    assert!(
        found["data"]["account"]["mobile"]
            .to_string()
            .contains(MOBILE)
    );
    let id = &found["data"]["account"]["id"];
    let change = json!({ "id": id, "mobile": format!("+86 {MOBILE}"), "name": planted("n") });
    assert!(does(&leader, said, "changeAccount", change).await);
    let own = client.logged_in(&planted("L"), &planted("PP")).await;
    let set =
        json!({ "question": "FAVOURITE_BOOK", "answer": planted("B"), "password": planted("PP") });
    assert!(does(&own, said, "setRecovery", set).await);
    let asked = "query($l: String!) { recoveryQuestion(login: $l) { code } }";
    for login in [planted("L"), planted("nobody")] {
        let told = client.run(asked, json!({ "l": login })).await;
        said.responses.push_str(&told.to_string());
        for answer in [planted("x"), planted("B")] {
            let recover = json!({
                "login": login, "answer": answer, "newPassword": planted("RR"),
                "captchaId": planted("C"), "captchaAnswer": planted("C"),
            });
            does(client, said, "recoverPassword", recover).await;
        }
        for _ in 0..3 {
            let wrong = json!({
                "login": login, "password": planted("w"), "captchaId": planted("C"),
                "captchaAnswer": planted("C"),
            });
            does(client, said, "login", wrong).await;
        }
    }
}

/// A text where there should be a word, an id or a time.
async fn fill_wrong_types(operator: &Client, said: &mut Said) {
    for field in [
        "kind",
        "urgency",
        "accusedDepartmentId",
        "incidentAt",
        "commandId",
        "wantsReply",
    ] {
        let mut wrong = request();
        wrong[field] = json!(planted("w"));
        said.say(operator, "receiveTicket", wrong).await;
    }
    for mutation in ["signTicket", "rateTicket"] {
        let wrong = json!({ "id": planted("z"), "satisfaction": planted("z") });
        said.say(operator, mutation, wrong).await;
    }
}

/// A contact, and files called so, with it in them, rightly and wrongly.
async fn fill_evidence(clerk: &Client, said: &mut Said, id: &Value) {
    let contact = json!({ "id": id, "reached": true, "means": "PHONE", "evidence": planted("E") });
    said.say(clerk, "contactTicket", contact).await;
    let photo = [b"\xff\xd8\xff\xe0".as_slice(), planted("F").as_bytes()].concat();
    let page = [b"<!--".as_slice(), planted("F").as_bytes()].concat();
    let mut input = json!({
        "id": id, "part": "EVIDENCE", "name": planted("f"), "mediaType": "image/jpeg", "size": photo.len(),
    });
    for bytes in [page, photo[1..].to_vec(), photo] {
        let asked = ask(clerk, &input).await;
        let (_, told) = put(&clerk.url, &asked["uploadUrl"], bytes).await;
        said.responses.push_str(&asked.to_string());
        said.responses.push_str(&told.to_string());
        let opening =
            json!({ "id": id, "attachmentId": asked["attachmentId"], "purpose": planted("P") });
        let opened = open(clerk, opening).await;
        said.responses.push_str(&opened.to_string());
        if let Some(link) = opened["url"].as_str() {
            let file = reqwest::get(format!("{}{link}", clerk.url)).await.unwrap();
            assert!(file.text().await.unwrap().contains(PLANTED));
        }
    }
    for field in ["id", "mediaType", "name"] {
        input[field] = json!(format!("{}/", planted("g")));
        let query = "mutation($input: RequestUploadInput!) { requestUpload(input: $input) { userErrors { message } } }";
        let told = clerk.run(query, json!({ "input": input })).await;
        said.responses.push_str(&told.to_string());
    }
}

/// Fills every text field of every mutation, rightly and wrongly.
async fn fill_everything(url: &str) -> String {
    let client = Client::new(url);
    let mut said = Said {
        responses: String::new(),
    };
    let person = async |login: &str| client.logged_in(login, PASSWORD).await;
    let (operator, dispatcher) = (person("operator").await, person("dispatcher").await);
    let (clerk, unit_clerk) = (person("clerk").await, person("unit-clerk").await);
    let ticket = said.say(&operator, "receiveTicket", request()).await;
    let id = &ticket["id"];
    assert!(id.is_string(), "{}", said.responses);
    for field in ["channel", "topic", "region", "earlier"] {
        let mut wrong = request();
        wrong[field] = json!(planted("x"));
        said.say(&operator, "receiveTicket", wrong).await;
    }
    let mut long = request();
    long["title"] = json!(PLANTED.repeat(50));
    said.say(&operator, "receiveTicket", long).await;
    let office = |id: &dyn std::fmt::Display| json!(format!("department:{id}"));
    let first =
        json!({ "id": id, "leadId": office(&OTHER_DEPARTMENT), "instruction": planted("i") });
    said.say(&dispatcher, "assignTicket", first).await;
    let other = person("other-clerk").await;
    let wrong = json!({ "id": id, "reason": planted("x"), "text": planted("y") });
    said.say(&other, "returnTicket", wrong).await;
    let back = json!({ "id": id, "reason": "NOT_COMPETENT", "text": planted("y") });
    said.say(&other, "returnTicket", back.clone()).await;
    let refuse = json!({ "id": id, "text": planted("R") });
    said.say(&dispatcher, "refuseReturn", refuse).await;
    said.say(&other, "returnTicket", back).await;
    let second = json!({ "id": id, "leadId": office(&DEPARTMENT), "instruction": planted("i") });
    said.say(&dispatcher, "assignTicket", second.clone()).await;
    let recall = json!({ "id": id, "text": planted("R") });
    said.say(&dispatcher, "recallTicket", recall).await;
    said.say(&dispatcher, "assignTicket", second).await;
    said.say(&clerk, "signTicket", json!({ "id": id })).await;
    fill_evidence(&clerk, &mut said, id).await;
    let urge = json!({ "id": id, "text": planted("U") });
    said.say(&operator, "urgeTicket", urge).await;
    said.say(&clerk, "saveDraft", reply(id)).await;
    let unit = json!({ "id": id, "unitId": format!("unit:{UNIT}"), "instruction": planted("j") });
    said.say(&clerk, "delegateTicket", unit).await;
    said.say(&unit_clerk, "signTicket", json!({ "id": id }))
        .await;
    said.say(&unit_clerk, "replyTicket", reply(id)).await;
    let rework = json!({ "id": id, "instruction": planted("S") });
    said.say(&clerk, "reworkTicket", rework).await;
    said.say(&unit_clerk, "replyTicket", reply(id)).await;
    said.say(&clerk, "replyTicket", reply(id)).await;
    let rating = json!({ "id": id, "satisfaction": "FAIRLY", "comment": planted("k") });
    said.say(&operator, "rateTicket", rating).await;
    let rating = json!({ "satisfaction": "FAIRLY", "comment": planted("m") });
    by_code(&client, &mut said, "rateByCode", &ticket, &rating).await;
    fill_the_centres_steps(&client, &mut said, id).await;
    fill_wrong_types(&operator, &mut said).await;
    for wrong in [
        planted("q"),
        format!("{{ {} }}", "a".repeat(10)),
        format!("query {{ me(x: \"{PLANTED}\") {{ id }} }}"),
    ] {
        client.run(&wrong, json!({ "v": PLANTED })).await;
    }
    let login = "mutation($l: String!) { login(input: { login: $l, password: $l }) { userErrors { message } } }";
    said.responses.push_str(
        &client
            .run(login, json!({ "l": planted("l") }))
            .await
            .to_string(),
    );
    let read =
        "query($id: ID!) { ticket(id: $id) { title timeline { nodes { texts { text } } } } }";
    let seen = clerk.run(read, json!({ "id": id })).await.to_string();
    assert!(
        seen.contains(PLANTED),
        "the planted name is there to be read: {seen}"
    );
    said.responses
}

async fn a_planted_name_is_nowhere_in_the_clear(store: &TestStore) {
    // Each kind of log on one of the stores.
    let format = if store.is_sqlite() { "json" } else { "text" };
    let since = SystemClock.now();
    let hotline = hotline(store).await;
    found(&hotline.desk).await;
    hire_all(&hotline.desk, &hotline.store.ops).await;
    let hashed = hash(&hotline.store.ops).await;
    hire(
        &hotline.desk,
        &hashed,
        &planted("login"),
        Role::Operator,
        None,
        None,
    )
    .await;
    let collector = Collector::start().await;
    let mut server = command(BINARY, store)
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(store_arguments(store))
        .env("DOCKET_LOG", "trace")
        .env("DOCKET_LOG_FORMAT", format)
        .env("DOCKET_METRICS_LISTEN", "127.0.0.1:0")
        .env("DOCKET_TRACES_ENDPOINT", &collector.endpoint)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stderr = BufReader::new(server.stderr.take().unwrap());
    let log = std::thread::spawn(move || {
        stderr
            .split(b'\n')
            .map(|line| String::from_utf8_lossy(&line.unwrap()).into_owned())
            .collect::<Vec<_>>()
    });
    let mut stdout = BufReader::new(server.stdout.take().unwrap()).lines();
    let mut said = || stdout.next().unwrap().unwrap();
    let (url, metrics) = (said(), said());
    let responses = fill_everything(url.strip_prefix("listening on ").unwrap()).await;
    let metrics = reqwest::get(metrics.strip_prefix("metrics on ").unwrap()).await;
    let metrics = metrics.unwrap().text().await.unwrap();
    // Told to stop, it sends what spans are left.
    let stop = std::process::Command::new("kill")
        .arg(server.id().to_string())
        .status();
    assert!(stop.unwrap().success());
    assert!(server.wait().unwrap().success());
    let lines = log.join().unwrap();
    assert!(
        lines.len() > 100,
        "a log at the finest level, {} lines",
        lines.len()
    );
    let told: Vec<_> = lines.iter().filter(|line| reveals(&[line])).collect();
    assert!(told.is_empty(), "{told:#?}");
    if format == "json" {
        let broken = lines
            .iter()
            .find(|line| serde_json::from_str::<Value>(line).is_err());
        assert_eq!(broken, None, "every line is a JSON object");
    }
    assert!(!reveals(&[&responses]), "{responses}");
    assert!(metrics.contains("name=\"receiveTicket\""), "{metrics}");
    assert!(!reveals(&[&metrics]), "{metrics}");
    let sent: Vec<_> = collector.messages().into_iter().map(|s| s.bytes).collect();
    let names: BTreeSet<_> = collector.spans().into_iter().map(|s| s.name).collect();
    for name in [
        "mutation receiveTicket",
        "command",
        "projected",
        "PUT /attachment/{token}",
    ] {
        assert!(names.contains(name), "{name}: {names:?}");
    }
    assert!(!reveals(&sent), "{names:?}");
    assert!(
        !reveals(&docket_tests::search::dump(store, since).await),
        "the store reveals it"
    );
}

/// Whether any piece holds the planted name, as UTF-8, in hexadecimal or as JSON escapes.
fn reveals<B: AsRef<[u8]>>(pieces: &[B]) -> bool {
    let escaped: String = PLANTED
        .encode_utf16()
        .map(|unit| format!("\\u{unit:04x}"))
        .collect();
    docket_tests::search::contains(pieces, PLANTED)
        || docket_tests::search::contains(pieces, MOBILE)
        || docket_tests::search::contains(pieces, &escaped)
}

on_both_stores! { a_planted_name_is_nowhere_in_the_clear }
