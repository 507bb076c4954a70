//! The files of the mappings that are shipped, where they are; and else rows made up in their form.

use super::{Came, import, repository, run, serve, tickets, verify};
use crate::safekeeping::docket;
use docket_tests::staff::PASSWORD;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::path::PathBuf;

const LETTERS: u64 = 1_408;
const REQUESTS: u64 = 10_000;
/// Requests neither closed nor duplicates, transfers.
const OPEN: u64 = 198;

/// A shared file and its rows, or what stands for it.
fn shared(name: &str, rows: u64, made_up: &str, made_up_rows: u64) -> (PathBuf, u64) {
    let shared = repository("../shared/data").join(name);
    let (file, rows) = if shared.exists() {
        (shared, rows)
    } else {
        (repository(made_up), made_up_rows)
    };
    println!("{rows} rows of {}", file.display());
    (file, rows)
}

async fn the_letters_are_carried_over(store: &TestStore) {
    let server = serve(store).await;
    let (file, rows) = shared("letters.csv", LETTERS, "tests/letters/made-up.csv", 0);
    let mapping = repository("docs/mappings/letters.toml");
    let (first, said) = run(import(store, &file, &mapping)).await;
    assert!(rows == 0 || first.imported == rows, "{said}");
    let (again, _) = run(import(store, &file, &mapping)).await;
    assert_eq!(
        (again.imported, again.before),
        (0, first.imported),
        "twice is once"
    );
    assert_eq!(tickets(store).await, first.imported);
    verify(&server).await;
    // The same letters under two packs: what would have been late differs, and is named.
    let overdue = async |pack: &str| {
        let csv = store
            .dir()
            .join(format!("{pack}.csv"))
            .display()
            .to_string();
        let arguments = [
            "replay",
            "--rules",
            pack,
            "--since",
            "2019-01-01",
            "--csv",
            &csv,
        ];
        let (worked, said) = docket(store, &arguments).await;
        println!("{pack}: {said}");
        let of_all = |line: &&str| line.starts_with("handle") && line.ends_with("(all)");
        let all = said.lines().find(of_all).unwrap();
        let figures: Vec<u64> = all
            .split_whitespace()
            .skip(1)
            .map_while(|word| word.parse().ok())
            .collect();
        assert!(worked && said.contains("would be late: "), "{said}");
        let rows = std::fs::read_to_string(csv).unwrap().lines().count() - 1;
        assert!(rows > 0, "each is named");
        // How many are red under it.
        figures[6]
    };
    assert_ne!(overdue("default").await, overdue("suzhou").await);
}

async fn the_requests_are_carried_over(store: &TestStore) {
    let server = serve(store).await;
    let admin = server.client().logged_in("admin", PASSWORD).await;
    let add = "mutation($input: AddDepartmentInput!) { addDepartment(input: $input) { department { id } } }";
    let input = json!({ "input": { "name": "Solid Waste" } });
    let added = admin.data(add, input).await;
    let department = &added["addDepartment"]["department"]["id"];
    let hire = "mutation($input: CreateAccountInput!) { createAccount(input: $input) { userErrors { code } } }";
    let input = json!({ "login": "waste", "name": "waste", "password": PASSWORD, "roles": ["CLERK"],
        "departmentId": department });
    admin.data(hire, json!({ "input": input })).await;

    let (file, rows) = shared("baltimore-311.csv", REQUESTS, "tests/moving/311.csv", 4);
    let mapping = repository("docs/mappings/311.toml");
    let (first, said) = run(import(store, &file, &mapping)).await;
    let expected = |imported, before| Came {
        imported,
        before,
        rejected: 0,
    };
    assert_eq!(first, expected(rows, 0), "{said}");
    let (again, _) = run(import(store, &file, &mapping)).await;
    assert_eq!(again, expected(0, rows), "twice is once");
    assert_eq!(tickets(store).await, rows);
    verify(&server).await;

    let clerk = server.client().logged_in("waste", PASSWORD).await;
    let query =
        "{ inbox(tab: TO_SIGN, first: 5) { totalCount edges { node { ticket { title place kind
        source { number standing words { name text } } } } } } }";
    let data = clerk.data(query, json!({})).await;
    let ticket = &data["inbox"]["edges"][0]["node"]["ticket"];
    assert!(
        ticket["title"].as_str().unwrap().starts_with("SW-"),
        "{data:#}"
    );
    assert_eq!(
        (&ticket["source"]["standing"], &ticket["kind"]),
        (&json!("OPEN"), &Value::Null)
    );
    if rows == REQUESTS {
        let assigned = server.client().logged_in("dispatcher", PASSWORD).await;
        let query = "{ inbox(tab: TO_SIGN, first: 1) { counts { tab count } } }";
        let data = assigned.data(query, json!({})).await;
        let open = |tab: &str| {
            let counts = data["inbox"]["counts"].as_array().unwrap().iter();
            counts
                .filter(|c| c["tab"] == tab)
                .map(|c| c["count"].as_u64().unwrap())
                .sum::<u64>()
        };
        assert_eq!(open("TO_SIGN") + open("TO_ASSIGN"), OPEN, "{data:#}");
    }
}

on_both_stores! { the_letters_are_carried_over, the_requests_are_carried_over }
