//! `docket replay`: a ticket's history for auditors.

use super::what_if::WhatIf;
use super::{Failed, StoreArgs};
use crate::replay::{Until, replay};
use clap::Args;
use docket_core::Desk;
use docket_domain::ticket::TicketNumber;
use std::process::ExitCode;

/// Prints a ticket's history step by step, with the state after each; texts stay sealed. With `--rules`, what other
/// rules would have made of all history. Writes nothing into the store.
#[derive(Args)]
pub struct Replay {
    #[command(flatten)]
    store: StoreArgs,
    /// The ticket's number.
    #[arg(long, conflicts_with = "rules", required_unless_present = "rules")]
    ticket: Option<TicketNumber>,
    /// Only up to this position, or up to this time (RFC 3339, e.g. 2026-11-23T10:00:00+08:00); with --rules, what
    /// was received before a day (2026-11-23) or such a time.
    #[arg(long)]
    until: Option<String>,
    #[command(flatten)]
    what_if: WhatIf,
}

fn until(text: &str) -> Result<Until, String> {
    if let Ok(position) = text.parse() {
        return Ok(Until::Position(position));
    }
    match chrono::DateTime::parse_from_rfc3339(text) {
        Ok(time) => Ok(Until::Time(time.to_utc())),
        Err(_) => Err("give a position, or a time such as 2026-11-23T10:00:00+08:00".into()),
    }
}

impl Replay {
    pub(super) async fn run(self) -> Result<ExitCode, Failed> {
        let Some(number) = self.ticket else {
            return self.what_if.run(&self.store, self.until.as_deref()).await;
        };
        let until = self.until.as_deref().map(until).transpose()?;
        let store = self.store.open().await?;
        let desk = Desk::new(&store);
        match replay(&desk, &number, until.unwrap_or(Until::End)).await? {
            Some(text) => {
                print!("{text}");
                Ok(ExitCode::SUCCESS)
            }
            None => Err(format!("there is no ticket {number}").into()),
        }
    }
}
