//! Imports killed in the midst, and run again: nothing is lost, and nothing there twice.

use super::{Came, import, repository, run, serve, tickets, verify};
use docket_tests::{TestStore, on_both_stores};
use std::fmt::Write as _;
use std::process::Stdio;
use std::time::Instant;

const ROWS: u64 = 2_000;
/// Killed as soon as so many are there; each time some more.
const KILLS: [u64; 3] = [1, 300, 900];

async fn a_killed_import_goes_on_where_it_was(store: &TestStore) {
    let server = serve(store).await;
    let file = store.dir().join("old.csv");
    let mut text =
        "编号,标题,内容,来源,姓名,电话,受理时间,截止时间,办结时间,状态,承办单位,答复,社区\n"
            .to_owned();
    for row in 0..ROWS {
        let (phone, second) = (13_800_000_000 + row % 700, row % 60);
        let department = ["城市管理局", "公安局", ""][usize::try_from(row % 3).unwrap()];
        let _ = writeln!(
            text,
            "{row},路灯不亮,内容,热线电话,王小明,{phone},2019/1/2 8:05:{second},,,办理中,{department},,"
        );
    }
    std::fs::write(&file, text).unwrap();
    let mapping = repository("tests/moving/old.toml");
    for there in KILLS {
        let mut killed = import(store, &file, &mapping);
        let mut killed = killed
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while tickets(store).await < there {
            assert!(began.elapsed() < docket_tests::store::PATIENCE);
            assert!(
                killed.try_wait().unwrap().is_none(),
                "it is at work when it is killed"
            );
        }
        killed.kill().unwrap();
        killed.wait().unwrap();
    }
    let there = tickets(store).await;
    assert!(
        (KILLS[2]..ROWS).contains(&there),
        "{there} of {ROWS}: killed in the midst"
    );
    let (came, _) = run(import(store, &file, &mapping)).await;
    let expected = Came {
        imported: ROWS - there,
        before: there,
        rejected: 0,
    };
    assert_eq!(came, expected);
    assert_eq!(tickets(store).await, ROWS);
    let claims = "claims WHERE kind = 'source_number'";
    assert_eq!(store.rows("journal", claims).await, ROWS);
    let named = "keys WHERE same_as IS NOT NULL";
    assert_eq!(
        store.rows("keys", named).await,
        700,
        "a caller's tickets share a key"
    );
    verify(&server).await;
    println!("killed with {there} of {ROWS} there");
}

on_both_stores! { a_killed_import_goes_on_where_it_was }
