//! The invented city's data.

use docket_domain::phrasebook::PhraseKind;
use docket_domain::ticket::{Kind, Urgency};
use serde::Deserialize;

const CITY: &str = include_str!("city.toml");

#[derive(Deserialize)]
pub(super) struct City {
    pub(super) name_zh: String,
    pub(super) districts: Vec<District>,
    pub(super) departments: Vec<Department>,
    pub(super) routes: Vec<Route>,
    pub(super) callers: Vec<Person>,
    pub(super) phrases: Phrases,
    pub(super) letters: Vec<Letter>,
}

#[derive(Deserialize)]
pub(super) struct District {
    pub(super) name: String,
}

#[derive(Deserialize)]
pub(super) struct Department {
    pub(super) code: String,
    pub(super) name: String,
    pub(super) region: String,
    pub(super) units: Vec<Unit>,
}

#[derive(Deserialize)]
pub(super) struct Unit {
    pub(super) code: String,
    pub(super) name: String,
}

/// Which department a topic goes to, everywhere or in one district.
#[derive(Deserialize)]
pub(super) struct Route {
    pub(super) topic: String,
    pub(super) region: Option<String>,
    pub(super) department: String,
}

#[derive(Deserialize)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) sex: String,
    pub(super) phone: String,
}

#[derive(Deserialize)]
pub(super) struct Phrases {
    pub(super) instructions: Vec<Phrase>,
    pub(super) return_reasons: Vec<ReturnPhrase>,
    pub(super) replies: Vec<ReplyPhrase>,
}

/// A template or phrase that goes into every phrasebook.
#[derive(Deserialize)]
pub(super) struct ReplyPhrase {
    pub(super) kind: PhraseKind,
    pub(super) title: String,
    pub(super) text: String,
}

#[derive(Deserialize)]
pub(super) struct Phrase {
    pub(super) text: String,
}

#[derive(Deserialize)]
pub(super) struct ReturnPhrase {
    pub(super) code: String,
    pub(super) text: String,
}

#[derive(Deserialize)]
pub(super) struct Letter {
    pub(super) kind: Kind,
    pub(super) channel: String,
    pub(super) urgency: Urgency,
    pub(super) department: String,
    #[serde(default)]
    pub(super) assists: Vec<String>,
    pub(super) unit: Option<String>,
    pub(super) topic: String,
    pub(super) district: String,
    pub(super) street: String,
    pub(super) place: String,
    pub(super) title: String,
    pub(super) body: String,
    pub(super) opinion: String,
    pub(super) answer: String,
    pub(super) respondent: Option<String>,
}

pub(super) fn city() -> City {
    toml::from_str(CITY).expect("the shipped city is checked by a test")
}
