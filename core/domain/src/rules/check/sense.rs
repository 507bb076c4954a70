//! What no key can tell alone: names of nothing, lines that never hold, figures that do not go together.
//!
//! Its other parts: `figures.rs` for terms and what lies within them, `edges.rs` for what the edges apply, `nobody.rs`
//! for rights that are nobody's.
//!
//! Reads the text's tree and not the parsed pack, so that a mistake elsewhere hides nothing here. What is not of
//! the right type was told already, and counts here as not there.

use super::super::routes::begins;
use super::shape::{one_near, whole};
use super::{Lines, Mistake, Said};
use crate::ticket::SupervisionLevel;
use std::collections::BTreeSet;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Every mistake of sense.
pub(super) fn hold(pack: &DeTable, lines: &Lines) -> Vec<Mistake> {
    let mut sense = Sense {
        pack,
        lines,
        mistakes: Vec::new(),
    };
    sense.routes();
    sense.deadlines();
    sense.figures();
    sense.escalations();
    sense.archive();
    sense.triage();
    sense.routing();
    sense.intake();
    sense.prefixes();
    sense.weights();
    sense.nobody();
    sense.mistakes
}

/// Every route to a department that is none of these.
pub(super) fn unknown_departments(
    pack: &DeTable,
    lines: &Lines,
    departments: &[&str],
) -> Vec<Mistake> {
    let mut sense = Sense {
        pack,
        lines,
        mistakes: Vec::new(),
    };
    for (n, route) in sense.list("routes").iter().enumerate() {
        let Some((at, name)) = named(route, "department") else {
            continue;
        };
        if departments.contains(&name) {
            continue;
        }
        let problem = Said::new(
            format!("没有部门“{name}”，相应工单须人工派单"),
            format!("there is no department {name:?}, so that its tickets wait to be assigned"),
        );
        let expected = if departments.is_empty() {
            Said::new(
                "热线的部门（尚无）",
                "a department of the hotline, which has none",
            )
        } else {
            one_near(departments, name)
        };
        let key = format!("routes[{}].department", n + 1);
        sense.note(at, &key, problem, expected);
    }
    sense.mistakes
}

pub(super) struct Sense<'t> {
    pack: &'t DeTable<'t>,
    pub(super) lines: &'t Lines,
    mistakes: Vec<Mistake>,
}

pub(super) type Value<'t> = &'t Spanned<DeValue<'t>>;

/// What a line of a table asks for; what it does not name is any.
#[derive(Clone, Copy, Default)]
pub(super) struct Conditions<'t> {
    kind: Option<&'t str>,
    topic: Option<&'t str>,
    urgency: Option<&'t str>,
    channel: Option<&'t str>,
}

impl<'t> Conditions<'t> {
    pub(super) fn of(line: &'t DeValue<'t>) -> Self {
        let text = |key: &str| line.get(key).and_then(|value| value.get_ref().as_str());
        Self {
            kind: text("kind"),
            topic: text("topic"),
            urgency: text("urgency"),
            channel: text("channel"),
        }
    }

    /// Whatever is of a kind.
    pub(super) fn of_kind(kind: &'t str) -> Self {
        Self {
            kind: Some(kind),
            ..Self::default()
        }
    }

    /// Whatever is so pressing.
    pub(super) fn of_urgency(urgency: &'t str) -> Self {
        Self {
            urgency: Some(urgency),
            ..Self::default()
        }
    }

    /// What fits both, if anything does.
    pub(super) fn and(&self, other: &Self) -> Option<Self> {
        let one = |a: Option<&'t str>, b: Option<&'t str>| match (a, b) {
            (Some(a), Some(b)) => (a == b).then_some(Some(a)),
            (one, None) | (None, one) => Some(one),
        };
        let topic = match (self.topic, other.topic) {
            (Some(a), Some(b)) if begins(a, b) => Some(a),
            (Some(a), Some(b)) if begins(b, a) => Some(b),
            (Some(_), Some(_)) => return None,
            (one, None) | (None, one) => one,
        };
        Some(Self {
            kind: one(self.kind, other.kind)?,
            topic,
            urgency: one(self.urgency, other.urgency)?,
            channel: one(self.channel, other.channel)?,
        })
    }

    /// The same whatever the urgency, where that is the outcome and no condition.
    pub(super) fn whatever_the_urgency(self) -> Self {
        Self {
            urgency: None,
            ..self
        }
    }

    /// Whether whatever fits `other` fits this, too.
    pub(super) fn cover(&self, other: &Self) -> bool {
        let same = |a: Option<&str>, b: Option<&str>| a.is_none() || a == b;
        let topic = self.topic;
        same(self.kind, other.kind)
            && same(self.urgency, other.urgency)
            && same(self.channel, other.channel)
            && topic.is_none_or(|wide| other.topic.is_some_and(|topic| begins(topic, wide)))
    }
}

impl<'t> Sense<'t> {
    pub(super) fn note(&mut self, at: Value<'_>, key: &str, problem: Said, expected: Said) {
        self.mistakes.push(Mistake {
            line: self.lines.at(at.span().start),
            key: key.to_owned(),
            problem,
            expected,
        });
    }

    pub(super) fn pack(&self) -> &'t DeTable<'t> {
        self.pack
    }

    pub(super) fn at(&self, section: &str, key: &str) -> Option<Value<'t>> {
        self.pack.get(section)?.get_ref().get(key)
    }

    pub(super) fn entries(value: Option<Value<'t>>) -> &'t [Spanned<DeValue<'t>>] {
        let list = value.and_then(|value| value.get_ref().as_array());
        list.map_or(&[], |list| list)
    }

    pub(super) fn list(&self, name: &str) -> &'t [Spanned<DeValue<'t>>] {
        Self::entries(self.pack.get(name))
    }

    pub(super) fn texts(&self, name: &str) -> Vec<&'t str> {
        let entries = self.list(name).iter();
        entries.filter_map(|e| e.get_ref().as_str()).collect()
    }

    fn channels(&self) -> Vec<&'t str> {
        let codes = self.list("channels").iter();
        codes
            .filter_map(|channel| channel.get_ref().get("code")?.get_ref().as_str())
            .collect()
    }

    /// A topic that no ticket of the pack can carry.
    pub(super) fn topic(&mut self, entry: Value<'t>, path: &str) {
        let topics = self.texts("topics");
        let wanted = named(entry, "topic");
        let known = |wanted: &str| topics.iter().any(|topic| begins(topic, wanted));
        if let Some((at, wanted)) = wanted.filter(|(_, wanted)| !known(wanted)) {
            self.unknown(at, &format!("{path}.topic"), wanted, "topics", &topics);
        }
    }

    /// A region that no place of the pack can lie in.
    pub(super) fn region(&mut self, entry: Value<'t>, path: &str) {
        let regions = self.texts("regions");
        let wanted = named(entry, "region");
        if let Some((at, wanted)) = wanted.filter(|(_, wanted)| !regions.contains(wanted)) {
            self.unknown(at, &format!("{path}.region"), wanted, "regions", &regions);
        }
    }

    /// A channel that no ticket of the pack comes by.
    pub(super) fn channel(&mut self, entry: Value<'t>, path: &str) {
        let channels = self.channels();
        let wanted = named(entry, "channel");
        if let Some((at, wanted)) = wanted.filter(|(_, wanted)| !channels.contains(wanted)) {
            self.unknown(
                at,
                &format!("{path}.channel"),
                wanted,
                "channels",
                &channels,
            );
        }
    }

    pub(super) fn unknown(
        &mut self,
        at: Value<'t>,
        key: &str,
        name: &str,
        list: &str,
        known: &[&str],
    ) {
        let problem = Said::new(
            format!("“{name}”不在本规则包的 {list} 中"),
            format!("{name:?} is not of the pack's {list}"),
        );
        let expected = if known.is_empty() {
            Said::new(
                format!("本规则包未列出任何 {list}"),
                format!("{list} in the pack, which has none"),
            )
        } else {
            one_near(known, name)
        };
        self.note(at, key, problem, expected);
    }

    fn routes(&mut self) {
        for (n, route) in self.list("routes").iter().enumerate() {
            let path = format!("routes[{}]", n + 1);
            self.topic(route, &path);
            self.region(route, &path);
            let department = |entry: &'t DeValue| entry.get("department")?.get_ref().as_str();
            let (key, same) = (keys_of(route), department(route.get_ref()));
            let before = self.list("routes")[..n].iter();
            let mut before = before.filter(|other| keys_of(other) == key);
            if let Some(first) = before.find(|other| department(other.get_ref()) == same) {
                let line = self.lines.at(first.span().start);
                let problem = Said::new(
                    format!("与第{line}行相同"),
                    format!("it says the same as line {line}"),
                );
                self.note(route, &path, problem, once());
            }
        }
    }

    fn deadlines(&mut self) {
        const TERMS: [&str; 4] = ["sign", "handle", "contact", "return"];
        let table = self.list("deadlines");
        for (n, line) in table.iter().enumerate() {
            let path = format!("deadlines[{}]", n + 1);
            self.topic(line, &path);
            self.channel(line, &path);
            let terms = TERMS.into_iter().filter(|term| has(line, term));
            if terms.clone().next().is_none() {
                let problem = Said::new("没有任何时限", "it sets no deadline");
                let expected = Said::new(
                    "sign、handle、contact、return 至少一项",
                    "at least one of: sign, handle, contact, return",
                );
                self.note(line, &path, problem, expected);
            }
            let conditions = Conditions::of(line.get_ref());
            for term in terms {
                let covers = |before: &&Spanned<DeValue>| {
                    has(before, term) && Conditions::of(before.get_ref()).cover(&conditions)
                };
                if let Some(first) = table[..n].iter().find(covers) {
                    let at = self.lines.at(first.span().start);
                    self.never(line, &format!("{path}.{term}"), at);
                }
            }
        }
    }

    /// A line that an earlier one leaves nothing to.
    pub(super) fn never(&mut self, at: Value<'t>, key: &str, line: usize) {
        let problem = Said::new(
            format!("永不生效：第{line}行已包含其全部情形"),
            format!("it can never hold: line {line} holds for all it fits"),
        );
        let expected = Said::new("先写窄的，后写宽的", "narrower lines before wider ones");
        self.note(at, key, problem, expected);
    }

    /// Escalations come one after the other, each stricter.
    fn escalations(&mut self) {
        let steps = Self::entries(self.at("lights", "escalate"));
        let days = |step: Value<'t>| whole(step.get_ref().get("working_days")?.get_ref());
        let level = |step: Value<'t>| {
            let (_, name) = named(step, "level")?;
            SupervisionLevel::ALL
                .iter()
                .find(|level| level.name() == name)
        };
        for (n, pair) in steps.windows(2).enumerate() {
            let (before, after) = (&pair[0], &pair[1]);
            let path = format!("lights.escalate[{}]", n + 2);
            if days(before).zip(days(after)).is_some_and(|(a, b)| b <= a) {
                let problem = Said::new("不晚于上一级", "it is not later than the one before");
                let expected = Said::new("working_days 逐级增大", "working_days that rise");
                self.note(after, &format!("{path}.working_days"), problem, expected);
            }
            if level(before).zip(level(after)).is_some_and(|(a, b)| b <= a) {
                let problem = Said::new("不严于上一级", "it is no stricter than the one before");
                let expected = Said::new("level 逐级加重", "levels that rise");
                self.note(after, &format!("{path}.level"), problem, expected);
            }
        }
    }

    /// Who archives by itself has a class to archive in.
    fn archive(&mut self) {
        let days = self.at("archive", "after_days");
        let by_itself = days.filter(|days| whole(days.get_ref()).is_some_and(|days| days > 0));
        let classes = Self::entries(self.at("archive", "classes"));
        if let Some(at) = by_itself.filter(|_| classes.is_empty()) {
            let problem = Said::new("没有保管期限类别", "there is no class to archive in");
            let expected = Said::new(
                "archive.classes 至少一项",
                "archive.classes with at least one",
            );
            self.note(at, "archive.after_days", problem, expected);
        }
    }
}

pub(super) fn once() -> Said {
    Said::new("每项只出现一次", "each only once")
}

/// A text of an entry, with its place.
pub(super) fn named<'t>(entry: Value<'t>, key: &str) -> Option<(Value<'t>, &'t str)> {
    let value = entry.get_ref().get(key)?;
    Some((value, value.get_ref().as_str()?))
}

pub(super) fn has(line: &Spanned<DeValue>, key: &str) -> bool {
    line.get_ref().get(key).is_some()
}

/// What a route is for.
fn keys_of(route: Value<'_>) -> BTreeSet<(&'static str, &str)> {
    let text = |key| Some((key, named(route, key)?.1));
    ["topic", "region"].into_iter().filter_map(text).collect()
}
