//! Figures that must go together: terms, and what is to lie within them.

use super::Said;
use super::sense::{Conditions, Sense, Value};
use super::shape::{term_minutes_max, whole};
use crate::calendar::TERM_WORKING_DAYS_MAX;
use crate::ticket::Urgency;
use toml::Spanned;
use toml::de::DeValue;

/// The minutes that a working day counts as where it is compared with a term in minutes.
const DAY_MINUTES: i64 = 1440;

/// A term somewhere in the pack.
#[derive(Clone)]
struct Placed<'t> {
    /// Its key.
    key: String,
    at: Value<'t>,
    /// What it is for.
    fits: Conditions<'t>,
    /// Which line of the table of deadlines has it; `None`: what holds where no line does.
    row: Option<usize>,
}

impl Placed<'_> {
    /// Its figure in a unit; what is out of bounds was told already.
    fn figure(&self, unit: &str, max: i64) -> Option<i64> {
        let figure = whole(self.at.get_ref().get(unit)?.get_ref())?;
        (1..=max).contains(&figure).then_some(figure)
    }

    fn days(&self) -> Option<i64> {
        self.figure("working_days", i64::from(TERM_WORKING_DAYS_MAX))
    }

    /// How long it is, as good as terms of two units can be compared.
    fn length(&self) -> Option<i64> {
        let minutes = || self.figure("minutes", term_minutes_max());
        self.days().map(|days| days * DAY_MINUTES).or_else(minutes)
    }

    /// The term as a pack has it.
    fn written(&self) -> String {
        match (self.days(), self.length()) {
            (None, Some(minutes)) => format!("{{ minutes = {minutes} }}"),
            (days, _) => format!("{{ working_days = {} }}", days.unwrap_or_default()),
        }
    }
}

impl<'t> Sense<'t> {
    pub(super) fn figures(&mut self) {
        let handling = self.handling();
        self.within_the_shortest("delegate", "margin_working_days", &handling);
        let redo = self.whatever("redo", "term");
        let warned: Vec<_> = handling.iter().cloned().chain(redo.clone()).collect();
        self.within_the_shortest("lights", "yellow_working_days", &warned);
        self.windows(&handling, redo.as_ref());
        self.extensions();
    }

    /// A term that holds whatever the matter.
    fn whatever(&self, section: &str, key: &str) -> Option<Placed<'t>> {
        Some(Placed {
            key: format!("{section}.{key}"),
            at: self.at(section, key)?,
            fits: Conditions::default(),
            row: None,
        })
    }

    /// The terms of one sort in the table of deadlines.
    fn of_lines(&self, term: &str) -> Vec<Placed<'t>> {
        let lines = self.list("deadlines").iter().enumerate();
        let placed = |(n, line): (usize, &'t Spanned<DeValue<'t>>)| {
            Some(Placed {
                key: format!("deadlines[{}].{term}", n + 1),
                at: line.get_ref().get(term)?,
                fits: Conditions::of(line.get_ref()),
                row: Some(n),
            })
        };
        lines.filter_map(placed).collect()
    }

    /// Every term to handle: those of the lines, and those of the kinds that no line has all of.
    fn handling(&self) -> Vec<Placed<'t>> {
        let lines = self.of_lines("handle");
        let handle = self.pack().get("handle").map(Spanned::get_ref);
        let usual = handle.and_then(DeValue::as_table).into_iter().flatten();
        let usual = usual.map(|(kind, at)| Placed {
            key: format!("handle.{}", kind.get_ref()),
            at,
            fits: Conditions::of_kind(kind.get_ref()),
            row: None,
        });
        let left = usual.filter(|usual| !lines.iter().any(|line| line.fits.cover(&usual.fits)));
        left.chain(lines.iter().cloned()).collect()
    }

    /// What lies so many working days before a limit must leave something of the shortest term. One working day
    /// always does: there is no smaller figure but none.
    fn within_the_shortest(&mut self, section: &str, key: &str, terms: &[Placed<'t>]) {
        let Some((at, figure)) = self
            .at(section, key)
            .and_then(|at| Some((at, whole(at.get_ref())?)))
        else {
            return;
        };
        let in_days = terms.iter().filter_map(|term| Some((term.days()?, term)));
        let Some((days, term)) = in_days.min_by_key(|(days, _)| *days) else {
            return;
        };
        if figure < days || figure <= 1 {
            return;
        }
        let (of, line) = (&term.key, self.lines.at(term.at.span().start));
        let problem = Said::new(
            format!("{figure} 不小于最短时限 {days} 个工作日（第{line}行 {of}）"),
            format!(
                "{figure} is no less than the shortest term of {days} working days ({of}, line {line})"
            ),
        );
        let most = (days - 1).max(1);
        let expected = Said::new(format!("不超过 {most}"), format!("at most {most}"));
        self.note(at, &format!("{section}.{key}"), problem, expected);
    }

    /// Nobody gives back, signs or makes contact for longer than there is time to handle.
    fn windows(&mut self, handling: &[Placed<'t>], redo: Option<&Placed<'t>>) {
        let window = self.whatever("return", "window");
        // What is done anew is given back under the same window.
        self.no_longer("return", window.as_slice(), (handling, redo));
        let signing = Urgency::ALL.iter().filter_map(|urgency| {
            let fits = Conditions::of_urgency(urgency.name());
            let usual = self.whatever("sign", urgency.name())?;
            Some(Placed { fits, ..usual })
        });
        let signing: Vec<Placed<'t>> = signing.collect();
        self.no_longer("sign", &signing, (handling, None));
        let contact = self.whatever("contact", "within");
        self.no_longer("contact", contact.as_slice(), (handling, None));
    }

    /// Terms of one sort, in the lines or where these have none, are no longer than the limit of the same matter.
    fn no_longer(
        &mut self,
        term: &str,
        usual: &[Placed<'t>],
        (handling, more): (&[Placed<'t>], Option<&Placed<'t>>),
    ) {
        let lines = self.of_lines(term);
        // Whether no line before it has all of a matter.
        let holds = |all: &[Placed<'t>], one: &Placed<'t>, matter: &Conditions<'t>| {
            let first = all
                .iter()
                .find(|line| line.row.is_some() && line.fits.cover(matter));
            first.and_then(|line| line.row) == one.row
        };
        for window in lines.iter().chain(usual) {
            let limits = handling.iter().filter(|limit| {
                let both = limit.fits.and(&window.fits);
                both.is_some_and(|matter| {
                    holds(&lines, window, &matter) && holds(handling, limit, &matter)
                })
            });
            let limits = limits.chain(more);
            let limits = limits.filter_map(|limit| Some((limit.length()?, limit)));
            let Some((length, limit)) = limits.min_by_key(|(length, _)| *length) else {
                continue;
            };
            if window.length().is_some_and(|window| window > length) {
                let (of, line) = (&limit.key, self.lines.at(limit.at.span().start));
                let (long, short) = (window.written(), limit.written());
                let problem = Said::new(
                    format!("{long} 长于办理时限 {short}（第{line}行 {of}）"),
                    format!(
                        "{long} is longer than the handling limit of {short} ({of}, line {line})"
                    ),
                );
                let expected = Said::new(
                    format!("不超过 {short}，或在 deadlines 中为其另设 {term}"),
                    format!("at most {short}, or a line of deadlines with a {term} for it"),
                );
                self.note(window.at, &window.key, problem, expected);
            }
        }
    }

    /// A leader asks for no fewer extensions than a clerk. Either may once where the pack says nothing.
    fn extensions(&mut self) {
        let told = |key| {
            let at = self.at("extend", key)?;
            Some((at, whole(at.get_ref())?))
        };
        let (clerk, leader) = (told("times"), told("leader_times"));
        let figure = |told: Option<(Value<'t>, i64)>| told.map_or(1, |(_, times)| times);
        let (times, leader_times) = (figure(clerk), figure(leader));
        if leader_times >= times {
            return;
        }
        let problem = Said::new(
            format!("负责人 {leader_times} 次，少于经办人 {times} 次"),
            format!("a leader has {leader_times}, fewer than a clerk, who has {times}"),
        );
        let expected = Said::new(format!("至少 {times}"), format!("at least {times}"));
        // Where it is not set, a clerk's figure is what made it too small.
        if let Some((at, _)) = leader.or(clerk) {
            self.note(at, "extend.leader_times", problem, expected);
        }
    }
}
