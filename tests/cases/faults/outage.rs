//! The database goes away under a running server and comes back: commands are refused meanwhile and taken
//! once afterwards, and the views follow again by themselves.

use super::{audit, set_up};
use docket_projections::State;
use docket_tests::TestStore;
use docket_tests::load::{Acknowledgement, Crew, received};
use docket_tests::server::Server;
use docket_tests::store::{PATIENCE, administer};
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

/// Lets a database in nobody, and everybody out; or lets them in again.
async fn shut(name: &str, shut: bool) {
    administer(&format!(
        "ALTER DATABASE {name} ALLOW_CONNECTIONS {}",
        !shut
    ))
    .await;
    if shut {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname";
        administer(&format!("{sql} = '{name}'")).await;
    }
}

async fn readiness(server: &Server) -> u16 {
    let answer = reqwest::get(format!("{}/readyz", server.url))
        .await
        .unwrap();
    answer.status().as_u16()
}

/// Sends a command under an id; the whole response.
async fn receive(crew: &Crew, command: Uuid) -> Value {
    let mut input = received();
    input["commandId"] = json!(command);
    let query = "mutation($input: ReceiveTicketInput!) { receiveTicket(input: $input) {
        position userErrors { code } ticket { id revision } } }";
    crew.operator.run(query, json!({ "input": input })).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_comes_back_is_followed_again() {
    docket_tests::store::run(TestStore::postgres().await, async |store: &TestStore| {
        let TestStore::Postgres { name, .. } = store else {
            unreachable!()
        };
        set_up(store).await;
        let server = Server::start(store).await;
        let crew = Crew::log_in(&server.client()).await;
        let mut projections = server.app.projections.clone();
        assert_eq!(readiness(&server).await, 200);

        shut(name, true).await;
        let away = projections.wait_for(|state| *state != State::Following);
        let state = timeout(PATIENCE, away).await.unwrap().unwrap().clone();
        assert!(matches!(state, State::Retrying(_)), "{state:?}");
        assert_eq!(readiness(&server).await, 503);
        let command = docket_tests::commits::fresh();
        let response = receive(&crew, command).await;
        assert_eq!(
            response["errors"][0]["extensions"]["code"], "UNAVAILABLE",
            "{response:#}"
        );

        shut(name, false).await;
        // Nothing is appended meanwhile: the views find their way back without a push.
        let back = projections.wait_for(|state| *state == State::Following);
        let _ = timeout(PATIENCE, back).await.unwrap().unwrap();
        assert_eq!(readiness(&server).await, 200);
        let [one, two] = [receive(&crew, command).await, receive(&crew, command).await];
        let told = Acknowledgement::of(command, &one["data"]["receiveTicket"]);
        assert_eq!(
            told,
            Acknowledgement::of(command, &two["data"]["receiveTicket"])
        );
        server
            .app
            .views
            .wait_for(told.position, PATIENCE)
            .await
            .unwrap();
        audit(store, &[told]).await;
    })
    .await;
}
