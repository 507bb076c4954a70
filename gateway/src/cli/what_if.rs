//! `docket replay --rules`: real history under other rules. Reads one snapshot of the log and writes nothing into
//! the store.

use super::export::tickets::{fold_all, organisation};
use super::{Failed, StoreArgs, rules, say};
use chrono::{NaiveDate, NaiveTime};
use clap::Args;
use docket_core::esrs_store::fold;
use docket_core::safekeeping::Snapshot;
use docket_core::{Clock as _, SystemClock};
use docket_domain::Timestamp;
use docket_domain::aggregate::Aggregate as _;
use docket_domain::calendar::Calendar;
use docket_domain::organisation::Organisation;
use docket_domain::rules::{Published, Rules, RulesBook};
use docket_domain::ticket::Ticket;
use docket_domain::ticket::what_if::{Case, Judged, cases};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use uuid::Uuid;

/// Tickets folded at a time.
const TICKETS_AT_ONCE: u32 = 200;
/// Ticket numbers named for a department on the terminal; the file of `--csv` names all.
const NAMED_MAX: usize = 5;

/// Other rules for real history.
#[derive(Args)]
pub struct WhatIf {
    /// The candidate: a file, or the name of a pack that comes with Docket.
    #[arg(long)]
    rules: Option<String>,
    /// The candidate's list of holidays, a file; by default the Chinese one that comes with this Docket.
    #[arg(long, requires = "rules")]
    holidays: Option<PathBuf>,
    /// Only what was received from this day on (2026-11-23, in the hotline's zone), or from this time on (RFC 3339).
    #[arg(long, requires = "rules")]
    since: Option<String>,
    /// Writes every task that would differ into a new CSV file.
    #[arg(long, requires = "rules")]
    csv: Option<PathBuf>,
}

/// Figures of one department.
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

impl WhatIf {
    pub(super) async fn run(
        self,
        store: &StoreArgs,
        until: Option<&str>,
    ) -> Result<ExitCode, Failed> {
        let pack = self.rules.as_deref().unwrap_or_default();
        let candidate = rules::read(pack, self.holidays.as_ref())?;
        let since = self
            .since
            .as_deref()
            .map(|text| day_or_time(text, &candidate.calendar));
        let until = until.map(|text| day_or_time(text, &candidate.calendar));
        let (since, until) = (since.transpose()?, until.transpose()?);
        let mut snapshot = Snapshot::open(&store.url()?).await?;
        let organisation = organisation(&mut snapshot).await?;
        let published = published(&mut snapshot).await?;
        let first = published.past.first().ok_or("the store has no rules yet")?;
        let then = |at: Timestamp| -> &Rules { published.as_of(at).unwrap_or(&first.1) };
        let now = SystemClock.now();
        let mut report = Report::new(self.csv.as_ref(), &organisation)?;
        let mut after = 0;
        loop {
            let born = snapshot
                .born(Ticket::CATEGORY, after, TICKETS_AT_ONCE)
                .await?;
            let Some((_, last)) = born.last() else { break };
            after = *last;
            let streams: Vec<Uuid> = born.iter().map(|(stream, _)| *stream).collect();
            let mut folded = fold_all(&mut snapshot, &streams).await?;
            for stream in streams {
                let Some((ticket, _)) = folded.remove(&stream) else {
                    continue;
                };
                let received = ticket.intake.as_ref().map(|intake| intake.at);
                let within = received.is_some_and(|at| {
                    since.is_none_or(|since| at >= since) && until.is_none_or(|until| at < until)
                });
                if within {
                    for case in cases(&ticket, then, &candidate, now) {
                        report.add(&ticket, &case)?;
                    }
                }
            }
        }
        report.tell(pack, snapshot.head)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The packs that the log holds.
async fn published(snapshot: &mut Snapshot) -> Result<Published, Failed> {
    let mut published = Published::default();
    for (stream, _) in snapshot.born(RulesBook::CATEGORY, 0, 1).await? {
        let records = snapshot.of_streams(&[stream]).await?;
        fold::<RulesBook>(&mut published, &records)?;
    }
    Ok(published)
}

/// The beginning of a day in the hotline's zone, or a time.
fn day_or_time(text: &str, calendar: &Calendar) -> Result<Timestamp, Failed> {
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(calendar.at(day, NaiveTime::MIN));
    }
    chrono::DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .map_err(|_| {
            "give a day such as 2026-11-23, or a time such as 2026-11-23T10:00:00+08:00".into()
        })
}

struct Report<'r> {
    organisation: &'r Organisation,
    csv: Option<csv::Writer<std::fs::File>>,
    figures: BTreeMap<String, Figures>,
}

const COLUMNS: [&str; 11] = [
    "number",
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

impl<'r> Report<'r> {
    fn new(csv: Option<&PathBuf>, organisation: &'r Organisation) -> Result<Self, Failed> {
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
        })
    }

    fn add(&mut self, ticket: &Ticket, case: &Case) -> Result<(), Failed> {
        let number = ticket
            .intake
            .as_ref()
            .map(|intake| intake.number.to_string());
        let number = number.unwrap_or_default();
        let department = case
            .department
            .and_then(|id| self.organisation.department(id));
        let department = department.map_or("-", |department| department.name.as_str());
        let unit = case.unit.and_then(|id| self.organisation.unit(id));
        let unit = unit.map_or("", |(_, unit)| unit.name.as_str());
        let holder = if unit.is_empty() {
            department.to_owned()
        } else {
            format!("{department} / {unit}")
        };
        let figures = self.figures.entry(holder).or_default();
        figures.tasks += 1;
        figures.judged_then += u64::from(case.then.due.is_some());
        figures.overdue_then += u64::from(case.then.is_overdue());
        figures.overdue_candidate += u64::from(case.candidate.is_overdue());
        if !case.differs() {
            return Ok(());
        }
        figures.differ += 1;
        match (case.then.is_overdue(), case.candidate.is_overdue()) {
            (false, true) => figures.late.push(number.clone()),
            (true, false) => figures.saved.push(number.clone()),
            (true, true) | (false, false) => {}
        }
        if let Some(csv) = &mut self.csv {
            let time = |at: Option<Timestamp>| at.map_or(String::new(), |at| at.to_rfc3339());
            let due = |judged: Judged| time(judged.due.map(|due| due.at));
            let light = |judged: Judged| judged.light.map_or("", docket_domain::time::Light::name);
            csv.write_record([
                number,
                case.assignment
                    .map_or_else(String::new, |no| no.to_string()),
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
            ])?;
        }
        Ok(())
    }

    fn tell(mut self, pack: &str, head: u64) -> Result<(), Failed> {
        if let Some(csv) = &mut self.csv {
            csv.flush()?;
        }
        say(&format!(
            "history up to position {head} under {pack}: tasks, and how many are overdue"
        ));
        say(
            "tasks  judged then  overdue then  overdue under it  on time then  on time under it  differ  who",
        );
        let mut all = Figures::default();
        for (who, f) in &self.figures {
            line(who, f);
            named("would be late", &f.late);
            named("would not be late", &f.saved);
            all.tasks += f.tasks;
            all.judged_then += f.judged_then;
            all.overdue_then += f.overdue_then;
            all.overdue_candidate += f.overdue_candidate;
            all.differ += f.differ;
        }
        line("(all)", &all);
        Ok(())
    }
}

fn line(who: &str, f: &Figures) {
    let (then, under) = (
        rate(f.judged_then, f.overdue_then),
        rate(f.tasks, f.overdue_candidate),
    );
    say(&format!(
        "{:>5}  {:>11}  {:>12}  {:>16}  {then:>12}  {under:>16}  {:>6}  {who}",
        f.tasks, f.judged_then, f.overdue_then, f.overdue_candidate, f.differ
    ));
}

/// The share that is not overdue, in percent with one decimal.
fn rate(of: u64, overdue: u64) -> String {
    if of == 0 {
        return "-".into();
    }
    let permille = (of - overdue.min(of)) * 1000 / of;
    format!("{}.{} %", permille / 10, permille % 10)
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
    say(&format!("       {what}: {}{more}", some.join(", ")));
}
