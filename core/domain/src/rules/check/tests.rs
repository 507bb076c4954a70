//! Broken packs and what is told of them; and that `check` and `Rules::parse` agree.

use super::super::diff::tree;
use super::super::pack::Pack;
use super::super::{CALENDAR_CN, DEFAULT_PACK, PackError, Rules};
use super::schema::{self, Key, Shape};
use super::{Mistake, check};
use std::collections::BTreeSet;
use toml::Value;

fn parse(pack: &str) -> Result<Rules, PackError> {
    Rules::parse(pack, CALENDAR_CN, 1)
}

/// The default pack after changes, each of one place.
fn changed(changes: &[(&str, &str)]) -> String {
    let change = |pack: String, (from, to): &(&str, &str)| {
        assert!(pack.contains(from), "the default pack has no {from:?}");
        pack.replacen(from, to, 1)
    };
    changes.iter().fold(DEFAULT_PACK.to_owned(), change)
}

/// The line of a text's first place, from 1.
fn line_of(pack: &str, text: &str) -> usize {
    let at = pack.find(text).unwrap_or_else(|| panic!("no {text:?}"));
    pack[..at].matches('\n').count() + 1
}

/// Asserts that a pack has these mistakes, in order: where in the text, the key, a part of the message.
#[track_caller]
fn told(pack: &str, expected: &[(&str, &str, &str)]) {
    let mistakes = check(pack);
    let shown: Vec<String> = mistakes.iter().map(Mistake::to_string).collect();
    assert_eq!(mistakes.len(), expected.len(), "{shown:#?}");
    for (mistake, (place, key, message)) in mistakes.iter().zip(expected) {
        assert_eq!(mistake.line, line_of(pack, place), "{mistake}");
        assert_eq!(mistake.key, *key, "{mistake}");
        assert!(mistake.to_string().contains(message), "{mistake}");
        assert!(mistake.zh().contains(*key), "{}", mistake.zh());
    }
}

#[test]
fn every_mistake_is_told_and_not_only_the_first() {
    let pack = changed(&[
        ("\"Asia/Shanghai\"", "\"Asia/Shanghia\""),
        ("urgent = { minutes = 30 }", "urgent = { minuts = 30 }"),
        ("praise = { working_days = 5 }", ""),
        ("margin_working_days", "margin_days"),
        ("attempts = 3", "attempts = \"3\""),
        ("fairly_weight = 0.6", "fairly_weight = 1.6"),
    ]);
    told(
        &pack,
        &[
            ("time_zone", "pack.time_zone", "expected an IANA time zone"),
            (
                "urgent = {",
                "sign.urgent",
                "there is no unit minuts; expected { working_days",
            ),
            (
                "[handle]",
                "handle.praise",
                "missing; expected { working_days = 1..400 }",
            ),
            ("[delegate]", "delegate.margin_working_days", "missing"),
            (
                "margin_days",
                "delegate.margin_days",
                "did you mean margin_working_days?",
            ),
            (
                "attempts",
                "call_back.attempts",
                "of the type string; expected a whole number from 1",
            ),
            (
                "fairly_weight",
                "rating.fairly_weight",
                "1.6 does not do; expected a number from 0",
            ),
        ],
    );
    assert!(parse(&pack).is_err());
}

#[test]
fn a_section_that_is_not_known_or_not_there() {
    told(
        &changed(&[("[extend]", "[extends]")]),
        &[(
            "[extends]",
            "extends",
            "no such key; expected one of: pack, channels",
        )],
    );
    let pack = changed(&[("[delegate]\nmargin_working_days = 1\n", "")]);
    told(
        &pack,
        &[(
            "#",
            "delegate",
            "missing; expected a section with the keys: margin_working_days",
        )],
    );
}

#[test]
fn what_is_no_toml_is_told_with_what_follows_elsewhere() {
    let pack = changed(&[
        ("title_en = \"Default rules\"", "title_en = Default rules\""),
        ("days_max = 10", "days_max = 0"),
    ]);
    let mistakes = check(&pack);
    assert!(mistakes[0].to_string().contains("no TOML"), "{mistakes:?}");
    assert_eq!(mistakes[0].line, line_of(&pack, "title_en"));
    let last = mistakes.last().unwrap();
    assert_eq!(
        (last.line, &*last.key),
        (line_of(&pack, "days_max"), "extend.days_max")
    );
    told(
        &changed(&[("times = 1\n", "times = 1\ntimes = 2\n")]),
        &[("times = 2", "", "duplicate key")],
    );
}

#[test]
fn terms_and_figures_out_of_bounds() {
    told(
        &changed(&[
            (
                "normal = { working_days = 1 }",
                "normal = { working_days = 401 }",
            ),
            (
                "help = { working_days = 5 }",
                "help = { working_days = 5, minutes = 3 }",
            ),
            ("window = { working_days = 2 }", "window = 2"),
            ("days = 30", "days = -1"),
        ]),
        &[
            ("normal = {", "sign.normal", "401 is out of bounds"),
            ("help = {", "handle.help", "not exactly one unit"),
            ("window =", "return.window", "of the type integer"),
            (
                "days = -1",
                "duplicates.days",
                "-1 does not do; expected a whole number from 0",
            ),
        ],
    );
}

#[test]
fn office_hours_out_of_order() {
    let (from, to) = ("[\"14:00\", \"17:30\"]", "[\"11:00\", \"17:30\"]");
    told(
        &changed(&[(from, to)]),
        &[("office_hours = [", "pack.office_hours", "must be in order")],
    );
    told(
        &changed(&[("[\"14:00\", \"17:30\"]", "[\"14:00\"]")]),
        &[(
            "office_hours = [",
            "pack.office_hours",
            "it is no list of spans",
        )],
    );
}

#[test]
fn codes_are_short_plain_and_each_once() {
    let long = format!("code = \"{}\"", "x".repeat(41));
    let pack = changed(&[
        ("code = \"OUTSIDE_REGION\"", "code = \"NOT_COMPETENT\""),
        ("code = \"NEEDS_MORE_FACTS\"", "code = \"\""),
        ("code = \"110\"", "code = \"110 \""),
        ("code = \"sms\"", &long),
        ("code = \"wechat\"", "code = \"微信\""),
    ]);
    told(
        &pack,
        &[
            (
                "[[return.reasons]]\ncode = \"NOT_COMPETENT\"\nzh = \"不属于本辖区\"",
                "return.reasons[2]",
                "\"NOT_COMPETENT\" is there already",
            ),
            (
                "code = \"\"",
                "return.reasons[3].code",
                "expected a code: 1 to 40",
            ),
            (
                "code = \"110 \"",
                "transfer.lines[1].code",
                "\"110 \" does not do",
            ),
            (&long, "channels[2].code", "does not do"),
            ("code = \"微信\"", "channels[3].code", "letters, digits"),
        ],
    );
    // What stores hold already is read as ever.
    parse(&pack).unwrap();
}

#[test]
fn lists_that_must_not_be_empty() {
    let lists = "channels = []\ntopics = []\n";
    let pack = DEFAULT_PACK.split("[[channels]]").next().unwrap();
    told(
        &format!("{lists}{pack}"),
        &[(
            "channels = []",
            "channels",
            "the list is empty; expected at least 1",
        )],
    );
}

const TABLE: &str = r#"
topics = ["城市管理/油烟", "城市管理/占道", "城市管理/油烟"]
regions = ["东湖区"]
routes = [
    { topic = "城市", department = "城市管理局" },
    { topic = "城市管理", region = "东胡区", department = "城市管理局" },
    { topic = "城市管理", department = "市场局" },
    { department = "市场局", topic = "城市管理" },
]
deadlines = [
    { channel = "forums", handle = { working_days = 3 } },
    { kind = "report", handle = { working_days = 15 } },
    { kind = "report", topic = "城市管理/油烟", sign = { minutes = 30 }, handle = { working_days = 7 } },
    { topic = "城市管理/占道", kind = "consult" },
    { topic = "卫生", kind = "consults", handle = { working_days = 1 } },
]
"#;

#[test]
fn names_of_nothing_and_lines_that_never_hold() {
    let pack = format!("{}\n{DEFAULT_PACK}", TABLE.trim());
    told(
        &pack,
        &[
            ("topics", "topics[3]", "is there already, in line 1"),
            (
                "{ topic = \"城市\"",
                "routes[1].topic",
                "\"城市\" is not of the pack's topics",
            ),
            ("东胡区", "routes[2].region", "did you mean 东湖区?"),
            (
                "{ department = \"市场局\"",
                "routes[4]",
                "the same as line 6",
            ),
            ("forums", "deadlines[1].channel", "did you mean forum?"),
            (
                "{ minutes = 30 }",
                "deadlines[3].handle",
                "can never hold: line 11",
            ),
            (
                "kind = \"consult\" }",
                "deadlines[4]",
                "it sets no deadline",
            ),
            ("卫生", "deadlines[5].kind", "did you mean consult?"),
            ("卫生", "deadlines[5].topic", "is not of the pack's topics"),
        ],
    );
}

#[test]
fn rights_are_narrowed_and_never_widened() {
    let roles = r#"
[roles]
asign = ["dispatcher"]
assign = ["dispatcher", "clerk"]
light = ["supervisor"]
redo = []
return = ["leader"]
reply = ["clerk", "leeder"]
rule = ["office"]
"#;
    told(
        &format!("{DEFAULT_PACK}{roles}"),
        &[
            ("asign =", "roles.asign", "did you mean assign?"),
            (
                "assign =",
                "roles.assign[2]",
                "the code does not let clerk assign",
            ),
            ("light = [", "roles.light", "only Docket itself does light"),
            (
                "redo = []",
                "roles.redo",
                "nobody could redo any more; expected one of: office",
            ),
            ("reply = [", "roles.reply[2]", "did you mean leader?"),
            (
                "rule = [",
                "roles.rule[1]",
                "the code does not let office rule",
            ),
            (
                "rule = [",
                "roles.rule",
                "nobody could rule any more; expected one of: joint_meeting",
            ),
        ],
    );
}

#[test]
fn margins_escalations_and_archiving() {
    told(
        &changed(&[
            (
                "consult = { working_days = 5 }",
                "consult = { working_days = 2 }",
            ),
            ("margin_working_days = 1", "margin_working_days = 3"),
            ("after_days = 0", "after_days = 30"),
            (
                "[[archive.classes]]\ncode = \"10_years\"\nzh = \"十年\"\nen = \"10 years\"\n",
                "",
            ),
            (
                "[[archive.classes]]\ncode = \"30_years\"\nzh = \"三十年\"\nen = \"30 years\"\n",
                "",
            ),
            (
                "[[archive.classes]]\ncode = \"permanent\"\nzh = \"永久\"\nen = \"Permanent\"\n",
                "",
            ),
            (
                "escalate = []",
                "escalate = [\n{ working_days = 2, level = \"red\" },\n{ working_days = 2, level = \"yellow\" },\n]",
            ),
        ]),
        &[
            (
                "margin_working_days",
                "delegate.margin_working_days",
                "more than the shortest handling term of 2",
            ),
            ("after_days", "archive.after_days", "no class to archive in"),
            (
                "level = \"yellow\"",
                "lights.escalate[2].working_days",
                "not later than",
            ),
            (
                "level = \"yellow\"",
                "lights.escalate[2].level",
                "no stricter than",
            ),
        ],
    );
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
    let whole: Value = toml::from_str(DEFAULT_PACK).unwrap();
    let packs = broken(&whole);
    assert!(packs.len() > 300, "{}", packs.len());
    for (how, pack) in packs {
        let Ok(text) = toml::to_string(&pack) else {
            continue;
        };
        let (mistakes, parsed) = (check(&text), parse(&text));
        match parsed {
            Err(error) => assert!(!mistakes.is_empty(), "{how}: {error}\n{text}"),
            Ok(_) if how == "removed" => {}
            Ok(_) => assert_eq!(mistakes, [], "{how}\n{text}"),
        }
    }
}

#[test]
fn the_shipped_packs_have_no_mistake() {
    assert_eq!(check(DEFAULT_PACK), []);
    parse(DEFAULT_PACK).unwrap();
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
    let pack = DEFAULT_PACK.replace(
        "escalate = []",
        "escalate = [{ working_days = 1, level = \"red\" }]",
    );
    let pack = Pack::read(&format!("{every_list}{pack}")).unwrap();
    same_keys("", &tree(&pack), schema::PACK);
}
