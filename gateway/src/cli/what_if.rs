//! `docket replay --rules`: real history under other rules. Reads one snapshot of the log and writes nothing into
//! the store.

mod report;

use super::export::tickets::{fold_all, organisation};
use super::{Failed, StoreArgs, rules};
use chrono::{NaiveDate, NaiveTime};
use clap::Args;
use docket_core::esrs_store::fold;
use docket_core::safekeeping::Snapshot;
use docket_core::{Clock as _, SystemClock};
use docket_domain::Timestamp;
use docket_domain::aggregate::Aggregate as _;
use docket_domain::calendar::Calendar;
use docket_domain::rules::{Published, Rules, RulesBook};
use docket_domain::ticket::Ticket;
use docket_domain::ticket::what_if::{cases, rated};
use report::Report;
use std::path::PathBuf;
use std::process::ExitCode;
use uuid::Uuid;

/// Tickets folded at a time.
const TICKETS_AT_ONCE: u32 = 200;

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
    /// Writes every limit that would differ into a new CSV file.
    #[arg(long, requires = "rules")]
    csv: Option<PathBuf>,
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
        if let Some((since, until)) = since.zip(until).filter(|(since, until)| since >= until) {
            let shown = |at: Timestamp| at.with_timezone(&candidate.calendar.zone).to_rfc3339();
            let (since, until) = (shown(since), shown(until));
            return Err(format!(
                "--since {since} is not before --until {until}: nothing was received between them"
            )
            .into());
        }
        let mut snapshot = Snapshot::open(&store.url()?).await?;
        let organisation = organisation(&mut snapshot).await?;
        let published = published(&mut snapshot).await?;
        let first = published.past.first().ok_or("the store has no rules yet")?;
        let then = |version: u32, at: Timestamp| -> &Rules {
            let of_version = published.version(version);
            let rules = of_version.or_else(|| published.as_of(at));
            rules.unwrap_or(&first.1)
        };
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
                    if let Some(rated) = rated(&ticket, then, &candidate) {
                        report.rated(rated);
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
