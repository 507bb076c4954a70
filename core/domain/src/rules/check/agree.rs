//! That `check`, its schema and `Rules::parse` agree.

use super::super::diff::tree;
use super::super::pack::Pack;
use super::super::{CALENDAR_CN, DEFAULT_PACK, PACKS, PackError, Rules};
use super::check;
use super::schema::{self, Key, Shape};
use std::collections::BTreeSet;
use toml::Value;

fn parse(pack: &str) -> Result<Rules, PackError> {
    Rules::parse(pack, CALENDAR_CN, 1)
}

/// Every way to break one value of a pack: without it, under another name, of another type.
fn broken(value: &Value) -> Vec<(&'static str, Value)> {
    let mut all = Vec::new();
    match value {
        Value::Table(table) => {
            for (key, inner) in table {
                let mut without = table.clone();
                without.remove(key);
                all.push(("removed", Value::Table(without.clone())));
                without.insert(format!("{key}_x"), inner.clone());
                all.push(("renamed", Value::Table(without.clone())));
                without.remove(&format!("{key}_x"));
                for (how, inner) in broken(inner) {
                    without.insert(key.clone(), inner);
                    all.push((how, Value::Table(without.clone())));
                }
            }
        }
        Value::Array(list) => {
            all.push(("removed", Value::Array(Vec::new())));
            // The first entry stands for all.
            for (how, inner) in list.first().map(broken).unwrap_or_default() {
                let mut changed = list.clone();
                changed[0] = inner;
                all.push((how, Value::Array(changed)));
            }
        }
        Value::String(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_) => {}
    }
    let other = match value {
        Value::Boolean(_) => Value::Integer(1),
        _ => Value::Boolean(true),
    };
    all.push(("retyped", other));
    all
}

/// Whatever `parse` refuses, `check` tells; and what is only of another type or name, `parse` refuses, too.
#[test]
fn check_and_parse_agree_on_every_broken_pack() {
    let whole = |(_, pack): &(&str, &str)| toml::from_str::<Value>(pack).unwrap();
    let packs: Vec<_> = PACKS.iter().flat_map(|pack| broken(&whole(pack))).collect();
    assert!(packs.len() > 2000, "{}", packs.len());
    for (how, pack) in packs {
        let Ok(text) = toml::to_string(&pack) else {
            continue;
        };
        let (mistakes, parsed) = (check(&text), parse(&text));
        match parsed {
            Err(error) => assert!(!mistakes.is_empty(), "{how}: {error}\n{text}"),
            Ok(_) if how == "removed" => {}
            // Rights of an action that there is not do nothing, and may have been published.
            Ok(_) if mistakes.iter().all(|m| m.key.starts_with("roles.")) => {}
            Ok(_) => assert_eq!(mistakes, [], "{how}\n{text}"),
        }
    }
}

#[test]
fn the_shipped_packs_have_no_mistake() {
    for (name, pack) in PACKS {
        let mistakes = check(pack);
        assert_eq!(mistakes, [], "{name}");
        assert_eq!(parse(pack).unwrap().titles().0, *name);
    }
}

/// The keys of a tree and of its schema are the same, all the way down.
fn same_keys(path: &str, tree: &serde_json::Value, keys: &[Key]) {
    let fields = tree.as_object().unwrap_or_else(|| panic!("{path}: {tree}"));
    let read: BTreeSet<&str> = fields.keys().map(String::as_str).collect();
    let known: BTreeSet<&str> = keys.iter().map(|key| key.name).collect();
    assert_eq!(read, known, "{path}");
    for key in keys {
        let (path, value) = (format!("{path}.{}", key.name), &tree[key.name]);
        match &key.shape {
            Shape::Table(inner) => same_keys(&path, value, inner),
            Shape::List(list) => {
                if let Shape::Table(inner) = list.of {
                    let first = value.get(0).unwrap_or_else(|| panic!("{path} is empty"));
                    same_keys(&path, first, inner);
                }
            }
            _ => {}
        }
    }
}

/// The schema and the structures that serde reads have the same keys.
#[test]
fn the_schema_is_what_is_read() {
    let every_list = "topics = [\"市容\"]\nroutes = [{ department = \"城管局\" }]\n\
        deadlines = [{ sign = { minutes = 1 } }]\n";
    let full = [
        (
            "escalate = []",
            "escalate = [{ working_days = 1, level = \"red\" }]",
        ),
        (
            "required = []",
            "required = [{ kind = \"help\", fields = [\"place\"] }]",
        ),
        (
            "menu = []",
            "menu = [{ code = \"a\", zh = \"甲\", en = \"A\", kind = \"help\" }]",
        ),
        ("prefixes = []", "prefixes = [{ prefix = \"pt-\" }]"),
    ];
    let pack = full
        .iter()
        .fold(DEFAULT_PACK.to_owned(), |pack, (from, to)| {
            pack.replace(from, to)
        });
    let pack = Pack::read(&format!("{every_list}{pack}")).unwrap();
    same_keys("", &tree(&pack), schema::PACK);
}

/// The paths of keys, as the documentation writes them.
fn paths(path: &str, keys: &[Key], all: &mut BTreeSet<String>) {
    for key in keys {
        let path = super::shape::below(path, key.name);
        match &key.shape {
            Shape::Table(inner) => paths(&path, inner, all),
            Shape::List(list) => {
                if let Shape::Table(inner) = list.of {
                    paths(&format!("{path}[]"), inner, all);
                }
                all.insert(path);
            }
            _ => {
                all.insert(path);
            }
        }
    }
}

/// The reference names every key, and none that there is not.
#[test]
fn the_reference_is_of_all_keys() {
    let reference = include_str!("../../../../../docs/rules.md");
    let rows = reference
        .lines()
        .filter_map(|line| line.strip_prefix("| `"));
    let rows = rows
        .filter_map(|row| row.split_once('`'))
        .map(|(key, _)| key);
    let packs: BTreeSet<&str> = PACKS.iter().map(|(name, _)| *name).collect();
    let mut named: BTreeSet<String> = rows.map(str::to_owned).collect();
    for pack in packs {
        assert!(named.remove(pack), "{pack}");
    }
    let mut known = BTreeSet::new();
    paths("", schema::PACK, &mut known);
    let differ: Vec<_> = known.symmetric_difference(&named).collect();
    assert!(differ.is_empty(), "{differ:?}");
}
