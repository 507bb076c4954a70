//! `docket rules`: packs checked, compared and published; and real history under other rules.

use crate::safekeeping::{DOCKET, docket, said};
use docket_core::Record;
use docket_domain::rules::{CALENDAR_CN, DEFAULT_PACK, PACKS};
use docket_domain::ticket::scenario::clerk;
use docket_tests::city::{act, assigned, found, hotline, sign};
use docket_tests::commits::whole_log;
use docket_tests::server::command;
use docket_tests::{TestStore, on_both_stores};
use std::path::PathBuf;

on_both_stores! { a_pack_is_published_and_stamped_on_what_follows, history_is_judged_by_other_rules }

/// Writes a pack, changed from the default one.
fn pack(store: &TestStore, name: &str, changes: &[(&str, &str)]) -> PathBuf {
    let text = changes
        .iter()
        .fold(DEFAULT_PACK.to_owned(), |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        });
    let path = store.dir().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// Runs `docket rules` on nothing but packs.
async fn rules(store: &TestStore, arguments: &[&str]) -> (bool, String) {
    let mut docket = command(DOCKET, store);
    docket.arg("rules").args(arguments);
    said(
        tokio::process::Command::from(docket)
            .output()
            .await
            .unwrap(),
    )
}

/// The line of the default pack that a text stands on.
fn line_of(text: &str) -> usize {
    let before = &DEFAULT_PACK[..DEFAULT_PACK.find(text).unwrap()];
    before.matches('\n').count() + 1
}

#[tokio::test]
async fn shipped_packs_are_clean_and_broken_ones_are_told_by_line() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        for (name, _) in PACKS {
            let (worked, said) = rules(store, &["check", name]).await;
            assert!(worked && said.contains("no mistakes"), "{name}: {said}");
        }
        for (number, (from, to, expected)) in BROKEN.iter().enumerate() {
            let path = pack(store, &format!("broken-{number}.toml"), &[(from, to)]);
            let path = path.display().to_string();
            let (worked, said) = rules(store, &["check", &path]).await;
            assert!(!worked, "{to}: {said}");
            // An entry of a list is named by the line it begins on.
            let at = line_of(from);
            let named = [at, at - 1]
                .iter()
                .any(|line| said.contains(&format!("line {line}:")));
            assert!(named && said.contains(expected), "{to}: line {at}: {said}");
            assert!(said.contains("应为"), "in Chinese, too: {said}");
        }
        let (_, said) = rules(store, &["diff", "default", "suzhou"]).await;
        assert!(said.contains("handle.") && said.contains('→'), "{said}");
        let (worked, said) = rules(store, &["diff", "county", "county"]).await;
        assert!(worked && said.contains("no difference"), "{said}");
        let (worked, said) = rules(store, &["check", "nowhere.toml"]).await;
        assert!(!worked && said.contains("suzhou"), "{said}");
    })
    .await;
}

/// What stands in the default pack, what in its place, and what is told of it.
const BROKEN: [(&str, &str, &str); 10] = [
    (
        "normal = { working_days = 1 }",
        "normal = { working_days = 0 }",
        "sign.normal",
    ),
    (
        "time_zone = \"Asia/Shanghai\"",
        "time_zone = \"Asia/Nowhere\"",
        "pack.time_zone",
    ),
    (
        "margin_working_days = 1",
        "margin_days = 1",
        "margin_working_days",
    ),
    (
        "fairly_weight = 0.6",
        "fairly_weight = 1.6",
        "rating.fairly_weight",
    ),
    ("code = \"sms\"", "code = \"phone\"", "phone"),
    ("code = \"wechat\"", "code = \"微信\"", "code"),
    ("times = 1\n", "times = \"once\"\n", "extend.times"),
    ("required = true", "required = yes", "TOML"),
    (
        "escalate = []",
        "escalate = [{ working_days = 3, level = \"purple\" }]",
        "purple",
    ),
    ("after_days = 0", "after_day = 0", "after_days"),
];

async fn a_pack_is_published_and_stamped_on_what_follows(store: &TestStore) {
    let hotline = hotline(store).await;
    found(&hotline.desk).await;
    let broken = pack(
        store,
        "broken.toml",
        &[("fairly_weight = 0.6", "fairly_weight = 6.0")],
    );
    let (worked, said) = docket(store, &["rules", "publish", &broken.display().to_string()]).await;
    assert!(!worked && said.contains("fairly_weight"), "{said}");
    let before = assigned(&hotline.desk).await;
    let (worked, said) = docket(store, &["rules", "publish", "suzhou"]).await;
    assert!(worked && said.contains("version 2"), "{said}");
    let (worked, shown) = docket(store, &["rules", "show"]).await;
    assert!(worked && shown.contains("name = \"suzhou\""), "{shown}");

    // Another pack brings no other calendar, and none takes a year back.
    let list = |name: &str, from: &str, to: &str| {
        assert!(CALENDAR_CN.contains(from), "{from}");
        let file = store.dir().join(name);
        std::fs::write(&file, CALENDAR_CN.replace(from, to)).unwrap();
        file.display().to_string()
    };
    let longer = list("longer.toml", "2026]", "2026, 2027]");
    let shorter = list("shorter.toml", ", 2026]", "]");
    let (worked, said) = docket(
        store,
        &["rules", "publish", "suzhou", "--holidays", &longer],
    )
    .await;
    assert!(worked, "{said}");
    let (worked, said) = docket(store, &["rules", "publish", "suzhou"]).await;
    assert!(worked && said.contains("version 4"), "{said}");
    let (worked, shown) = docket(store, &["rules", "show", "--holidays"]).await;
    assert!(worked && shown.contains("2026, 2027]"), "{shown}");
    let (worked, said) = docket(
        store,
        &["rules", "publish", "suzhou", "--holidays", &shorter],
    )
    .await;
    assert!(!worked && said.contains("2026"), "{said}");

    let refreshed = async || hotline.desk.rules().await.unwrap().version == 4;
    while !refreshed().await {
        tokio::task::yield_now().await;
    }
    act(&hotline.desk, &clerk(), before, sign()).await;
    let log = whole_log(&hotline.store.journal).await;
    let stamped = |kind: &str| {
        log.iter()
            .rfind(|r: &&Record| r.event_type == kind)
            .unwrap()
            .rules_version
    };
    assert_eq!((stamped("assigned"), stamped("signed")), (1, 4));
}

/// Of a limit: tasks, judged then, overdue then, overdue under it, and how many differ.
fn all(limit: &str, said: &str) -> Vec<u64> {
    let of_limit = |line: &&str| line.starts_with(limit) && line.ends_with("(all)");
    let line = said.lines().find(of_limit);
    let line = line.unwrap_or_else(|| panic!("{limit}: {said}"));
    let figures = line.split_whitespace().skip(1);
    figures.map_while(|figure| figure.parse().ok()).collect()
}

async fn history_is_judged_by_other_rules(store: &TestStore) {
    let hotline = hotline(store).await;
    found(&hotline.desk).await;
    assigned(&hotline.desk).await;
    let head = hotline.store.journal.head().await.unwrap();
    let same = ["replay", "--rules", "default"];
    let (worked, said) = docket(store, &same).await;
    assert!(worked, "{said}");
    assert_eq!(all("handle", &said), [1, 1, 0, 0, 0], "{said}");
    assert_eq!(all("sign", &said), [1, 1, 0, 0, 0], "{said}");
    for limit in ["contact", "return", "call_back"] {
        assert_eq!(all(limit, &said), [0; 5], "{said}");
    }
    // Nothing is done yet, and nothing late: there is no rate.
    let rates = said.lines().last().unwrap_or_default();
    assert_eq!(rates.matches("- → -").count(), 3, "{said}");
    let long = pack(
        store,
        "long.toml",
        &[(
            "complain = { working_days = 5 }",
            "complain = { working_days = 9 }",
        )],
    );
    let csv = store.dir().join("differ.csv").display().to_string();
    let long = long.display().to_string();
    let (worked, said) = docket(store, &["replay", "--rules", &long, "--csv", &csv]).await;
    assert!(worked, "{said}");
    assert_eq!(all("handle", &said)[4], 1, "{said}");
    assert_eq!(all("sign", &said)[4], 0, "{said}");
    let rows = std::fs::read_to_string(&csv).unwrap();
    let lines: Vec<&str> = rows.lines().collect();
    assert!(
        lines.len() == 2 && lines[0].starts_with("number,limit,assignment,"),
        "{rows}"
    );
    assert!(lines[1].contains(",handle,1,"), "{rows}");
    let more = pack(
        store,
        "more.toml",
        &[
            (
                "normal = { working_days = 1 }",
                "normal = { working_days = 2 }",
            ),
            (
                "[call_back]",
                "[contact]\nwithin = { working_days = 1 }\n\n[call_back]",
            ),
        ],
    );
    let more = more.display().to_string();
    let of_limits = store.dir().join("limits.csv").display().to_string();
    let (worked, said) = docket(store, &["replay", "--rules", &more, "--csv", &of_limits]).await;
    assert!(worked, "{said}");
    let rows = std::fs::read_to_string(&of_limits).unwrap();
    for limit in ["sign", "contact"] {
        assert_eq!(all(limit, &said)[4], 1, "{said}");
        assert!(rows.contains(&format!(",{limit},1,")), "{rows}");
    }
    assert_eq!(rows.lines().count(), 3, "a row for each limit: {rows}");
    what_cannot_be_replayed(store, &long, &csv).await;
    assert_eq!(
        hotline.store.journal.head().await.unwrap(),
        head,
        "it writes nothing"
    );
}

async fn what_cannot_be_replayed(store: &TestStore, long: &str, csv: &str) {
    let future = ["replay", "--rules", long, "--since", "2100-01-01"];
    let (worked, said) = docket(store, &future).await;
    assert!(worked && all("handle", &said)[0] == 0, "{said}");
    let backwards = [
        "replay",
        "--rules",
        long,
        "--since",
        "2026-02-01",
        "--until",
        "2026-01-01",
    ];
    let (worked, said) = docket(store, &backwards).await;
    assert!(
        !worked && said.contains("is not before --until 2026-01-01"),
        "{said}"
    );
    let (worked, said) = docket(store, &["replay", "--rules", long, "--since", "soon"]).await;
    assert!(!worked && said.contains("a day such as"), "{said}");
    let (worked, said) = docket(store, &["replay", "--rules", long, "--csv", csv]).await;
    assert!(
        !worked && said.contains("differ.csv"),
        "nothing is written over: {said}"
    );
}
