//! Real letters: citizens' letters to a city's leaders, played from 2019 on through a hotline whose clock
//! follows their times; and its counts beside those that a script reckons from the letters alone.
//!
//! * [`mailbag`]: the letters.
//! * [`schedule`]: what happens to each, and when.
//! * [`offices`]: the departments they go to.
//! * [`hotline`]: the server and its staff.

mod hotline;
mod mailbag;
mod offices;
mod schedule;

use chrono::NaiveDateTime;
use docket_projections::rebuild;
use docket_tests::{TestStore, on_both_stores};
use hotline::Hotline;
use mailbag::Mailbag;
use offices::City;
use schedule::{FOLDER, Schedule};
use serde_json::Value;
use std::collections::HashSet;
use std::process::Command;
use std::time::Instant;

/// When the counts are compared, local time: in the midst of it (once at the very end of office hours, with
/// letters due that moment), and when all is over.
const MOMENTS: &[&str] = &[
    "2019-02-11T17:30:00",
    "2019-07-01T12:00:00",
    "2019-12-31T23:59:59",
    "2021-01-01T00:00:00",
];

/// What the script says of the letters at [`MOMENTS`].
fn reckoned(mailbag: &Mailbag) -> Value {
    let script = Command::new("python3")
        .arg(format!("{FOLDER}/reckon.py"))
        .arg(&mailbag.file)
        .args(MOMENTS)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&script.stderr);
    assert!(script.status.success(), "{told}");
    serde_json::from_slice(&script.stdout).unwrap()
}

async fn real_letters_are_counted_as_reckoned_from_the_file(store: &TestStore) {
    let schedule = Schedule::read();
    let city = City::read();
    let mailbag = mailbag::open(schedule.from_year);
    let count = mailbag.letters.len();
    let reckoned = reckoned(&mailbag);
    println!(
        "{count} letters of {}; calendar {}",
        mailbag.file.display(),
        reckoned["calendar"]
    );
    assert_eq!(reckoned["letters"], count);

    let mut hotline = Hotline::open(store, &schedule, &mailbag, &city).await;
    let start = Instant::now();
    let mut play = schedule.play(&mailbag.letters).into_iter().peekable();
    for moment in MOMENTS {
        let until: NaiveDateTime = moment.parse().unwrap();
        while let Some((at, number, step)) = play.next_if(|(at, ..)| *at <= until) {
            hotline.step(at, number, step).await;
        }
        hotline.set_clock(until);
        let figures = hotline.figures().await;
        assert_eq!(figures, reckoned["figures"][moment], "at {moment}");
    }
    assert_eq!(play.next(), None, "everything was played");
    let seconds = start.elapsed().as_secs_f64();

    hotline.compare_letters().await;
    let writers: HashSet<&str> = mailbag.letters.iter().map(|l| l.citizen.as_str()).collect();
    let named = "keys WHERE same_as IS NOT NULL";
    let callers = usize::try_from(store.rows("keys", named).await).unwrap();
    assert_eq!(callers, writers.len(), "a citizen's letters share a key");

    let head = hotline.settle().await;
    let verified = rebuild::verify(&hotline.server.app.store, &mut |_| {})
        .await
        .unwrap();
    assert_eq!(verified.differences, []);
    assert_eq!(verified.position, head, "all of the log was verified");
    report(store, &hotline, head, seconds);
}

fn report(store: &TestStore, hotline: &Hotline<'_>, events: u64, seconds: f64) {
    let kind = if store.is_sqlite() {
        "SQLite"
    } else {
        "PostgreSQL"
    };
    let Hotline {
        commands, logins, ..
    } = hotline;
    let by_turn = hotline.by_turn();
    #[expect(clippy::cast_precision_loss, reason = "some thousand")]
    let rate = *commands as f64 / seconds;
    println!(
        "{kind}: {commands} commands and {logins} logins in {seconds:.1} s, {rate:.0} commands/s; \
         {events} events; {by_turn} letters fit no department's words; views verified"
    );
}

on_both_stores!(real_letters_are_counted_as_reckoned_from_the_file);
