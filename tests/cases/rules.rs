//! `docket rules`: packs checked, compared and published; and real history under other rules.

use crate::safekeeping::{DOCKET, docket, said};
use docket_core::Record;
use docket_core::desk::{OldTicket, Options};
use docket_domain::Timestamp;
use docket_domain::people::{Actor, Role};
use docket_domain::rules::{CALENDAR_CN, DEFAULT_PACK, PACKS};
use docket_domain::ticket::scenario::{DEPARTMENT, clerk, holidays_until};
use docket_domain::ticket::{Kind, Standing};
use docket_tests::city::{act, assigned, found, hotline, sign};
use docket_tests::commits::whole_log;
use docket_tests::server::command;
use docket_tests::staff::{hash, hire};
use docket_tests::{TestStore, on_both_stores};
use std::collections::BTreeMap;
use std::path::PathBuf;

on_both_stores! {
    a_pack_is_published_and_stamped_on_what_follows,
    who_publishes_is_on_record,
    what_does_not_fit_the_hotline_is_refused_or_warned_of,
    history_is_judged_by_other_rules,
    what_rests_on_no_published_holidays_is_told_and_named_by_its_source,
}

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

    // The very same again changes nothing.
    let (worked, said) = docket(store, &["rules", "publish", "suzhou"]).await;
    assert!(
        !worked && said.contains("NO_CHANGE") && said.contains("没有变化"),
        "{said}"
    );

    // Another pack brings no other calendar, and none takes a year back.
    let longer = list(store, "longer.toml", &holidays_until(2027, &[]));
    let shorter = list(store, "shorter.toml", CALENDAR_CN);
    let (worked, said) = docket(
        store,
        &["rules", "publish", "suzhou", "--holidays", &longer],
    )
    .await;
    assert!(worked, "{said}");
    let (worked, said) = docket(store, &["rules", "publish", "ordos"]).await;
    assert!(worked && said.contains("version 4"), "{said}");
    let (worked, shown) = docket(store, &["rules", "show", "--holidays"]).await;
    assert!(worked && shown.contains("2026, 2027]"), "{shown}");
    let (worked, said) = docket(
        store,
        &["rules", "publish", "suzhou", "--holidays", &shorter],
    )
    .await;
    assert!(
        !worked && said.contains("the list of holidays in force has 2027"),
        "{said}"
    );

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

fn list(store: &TestStore, name: &str, text: &str) -> String {
    let file = store.dir().join(name);
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

async fn who_publishes_is_on_record(store: &TestStore) {
    let hotline = hotline(store).await;
    found(&hotline.desk).await;
    let hashed = hash(&hotline.store.ops).await;
    let mut ids = std::collections::HashMap::new();
    for (login, role, department) in [
        ("office", Role::Office, None),
        ("admin", Role::Administrator, None),
        ("gone", Role::Administrator, None),
        ("clerk", Role::Clerk, Some(DEPARTMENT)),
    ] {
        let id = hire(&hotline.desk, &hashed, login, role, department, None).await;
        ids.insert(login, id);
    }
    let (docket_itself, options) = (Actor::system(), Options::default());
    let gone = hotline
        .desk
        .deactivate_account(&docket_itself, ids["gone"], &options);
    gone.await.unwrap();
    let (worked, said) = docket(store, &["rules", "publish", "suzhou"]).await;
    assert!(
        !worked && said.contains("REQUIRED: say who publishes by --as"),
        "{said}"
    );
    for (login, code) in [
        ("nobody", "NOT_FOUND: there is no account nobody"),
        ("gone", "ACCOUNT_DEACTIVATED: "),
        ("clerk", "ROLE_NOT_ALLOWED: "),
    ] {
        let (worked, said) = docket(store, &["rules", "publish", "suzhou", "--as", login]).await;
        assert!(!worked && said.contains(code), "{said}");
        assert!(
            said.contains("账号") || said.contains("角色"),
            "in Chinese, too: {said}"
        );
    }
    for (pack, login) in [("suzhou", "office"), ("county", "admin")] {
        let (worked, said) = docket(store, &["rules", "publish", pack, "--as", login]).await;
        assert!(worked, "{said}");
        let log = whole_log(&hotline.store.journal).await;
        let last = log.last().unwrap();
        assert_eq!((&*last.event_type, last.actor), ("published", ids[login]));
    }
}

async fn what_does_not_fit_the_hotline_is_refused_or_warned_of(store: &TestStore) {
    let hotline = hotline(store).await;
    found(&hotline.desk).await;
    let elsewhere = pack(store, "elsewhere.toml", &[("Asia/Shanghai", "Asia/Urumqi")]);
    let elsewhere = elsewhere.display().to_string();
    let (worked, said) = docket(store, &["rules", "publish", &elsewhere]).await;
    assert!(!worked && said.contains("OTHER_TIME_ZONE: "), "{said}");
    assert!(
        said.contains("pack.time_zone is Asia/Urumqi, the hotline's Asia/Shanghai")
            && said.contains("时区"),
        "{said}"
    );
    let routes = "routes = [\n{ department = \"公安局\" },\n{ department = \"城市管理厅\" },\n]\n";
    let routed = list(store, "routed.toml", &format!("{routes}{DEFAULT_PACK}"));
    let (worked, said) = docket(store, &["rules", "publish", &routed]).await;
    assert!(worked && said.contains("version 2"), "{said}");
    assert!(
        said.contains(
            "warning UNKNOWN_OFFICE: line 3: routes[2].department: there is no department"
        ) && said.contains("did you mean 城市管理局?")
            && said.contains("没有部门“城市管理厅”"),
        "{said}"
    );
    assert_eq!(said.matches("UNKNOWN_OFFICE").count(), 1, "{said}");
    // What cannot be published tells nothing of what it would have made of history either.
    let csv = store.dir().join("elsewhere.csv");
    let told = csv.display().to_string();
    let what_if = ["replay", "--rules", &elsewhere, "--csv", &told];
    let (worked, said) = docket(store, &what_if).await;
    assert!(!worked && said.contains("OTHER_TIME_ZONE: "), "{said}");
    assert!(said.contains("时区") && !csv.exists(), "{said}");
}

#[tokio::test]
async fn lists_of_holidays_are_checked_like_packs() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let empty = list(
            store,
            "empty.toml",
            "published = [2026]\noff = []\nwork = [\"2026-11-25\"]\nwrok = []",
        );
        let (worked, said) = rules(store, &["check", "default", "--holidays", &empty]).await;
        assert!(!worked && said.contains("default: no mistakes"), "{said}");
        for told in [
            "empty.toml: line 1: published[1]: of 2026 these are not off: 2026-01-01",
            "第1行：published[1]：2026 年缺法定假日：2026-01-01、",
            "empty.toml: line 3: work[1]: 2026-11-25 is a Wednesday",
            "empty.toml: line 4: wrok: there is no such key",
            "empty.toml: 3 mistakes",
        ] {
            assert!(said.contains(told), "{told}: {said}");
        }
        let (worked, again) =
            rules(store, &["diff", "default", "default", "--holidays", &empty]).await;
        assert!(!worked && again.contains("published[1]"), "{again}");
        let sound = list(store, "sound.toml", &holidays_until(2027, &[]));
        let (worked, said) = rules(store, &["check", "--holidays", &sound]).await;
        assert!(worked && said.contains("no mistakes"), "{said}");
        let (_, said) = rules(store, &["diff", "default", "default", "--holidays", &sound]).await;
        assert!(said.contains("holidays[2027]: added: published"), "{said}");
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_no_text_is_told_by_line_and_byte() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let path = store.dir().join("gbk.toml");
        // 苏州 in GBK.
        std::fs::write(&path, b"[pack]\ntitle_zh = \"\xCB\xD5\xD6\xDD\"\n").unwrap();
        let path = path.display().to_string();
        let (worked, said) = rules(store, &["check", &path]).await;
        assert!(!worked, "{said}");
        assert!(
            said.contains("gbk.toml: line 2: byte 13 of the line, 0xCB, is no UTF-8")
                && said.contains("第2行：本行第 13 个字节 0xCB 不是 UTF-8"),
            "{said}"
        );
    })
    .await;
}

/// Where [`all`] has how many would have another limit.
const OTHER_LIMIT: usize = 7;
/// How many figures [`all`] has.
const FIGURES: usize = 9;

/// Of a limit: tasks; green, yellow and red then, and under it; how many would have another limit, and another light.
fn all(limit: &str, said: &str) -> Vec<u64> {
    let mut figures = figures(limit, said);
    figures.truncate(FIGURES);
    figures
}

/// What [`all`] has, and how many limits were provisional then, are under it, and of these are red.
fn figures(limit: &str, said: &str) -> Vec<u64> {
    let of_limit = |line: &&str| line.starts_with(limit) && line.ends_with("(all)");
    let line = said.lines().find(of_limit);
    let line = line.unwrap_or_else(|| panic!("{limit}: {said}"));
    let figures = line.split_whitespace().skip(1);
    figures.map_while(|figure| figure.parse().ok()).collect()
}

async fn history_is_judged_by_other_rules(store: &TestStore) {
    let hotline = hotline(store).await;
    found(&hotline.desk).await;
    let ticket = assigned(&hotline.desk).await;
    let head = hotline.store.journal.head().await.unwrap();
    let same = ["replay", "--rules", "default"];
    let (worked, said) = docket(store, &same).await;
    assert!(worked, "{said}");
    assert_eq!(all("handle", &said), [1, 1, 0, 0, 1, 0, 0, 0, 0], "{said}");
    assert_eq!(all("sign", &said), [1, 1, 0, 0, 1, 0, 0, 0, 0], "{said}");
    for limit in ["contact", "return", "call_back"] {
        assert_eq!(all(limit, &said), [0; 9], "{said}");
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
    assert_eq!(all("handle", &said)[OTHER_LIMIT], 1, "{said}");
    assert_eq!(all("sign", &said)[OTHER_LIMIT], 0, "{said}");
    let ticket = hotline.desk.ticket(ticket).await.unwrap().unwrap().state;
    let number = &ticket.intake.as_ref().unwrap().number;
    let moved = format!("would have another limit: {number}");
    assert!(said.contains(&moved), "{moved}: {said}");
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
        assert_eq!(all(limit, &said)[OTHER_LIMIT], 1, "{said}");
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

/// Handled by a system before, years before the first list of holidays.
fn letter() -> OldTicket {
    let day = |text: &str| text.parse::<Timestamp>().unwrap();
    OldTicket {
        source: "letters".into(),
        number: "=2015-7".into(),
        standing: Standing::Closed,
        words: BTreeMap::new(),
        kind: Some(Kind::Complain),
        channel: None,
        topic: None,
        urgency: None,
        secrecy: None,
        wants_reply: None,
        caller: None,
        caller_id: None,
        title: "路灯不亮".into(),
        body: None,
        place: None,
        region: None,
        incident_at: None,
        respondent: None,
        accused_department: None,
        department: None,
        answer: Some("已修复。".into()),
        received_at: day("2015-03-02T02:00:00Z"),
        assigned_at: None,
        answered_at: Some(day("2015-04-20T02:00:00Z")),
        closed_at: None,
        due_at: None,
    }
}

async fn what_rests_on_no_published_holidays_is_told_and_named_by_its_source(store: &TestStore) {
    let hotline = hotline(store).await;
    found(&hotline.desk).await;
    hotline.desk.import(&letter()).await.unwrap();
    let id = hotline.desk.carried_over("letters", "=2015-7").await;
    let ticket = hotline.desk.ticket(id.unwrap().unwrap()).await;
    let state = ticket.unwrap().unwrap().state;
    let number = &state.intake.as_ref().unwrap().number;

    let path = |name: &str| store.dir().join(name).display().to_string();
    let (sealed, open) = (path("sealed.csv"), path("open.csv"));
    let what_if = ["replay", "--rules", "default", "--csv", &sealed];
    let (worked, said) = docket(store, &what_if).await;
    assert!(worked, "{said}");
    assert_eq!(figures("handle", &said)[FIGURES..], [0, 1, 1], "{said}");
    for told in [
        &*format!("would be late: {number}*\n"),
        "provisional (*): 1 of 1 limits under it, 1 of its 1 red ones, and 0 then",
        "they lie in 2015 to 2015",
        "- → 0.0 %*",
        "--source-numbers opens",
    ] {
        assert!(said.contains(told), "{told}: {said}");
    }
    let rows = std::fs::read_to_string(&sealed).unwrap();
    assert!(rows.ends_with(",red,true,letters,***\n"), "{rows}");

    let mut what_if = what_if.to_vec();
    what_if[4] = &open;
    what_if.push("--source-numbers");
    let (worked, said) = docket(store, &what_if).await;
    let named = format!("would be late: {number}* (letters =2015-7)\n");
    assert!(worked && said.contains(&named), "{said}");
    assert!(!said.contains("--source-numbers"), "{said}");
    let rows = std::fs::read_to_string(&open).unwrap();
    assert!(
        rows.ends_with(",red,true,letters,'=2015-7\n"),
        "no formula: {rows}"
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
