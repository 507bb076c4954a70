//! A disk that is full: writes are refused by a code, reads are served, and when there is room again everything goes on.

use super::{DOCKET, audit, set_up};
use docket_tests::TestStore;
use docket_tests::commits::fresh;
use docket_tests::load::{Acknowledgement, Crew, received};
use docket_tests::server::{ServerProcess, command, store_arguments};
use docket_tests::store::PATIENCE;
use serde_json::{Value, json};
use std::process::Command;
use tokio::time::timeout;
use uuid::Uuid;

/// Largest file, in blocks of 512 bytes: what is beyond fails to be written as on a full disk.
const BLOCKS: u32 = 6 * 1024;
/// A text of a request, large so that the disk is full soon.
const BODY: &str = "连续三天夜里施工。";

const RECEIVE: &str = "mutation($input: ReceiveTicketInput!) { receiveTicket(input: $input) {
    position userErrors { code } ticket { id revision } } }";

async fn receive(crew: &Crew, command: Uuid) -> Value {
    let mut input = received();
    input["commandId"] = json!(command);
    input["body"] = json!(BODY.repeat(200));
    crew.operator.run(RECEIVE, json!({ "input": input })).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_writes_and_serves_reads() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        set_up(store).await;
        // A process that is told of no signal is told of the error instead.
        let mut serve = Command::new("sh");
        let limited = format!("trap '' XFSZ; ulimit -S -f {BLOCKS}; exec \"$0\" \"$@\"");
        serve.args(["-c", &limited, DOCKET, "serve", "--listen", "127.0.0.1:0"]).args(store_arguments(store));
        let plain = command(DOCKET, store);
        serve.current_dir(store.dir()).envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        serve.env("DOCKET_LOG", "warn");
        let server = ServerProcess::spawn(serve);
        let crew = Crew::log_in(&server.client()).await;
        let mut taken = Vec::new();
        let (command, code) = loop {
            let command: Uuid = fresh();
            let told = receive(&crew, command).await;
            if let Some(code) = told["errors"][0]["extensions"]["code"].as_str() {
                break (command, code.to_owned());
            }
            taken.push(Acknowledgement::of(command, &told["data"]["receiveTicket"]));
            assert!(taken.len() < 10_000, "the disk is never full");
        };
        assert_eq!(code, "UNAVAILABLE", "after {} commands", taken.len());
        // It stays so, for whoever asks.
        let told = receive(&crew, command).await;
        let extensions = &told["errors"][0]["extensions"];
        assert_eq!((&extensions["code"], &extensions["retryAfter"]), (&json!("UNAVAILABLE"), &json!(1)), "{told}");
        let read = "query($id: ID!) { ticket(id: $id) { state title } me { login } inbox(tab: TO_ASSIGN) { totalCount edges { cursor } } }";
        let ticket = json!({ "id": taken[0].ticket });
        let data = crew.dispatcher.data(read, ticket).await;
        assert_eq!(data["ticket"]["state"], "RECEIVED");
        assert!(data["inbox"]["totalCount"].as_u64().unwrap() > 0);
        let alive = reqwest::get(format!("{}/livez", server.url)).await.unwrap();
        assert_eq!(alive.status(), 200);

        let room = Command::new("prlimit").args(["--fsize=unlimited:unlimited", "--pid", &server.id().to_string()]).status();
        assert!(room.unwrap().success());
        let again = async {
            loop {
                let told = receive(&crew, command).await;
                if told.get("errors").is_none() {
                    break Acknowledgement::of(command, &told["data"]["receiveTicket"]);
                }
            }
        };
        taken.push(timeout(PATIENCE, again).await.expect("there is room again"));
        let last = taken.last().unwrap().position.to_string();
        let waits = "query($p: Position) { inbox(tab: TO_ASSIGN, minPosition: $p) { totalCount } }";
        let counted = async {
            loop {
                let told = crew.dispatcher.run(waits, json!({ "p": last })).await;
                if let Some(count) = told["data"]["inbox"]["totalCount"].as_u64() {
                    break count;
                }
            }
        };
        let counted = timeout(PATIENCE, counted).await.expect("the views follow again");
        assert_eq!(counted, taken.len() as u64);
        drop(server);
        audit(store, &taken).await;
    })
    .await;
}
