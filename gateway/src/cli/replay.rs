//! `docket replay`: a ticket's history for auditors.

use super::{Failed, StoreArgs};
use crate::replay::{Until, replay};
use clap::Args;
use docket_core::Desk;
use docket_domain::ticket::TicketNumber;
use std::process::ExitCode;

/// Prints a ticket's history step by step, with the state after each. Texts stay sealed.
#[derive(Args)]
pub struct Replay {
    #[command(flatten)]
    store: StoreArgs,
    /// The ticket's number.
    #[arg(long)]
    ticket: TicketNumber,
    /// Only up to this position, or up to this time (RFC 3339, e.g. 2026-11-23T10:00:00+08:00).
    #[arg(long, value_parser = until)]
    until: Option<Until>,
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
        let store = self.store.open().await?;
        let desk = Desk::new(&store);
        match replay(&desk, &self.ticket, self.until.unwrap_or(Until::End)).await? {
            Some(text) => {
                print!("{text}");
                Ok(ExitCode::SUCCESS)
            }
            None => Err(format!("there is no ticket {}", self.ticket).into()),
        }
    }
}
