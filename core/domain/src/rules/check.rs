//! Every mistake of a rule pack or a list of holidays, by line, with what was expected.
//!
//! [`check`] is for whoever writes a pack: it goes on after the first mistake, and it is stricter than
//! [`Rules::parse`](super::Rules::parse), which must read whatever was published before a check was thought of.
//! What has no mistake here is read there.
//!
//! * [`schema`]: which sections and keys there are, and what each must be.
//! * [`shape`]: holds a pack against that; [`syntax`]: what is no TOML, in Chinese.
//! * [`sense`]: what no key can tell alone: names of nothing, lines that never hold, rights nobody has.
//! * [`holidays`]: the same of a list of holidays.

mod actions;
#[cfg(test)]
mod agree;
mod edges;
mod figures;
mod holidays;
mod nobody;
pub(super) mod schema;
mod sense;
mod shape;
mod syntax;
#[cfg(test)]
mod tests;

use std::fmt;
use toml::de::DeTable;

/// The longest code, in characters: codes stand in the log in the clear, and in every row of the views.
pub const CODE_CHARS_MAX: usize = 40;

/// The most mistakes that are told of one pack.
pub const MISTAKES_MAX: usize = 200;

/// A text in both languages. Writes itself in English.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Said {
    /// A text in both languages.
    pub(super) fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            zh: zh.into(),
            en: en.into(),
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en)
    }
}

/// A mistake of a pack. Writes itself in English; [`Mistake::zh`] is the Chinese.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1. What is missing is named by the line of its section, or by line 1.
    pub line: usize,
    /// The key, e.g. `sign.normal` or `channels[2].code`; empty where the text is no TOML.
    pub key: String,
    /// What is wrong.
    pub problem: Said,
    /// What should be there.
    pub expected: Said,
}

impl Mistake {
    /// The whole in Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        let (line, key) = (self.line, &self.key);
        let colon = if key.is_empty() { "" } else { "：" };
        let (problem, expected) = (&self.problem.zh, &self.expected.zh);
        format!("第{line}行：{key}{colon}{problem}；应为：{expected}")
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, key) = (self.line, &self.key);
        let colon = if key.is_empty() { "" } else { ": " };
        let (problem, expected) = (&self.problem, &self.expected);
        write!(f, "line {line}: {key}{colon}{problem}; expected {expected}")
    }
}

/// Every mistake of a pack, at most [`MISTAKES_MAX`], in the order of its lines.
#[must_use]
pub fn check(pack: &str) -> Vec<Mistake> {
    read(pack, schema::PACK, sense::hold)
}

/// Every mistake of a list of holidays, at most [`MISTAKES_MAX`], in the order of its lines. No year after `latest` can
/// be published yet.
#[must_use]
pub fn check_holidays(list: &str, latest: i32) -> Vec<Mistake> {
    read(list, schema::HOLIDAYS, |table, lines| {
        holidays::hold(table, lines, latest)
    })
}

/// Every route of a pack to a department that is not there, by line: what it is for waits until somebody assigns it.
#[must_use]
pub fn unknown_departments(pack: &str, departments: &[&str]) -> Vec<Mistake> {
    let lines = Lines::of(pack);
    let (table, _) = DeTable::parse_recoverable(pack);
    let mut mistakes = sense::unknown_departments(table.get_ref(), &lines, departments);
    mistakes.truncate(MISTAKES_MAX);
    mistakes
}

/// Holds a text against its schema, and against what makes sense.
fn read(
    text: &str,
    keys: &[schema::Key],
    sense: impl FnOnce(&DeTable<'_>, &Lines) -> Vec<Mistake>,
) -> Vec<Mistake> {
    let lines = Lines::of(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut mistakes: Vec<Mistake> = errors
        .iter()
        .map(|error| Mistake {
            line: lines.at(error.span().map_or(0, |span| span.start)),
            key: String::new(),
            problem: Said::new(
                format!("不符合 TOML 语法：{}", syntax::in_chinese(error.message())),
                format!("no TOML: {}", error.message()),
            ),
            expected: Said::new("符合 TOML 语法的文本", "TOML"),
        })
        .collect();
    let broken: Vec<usize> = mistakes.iter().map(|mistake| mistake.line).collect();
    let mut found = shape::hold(table.get_ref(), keys, &lines);
    found.extend(sense(table.get_ref(), &lines));
    // Where the text itself is broken, what follows from that is no mistake of its own.
    found.retain(|mistake| {
        !broken.contains(&mistake.line)
            && (broken.is_empty() || mistake.problem != shape::missing())
    });
    mistakes.append(&mut found);
    mistakes.sort_by_key(|mistake| mistake.line);
    mistakes.dedup();
    mistakes.truncate(MISTAKES_MAX);
    mistakes
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    /// The line of a byte, from 1.
    fn at(&self, byte: usize) -> usize {
        self.0.partition_point(|end| *end < byte) + 1
    }
}
