//! What differs between two packs, by what they mean: a section that is left out is its default.
//!
//! Follows the schema that [`check`](super::check) holds packs against, so that changes come in the order of
//! the documentation, and entries of lists are known by their codes and not by their places.

use super::PackError;
use super::check::schema::{Key, List, PACK, Shape};
use super::pack::{self, Pack};
use crate::calendar::{Day, Holidays};
use crate::ticket::{ACTIONS, Kind};
use chrono::NaiveDate;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// A difference. Writes itself as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where, e.g. `sign.normal` or `channels[forum]`.
    pub key: String,
    /// What stood there; `None`: nothing.
    pub before: Option<String>,
    /// What stands there; `None`: nothing.
    pub after: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "{key}: {before} → {after}"),
            (None, Some(after)) => write!(f, "{key}: added: {after}"),
            (Some(before), None) => write!(f, "{key}: removed: {before}"),
            (None, None) => f.write_str(key),
        }
    }
}

/// What differs from pack `a` to pack `b`, in the order of the documentation. Both must be sound enough to be
/// published once.
pub fn diff(a: &str, b: &str) -> Result<Vec<Change>, PackError> {
    let read = |text: &str| {
        let pack = Pack::read(text)?;
        pack::check(&pack)?;
        Ok(tree(&pack))
    };
    let mut changes = Changes(Vec::new());
    changes.table("", &read(a)?, &read(b)?, PACK);
    Ok(changes.0)
}

/// What differs from one list of holidays to another: years, and days.
pub fn diff_holidays(a: &str, b: &str) -> Result<Vec<Change>, PackError> {
    let read = |text: &str| -> Result<Holidays, PackError> {
        toml::from_str(text).map_err(|error| PackError(format!("holiday list: {error}")))
    };
    let (a, b) = (read(a)?, read(b)?);
    let years = a.published.symmetric_difference(&b.published).map(|year| {
        let told = |list: &Holidays| {
            let published = list.published.contains(year);
            published.then(|| "published".to_owned())
        };
        Change {
            key: format!("holidays[{year}]"),
            before: told(&a),
            after: told(&b),
        }
    });
    let named = |list: &Holidays| -> BTreeSet<NaiveDate> {
        let named = list.off.iter().chain(&list.work).chain(&list.lawful);
        named.copied().collect()
    };
    let days = named(&a)
        .into_iter()
        .chain(named(&b))
        .collect::<BTreeSet<_>>();
    let days = days.into_iter().filter_map(|date| {
        let (before, after) = (a.day(date).0, b.day(date).0);
        (before != after).then(|| Change {
            key: format!("holidays[{date}]"),
            before: Some(day_name(before).to_owned()),
            after: Some(day_name(after).to_owned()),
        })
    });
    Ok(years.chain(days).collect())
}

const fn day_name(day: Day) -> &'static str {
    match day {
        Day::Weekday => "worked",
        Day::Weekend => "weekend",
        Day::Holiday => "holiday",
        Day::MakeUp => "worked in exchange",
    }
}

/// A pack with all its defaults, as a tree.
pub(super) fn tree(pack: &Pack) -> Value {
    serde_json::to_value(pack).expect("a pack has names for keys and finite figures only")
}

struct Changes(Vec<Change>);

impl Changes {
    fn note(&mut self, key: &str, before: Option<String>, after: Option<String>) {
        self.0.push(Change {
            key: key.to_owned(),
            before,
            after,
        });
    }

    fn table(&mut self, path: &str, a: &Value, b: &Value, keys: &[Key]) {
        for key in keys {
            let below = join(path, key.name);
            self.value(&below, a.get(key.name), b.get(key.name), &key.shape);
        }
    }

    fn value(&mut self, path: &str, a: Option<&Value>, b: Option<&Value>, shape: &Shape) {
        let (a, b) = (a.filter(|a| !a.is_null()), b.filter(|b| !b.is_null()));
        if a == b {
            return;
        }
        let each = |names: &mut dyn Iterator<Item = &'static str>, of, changes: &mut Self| {
            for name in names {
                let inner = |whole: Option<&'_ Value>| whole.and_then(|v| v.get(name)).cloned();
                changes.value(&join(path, name), inner(a).as_ref(), inner(b).as_ref(), of);
            }
        };
        match (shape, a, b) {
            (Shape::Table(keys), Some(a), Some(b)) => self.table(path, a, b, keys),
            (Shape::List(list), Some(Value::Array(a)), Some(Value::Array(b))) => {
                self.list(path, a, b, list);
            }
            (Shape::PerKind(of), ..) => each(&mut Kind::ALL.iter().map(|k| k.name()), of, self),
            // What a pack does not narrow is written as such, or as what it is narrowed to.
            (Shape::PerAction(_), ..) => {
                for action in ACTIONS {
                    let inner = |whole: Option<&Value>| {
                        let roles = whole.and_then(|v| v.get(action.name));
                        roles.map_or_else(|| "whom the code lets".to_owned(), written)
                    };
                    let (before, after) = (inner(a), inner(b));
                    if before != after {
                        self.note(&join(path, action.name), Some(before), Some(after));
                    }
                }
            }
            _ => self.note(path, a.map(written), b.map(written)),
        }
    }

    fn list(&mut self, path: &str, a: &[Value], b: &[Value], list: &List) {
        let (named_a, named_b) = (named(a, list), named(b, list));
        let find = |all: &'_ [(String, Value)], name: &str| {
            let found = all.iter().find(|(known, _)| known == name);
            found.map(|(_, entry)| entry.clone())
        };
        for (name, before) in &named_a {
            let path = format!("{path}[{name}]");
            match (find(&named_b, name), list.of) {
                (None, _) => self.note(&path, Some(about(before, list)), None),
                (Some(after), Shape::Table(keys)) => self.table(&path, before, &after, keys),
                (Some(_), _) => {}
            }
        }
        for (name, after) in &named_b {
            if find(&named_a, name).is_none() {
                self.note(&format!("{path}[{name}]"), None, Some(about(after, list)));
            }
        }
        if list.ordered {
            let common = |these: &[(String, Value)], those: &[(String, Value)]| {
                let names = these.iter().filter(|(name, _)| find(those, name).is_some());
                let names: Vec<&str> = names.map(|(name, _)| name.as_str()).collect();
                names.join(", ")
            };
            let (before, after) = (common(&named_a, &named_b), common(&named_b, &named_a));
            if before != after {
                self.note(&format!("{path} (order)"), Some(before), Some(after));
            }
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// The entries of a list with the names they are known by; a name that comes again is counted.
fn named(entries: &[Value], list: &List) -> Vec<(String, Value)> {
    let mut all: Vec<(String, Value)> = Vec::with_capacity(entries.len());
    for entry in entries {
        let mut parts: Vec<(&str, &Value)> = Vec::new();
        for key in list.known_by {
            parts.extend(entry.get(*key).filter(|v| !v.is_null()).map(|v| (*key, v)));
        }
        let name = match (list.known_by, parts.as_slice()) {
            ([], _) => written(entry),
            (["code"], [(_, value)]) => written(value),
            (_, []) => "any".to_owned(),
            (_, parts) => {
                let parts = parts
                    .iter()
                    .map(|(key, value)| format!("{key}={}", written(value)));
                parts.collect::<Vec<_>>().join(" ")
            }
        };
        let again = |(known, _): &&(String, Value)| {
            *known == name || known.starts_with(&format!("{name} #"))
        };
        let before = all.iter().filter(again).count();
        let name = if before == 0 {
            name
        } else {
            format!("{name} #{}", before + 1)
        };
        all.push((name, entry.clone()));
    }
    all
}

/// What an entry says beside its name.
fn about(entry: &Value, list: &List) -> String {
    let Value::Object(fields) = entry else {
        return written(entry);
    };
    if let (Some(Value::String(zh)), Some(Value::String(en))) = (fields.get("zh"), fields.get("en"))
    {
        return format!("{zh} / {en}");
    }
    let rest = fields
        .iter()
        .filter(|(key, value)| !value.is_null() && !list.known_by.contains(&key.as_str()));
    let parts: Vec<String> = rest
        .map(|(key, value)| format!("{key} {}", written(value)))
        .collect();
    if parts.is_empty() {
        "yes".to_owned()
    } else {
        parts.join(", ")
    }
}

/// A value as people write it.
fn written(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(entries) => {
            let entries: Vec<String> = entries.iter().map(written).collect();
            format!("[{}]", entries.join(", "))
        }
        Value::Object(fields) => {
            let part = |(key, value): (&String, &Value)| match (key.as_str(), value.as_u64()) {
                ("working_days", Some(1)) => "1 working day".to_owned(),
                ("working_days", Some(days)) => format!("{days} working days"),
                ("minutes", Some(1)) => "1 minute".to_owned(),
                ("minutes", Some(minutes)) => format!("{minutes} minutes"),
                _ => format!("{key} {}", written(value)),
            };
            fields.iter().map(part).collect::<Vec<_>>().join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::DEFAULT_PACK;
    use super::*;

    fn lines(a: &str, b: &str) -> Vec<String> {
        diff(a, b).unwrap().iter().map(Change::to_string).collect()
    }

    #[test]
    fn by_code_and_in_the_order_of_the_documentation() {
        let b = format!("topics = [\"市容\"]\nroutes = [{{ topic = \"市容\", department = \"城管局\" }}]\n{DEFAULT_PACK}")
            .replace("normal = { working_days = 1 }", "normal = { minutes = 90 }")
            .replace("report = { working_days = 5 }", "report = { working_days = 15 }")
            .replace("code = \"wechat\"\nzh = \"微信\"", "code = \"wechat\"\nzh = \"微信公众号\"")
            .replace("code = \"sms\"", "code = \"mms\"")
            .replace("escalate = []", "escalate = [{ working_days = 2, level = \"red\" }]")
            + "\n[[deadlines]]\nkind = \"help\"\nchannel = \"forum\"\nhandle = { working_days = 2 }\n[roles]\nreply = [\"leader\"]\n";
        assert_eq!(
            lines(DEFAULT_PACK, &b),
            [
                "channels[sms]: removed: 短信 / SMS",
                "channels[wechat].zh: 微信 → 微信公众号",
                "channels[mms]: added: 短信 / SMS",
                "topics[市容]: added: 市容",
                "sign.normal: 1 working day → 90 minutes",
                "handle.report: 5 working days → 15 working days",
                "deadlines[kind=help channel=forum]: added: handle 2 working days",
                "lights.escalate[working_days=2]: added: level red",
                "routes[topic=市容 department=城管局]: added: yes",
                "roles.reply: whom the code lets → [leader]",
            ]
        );
        assert_eq!(lines(&b, &b), Vec::<String>::new());
        assert!(
            lines(&b, DEFAULT_PACK).contains(&"sign.normal: 90 minutes → 1 working day".into())
        );
    }

    #[test]
    fn defaults_are_no_difference_and_order_is_one() {
        let section = "[redo]\nterm = { working_days = 3 }\n";
        assert!(DEFAULT_PACK.contains(section));
        assert_eq!(
            lines(&DEFAULT_PACK.replace(section, ""), DEFAULT_PACK),
            Vec::<String>::new()
        );
        let swapped = DEFAULT_PACK
            .replace("\"10_years\"", "\"x\"")
            .replace("\"30_years\"", "\"10_years\"")
            .replace("\"x\"", "\"30_years\"");
        let changes = lines(DEFAULT_PACK, &swapped);
        let order = "archive.classes (order): 10_years, 30_years, permanent → 30_years, 10_years, permanent";
        assert!(changes.contains(&order.to_owned()), "{changes:#?}");
    }

    #[test]
    fn lists_of_holidays_differ_by_years_and_days() {
        let list = "published = [2026]\noff = [\"2026-10-01\"]\nwork = [\"2026-10-10\"]\nlawful = [\"2027-01-01\"]";
        let later = "published = [2026, 2027]\noff = [\"2026-10-02\", \"2026-10-10\", \"2027-01-01\"]\nwork = []";
        let changes = diff_holidays(list, later).unwrap();
        let told: Vec<String> = changes.iter().map(Change::to_string).collect();
        assert_eq!(
            told,
            [
                "holidays[2027]: added: published",
                "holidays[2026-10-01]: holiday → worked",
                "holidays[2026-10-02]: worked → holiday",
                "holidays[2026-10-10]: worked in exchange → holiday",
            ]
        );
        assert_eq!(diff_holidays(list, list).unwrap(), []);
    }

    #[test]
    fn a_pack_that_cannot_be_read_differs_from_nothing() {
        assert!(diff(DEFAULT_PACK, "x").is_err());
    }
}
