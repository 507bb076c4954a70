//! The letters: read from a file as people left it, dirt and all.

use chrono::{Datelike as _, NaiveDateTime};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// How many letters the shared file has from 2019 on.
const SHARED: usize = 442;

/// A line of the file.
#[derive(Deserialize)]
struct Row {
    citizen: String,
    title: String,
    received_at: String,
    body: String,
    reply: String,
    replied_at: String,
}

/// A letter.
pub struct Letter {
    /// Whose: a pseudonym.
    pub citizen: String,
    /// Its title as written.
    pub title: String,
    /// Its body as written.
    pub body: String,
    /// When it came, local time.
    pub received_at: NaiveDateTime,
    /// When it was answered, and how.
    pub answer: Option<(NaiveDateTime, String)>,
}

impl From<Row> for Letter {
    fn from(row: Row) -> Self {
        let received_at = time(&row.received_at).expect("a letter came some time");
        let replied_at = time(&row.replied_at).filter(|at| *at >= received_at);
        let reply = Some(row.reply).filter(|text| !text.trim().is_empty());
        Self {
            citizen: row.citizen.trim().to_owned(),
            title: row.title,
            body: row.body,
            received_at,
            answer: replied_at.zip(reply),
        }
    }
}

fn time(text: &str) -> Option<NaiveDateTime> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let time = NaiveDateTime::parse_from_str(text, "%Y/%m/%d %H:%M:%S");
    Some(time.unwrap_or_else(|e| panic!("{text:?}: {e}")))
}

/// Letters in the order in which they came.
pub struct Mailbag {
    /// Their file.
    pub file: PathBuf,
    /// The letters.
    pub letters: Vec<Letter>,
}

/// Opens what `DOCKET_TEST_LETTERS` names, or the shared letters beside the repository, or, where there
/// are none, those made up in it.
pub fn open(from_year: i32) -> Mailbag {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = here.join("../../shared/data/letters.csv");
    let named = std::env::var_os("DOCKET_TEST_LETTERS").map(PathBuf::from);
    let (file, at_least) = match named {
        Some(file) => (file, 1),
        None if shared.exists() => (shared, SHARED),
        None => (here.join("letters/made-up.csv"), 1),
    };
    let file = file
        .canonicalize()
        .unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let rows = csv::Reader::from_path(&file)
        .unwrap()
        .into_deserialize::<Row>();
    let mut letters: Vec<Letter> = rows
        .map(|row| Letter::from(row.unwrap()))
        .filter(|letter| letter.received_at.year() >= from_year)
        .collect();
    letters.sort_by_key(|letter| letter.received_at);
    assert!(
        letters.len() >= at_least,
        "{} of {at_least} letters",
        letters.len()
    );
    Mailbag { file, letters }
}
