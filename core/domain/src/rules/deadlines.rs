//! When things are due: the pack's terms, and the calendar they are reckoned on.

use super::pack::DeadlineLine;
use super::{Rules, routes};
use crate::calendar::Margin;
use crate::ticket::{Kind, Urgency};
use crate::time::{Due, Term, Timestamp};
use std::ops::Bound;

/// What deadlines depend on.
#[derive(Clone, Copy, Debug)]
pub struct Matter<'t> {
    /// What the caller wants, where known.
    pub kind: Option<Kind>,
    /// The topic's path.
    pub topic: Option<&'t str>,
    /// How pressing it is.
    pub urgency: Urgency,
    /// The channel it came by, where known.
    pub channel: Option<&'t str>,
}

impl Matter<'_> {
    fn fits(&self, line: &DeadlineLine) -> bool {
        let topic = line.topic.as_deref();
        line.kind.is_none_or(|kind| self.kind == Some(kind))
            && line.urgency.is_none_or(|urgency| self.urgency == urgency)
            && line
                .channel
                .as_deref()
                .is_none_or(|c| self.channel == Some(c))
            && topic.is_none_or(|wanted| self.topic.is_some_and(|t| routes::begins(t, wanted)))
    }
}

/// A limit on the way to another: that one at the latest. Nothing warns of it.
fn within(limit: Due, due: Due) -> Due {
    if limit.at <= due.at {
        return limit;
    }
    Due {
        yellow_at: None,
        ..due
    }
}

impl Rules {
    /// The first term that a line of the table of deadlines has for the matter.
    fn line(
        &self,
        matter: &Matter<'_>,
        term: impl Fn(&DeadlineLine) -> Option<Term>,
    ) -> Option<Term> {
        let mut fitting = self.pack.deadlines.iter().filter(|line| matter.fits(line));
        fitting.find_map(term)
    }

    /// When an assignment made at `from` and due at `due` must be signed: not after it must be replied.
    #[must_use]
    pub fn sign_due(&self, matter: &Matter<'_>, from: Timestamp, due: Due) -> Due {
        let terms = self.pack.sign;
        let usual = match matter.urgency {
            Urgency::Normal => terms.normal,
            Urgency::Urgent => terms.urgent,
            Urgency::Critical => terms.critical,
        };
        let term = self.line(matter, |line| line.sign).unwrap_or(usual);
        within(self.calendar.after(from, term), due)
    }

    /// When an assignment made at `from` must be replied. Where the kind is not known, the longest term
    /// of any holds: nobody is judged by a shorter one than may apply.
    #[must_use]
    pub fn handle_due(&self, matter: &Matter<'_>, from: Timestamp) -> Due {
        let terms = &self.pack.handle;
        let usual = || {
            let fitting = terms
                .iter()
                .filter(|(k, _)| matter.kind.is_none_or(|kind| kind == **k));
            fitting
                .map(|(_, term)| self.calendar.after(from, *term))
                .max()
                .expect("a checked pack has a term for every kind")
        };
        let line = self.line(matter, |line| line.handle);
        let due = line.map_or_else(usual, |term| self.calendar.after(from, term));
        self.warned(due, from)
    }

    /// A unit's inner deadline under its department's; where that is not known, by the matter.
    #[must_use]
    pub fn inner_due(&self, outer: Option<Due>, matter: &Matter<'_>, from: Timestamp) -> Due {
        let rules = self.pack.delegate;
        let margin = Margin {
            working_days: rules.margin_working_days,
            percent_max: rules.margin_percent_max,
        };
        match outer {
            Some(outer) => {
                let inner = self.calendar.before_by(outer, margin, from);
                self.warned(inner, from)
            }
            None => self.handle_due(matter, from),
        }
    }

    /// A handling deadline that was extended by working days at `now`.
    #[must_use]
    pub fn extended(&self, due: Due, days: u16, now: Timestamp) -> Due {
        self.warned(self.calendar.extended(due, days), now)
    }

    /// A unit's inner deadline after its department's was extended to `outer`. It gets the same days; but one in minutes,
    /// which would end with the same office hours, and one that is not before the outer any more, are reckoned from it.
    #[must_use]
    pub fn inner_extended(
        &self,
        (inner, outer): (Due, Option<Due>),
        days: u16,
        matter: &Matter<'_>,
        now: Timestamp,
    ) -> Due {
        let later = self.extended(inner, days, now);
        let outer = outer.filter(|outer| inner.runs_on_any_day() || outer.at <= later.at);
        let Some(outer) = outer else {
            return later;
        };
        let anew = self.inner_due(Some(outer), matter, now);
        // Nobody loses time by an extension.
        if anew.at > inner.at { anew } else { inner }
    }

    /// A handling deadline with its yellow light.
    #[must_use]
    pub fn warned(&self, due: Due, from: Timestamp) -> Due {
        let days = self.pack.lights.yellow_working_days;
        self.calendar.warned(due, days, from)
    }

    /// A handling deadline that was moved, with its yellow light; one that stayed keeps the light it had.
    #[must_use]
    pub fn warned_again(&self, before: Due, after: Due, from: Timestamp) -> Due {
        if after.at == before.at {
            before
        } else {
            self.warned(after, from)
        }
    }

    /// A deadline reckoned anew by the calendar in force, with the pauses since it began: a provisional one, once
    /// all its days are published; and one over days that an earlier list had otherwise. One in minutes runs on any day, and
    /// what extensions gave it is reckoned with these (`settle_dues`). `None`: it stands.
    #[must_use]
    pub fn settled(
        &self,
        due: Due,
        from: Timestamp,
        pauses: &[(Timestamp, Timestamp)],
    ) -> Option<Due> {
        let calendar = &self.calendar;
        let Some(Term::WorkingDays(days)) = due.term else {
            return None;
        };
        let known = calendar.again(due, days, from);
        let after =
            |due, (from, to): &(Timestamp, Timestamp)| calendar.after_pause(due, *from, *to);
        let anew = pauses.iter().fold(known, after);
        if due.provisional {
            return (!known.provisional).then_some(anew);
        }
        let date = |due: Due| calendar.date_of(due.at);
        let (first, last) = (calendar.date_of(from), date(due).max(date(anew)));
        let over = (Bound::Excluded(first), Bound::Included(last));
        let touched = first < last && self.corrected.range(over).next().is_some();
        let stands = date(anew) == date(due) && anew.provisional == due.provisional;
        (touched && !stands).then_some(anew)
    }

    /// When the caller of an assignment made at `from` and due at `due` must have been contacted, if there is a limit:
    /// not after it must be replied.
    #[must_use]
    pub fn contact_due(&self, matter: &Matter<'_>, from: Timestamp, due: Due) -> Option<Due> {
        let line = self.line(matter, |line| line.contact);
        let term = line.or(self.pack.contact.within)?;
        Some(within(self.calendar.after(from, term), due))
    }

    /// Until when an assignment made at `from` may be returned.
    #[must_use]
    pub fn return_by(&self, matter: &Matter<'_>, from: Timestamp) -> Due {
        let line = self.line(matter, |line| line.returning);
        let window = line.unwrap_or(self.pack.returning.window);
        self.calendar.after(from, window)
    }

    /// When what is handled anew from `from` on must be replied.
    #[must_use]
    pub fn redo_due(&self, from: Timestamp) -> Due {
        self.warned(self.calendar.after(from, self.pack.redo.term), from)
    }

    /// When a citizen whose answer was reviewed at `from` is to have been called back.
    #[must_use]
    pub fn call_back_due(&self, from: Timestamp) -> Due {
        self.calendar.after(from, self.pack.call_back.within)
    }
}
