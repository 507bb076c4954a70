//! `docket security-log`: who was let in and who was not.

use super::{Failed, StoreArgs};
use clap::Args;
use docket_core::ops::SecurityKind;
use docket_core::{Desk, Span};
use std::process::ExitCode;

/// Rows read at a time.
const PAGE: u32 = 500;

/// Prints the security log, the newest hours first.
#[derive(Args)]
pub struct SecurityLog {
    #[command(flatten)]
    store: StoreArgs,
    /// Only of this kind, such as `login_refused`.
    #[arg(long, value_parser = kind)]
    kind: Option<SecurityKind>,
    /// At most so many rows.
    #[arg(long, default_value_t = 1_000)]
    limit: u32,
}

fn kind(name: &str) -> Result<SecurityKind, String> {
    SecurityKind::from_name(name).ok_or_else(|| {
        let all: Vec<_> = SecurityKind::ALL.iter().map(|kind| kind.name()).collect();
        format!("one of {}", all.join(", "))
    })
}

impl SecurityLog {
    pub(super) async fn run(self) -> Result<ExitCode, Failed> {
        let desk = Desk::new(&self.store.open().await?);
        let mut left = self.limit;
        let mut after = None;
        println!("hour\tkind\tsubject\taddress\tcount\tfirst\tlast");
        while left > 0 {
            let span = Span::after(after, left.min(PAGE));
            let page = desk.security_log(self.kind, &span).await?;
            let Some(last) = page.last().cloned() else {
                break;
            };
            for entry in &page {
                println!(
                    "{}\t{}\t{}\t{}\t{}\t{}\t{}",
                    entry.hour.format("%Y-%m-%dT%H:%MZ"),
                    entry.kind,
                    entry.subject,
                    entry.address,
                    entry.count,
                    entry.first_at.format("%Y-%m-%dT%H:%M:%SZ"),
                    entry.last_at.format("%Y-%m-%dT%H:%M:%SZ"),
                );
            }
            left -= u32::try_from(page.len()).unwrap_or(left);
            after = Some(last);
        }
        Ok(ExitCode::SUCCESS)
    }
}
