//! The stories as they are written.

use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

/// A story as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Story {
    /// The document.
    pub title: String,
    /// The rule pack it plays under.
    pub pack: String,
    /// What the document has otherwise than the pack: texts of it, and what is put in their place.
    #[serde(default)]
    pub changes: Vec<(String, String)>,
    /// Which words of the document no step shows, and why. `……` stands for words that are meant as well.
    pub not_shown: Vec<(String, String)>,
    /// What happens.
    pub steps: Vec<Step>,
}

/// One step: somebody does, reads, or looks into an inbox.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The document's own words that it shows, where such begin here. `……` stands for words left out.
    pub shows: Option<String>,
    /// What we have to say of it.
    pub note: Option<String>,
    /// The login; `visitor` has none. Whose login a visitor does goes on with that session.
    pub who: String,
    /// A mutation, with its input; `$A` is the id of ticket A.
    pub does: Option<String>,
    /// Its input.
    #[serde(default)]
    pub input: Map<String, Value>,
    /// Whether the digits of a captcha are sent with it.
    #[serde(default)]
    pub reads_captcha: bool,
    /// What to select of its payload instead of the ticket's state.
    pub selects: Option<String>,
    /// The name of the ticket it receives.
    pub calls_it: Option<String>,
    /// What later steps name by `$NAME`, by where it is in the answer (a JSON pointer).
    #[serde(default)]
    pub keeps: BTreeMap<String, String>,
    /// The code of the refusal, or of the fault, that is due.
    pub refused: Option<String>,
    /// A query, after `{ … }`; `$A` is the id of ticket A.
    pub asks: Option<String>,
    /// Asks until the answer holds what it must: what Docket does by itself takes a moment.
    #[serde(default)]
    pub waits: bool,
    /// How many minutes pass before it, but for the one that always does.
    #[serde(default)]
    pub minutes_later: i64,
    /// A tab of the inbox.
    pub inbox: Option<String>,
    /// What the answer must hold, wherever else is in it.
    #[serde(default)]
    pub gets: Map<String, Value>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("stories")
}

/// Every story, with its file's name, in order.
pub fn stories() -> Vec<(String, Story)> {
    let mut stories: Vec<(String, Story)> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let story = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, story)
        })
        .collect();
    stories.sort_by(|one, other| one.0.cmp(&other.0));
    stories
}

/// What can be told of a story without its document. With it, `tests/stories/check-quotes` tells the rest.
pub fn assert_told_apart(name: &str, story: &Story) {
    let shown: Vec<&String> = story
        .steps
        .iter()
        .filter_map(|step| step.shows.as_ref())
        .collect();
    let once: HashSet<&&String> = shown.iter().collect();
    assert_eq!(once.len(), shown.len(), "{name}: the same words twice");
    for (words, why) in &story.not_shown {
        let after_all = shown.iter().any(|shown| shown.contains(words));
        assert!(!after_all, "{name}: said not to be shown: {words}");
        assert!(!why.is_empty(), "{name}: why not: {words}");
    }
}
