//! How tickets are named: by their number here, those carried over by the one of the system before, too; marked where a
//! limit of theirs is provisional.

use super::super::Failed;
use super::super::export::output::for_spreadsheets;
use super::super::export::tickets::{ERASED, MASKED};
use docket_core::Vault;
use docket_domain::ticket::Ticket;
use docket_domain::ticket::what_if::Case;

/// What stands behind whatever rests on a provisional limit.
pub(super) const MARK: &str = "*";

/// A ticket's numbers.
pub(super) struct Name {
    number: String,
    source: Option<Source>,
}

/// Where a ticket was carried over from.
struct Source {
    system: String,
    /// Its number there. `None`: not opened.
    number: Option<String>,
}

impl Name {
    /// The number of the system before is opened with a vault.
    pub(super) async fn of(ticket: &Ticket, vault: Option<&Vault>) -> Result<Self, Failed> {
        let intake = ticket.intake.as_ref();
        let number = intake.map_or_else(String::new, |intake| intake.number.to_string());
        let Some(source) = &ticket.source else {
            let source = None;
            return Ok(Self { number, source });
        };
        let there = match vault {
            None => None,
            Some(vault) => {
                let opened = vault.open_text("source_number", &source.number).await?;
                Some(opened.unwrap_or_else(|| ERASED.to_owned()))
            }
        };
        let source = Some(Source {
            system: source.system.clone(),
            number: there,
        });
        Ok(Self { number, source })
    }

    /// Whether it has a number that was not opened.
    pub(super) fn is_masked(&self) -> bool {
        let masked = |source: &Source| source.number.is_none();
        self.source.as_ref().is_some_and(masked)
    }

    /// As a row of CSV has it.
    pub(super) fn number(&self) -> String {
        self.number.clone()
    }

    /// The system it was carried over from, and its number there, as a row of CSV has them.
    pub(super) fn source(&self) -> [String; 2] {
        let Some(source) = &self.source else {
            return [String::new(), String::new()];
        };
        let number = source.number.as_deref().unwrap_or(MASKED);
        [source.system.as_str(), number].map(for_spreadsheets)
    }

    /// As the table has it.
    fn told(&self, case: &Case) -> String {
        let mark = if case.is_provisional() { MARK } else { "" };
        let source = self.source.as_ref();
        match source.and_then(|source| Some((&source.system, source.number.as_ref()?))) {
            Some((system, number)) => format!("{}{mark} ({system} {number})", self.number),
            None => format!("{}{mark}", self.number),
        }
    }
}

/// The first of some tickets, and how many they are: of ten million not all are kept.
#[derive(Default)]
struct Listed {
    first: Vec<String>,
    count: usize,
}

/// Tickets by what would become of them.
#[derive(Default)]
pub(super) struct Named {
    late: Listed,
    saved: Listed,
    warned: Listed,
    moved: Listed,
}

impl Named {
    /// Names a ticket where the candidate makes a difference.
    pub(super) fn add(&mut self, name: &Name, at_most: usize, case: &Case) {
        let list = match (case.then.is_overdue(), case.candidate.is_overdue()) {
            (false, true) => &mut self.late,
            (true, false) => &mut self.saved,
            _ if case.then.light != case.candidate.light => &mut self.warned,
            _ if case.moves() => &mut self.moved,
            _ => return,
        };
        list.count += 1;
        if list.first.len() < at_most {
            list.first.push(name.told(case));
        }
    }

    /// A line for each of what would become of them.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        let lists = [
            ("would be late", &self.late),
            ("would not be late", &self.saved),
            ("would have another light", &self.warned),
            ("would have another limit", &self.moved),
        ];
        let some = lists.into_iter().filter(|(_, list)| !list.first.is_empty());
        some.map(|(what, list)| {
            let more = match list.count - list.first.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("           {what}: {}{more}", list.first.join(", "))
        })
    }
}
