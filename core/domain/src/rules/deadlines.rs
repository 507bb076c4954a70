//! When things are due: the pack's terms, and the calendar they are reckoned on.

use super::pack::DeadlineLine;
use super::{Rules, routes};
use crate::calendar::Margin;
use crate::ticket::{Kind, Urgency};
use crate::time::{Due, Term, Timestamp};

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

    /// When an assignment made at `from` must be signed.
    #[must_use]
    pub fn sign_due(&self, matter: &Matter<'_>, from: Timestamp) -> Due {
        let terms = self.pack.sign;
        let usual = match matter.urgency {
            Urgency::Normal => terms.normal,
            Urgency::Urgent => terms.urgent,
            Urgency::Critical => terms.critical,
        };
        let term = self.line(matter, |line| line.sign).unwrap_or(usual);
        self.calendar.after(from, term)
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

    /// When the caller of an assignment made at `from` must have been contacted, if there is a limit.
    #[must_use]
    pub fn contact_due(&self, matter: &Matter<'_>, from: Timestamp) -> Option<Due> {
        let line = self.line(matter, |line| line.contact);
        let term = line.or(self.pack.contact.within)?;
        Some(self.calendar.after(from, term))
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
