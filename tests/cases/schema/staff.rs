//! The accounts one keeps, page by page, in both orders, and only those that are asked for.

use super::person;
use crate::gateway::{city, department};
use docket_tests::server::Client;
use docket_tests::staff::STAFF;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};

on_both_stores! { accounts_are_paged_and_filtered, leaders_see_their_own_and_others_none }

async fn staff(client: &Client, arguments: &str) -> Value {
    let query = format!(
        "{{ staff({arguments}) {{ pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
           edges {{ cursor node {{ login }} }} }} }}"
    );
    client.data(&query, json!({})).await["staff"].take()
}

fn logins(page: &Value) -> Vec<String> {
    let edges = page["edges"].as_array().unwrap().iter();
    edges
        .map(|edge| edge["node"]["login"].as_str().unwrap().to_owned())
        .collect()
}

async fn accounts_are_paged_and_filtered(store: &TestStore) {
    let server = city(store).await;
    let admin = person(&server, "admin").await;
    let all = logins(&staff(&admin, "first: 100").await);
    assert_eq!(all.len(), STAFF.len());
    let mut backwards = all.clone();
    backwards.reverse();
    for (order, expected) in [("OLDEST_FIRST", &all), ("NEWEST_FIRST", &backwards)] {
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let page = staff(&admin, &format!("first: 3, orderBy: {order}{after}")).await;
            seen.extend(logins(&page));
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
            after = format!(", after: {}", page["pageInfo"]["endCursor"]);
        }
        assert_eq!(&seen, expected, "{order}");
        let (mut seen, mut before) = (Vec::new(), String::new());
        loop {
            let page = staff(&admin, &format!("last: 4, orderBy: {order}{before}")).await;
            seen.splice(0..0, logins(&page));
            if page["pageInfo"]["hasPreviousPage"] == false {
                break;
            }
            before = format!(", before: {}", page["pageInfo"]["startCursor"]);
        }
        assert_eq!(&seen, expected, "{order}, from its end");
    }
    // Of many the first few at the end of the list are found, though most are passed over.
    let clerks = staff(&admin, "first: 100, filter: { role: CLERK }").await;
    assert_eq!(
        logins(&clerks),
        ["clerk", "unit-clerk", "other-clerk", "other-unit-clerk"]
    );
    let here = format!(
        "first: 100, filter: {{ departmentId: \"{}\" }}",
        department()
    );
    let here = logins(&staff(&admin, &here).await);
    assert_eq!(here, ["clerk", "leader", "unit-clerk"]);
    let found = "{ account(login: \"clerk\") { id } }";
    let id = admin.data(found, json!({})).await["account"]["id"].take();
    let input = json!({ "input": { "id": id } });
    let out = "mutation($input: DeactivateAccountInput!) { deactivateAccount(input: $input) { position } }";
    let position = admin.data(out, input).await["deactivateAccount"]["position"].take();
    let inactive = format!("filter: {{ active: false }}, minPosition: {position}");
    assert_eq!(logins(&staff(&admin, &inactive).await), ["clerk"]);
    let active = logins(&staff(&admin, "first: 100, filter: { active: true }").await);
    assert_eq!(active.len(), STAFF.len() - 1);
    for bad in [
        "after: \"x\"",
        "first: 1, last: 1",
        "filter: { departmentId: \"unit:1\" }",
    ] {
        let query = format!("{{ staff({bad}) {{ pageInfo {{ endCursor }} }} }}");
        let code = admin.fault(&query, json!({})).await;
        assert!(
            ["BAD_CURSOR", "BAD_REQUEST"].contains(&&*code),
            "{bad}: {code}"
        );
    }
}

async fn leaders_see_their_own_and_others_none(store: &TestStore) {
    let server = city(store).await;
    let leader = person(&server, "leader").await;
    let own = logins(&staff(&leader, "first: 100").await);
    assert_eq!(own, ["clerk", "leader", "unit-clerk"]);
    let unit = format!(
        "filter: {{ unitId: \"unit:{}\" }}",
        docket_domain::ticket::scenario::UNIT
    );
    assert_eq!(logins(&staff(&leader, &unit).await), ["unit-clerk"]);
    for login in ["clerk", "office", "auditor", "analyst"] {
        let other = person(&server, login).await;
        let query = "{ staff { pageInfo { endCursor } } }";
        assert_eq!(other.fault(query, json!({})).await, "FORBIDDEN", "{login}");
    }
}
