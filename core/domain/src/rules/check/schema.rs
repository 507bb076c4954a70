//! The sections and keys of a rule pack, in the order of the documentation, and what each must be.
//!
//! The structures that serde reads (`pack.rs`) say the same once more; a test compares the two.

use super::super::edge::{IntakeField, PASSWORD_CHARS_MIN};
use crate::calendar::{FIRST_YEAR, LAST_YEAR, TERM_WORKING_DAYS_MAX};
use crate::people::Role;
use crate::ticket::{Kind, Satisfaction, SupervisionLevel, Urgency};

/// A key of a section.
pub(in super::super) struct Key {
    /// Its name.
    pub(in super::super) name: &'static str,
    /// What it must be.
    pub(in super::super) shape: Shape,
    /// Whether it must be there.
    pub(super) needed: bool,
}

/// What a value must be.
pub(in super::super) enum Shape {
    /// A text, not empty, without control characters.
    Text,
    /// A code that may stand in the log.
    Code,
    /// A topic's path.
    Topic,
    /// A time zone.
    Zone,
    /// A day.
    Date,
    /// The office hours of a day.
    Hours,
    /// True or false.
    Flag,
    /// A whole number between these two.
    Whole(u32, u32),
    /// A number from 0 to 1.
    Share,
    /// Working days or minutes.
    Term,
    /// One of some words.
    Word(fn() -> Vec<&'static str>),
    /// A section, or an entry of a list.
    Table(&'static [Key]),
    /// A list.
    List(List),
    /// A value for every kind.
    PerKind(&'static Shape),
    /// Roles for some actions; what these may be is for [`sense`](super::sense) to say.
    PerAction(&'static Shape),
}

/// A list.
pub(in super::super) struct List {
    /// Its entries.
    pub(in super::super) of: &'static Shape,
    /// The fewest.
    pub(super) min: usize,
    /// By which of its keys an entry is known; none: by itself.
    pub(in super::super) known_by: &'static [&'static str],
    /// Whether each may be there only once.
    pub(super) once: bool,
    /// Whether their order means something.
    pub(in super::super) ordered: bool,
}

const fn needed(name: &'static str, shape: Shape) -> Key {
    Key {
        name,
        shape,
        needed: true,
    }
}

const fn may(name: &'static str, shape: Shape) -> Key {
    Key {
        name,
        shape,
        needed: false,
    }
}

/// A list of entries with a code.
const fn coded(of: &'static Shape, min: usize) -> Shape {
    Shape::List(List {
        of,
        min,
        known_by: &["code"],
        once: true,
        ordered: true,
    })
}

/// A list of entries whose order decides.
const fn lines(of: &'static Shape, known_by: &'static [&'static str]) -> Shape {
    Shape::List(List {
        of,
        min: 0,
        known_by,
        once: false,
        ordered: true,
    })
}

/// A list of entries that are known by one key, each once.
const fn by(of: &'static Shape, known_by: &'static [&'static str], ordered: bool) -> Shape {
    Shape::List(List {
        of,
        min: 0,
        known_by,
        once: true,
        ordered,
    })
}

/// A list of names or words, each once.
const fn names(of: &'static Shape, min: usize) -> Shape {
    Shape::List(List {
        of,
        min,
        known_by: &[],
        once: true,
        ordered: false,
    })
}

fn kinds() -> Vec<&'static str> {
    Kind::ALL.iter().map(|kind| kind.name()).collect()
}

fn urgencies() -> Vec<&'static str> {
    Urgency::ALL.iter().map(|urgency| urgency.name()).collect()
}

fn roles() -> Vec<&'static str> {
    Role::ALL.iter().map(|role| role.name()).collect()
}

fn supervision_levels() -> Vec<&'static str> {
    let levels = SupervisionLevel::ALL.iter();
    levels.map(|level| level.name()).collect()
}

fn satisfactions() -> Vec<&'static str> {
    let scale = Satisfaction::ALL.iter();
    scale.map(|word| word.name()).collect()
}

fn intake_fields() -> Vec<&'static str> {
    IntakeField::ALL.iter().map(|field| field.name()).collect()
}

fn calls_back() -> Vec<&'static str> {
    vec!["wanted", "always", "never"]
}

const KIND: Shape = Shape::Word(kinds);
const URGENCY: Shape = Shape::Word(urgencies);
const TERM: Shape = Shape::Term;
const TEXT: Shape = Shape::Text;
/// How often something may be done.
const TIMES: Shape = Shape::Whole(0, 100);
const LABELLED: Shape = Shape::Table(&[
    needed("code", Shape::Code),
    needed("zh", Shape::Text),
    needed("en", Shape::Text),
]);
const DECLINE_REASON: Shape = Shape::Table(&[
    needed("code", Shape::Code),
    needed("zh", Shape::Text),
    needed("en", Shape::Text),
    needed("channel_zh", Shape::Text),
    needed("channel_en", Shape::Text),
]);
const DEADLINE: Shape = Shape::Table(&[
    may("kind", KIND),
    may("topic", Shape::Text),
    may("urgency", URGENCY),
    may("channel", Shape::Code),
    may("sign", Shape::Term),
    may("handle", Shape::Term),
    may("contact", Shape::Term),
    may("return", Shape::Term),
]);
const ROUTE: Shape = Shape::Table(&[
    may("topic", Shape::Text),
    may("region", Shape::Text),
    needed("department", Shape::Text),
]);
const ESCALATION: Shape = Shape::Table(&[
    needed(
        "working_days",
        Shape::Whole(0, TERM_WORKING_DAYS_MAX as u32),
    ),
    needed("level", Shape::Word(supervision_levels)),
]);
const KIND_TITLE: Shape = Shape::Table(&[
    needed("code", KIND),
    needed("zh", Shape::Text),
    needed("en", Shape::Text),
]);
const SCALE: Shape = Shape::Table(&[
    needed("code", Shape::Word(satisfactions)),
    needed("zh", Shape::Text),
    needed("en", Shape::Text),
]);
const TRIAGE: Shape = Shape::Table(&[
    may("words", names(&TEXT, 1)),
    may("kind", KIND),
    may("topic", Shape::Text),
    may("channel", Shape::Code),
    needed("urgency", URGENCY),
]);
const REQUIRED: Shape = Shape::Table(&[
    needed("kind", KIND),
    needed("fields", names(&Shape::Word(intake_fields), 1)),
]);
const MENU: Shape = Shape::Table(&[
    needed("code", Shape::Code),
    needed("zh", Shape::Text),
    needed("en", Shape::Text),
    needed("kind", KIND),
    may("topic", Shape::Text),
]);
const PREFIX: Shape = Shape::Table(&[may("region", Shape::Text), needed("prefix", Shape::Text)]);
const ROLES: Shape = names(&Shape::Word(roles), 0);
/// Longest texts: 100,000 characters at most, a technical limit.
const CHARACTERS: Shape = Shape::Whole(1, 100_000);

/// A year of a list of holidays.
const YEAR: Shape = Shape::Whole(FIRST_YEAR as u32, LAST_YEAR as u32);
const DATE: Shape = Shape::Date;

/// A whole list of holidays.
pub(super) const HOLIDAYS: &[Key] = &[
    needed("published", names(&YEAR, 1)),
    needed("off", names(&DATE, 0)),
    needed("work", names(&DATE, 0)),
    // Two holidays may fall on one day.
    may("lawful", lines(&DATE, &[])),
];

/// A whole pack.
pub(in super::super) const PACK: &[Key] = &[
    needed(
        "pack",
        Shape::Table(&[
            needed("name", Shape::Code),
            needed("title_zh", Shape::Text),
            needed("title_en", Shape::Text),
            needed("time_zone", Shape::Zone),
            needed("office_hours", Shape::Hours),
        ]),
    ),
    may("kinds", coded(&KIND_TITLE, 1)),
    needed("channels", coded(&LABELLED, 1)),
    may("topics", names(&Shape::Topic, 0)),
    may("regions", names(&TEXT, 0)),
    needed(
        "sign",
        Shape::Table(&[
            needed("normal", Shape::Term),
            needed("urgent", Shape::Term),
            needed("critical", Shape::Term),
        ]),
    ),
    needed("handle", Shape::PerKind(&TERM)),
    may(
        "deadlines",
        lines(&DEADLINE, &["kind", "topic", "urgency", "channel"]),
    ),
    may("contact", Shape::Table(&[may("within", Shape::Term)])),
    needed(
        "delegate",
        Shape::Table(&[
            needed("margin_working_days", Shape::Whole(0, 10)),
            may("margin_percent_max", Shape::Whole(1, 99)),
        ]),
    ),
    needed(
        "return",
        Shape::Table(&[
            needed("window", Shape::Term),
            may("times", TIMES),
            needed("reasons", coded(&LABELLED, 1)),
        ]),
    ),
    may(
        "extend",
        Shape::Table(&[
            may("times", TIMES),
            may("leader_times", TIMES),
            may("days_max", Shape::Whole(1, TERM_WORKING_DAYS_MAX as u32)),
        ]),
    ),
    may(
        "lights",
        Shape::Table(&[
            may("yellow_working_days", Shape::Whole(0, 10)),
            may("urges_at_yellow", Shape::Flag),
            may("urges_at_red", Shape::Flag),
            may("escalate", lines(&ESCALATION, &["working_days"])),
        ]),
    ),
    may(
        "urge",
        Shape::Table(&[
            may("citizen_minutes", Shape::Whole(0, 525_600)),
            may("centre_minutes", Shape::Whole(0, 525_600)),
        ]),
    ),
    may(
        "decline",
        Shape::Table(&[may("reasons", coded(&DECLINE_REASON, 0))]),
    ),
    may(
        "transfer",
        Shape::Table(&[may("lines", coded(&LABELLED, 0))]),
    ),
    may(
        "duplicates",
        Shape::Table(&[may("days", Shape::Whole(0, 3650))]),
    ),
    may(
        "intake",
        Shape::Table(&[
            may("required", by(&REQUIRED, &["kind"], false)),
            may("menu", coded(&MENU, 0)),
        ]),
    ),
    may(
        "triage",
        Shape::Table(&[may(
            "rules",
            lines(&TRIAGE, &["words", "kind", "topic", "channel"]),
        )]),
    ),
    may(
        "routing",
        Shape::Table(&[may("assigns_by_itself", Shape::Flag)]),
    ),
    may("routes", lines(&ROUTE, &["topic", "region", "department"])),
    needed(
        "reply",
        Shape::Table(&[needed("waits_for_assists", Shape::Flag)]),
    ),
    may("sign_off", Shape::Table(&[may("required", Shape::Flag)])),
    may("review", Shape::Table(&[may("required", Shape::Flag)])),
    may(
        "call_back",
        Shape::Table(&[
            may("when", Shape::Word(calls_back)),
            may("attempts", Shape::Whole(1, 100)),
            may("within", Shape::Term),
        ]),
    ),
    may("redo", Shape::Table(&[may("term", Shape::Term)])),
    may(
        "dispute",
        Shape::Table(&[
            may("returns", Shape::Whole(1, 100)),
            may("redos", Shape::Whole(1, 100)),
        ]),
    ),
    may(
        "suspend",
        Shape::Table(&[
            may("grounds", coded(&LABELLED, 0)),
            may("resumes_by_itself", Shape::Flag),
        ]),
    ),
    may(
        "exclude",
        Shape::Table(&[may("grounds", coded(&LABELLED, 0)), may("times", TIMES)]),
    ),
    may(
        "terminate",
        Shape::Table(&[may("reasons", coded(&LABELLED, 0))]),
    ),
    may(
        "archive",
        Shape::Table(&[
            may("classes", coded(&LABELLED, 0)),
            may("after_days", Shape::Whole(0, 36_500)),
        ]),
    ),
    needed(
        "rating",
        Shape::Table(&[
            needed("fairly_weight", Shape::Share),
            may("response_weight", Shape::Whole(0, 100)),
            may("resolution_weight", Shape::Whole(0, 100)),
            may("satisfaction_weight", Shape::Whole(0, 100)),
            may("scale", coded(&SCALE, 3)),
        ]),
    ),
    needed(
        "texts",
        Shape::Table(&[
            needed("title", CHARACTERS),
            needed("body", CHARACTERS),
            needed("opinion", CHARACTERS),
            needed("answer", CHARACTERS),
            needed("short", CHARACTERS),
        ]),
    ),
    may(
        "password",
        Shape::Table(&[
            may("min_chars", Shape::Whole(PASSWORD_CHARS_MIN as u32, 128)),
            may("classes", Shape::Whole(1, 4)),
            may("expires_days", Shape::Whole(0, 3650)),
        ]),
    ),
    may(
        "accounts",
        Shape::Table(&[may("prefixes", by(&PREFIX, &["region"], false))]),
    ),
    may("roles", Shape::PerAction(&ROLES)),
];
