//! The rules that come into force in turn.

use docket_domain::rules::{CALENDAR_CN, DEFAULT_PACK, PACKS, Rules};
use docket_domain::ticket::scenario::holidays_until;
use std::sync::Arc;

/// [`texts`], read.
pub fn all() -> Vec<Arc<Rules>> {
    let parse = |((pack, list), version): ((String, String), u32)| {
        Arc::new(Rules::parse(&pack, &list, version).expect("a sound pack"))
    };
    texts().into_iter().zip(1..).map(parse).collect()
}

/// The holidays with those of a year more.
pub fn later() -> String {
    holidays_until(2027, &[])
}

/// The shipped packs, and the default one made strict in several ways; with the holidays known then, and with
/// those of a year more.
pub fn texts() -> Vec<(String, String)> {
    let later = later();
    let strict = |changes: &[(&str, &str)]| {
        changes
            .iter()
            .fold(DEFAULT_PACK.to_owned(), |pack, (from, to)| {
                assert!(pack.contains(from), "the default pack has no {from:?}");
                pack.replace(from, to)
            })
    };
    let escalating = strict(&[
        ("urges_at_yellow = false", "urges_at_yellow = true"),
        ("urges_at_red = false", "urges_at_red = true"),
        (
            "escalate = []",
            "escalate = [{ working_days = 0, level = \"yellow\" }, { working_days = 2, level = \"red\" }]",
        ),
        ("after_days = 0", "after_days = 3"),
    ]);
    let waiting = strict(&[
        ("waits_for_assists = false", "waits_for_assists = true"),
        ("resumes_by_itself = true", "resumes_by_itself = false"),
        (
            "[sign_off]\nrequired = false",
            "[sign_off]\nrequired = true",
        ),
        ("margin_working_days = 1", "margin_working_days = 2"),
    ]);
    let shipped = PACKS.iter().map(|(_, pack)| (*pack).to_owned());
    let packs: Vec<String> = shipped.chain([escalating, waiting]).collect();
    let with = |list: &str| -> Vec<(String, String)> {
        let packs = packs.iter();
        packs.map(|pack| (pack.clone(), list.to_owned())).collect()
    };
    [with(CALENDAR_CN), with(&later)].concat()
}
