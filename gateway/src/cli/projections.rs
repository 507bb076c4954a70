//! `docket projections status | rebuild | verify`.

use super::progress::Shown;
use super::{Failed, StoreArgs};
use clap::Subcommand;
use docket_projections::rebuild::{self, Difference, DifferenceKind};
use std::process::ExitCode;

/// What to do about events that are not in the views.
const BRINGS_IN: &str =
    "a running `docket serve` brings them in, and so does `docket projections rebuild`";

/// Shows, rebuilds or verifies the read models.
#[derive(Subcommand)]
pub enum Projections {
    /// Shows each projection's version and how far it is behind the journal.
    Status {
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Folds the whole log into fresh tables and puts them in the place of the old ones. A server may run.
    Rebuild {
        #[command(flatten)]
        store: StoreArgs,
        /// Only this one, no further than the others are; by default all, up to the end of the log.
        #[arg(long)]
        only: Option<String>,
    },
    /// Folds the whole log afresh and compares every row. Fails when one differs, or events are not in the views yet. A
    /// server may run.
    Verify {
        #[command(flatten)]
        store: StoreArgs,
    },
}

impl Projections {
    pub(super) async fn run(self) -> Result<ExitCode, Failed> {
        match self {
            Self::Status { store } => {
                for status in rebuild::status(&store.open().await?).await? {
                    let version = match status.stored_version {
                        Some(stored) if stored == status.version => format!("version {stored}"),
                        Some(stored) => {
                            format!("version {stored}, to be rebuilt as {}", status.version)
                        }
                        None => "missing".into(),
                    };
                    let behind = status.head.saturating_sub(status.position);
                    println!(
                        "{:<12} {version}, at {}, {behind} behind",
                        status.name, status.position
                    );
                }
                Ok(ExitCode::SUCCESS)
            }
            Self::Rebuild { store, only } => {
                let store = store.open().await?;
                let all = docket_projections::projection::all();
                let chosen: Vec<_> = match &only {
                    None => all.to_vec(),
                    Some(name) => all.into_iter().filter(|p| p.name() == name).collect(),
                };
                if chosen.is_empty() {
                    let names: Vec<_> = all.iter().map(|p| p.name()).collect();
                    return Err(format!(
                        "there is no such projection; there are {}",
                        names.join(", ")
                    )
                    .into());
                }
                let mut shown = Shown::new("rebuilding");
                let events = rebuild::rebuild(&store, &chosen, &mut |at| shown.show(at)).await?;
                shown.finish();
                println!("rebuilt {} from {events} events", list(&chosen));
                let behind = store.journal.head().await?.saturating_sub(events);
                if only.is_some() && behind > 0 {
                    println!(
                        "{behind} events are not in the views yet: {BRINGS_IN}; one projection alone goes no further than \
                         the others"
                    );
                }
                Ok(ExitCode::SUCCESS)
            }
            Self::Verify { store } => verify(&store).await,
        }
    }
}

fn list(projections: &[&dyn docket_projections::projection::Projection]) -> String {
    projections
        .iter()
        .map(|p| p.name())
        .collect::<Vec<_>>()
        .join(", ")
}

async fn verify(store: &StoreArgs) -> Result<ExitCode, Failed> {
    let store = store.open().await?;
    let mut shown = Shown::new("verifying");
    let found = rebuild::verify(&store, &mut |at| shown.show(at)).await?;
    shown.finish();
    for difference in &found.differences {
        println!("{}", tell(difference));
    }
    let (rows, events, behind) = (found.rows, found.position, found.behind);
    if found.is_clean() {
        println!("clean: {rows} rows equal a fresh fold of {events} events");
        return Ok(ExitCode::SUCCESS);
    }
    if behind > 0 {
        println!(
            "behind: {behind} events are not in the views, which are at {events} of {}: {BRINGS_IN}",
            events + behind
        );
    }
    if found.differences.is_empty() {
        println!("{rows} rows equal a fresh fold of the {events} events before");
        return Ok(ExitCode::FAILURE);
    }
    let more = if found.differences.len() == rebuild::DIFFERENCES_MAX {
        " or more"
    } else {
        ""
    };
    println!(
        "{} differences{more}: `docket projections rebuild` puts them right",
        found.differences.len()
    );
    Ok(ExitCode::FAILURE)
}

fn tell(difference: &Difference) -> String {
    let Difference { table, key, kind } = difference;
    match kind {
        DifferenceKind::Changed(columns) => {
            format!("changed: {table} {key}: {}", columns.join(", "))
        }
        DifferenceKind::Missing => format!("missing: {table} {key}"),
        DifferenceKind::Extra => format!("extra: {table} {key}"),
    }
}
