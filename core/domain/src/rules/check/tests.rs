//! Broken packs and what is told of them.

mod figures;
mod holidays;

use super::super::{CALENDAR_CN, DEFAULT_PACK, PackError, Rules};
use super::{Mistake, check};

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
            "no such key; expected one of: pack, kinds, channels",
        )],
    );
    let pack = changed(&[(
        "[delegate]\nmargin_working_days = 1\nmargin_percent_max = 50\n",
        "",
    )]);
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
fn a_figure_that_no_number_holds_is_out_of_bounds() {
    told(
        &changed(&[
            (
                "window = { working_days = 2 }",
                "window = { working_days = 99999999999999999999999 }",
            ),
            ("days_max = 10", "days_max = 99999999999999999999999"),
        ]),
        &[
            (
                "window =",
                "return.window",
                "99999999999999999999999 is out of bounds",
            ),
            (
                "days_max =",
                "extend.days_max",
                "99999999999999999999999 does not do; expected a whole number from 1 to 400",
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
    told(&changed(&[(from, "[\"14:00\", \"24:00\"]")]), &[]);
    let never = changed(&[(from, "[\"24:00\", \"24:00\"]")]);
    told(
        &never,
        &[("office_hours = [", "pack.office_hours", "not empty")],
    );
    assert!(check(&never)[0].zh().contains("时段须按先后排列"));
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
    { topic = "卫生", kind = "consults", handle = { working_days = 2 } },
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
fn rights_that_another_figure_takes_from_everybody() {
    let pack = changed(&[
        (
            "[sign_off]\nrequired = false",
            "[sign_off]\nrequired = true",
        ),
        ("times = 1\nleader_times = 1", "times = 0\nleader_times = 2"),
    ]);
    let roles = "[roles]\nask_extension = [\"clerk\"]\ncorrect = [\"clerk\"]\n";
    told(
        &format!("{pack}{roles}"),
        &[
            (
                "ask_extension =",
                "roles.ask_extension",
                "nobody could ask_extension any more: with extend.times = 0 a clerk may not; expected one of: leader",
            ),
            (
                "correct =",
                "roles.correct",
                "nobody could correct any more: with sign_off.required a clerk may not; expected one of: leader, office",
            ),
        ],
    );
    // What is left to somebody is no mistake: one of two who decides on both, and the centre that corrects for all.
    let roles = "[roles]\ncorrect = [\"office\"]\ndecide_exclusion = [\"office\"]\n";
    told(&format!("{pack}{roles}"), &[]);
}

#[test]
fn what_the_edges_apply_makes_sense_too() {
    let lists = "regions = [\"仙游县\"]\n";
    let pack = changed(&[
        ("response_weight = 30", "response_weight = 40"),
        ("code = \"fairly\"", "code = \"soso\""),
        (
            "required = []",
            "required = [\n{ kind = \"help\", fields = [\"region\", \"topic\"] },\n{ kind = \"help\", fields = [] },\n]",
        ),
        (
            "menu = []",
            "menu = [{ code = \"A\", zh = \"甲\", en = \"A\", kind = \"help\", topic = \"卫生\" }]",
        ),
        (
            "words = [\"停水\"",
            "words = [\"轻生\", \"触电\"]\nurgency = \"urgent\"\n[[triage.rules]]\nwords = [\"停水\"",
        ),
        ("assigns_by_itself = false", "assigns_by_itself = true"),
        ("min_chars = 8", "min_chars = 6"),
        (
            "prefixes = []",
            "prefixes = [\n{ prefix = \"a-\" },\n{ prefix = \"b-\" },\n{ region = \"荔城区\", prefix = \"lc-\" },\n]",
        ),
    ]);
    told(
        &format!("{lists}{pack}"),
        &[
            (
                "response_weight",
                "rating.response_weight",
                "the three weights make 110; expected 100",
            ),
            (
                "soso",
                "rating.scale[2].code",
                "expected one of: satisfied, fairly, dissatisfied",
            ),
            (
                "{ kind = \"help\", fields = [\"region",
                "intake.required[1].fields[2]",
                "the pack has no topics",
            ),
            (
                "{ kind = \"help\", fields = []",
                "intake.required[2].fields",
                "the list is empty",
            ),
            (
                "{ kind = \"help\", fields = []",
                "intake.required[2]",
                "\"help\" is there already",
            ),
            ("menu =", "intake.menu[1].topic", "which has none"),
            (
                "[[triage.rules]]\nwords = [\"轻生\", \"触电\"]",
                "triage.rules[2]",
                "can never hold",
            ),
            (
                "assigns_by_itself",
                "routing.assigns_by_itself",
                "there are no routes",
            ),
            (
                "min_chars",
                "password.min_chars",
                "6 does not do; expected a whole number from 8",
            ),
            (
                "{ prefix = \"b-\"",
                "accounts.prefixes[2]",
                "of no region already",
            ),
            (
                "荔城区",
                "accounts.prefixes[3].region",
                "not of the pack's regions",
            ),
        ],
    );
}
