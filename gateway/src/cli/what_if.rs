//! `docket replay --rules`: real history under other rules. Reads one snapshot of the log and writes nothing into
//! the store.

mod names;
mod report;

use super::export::tickets::{fold_all, organisation};
use super::{Failed, StoreArgs, rules};
use chrono::{NaiveDate, NaiveTime};
use clap::Args;
use docket_core::esrs_store::fold;
use docket_core::safekeeping::Snapshot;
use docket_core::{Clock as _, SystemClock, Vault};
use docket_domain::Timestamp;
use docket_domain::aggregate::Aggregate as _;
use docket_domain::calendar::Calendar;
use docket_domain::ids::KeyId;
use docket_domain::rules::{Published, Rules, RulesBook};
use docket_domain::ticket::Ticket;
use docket_domain::ticket::what_if::{Case, cases, rated};
use names::Name;
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
    /// Most ticket numbers told for an office, a limit and what would become of it.
    #[arg(long, default_value_t = 5, requires = "rules")]
    names: usize,
    /// Opens the numbers that tickets carried over had in the system before, and names them beside the ticket's own. Needs
    /// the store's keys.
    #[arg(long, requires = "rules")]
    source_numbers: bool,
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
        let opened = if self.source_numbers {
            Some(store.open().await?)
        } else {
            None
        };
        let vault = opened.as_ref().map(|store| &store.vault);
        let mut snapshot = Snapshot::open(&store.url()?).await?;
        let organisation = organisation(&mut snapshot).await?;
        // What could not be published tells nothing of what it would make of history.
        let fits = candidate.fits(organisation.time_zone);
        fits.map_err(|refusal| rules::refused(&refusal))?;
        let published = published(&mut snapshot).await?;
        let history = History {
            published: &published,
            first: &published
                .past
                .first()
                .ok_or("the store has no rules yet")?
                .1,
            candidate: &candidate,
            within: (since, until),
            now: SystemClock.now(),
        };
        let mut report = Report::new(self.csv.as_ref(), self.names, &organisation)?;
        let mut after = 0;
        loop {
            let born = snapshot
                .born(Ticket::CATEGORY, after, TICKETS_AT_ONCE)
                .await?;
            let Some((_, last)) = born.last() else { break };
            after = *last;
            let streams: Vec<Uuid> = born.iter().map(|(stream, _)| *stream).collect();
            let mut folded = fold_all(&mut snapshot, &streams).await?;
            if let Some(vault) = vault {
                let sources = folded.values().filter_map(|(t, _)| t.source.as_ref());
                let keys: Vec<KeyId> = sources.map(|source| source.number.key).collect();
                vault.fetch_keys(&keys).await?;
            }
            for stream in streams {
                if let Some((ticket, _)) = folded.remove(&stream) {
                    history.judge(&ticket, vault, &mut report).await?;
                }
            }
        }
        report.tell(pack, snapshot.head)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What history is judged by.
struct History<'h> {
    published: &'h Published,
    /// For what no version is known of.
    first: &'h Rules,
    candidate: &'h Rules,
    /// Received from when on, and before when.
    within: (Option<Timestamp>, Option<Timestamp>),
    now: Timestamp,
}

impl History<'_> {
    /// Judges a ticket, if it was received within the time.
    async fn judge(
        &self,
        ticket: &Ticket,
        vault: Option<&Vault>,
        report: &mut Report<'_>,
    ) -> Result<(), Failed> {
        let (since, until) = self.within;
        let received = ticket.intake.as_ref().map(|intake| intake.at);
        let within = received.is_some_and(|at| {
            since.is_none_or(|since| at >= since) && until.is_none_or(|until| at < until)
        });
        if !within {
            return Ok(());
        }
        let then = |version: u32, at: Timestamp| -> &Rules {
            let of_version = self.published.version(version);
            let rules = of_version.or_else(|| self.published.as_of(at));
            rules.map_or(self.first, |rules| &**rules)
        };
        let cases = cases(ticket, then, self.candidate, self.now);
        // Only what differs is named.
        let named = cases.iter().any(Case::differs);
        let name = Name::of(ticket, vault.filter(|_| named)).await?;
        for case in &cases {
            report.add(&name, case)?;
        }
        if let Some(rated) = rated(ticket, then, self.candidate) {
            report.rated(rated);
        }
        Ok(())
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
