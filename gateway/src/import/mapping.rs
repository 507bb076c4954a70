//! A mapping as written: TOML that says which column of a file is what. [`super::plan`] checks it against a file
//! and a store.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;

/// A mapping with its text, for telling lines.
pub struct Mapping {
    text: String,
    pub(super) raw: Raw,
}

/// What is wrong with a mapping, and where.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the mapping, line {line}: {message}")]
pub struct MappingError {
    /// The line, from 1.
    pub line: usize,
    /// What, and what was expected.
    pub message: String,
}

/// A mapping's entries.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub source: Spanned<String>,
    pub encoding: Option<Spanned<String>>,
    pub separator: Option<Spanned<String>>,
    pub times: Option<Times>,
    pub number: Spanned<Text>,
    pub received_at: Spanned<Time>,
    pub status: Spanned<Codes>,
    pub title: Spanned<Text>,
    pub body: Option<Spanned<Text>>,
    pub answer: Option<Spanned<Text>>,
    pub place: Option<Spanned<Text>>,
    pub respondent: Option<Spanned<Text>>,
    pub kind: Option<Spanned<Codes>>,
    pub channel: Option<Spanned<Codes>>,
    pub topic: Option<Spanned<Codes>>,
    pub region: Option<Spanned<Codes>>,
    pub urgency: Option<Spanned<Codes>>,
    pub secrecy: Option<Spanned<Codes>>,
    pub wants_reply: Option<Spanned<Codes>>,
    pub department: Option<Spanned<Codes>>,
    pub accused_department: Option<Spanned<Codes>>,
    pub caller: Option<Caller>,
    pub incident_at: Option<Spanned<Time>>,
    pub assigned_at: Option<Spanned<Time>>,
    pub answered_at: Option<Spanned<Time>>,
    pub closed_at: Option<Spanned<Time>>,
    pub due_at: Option<Spanned<Time>>,
    #[serde(default)]
    pub keep: Vec<Spanned<String>>,
}

/// How times are written, where an entry does not say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Times {
    pub zone: Spanned<String>,
    pub formats: Vec<Spanned<String>>,
}

/// A text: one column, several put together, or always the same.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Text {
    pub column: Option<Spanned<String>>,
    pub columns: Option<Vec<Spanned<String>>>,
    pub join: Option<String>,
    pub constant: Option<String>,
}

/// A time.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Time {
    pub column: Spanned<String>,
    pub zone: Option<Spanned<String>>,
    pub formats: Option<Vec<Spanned<String>>>,
    /// The time of day that a date alone stands for.
    pub at: Option<Spanned<String>>,
}

/// A code: what each value of a column stands for, or always the same.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Codes {
    pub column: Option<Spanned<String>>,
    pub constant: Option<Spanned<String>>,
    #[serde(default)]
    pub values: BTreeMap<String, Spanned<String>>,
    /// For a value that is in no list.
    pub otherwise: Option<Spanned<String>>,
    /// For no value.
    pub empty: Option<Spanned<String>>,
}

/// The caller's block.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Caller {
    pub id: Option<Spanned<Text>>,
    pub name: Option<Spanned<Text>>,
    pub sex: Option<Spanned<Text>>,
    pub phone: Option<Spanned<Text>>,
    pub email: Option<Spanned<Text>>,
    pub company: Option<Spanned<Text>>,
}

impl Mapping {
    /// Reads a mapping.
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        let raw = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(text, &span));
            let message = error.message().to_owned();
            MappingError { line, message }
        })?;
        Ok(Self {
            text: text.to_owned(),
            raw,
        })
    }

    /// An error at an entry.
    pub(super) fn error<T>(&self, at: &Spanned<T>, message: impl Into<String>) -> MappingError {
        MappingError {
            line: line_of(&self.text, &at.span()),
            message: message.into(),
        }
    }
}

fn line_of(text: &str, span: &Range<usize>) -> usize {
    let before = &text.as_bytes()[..span.start.min(text.len())];
    1 + memchr::memchr_iter(b'\n', before).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_told_with_their_line() {
        let told = |text: &str| Mapping::parse(text).map(|_| ()).unwrap_err();
        let head = "source = \"old\"\n\n[number]\ncolumn = \"no\"\n";
        let error = told(&format!("{head}colour = 1\n"));
        assert_eq!(error.line, 5);
        assert!(error.message.contains("unknown field `colour`"), "{error}");
        assert!(error.message.contains("expected one of"), "{error}");
        let error = told(&format!("{head}column = \"again\"\n"));
        assert_eq!(error.line, 5);
        let error = told(head);
        assert!(
            error.message.contains("missing field `received_at`"),
            "{error}"
        );
        assert_eq!(told("source = \"old\"\n[number\n").line, 2);
    }
}
