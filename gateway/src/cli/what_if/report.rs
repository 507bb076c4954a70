//! What a candidate would make of history: figures by office and limit, indicators by office, and a row of CSV for
//! each limit that differs.

use super::super::{Failed, say};
use docket_domain::Timestamp;
use docket_domain::ids::{DepartmentId, UnitId};
use docket_domain::organisation::Organisation;
use docket_domain::ticket::Ticket;
use docket_domain::ticket::what_if::{Case, Judged, Limit, Rated};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Ticket numbers named for an office and limit on the terminal; the file of `--csv` names all.
const NAMED_MAX: usize = 5;
/// What is the centre's.
const CENTRE: &str = "(centre)";

const COLUMNS: [&str; 12] = [
    "number",
    "limit",
    "assignment",
    "department",
    "unit",
    "began_at",
    "ended_at",
    "due_then",
    "light_then",
    "due_candidate",
    "light_candidate",
    "provisional",
];

/// Figures of one limit.
#[derive(Default)]
struct Figures {
    tasks: u64,
    judged_then: u64,
    overdue_then: u64,
    overdue_candidate: u64,
    differ: u64,
    /// Tickets that would be late and were not.
    late: Vec<String>,
    /// Tickets that were late and would not be.
    saved: Vec<String>,
}

impl Figures {
    fn add(&mut self, case: &Case) {
        self.tasks += 1;
        self.judged_then += u64::from(case.then.due.is_some());
        self.overdue_then += u64::from(case.then.is_overdue());
        self.overdue_candidate += u64::from(case.candidate.is_overdue());
        self.differ += u64::from(case.differs());
    }
}

/// So many of so many.
#[derive(Clone, Copy, Default)]
struct Share {
    part: f64,
    of: u32,
}

impl Share {
    fn add(&mut self, part: f64) {
        self.part += part;
        self.of += 1;
    }

    fn count(&mut self, case: &Case, judged: Judged) {
        if case.counts(judged) {
            self.add(f64::from(u8::from(!judged.is_overdue())));
        }
    }

    fn percent(self) -> String {
        if self.of == 0 {
            return "-".into();
        }
        format!("{:.1} %", self.part * 100.0 / f64::from(self.of))
    }
}

/// A rate then, and under the candidate.
#[derive(Clone, Copy, Default)]
struct Twice {
    then: Share,
    candidate: Share,
}

impl Twice {
    fn count(&mut self, case: &Case) {
        self.then.count(case, case.then);
        self.candidate.count(case, case.candidate);
    }
}

/// The indicators of an office.
#[derive(Default)]
struct Indicators {
    signing: Twice,
    completion: Twice,
    satisfaction: Twice,
}

/// What is told in the end.
pub(super) struct Report<'r> {
    organisation: &'r Organisation,
    csv: Option<csv::Writer<std::fs::File>>,
    figures: BTreeMap<(String, Limit), Figures>,
    all: BTreeMap<Limit, Figures>,
    indicators: BTreeMap<String, Indicators>,
    of_all: Indicators,
}

impl<'r> Report<'r> {
    pub(super) fn new(
        csv: Option<&PathBuf>,
        organisation: &'r Organisation,
    ) -> Result<Self, Failed> {
        let csv = match csv {
            Some(path) => {
                let file = std::fs::File::create_new(path)
                    .map_err(|error| format!("{}: {error}", path.display()))?;
                let mut writer = csv::Writer::from_writer(file);
                writer.write_record(COLUMNS)?;
                Some(writer)
            }
            None => None,
        };
        Ok(Self {
            organisation,
            csv,
            figures: BTreeMap::new(),
            all: BTreeMap::new(),
            indicators: BTreeMap::new(),
            of_all: Indicators::default(),
        })
    }

    fn department(&self, id: Option<DepartmentId>) -> Option<&'r str> {
        let department = self.organisation.department(id?)?;
        Some(department.name.as_str())
    }

    fn unit(&self, id: Option<UnitId>) -> &'r str {
        let unit = id.and_then(|id| self.organisation.unit(id));
        unit.map_or("", |(_, unit)| unit.name.as_str())
    }

    /// Counts a limit, and writes it down where it differs.
    pub(super) fn add(&mut self, ticket: &Ticket, case: &Case) -> Result<(), Failed> {
        let department = match case.limit {
            Limit::CallBack => CENTRE,
            Limit::Sign | Limit::Contact | Limit::Handle | Limit::Return => {
                self.department(case.department).unwrap_or("-")
            }
        };
        let unit = self.unit(case.unit);
        let holder = if unit.is_empty() {
            department.to_owned()
        } else {
            format!("{department} / {unit}")
        };
        // The rates are departments': what their units have is in it.
        if unit.is_empty() && matches!(case.limit, Limit::Sign | Limit::Handle) {
            let of_holder = self.indicators.entry(holder.clone()).or_default();
            for indicators in [of_holder, &mut self.of_all] {
                let rate = match case.limit {
                    Limit::Sign => &mut indicators.signing,
                    _ => &mut indicators.completion,
                };
                rate.count(case);
            }
        }
        self.all.entry(case.limit).or_default().add(case);
        let figures = self.figures.entry((holder, case.limit)).or_default();
        figures.add(case);
        if !case.differs() {
            return Ok(());
        }
        let number = ticket.intake.as_ref();
        let number = number.map_or_else(String::new, |intake| intake.number.to_string());
        match (case.then.is_overdue(), case.candidate.is_overdue()) {
            (false, true) => figures.late.push(number.clone()),
            (true, false) => figures.saved.push(number.clone()),
            (true, true) | (false, false) => {}
        }
        if let Some(csv) = &mut self.csv {
            csv.write_record(row(number, department, unit, case))?;
        }
        Ok(())
    }

    /// Counts a rating.
    pub(super) fn rated(&mut self, rated: Rated) {
        let who = match rated.department {
            None => CENTRE,
            some => self.department(some).unwrap_or("-"),
        };
        let of_holder = self.indicators.entry(who.to_owned()).or_default();
        for indicators in [of_holder, &mut self.of_all] {
            indicators.satisfaction.then.add(rated.then);
            indicators.satisfaction.candidate.add(rated.candidate);
        }
    }

    /// Tells it.
    pub(super) fn tell(mut self, pack: &str, head: u64) -> Result<(), Failed> {
        if let Some(csv) = &mut self.csv {
            csv.flush()?;
        }
        say(&format!(
            "history up to position {head} under {pack}: limits, and how many are overdue"
        ));
        say("limit      tasks  judged then  overdue then  overdue under it  differ  who");
        for ((who, limit), figures) in &self.figures {
            line(*limit, who, figures);
            named("would be late", &figures.late);
            named("would not be late", &figures.saved);
        }
        let none = Figures::default();
        for limit in Limit::ALL {
            line(*limit, "(all)", self.all.get(limit).unwrap_or(&none));
        }
        say("");
        say(
            "indicators, then → under it: what was done in time of what was done or is late; satisfaction",
        );
        say("          signing          completion        satisfaction  who");
        for (who, indicators) in &self.indicators {
            rates(who, indicators);
        }
        rates("(all)", &self.of_all);
        Ok(())
    }
}

fn row(number: String, department: &str, unit: &str, case: &Case) -> [String; COLUMNS.len()] {
    let time = |at: Option<Timestamp>| at.map_or(String::new(), |at| at.to_rfc3339());
    let due = |judged: Judged| time(judged.due.map(|due| due.at));
    let light = |judged: Judged| judged.light.map_or("", docket_domain::time::Light::name);
    let assignment = case.assignment;
    [
        number,
        case.limit.name().to_owned(),
        assignment.map_or_else(String::new, |no| no.to_string()),
        department.to_owned(),
        unit.to_owned(),
        time(Some(case.began_at)),
        time(case.ended_at),
        due(case.then),
        light(case.then).to_owned(),
        due(case.candidate),
        light(case.candidate).to_owned(),
        case.candidate
            .due
            .is_some_and(|due| due.provisional)
            .to_string(),
    ]
}

fn line(limit: Limit, who: &str, f: &Figures) {
    say(&format!(
        "{:<9}  {:>5}  {:>11}  {:>12}  {:>16}  {:>6}  {who}",
        limit.name(),
        f.tasks,
        f.judged_then,
        f.overdue_then,
        f.overdue_candidate,
        f.differ
    ));
}

fn rates(who: &str, indicators: &Indicators) {
    let twice = |rate: Twice| format!("{} → {}", rate.then.percent(), rate.candidate.percent());
    say(&format!(
        "{:>17}  {:>18}  {:>18}  {who}",
        twice(indicators.signing),
        twice(indicators.completion),
        twice(indicators.satisfaction),
    ));
}

fn named(what: &str, numbers: &[String]) {
    if numbers.is_empty() {
        return;
    }
    let some = numbers.iter().take(NAMED_MAX).map(String::as_str);
    let more = match numbers.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let some: Vec<&str> = some.collect();
    say(&format!("           {what}: {}{more}", some.join(", ")));
}
