//! Holds a pack against its schema, value by value.

use super::super::pack::office_hours;
use super::actions;
use super::schema::{Key, List, Shape};
use super::{CODE_CHARS_MAX, Lines, Mistake, Said};
use crate::calendar::{FIRST_YEAR, LAST_YEAR, TERM_WORKING_DAYS_MAX, YEARS};
use crate::text::{code_point, is_blank, turns_order};
use crate::ticket::{ACTIONS, Kind};
use chrono::{Datelike as _, NaiveDate};
use chrono_tz::Tz;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What is said of a key that is missing.
pub(super) fn missing() -> Said {
    Said::new("缺失", "missing")
}

/// Every value that is not as the schema has it.
pub(super) fn hold(table: &DeTable, keys: &[Key], lines: &Lines) -> Vec<Mistake> {
    let mut walk = Walk {
        lines,
        mistakes: Vec::new(),
    };
    walk.table("", 0..0, table, keys);
    walk.mistakes
}

/// Names written one after the other.
pub(super) fn one_of(names: &[&str]) -> Said {
    let names = names.join(", ");
    Said::new(format!("以下之一：{names}"), format!("one of: {names}"))
}

/// One of some names, and the nearest to what was written.
pub(super) fn one_near(names: &[&str], written: &str) -> Said {
    let mut said = one_of(names);
    let nearest = names.iter().min_by_key(|name| distance(name, written));
    // A name with more than half of its letters wrong is no slip.
    let longer = |name: &str| name.chars().count().max(written.chars().count());
    if let Some(name) = nearest.filter(|name| distance(name, written) * 2 <= longer(name)) {
        said.zh = format!("{}（是否指 {name}？）", said.zh);
        said.en = format!("{} (did you mean {name}?)", said.en);
    }
    said
}

/// How many letters must be put in, left out or changed to make one name of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = before + usize::from(from != *to);
            before = row[j + 1];
            row[j + 1] = changed.min(before + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// The path of a key in a section.
pub(super) fn below(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// A whole number as it is written.
pub(super) fn whole(value: &DeValue) -> Option<i64> {
    let written = value.as_integer()?;
    i64::from_str_radix(written.as_str(), written.radix()).ok()
}

struct Walk<'t> {
    lines: &'t Lines,
    mistakes: Vec<Mistake>,
}

impl Walk<'_> {
    fn note(&mut self, at: &Range<usize>, key: &str, problem: Said, expected: Said) {
        self.mistakes.push(Mistake {
            line: self.lines.at(at.start),
            key: key.to_owned(),
            problem,
            expected,
        });
    }

    fn table(&mut self, path: &str, at: Range<usize>, table: &DeTable, keys: &[Key]) {
        let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
        for (written, value) in table {
            let name = written.get_ref().as_ref();
            let path = below(path, name);
            match keys.iter().find(|key| key.name == name) {
                Some(key) => self.value(&path, &written.span(), value, &key.shape),
                None => self.unknown(&path, &written.span(), name, &names),
            }
        }
        for key in keys.iter().filter(|key| key.needed) {
            if !table.contains_key(key.name) {
                self.note(&at, &below(path, key.name), missing(), key.shape.says());
            }
        }
    }

    fn unknown(&mut self, path: &str, at: &Range<usize>, name: &str, names: &[&str]) {
        let problem = Said::new("没有此项", "there is no such key");
        self.note(at, path, problem, one_near(names, name));
    }

    /// `at` is the key's place: what a section lacks is named by it.
    fn value(&mut self, path: &str, at: &Range<usize>, value: &Spanned<DeValue>, shape: &Shape) {
        let (span, value) = (value.span(), value.get_ref());
        match (shape, value) {
            (Shape::Table(keys), DeValue::Table(table)) => {
                self.table(path, at.clone(), table, keys);
            }
            (Shape::List(list), DeValue::Array(entries)) => self.list(path, at, entries, list),
            (Shape::PerKind(of), DeValue::Table(table)) => {
                let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
                self.each(path, table, &names, of);
                for name in names.iter().filter(|name| !table.contains_key(**name)) {
                    self.note(at, &below(path, name), missing(), of.says());
                }
            }
            (Shape::PerAction(of), DeValue::Table(table)) => {
                let names: Vec<&str> = ACTIONS.iter().map(|action| action.name).collect();
                self.each(path, table, &names, of);
                actions::hold(path, table, self.lines, &mut self.mistakes);
            }
            (Shape::Hours, DeValue::Array(_)) => self.hours(path, &span, value),
            _ => {
                if let Err(problem) = shape.fits(value) {
                    let expected = match (shape, value) {
                        (Shape::Word(words), DeValue::String(word)) => one_near(&words(), word),
                        _ => shape.says(),
                    };
                    self.note(&span, path, problem, expected);
                }
            }
        }
    }

    fn each(&mut self, path: &str, table: &DeTable, names: &[&str], of: &Shape) {
        for (written, value) in table {
            let name = written.get_ref().as_ref();
            let path = below(path, name);
            if names.contains(&name) {
                self.value(&path, &written.span(), value, of);
            } else {
                self.unknown(&path, &written.span(), name, names);
            }
        }
    }

    fn list(&mut self, path: &str, at: &Range<usize>, entries: &[Spanned<DeValue>], list: &List) {
        if entries.len() < list.min {
            let problem = Said::new("空列表", "the list is empty");
            let expected = Said::new(
                format!("至少{}项", list.min),
                format!("at least {}", list.min),
            );
            self.note(at, path, problem, expected);
        }
        let mut seen: Vec<(Vec<&str>, usize)> = Vec::new();
        for (n, entry) in entries.iter().enumerate() {
            let path = format!("{path}[{}]", n + 1);
            self.value(&path, &entry.span(), entry, list.of);
            let Some(name) = known_as(entry.get_ref(), list).filter(|_| list.once) else {
                continue;
            };
            let line = self.lines.at(entry.span().start);
            if let Some((_, first)) = seen.iter().find(|(before, _)| *before == name) {
                let shown = name.join(" ");
                let problem = Said::new(
                    format!("“{shown}”重复，首见于第{first}行"),
                    format!("{shown:?} is there already, in line {first}"),
                );
                let expected = Said::new("每项只出现一次", "each only once");
                self.note(&entry.span(), &path, problem, expected);
            } else {
                seen.push((name, line));
            }
        }
    }

    fn hours(&mut self, path: &str, at: &Range<usize>, value: &DeValue) {
        let pair = |span: &Spanned<DeValue>| {
            let ends = span.get_ref().as_array()?;
            let text = |n: usize| Some(ends.get(n)?.get_ref().as_str()?.to_owned());
            (ends.len() == 2).then_some((text(0)?, text(1)?))
        };
        let spans = value.as_array().into_iter().flat_map(|spans| spans.iter());
        let Some(spans) = spans.map(pair).collect::<Option<Vec<_>>>() else {
            let problem = Said::new("不是时段列表", "it is no list of spans");
            return self.note(at, path, problem, Shape::Hours.says());
        };
        if let Err(problem) = office_hours(&spans) {
            self.note(at, path, problem, Shape::Hours.says());
        }
    }
}

/// What an entry of a list is known by; `None` where it cannot be told.
fn known_as<'e>(entry: &'e DeValue, list: &List) -> Option<Vec<&'e str>> {
    if list.known_by.is_empty() {
        return Some(vec![entry.as_str()?]);
    }
    let text = |key: &&str| entry.get(*key).map(|value| value.get_ref().as_str());
    let names: Option<Vec<Option<&str>>> = match list.known_by {
        // The one key that names it must be there; of several, what is not there is any.
        [key] => Some(vec![text(key)?]),
        keys => Some(keys.iter().filter_map(text).collect()),
    };
    names?.into_iter().collect()
}

impl Shape {
    /// Whether a single value is as it must be, and what is wrong with it if not.
    fn fits(&self, value: &DeValue) -> Result<(), Said> {
        let of_type = || {
            let name = value.type_str();
            Said::new(
                format!("类型为{}", type_zh(name)),
                format!("it is of the type {name}"),
            )
        };
        let text = || value.as_str().ok_or_else(of_type);
        let out =
            |shown: &str| Said::new(format!("{shown} 不合要求"), format!("{shown} does not do"));
        let fine = match self {
            Self::Text | Self::Topic => {
                let text = text()?;
                let unshown = |c: &char| c.is_control() || turns_order(*c);
                if let Some(control) = text.chars().find(unshown) {
                    return Err(controlled(control));
                }
                let path = matches!(self, Self::Topic);
                !is_blank(text) && (!path || is_topic(text))
            }
            Self::Code => is_code(text()?),
            Self::Zone => text()?.parse::<Tz>().is_ok(),
            Self::Date => {
                let date = text()?.parse::<NaiveDate>();
                date.is_ok_and(|date| YEARS.contains(&date.year()))
            }
            Self::Word(words) => words().contains(&text()?),
            Self::Flag => value.as_bool().map(|_| true).ok_or_else(of_type)?,
            Self::Whole(min, max) => match whole(value) {
                Some(number) => (i64::from(*min)..=i64::from(*max)).contains(&number),
                // One that is longer than any figure may be.
                None if value.as_integer().is_some() => false,
                None => return Err(of_type()),
            },
            Self::Share => {
                let written = value.as_float().map(|float| float.as_str().parse().ok());
                #[expect(clippy::cast_precision_loss, reason = "0 and 1 are what matters")]
                let number = written
                    .unwrap_or_else(|| whole(value).map(|number| number as f64))
                    .ok_or_else(of_type)?;
                (0.0..=1.0).contains(&number)
            }
            Self::Term => return term_fits(value, of_type),
            Self::Table(_)
            | Self::List(_)
            | Self::Hours
            | Self::PerKind(_)
            | Self::PerAction(_) => return Err(of_type()),
        };
        if fine {
            Ok(())
        } else {
            Err(out(&shown(value)))
        }
    }

    /// What a value must be, in words.
    pub(super) fn says(&self) -> Said {
        match self {
            Self::Text => Said::new(
                "非空文字，不含控制字符",
                "a text that is not empty, without control characters",
            ),
            Self::Code => Said::new(
                format!("代码：字母、数字和下划线，1至{CODE_CHARS_MAX}个"),
                format!("a code: 1 to {CODE_CHARS_MAX} letters, digits and underscores"),
            ),
            Self::Topic => Said::new(
                format!("一至{TOPIC_LEVELS_MAX}级的路径，如 \"城市管理/市容环境/占道经营\""),
                format!(
                    "a path of 1 to {TOPIC_LEVELS_MAX} levels, as \"城市管理/市容环境/占道经营\""
                ),
            ),
            Self::Zone => Said::new(
                "IANA 时区，如 Asia/Shanghai",
                "an IANA time zone, as Asia/Shanghai",
            ),
            Self::Date => Said::new(
                format!("{FIRST_YEAR}至{LAST_YEAR}年的一天，如 \"2026-10-01\""),
                format!("a day of {FIRST_YEAR} to {LAST_YEAR}, as \"2026-10-01\""),
            ),
            Self::Hours => Said::new(
                "按先后排列的时段，如 [[\"08:30\", \"12:00\"], [\"14:00\", \"17:30\"]]，末段可止于 24:00，跨夜写成两段",
                "spans in order, as [[\"08:30\", \"12:00\"], [\"14:00\", \"17:30\"]]; 24:00 may end the last, and hours over midnight are two spans",
            ),
            Self::Flag => Said::new("true 或 false", "true or false"),
            Self::Whole(min, max) => Said::new(
                format!("{min}至{max}的整数"),
                format!("a whole number from {min} to {max}"),
            ),
            Self::Share => Said::new("0至1的数", "a number from 0 to 1"),
            Self::Term => {
                let (days, minutes) = (TERM_WORKING_DAYS_MAX, term_minutes_max());
                let span = format!("{{ working_days = 1..{days} }}");
                let short = format!("{{ minutes = 1..{minutes} }}");
                Said::new(format!("{span} 或 {short}"), format!("{span} or {short}"))
            }
            Self::Word(words) => one_of(&words()),
            Self::Table(keys) => {
                let needed = keys.iter().filter(|key| key.needed);
                let names: Vec<&str> = needed.map(|key| key.name).collect();
                let names = names.join(", ");
                Said::new(
                    format!("一节，必有的键：{names}"),
                    format!("a section with the keys: {names}"),
                )
            }
            Self::List(_) => Said::new("列表", "a list"),
            Self::PerKind(_) => Said::new("一节，每类诉求一项", "a section, a key for every kind"),
            Self::PerAction(_) => Said::new("一节，动作 = 角色列表", "a section, action = roles"),
        }
    }
}

/// A character that no form, list or paper can show, or that turns the order of what is read.
fn controlled(control: char) -> Said {
    let code = code_point(control);
    Said::new(
        format!("含控制字符 {code}"),
        format!("there is a control character, {code}"),
    )
}

/// The most minutes of a term.
pub(super) fn term_minutes_max() -> i64 {
    i64::from(TERM_WORKING_DAYS_MAX) * 1440
}

fn term_fits(value: &DeValue, of_type: impl Fn() -> Said) -> Result<(), Said> {
    let table = value.as_table().ok_or_else(&of_type)?;
    let entries: Vec<_> = table.iter().collect();
    let [(unit, number)] = entries.as_slice() else {
        let problem = Said::new("须恰有一个单位", "it has not exactly one unit");
        return Err(problem);
    };
    let max = match unit.get_ref().as_ref() {
        "working_days" => i64::from(TERM_WORKING_DAYS_MAX),
        "minutes" => term_minutes_max(),
        other => {
            return Err(Said::new(
                format!("没有单位 {other}"),
                format!("there is no unit {other}"),
            ));
        }
    };
    let number = number.get_ref();
    if whole(number).is_some_and(|number| (1..=max).contains(&number)) {
        return Ok(());
    }
    Err(if number.as_integer().is_some() {
        let number = shown(number);
        Said::new(
            format!("{number} 超出范围"),
            format!("{number} is out of bounds"),
        )
    } else {
        Said::new("不是整数", "it is no whole number")
    })
}

/// What a type of TOML is called in Chinese.
fn type_zh(name: &str) -> &'static str {
    match name {
        "string" => "文字",
        "integer" => "整数",
        "float" => "小数",
        "boolean" => "布尔值",
        "datetime" => "日期时间",
        "array" => "列表",
        _ => "表",
    }
}

/// The most levels of a topic: they are a tree of three (DOMAIN §8).
pub(super) const TOPIC_LEVELS_MAX: usize = 3;

/// Whether a path has a name on each of its levels.
fn is_topic(path: &str) -> bool {
    let named = |level: &str| !level.is_empty() && level.trim() == level;
    path.split('/').count() <= TOPIC_LEVELS_MAX && path.split('/').all(named)
}

/// Whether a code may stand in the log.
fn is_code(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (1..=CODE_CHARS_MAX).contains(&text.chars().count()) && text.chars().all(fits)
}

/// A value as it is shown in a message, cut short.
fn shown(value: &DeValue) -> String {
    const SHOWN_CHARS: usize = 60;
    let text = match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(_) | DeValue::Table(_) => value.type_str().to_owned(),
    };
    text.chars().take(SHOWN_CHARS).collect()
}
