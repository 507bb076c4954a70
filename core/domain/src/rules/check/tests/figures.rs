//! Figures that do not go together, and texts that nothing can show.

use super::{changed, parse, told};

#[test]
fn a_window_is_no_longer_than_any_limit_it_applies_to() {
    let window = "window = { working_days = 2 }";
    let consult = (
        "consult = { working_days = 5 }",
        "consult = { working_days = 1 }",
    );
    let expected = (
        window,
        "return.window",
        "{ working_days = 2 } is longer than the handling limit of { working_days = 1 } (handle.consult, line",
    );
    told(&changed(&[consult]), &[expected]);
    // What is done anew is given back under it, too.
    told(
        &changed(&[(window, "window = { working_days = 4 }")]),
        &[(
            "window = {",
            "return.window",
            "the handling limit of { working_days = 3 } (redo.term",
        )],
    );
    let pack = |lines: &str| format!("deadlines = [\n{lines}\n]\n{}", changed(&[consult]));
    // A line gives the kind a window of its own, or another limit.
    told(
        &pack("{ kind = \"consult\", return = { working_days = 1 } },"),
        &[],
    );
    told(
        &pack("{ kind = \"consult\", handle = { working_days = 5 } },"),
        &[],
    );
    // One for a part of it does not; and 48 hours are longer than a day.
    told(
        &pack("{ kind = \"consult\", channel = \"forum\", return = { minutes = 2880 } },"),
        &[
            (
                "return = { minutes",
                "deadlines[1].return",
                "{ minutes = 2880 } is longer than",
            ),
            expected,
        ],
    );
    // Where the lines do not meet, none is held against the other; where they do, the first holds.
    let urgent = "{ urgency = \"urgent\", channel = \"app\", handle = { minutes = 120 }, return = { minutes = 60 } },";
    let rest = "{ kind = \"consult\", return = { working_days = 1 } },";
    told(&pack(&format!("{urgent}\n{rest}")), &[]);
    told(
        &pack(&format!("{rest}\n{urgent}")),
        &[(
            rest,
            "deadlines[1].return",
            "{ working_days = 1 } is longer than the handling limit of { minutes = 120 } (deadlines[2].handle, line 3)",
        )],
    );
}

#[test]
fn nobody_signs_or_makes_contact_for_longer_than_there_is_to_handle() {
    let twenty = (
        "normal = { working_days = 1 }",
        "normal = { working_days = 20 }",
    );
    told(
        &changed(&[twenty]),
        &[(
            "normal = {",
            "sign.normal",
            "{ working_days = 20 } is longer than the handling limit of { working_days = 5 } (handle.",
        )],
    );
    // A line with a limit in minutes has to say how long there is to sign.
    let hasty = |sign: &str| {
        format!(
            "deadlines = [\n{{ kind = \"consult\", handle = {{ minutes = 90 }}, return = {{ minutes = 30 }}{sign} }},\n]\n{}",
            changed(&[])
        )
    };
    told(
        &hasty(""),
        &[(
            "normal = {",
            "sign.normal",
            "the handling limit of { minutes = 90 } (deadlines[1].handle, line 2); expected at most { minutes = 90 }, or a line of deadlines with a sign for it",
        )],
    );
    told(&hasty(", sign = { minutes = 30 }"), &[]);
    told(
        &hasty(", sign = { minutes = 91 }"),
        &[(
            "sign = { minutes = 91 }",
            "deadlines[1].sign",
            "{ minutes = 91 } is longer",
        )],
    );
    let contact = |within: &str| format!("{}[contact]\nwithin = {within}\n", changed(&[]));
    told(&contact("{ working_days = 5 }"), &[]);
    told(
        &contact("{ working_days = 50 }"),
        &[(
            "within = { working_days = 50",
            "contact.within",
            "is longer than the handling limit of { working_days = 5 }",
        )],
    );
}

#[test]
fn margins_and_lights_leave_something_of_the_shortest_term() {
    let both = |days: u32| {
        let (margin, yellow) = (
            format!("margin_working_days = {days}"),
            format!("yellow_working_days = {days}"),
        );
        changed(&[
            ("margin_working_days = 1", &*margin),
            ("yellow_working_days = 1", &*yellow),
        ])
    };
    told(&both(2), &[]);
    // Done anew within three working days; handled within five.
    let yellow = (
        "yellow_working_days",
        "lights.yellow_working_days",
        "is no less than the shortest term of 3 working days (redo.term",
    );
    told(&both(3), &[yellow]);
    told(
        &both(5),
        &[
            (
                "margin_working_days",
                "delegate.margin_working_days",
                "5 is no less than the shortest term of 5 working days (handle.",
            ),
            yellow,
        ],
    );
    // One working day is the least there is, and zero is none.
    let one = both(1).replace("help = { working_days = 5 }", "help = { working_days = 1 }");
    told(
        &one.replace(
            "window = { working_days = 2 }",
            "window = { working_days = 1 }",
        ),
        &[],
    );
    told(&both(0), &[]);
}

#[test]
fn a_leader_asks_for_no_fewer_extensions_than_a_clerk() {
    told(
        &changed(&[
            ("\ntimes = 1\n", "\ntimes = 3\n"),
            ("leader_times = 1", "leader_times = 2"),
        ]),
        &[(
            "leader_times",
            "extend.leader_times",
            "a leader has 2, fewer than a clerk, who has 3; expected at least 3",
        )],
    );
    // Who is not named has one.
    told(
        &changed(&[
            ("\ntimes = 1\n", "\ntimes = 3\n"),
            ("leader_times = 1\n", ""),
        ]),
        &[(
            "times = 3",
            "extend.leader_times",
            "a leader has 1, fewer than",
        )],
    );
    told(&changed(&[("\ntimes = 1\n", "\ntimes = 0\n")]), &[]);
    told(
        &changed(&[
            ("\ntimes = 1\n", "\n"),
            ("leader_times = 1\n", "leader_times = 0\n"),
        ]),
        &[("leader_times", "extend.leader_times", "a leader has 0")],
    );
}

#[test]
fn texts_have_no_characters_that_nothing_shows() {
    let pack = changed(&[
        (
            "title_en = \"Default rules\"",
            "title_en = \"Default\\u0000rules\"",
        ),
        ("zh = \"电话\"", "zh = \"电\\u001B话\""),
        ("en = \"Phone\"", "en = \"\\u202EenohP\""),
        ("zh = \"短信\"", "zh = \"\\u200B\""),
        ("\"停水\"", "\"停\\n水\""),
    ]);
    told(
        &format!("topics = [\"城市\\u0085管理\"]\n{pack}"),
        &[
            (
                "topics",
                "topics[1]",
                "there is a control character, U+0085",
            ),
            (
                "title_en",
                "pack.title_en",
                "U+0000; expected a text that is not empty, without control characters",
            ),
            ("\"停\\n水\"", "triage.rules[2].words[1]", "U+000A"),
            ("电\\u001B话", "channels[1].zh", "U+001B"),
            ("enohP", "channels[1].en", "U+202E"),
            ("\\u200B", "channels[2].zh", "does not do"),
        ],
    );
    // What was published so is read as ever.
    parse(&pack).unwrap();
}

#[test]
fn topics_are_a_tree_of_three_levels_and_prefixes_are_of_logins() {
    let prefix = |prefix: &str| {
        let line = format!("prefixes = [{{ prefix = \"{prefix}\" }}]");
        changed(&[("prefixes = []", &line)])
    };
    let long = "市".repeat(500);
    for (wrong, message) in [
        (
            "市 直",
            "\"市 直\" has what no login may have; expected letters",
        ),
        (&*long, "it has 500 characters, and no login is so long"),
    ] {
        told(
            &prefix(wrong),
            &[("prefixes = [{", "accounts.prefixes[1].prefix", message)],
        );
    }
    told(&prefix("市直-"), &[]);
    let topics = [
        "\"城市管理/市容环境/占道经营\"",
        "\"城市管理//市容环境\"",
        "\"/城市管理\"",
        "\"城市管理/a/b/c\"",
        "\"城市管理/ 油烟\"",
        "\"教育\"",
    ];
    let pack = format!("topics = [\n{}\n]\n{}", topics.join(",\n"), changed(&[]));
    let wrong = [2, 3, 4, 5].map(|n| (topics[n - 1], format!("topics[{n}]")));
    let expected: Vec<_> = wrong
        .iter()
        .map(|(place, key)| {
            (
                *place,
                key.as_str(),
                "does not do; expected a path of 1 to 3 levels",
            )
        })
        .collect();
    told(&pack, &expected);
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
                "3 is no less than the shortest term of 2 working days (handle.consult, line",
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
