//! Printed pages that wait to be fetched: once, for two minutes, and readable with their link alone.

use super::door;
use chrono::TimeDelta;
use docket_core::ops::PRINTS_WAITING_MAX;
use docket_domain::ticket::scenario::now;
use docket_gateway::prints::{LINK_LASTS, keep, take};
use docket_tests::TestStore;

docket_tests::on_both_stores! {
    a_page_is_fetched_once_while_its_link_lasts,
    of_two_who_fetch_a_page_at_once_one_has_it,
    the_oldest_pages_give_way,
}

const PAGE: &str = "<p>王小明 13800000001</p>";

async fn a_page_is_fetched_once_while_its_link_lasts(store: &TestStore) {
    let door = door(store).await;
    let keep = async || keep(&door.ops, PAGE, now() + LINK_LASTS).await.unwrap();
    let take = async |link: &str| take(&door.ops, link).await.unwrap();
    let (first, second, late) = (keep().await, keep().await, keep().await);
    assert_ne!(first, second);
    assert_eq!(store.rows("ops", "prints").await, 3);
    for unknown in ["", "x", "é", &first[1..], &format!("{first}A")] {
        assert_eq!(take(unknown).await, None, "{unknown:?}");
    }
    assert_eq!(take(&first).await.as_deref(), Some(PAGE));
    assert_eq!(take(&first).await, None, "used");
    door.clock
        .set(now() + LINK_LASTS - TimeDelta::microseconds(1));
    assert_eq!(take(&second).await.as_deref(), Some(PAGE));
    door.clock.set(now() + LINK_LASTS);
    assert_eq!(take(&late).await, None, "over");
    // Those that are over go with the next that is kept.
    let until = now() + LINK_LASTS * 2;
    docket_gateway::prints::keep(&door.ops, PAGE, until)
        .await
        .unwrap();
    assert_eq!(store.rows("ops", "prints").await, 1);
}

async fn of_two_who_fetch_a_page_at_once_one_has_it(store: &TestStore) {
    let door = door(store).await;
    for _ in 0..20 {
        let link = keep(&door.ops, PAGE, now() + LINK_LASTS).await.unwrap();
        let taken = tokio::join!(take(&door.ops, &link), take(&door.ops, &link));
        let had = [taken.0.unwrap(), taken.1.unwrap()];
        assert_eq!(had.iter().flatten().count(), 1);
    }
}

async fn the_oldest_pages_give_way(store: &TestStore) {
    let door = door(store).await;
    let mut links = Vec::new();
    for n in 0..=PRINTS_WAITING_MAX {
        let until = now() + TimeDelta::milliseconds(i64::from(n) + 1);
        links.push(keep(&door.ops, &n.to_string(), until).await.unwrap());
    }
    assert_eq!(
        store.rows("ops", "prints").await,
        u64::from(PRINTS_WAITING_MAX)
    );
    assert_eq!(take(&door.ops, &links[0]).await.unwrap(), None);
    let second = take(&door.ops, &links[1]).await.unwrap();
    assert_eq!(second.as_deref(), Some("1"));
}
