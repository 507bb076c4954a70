//! `docket verify`: whether the log is whole, and is the one that was written.

use super::progress::Shown;
use super::{Failed, StoreArgs};
use clap::Args;
use docket_core::StoreUrl;
use docket_core::digests::Checkpoint;
use docket_core::safekeeping::manifest::Contents;
use docket_core::safekeeping::{self, Report};
use std::path::PathBuf;
use std::process::ExitCode;

/// Verifies the log record by record and prints its checkpoint, POSITION:HASH, to be written down. Fails
/// when anything is wrong, and names the first position that is. A server may run. Changes nothing.
#[derive(Args)]
pub struct Verify {
    #[command(flatten)]
    store: StoreArgs,
    /// A checkpoint written down earlier, POSITION:HASH; may be given several times.
    #[arg(long)]
    expect: Vec<Checkpoint>,
    /// Compares with the digests noted in another store: this one is a copy of it.
    #[arg(long, value_name = "STORE")]
    against: Option<String>,
    /// Also whether every sealed text opens: needs the keys and the master key.
    #[arg(long)]
    seals: bool,
    /// Leaves the bytes of attachments out: reading all of them takes as long as copying them.
    #[arg(long)]
    without_attachments: bool,
    /// Verifies the files of a backup, data or keys, instead of a store.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["expect", "against", "seals"])]
    backup: Option<PathBuf>,
}

impl Verify {
    pub(super) async fn run(self) -> Result<ExitCode, Failed> {
        if let Some(dir) = &self.backup {
            let manifest = safekeeping::check_either(dir)?;
            let holds = match manifest.contents {
                Contents::Data => "data",
                Contents::Keys => "wrapped keys",
            };
            println!(
                "{holds} of log {}, taken at {}",
                manifest.log, manifest.taken_at
            );
            if manifest.contents == Contents::Data {
                println!("{}", super::backup::attachments(&manifest));
            }
            println!("checkpoint {}", manifest.checkpoint());
            println!("clean: every file is as it was written");
            return Ok(ExitCode::SUCCESS);
        }
        let url = self.store.url()?;
        let against: Option<StoreUrl> = self.against.as_deref().map(str::parse).transpose()?;
        let opened = if self.seals {
            Some(self.store.open().await?)
        } else {
            None
        };
        let files = self.store.options()?.open_files()?;
        let what = safekeeping::Verify {
            files: (!self.without_attachments).then_some(&files),
            url: &url,
            against: against.as_ref(),
            expected: self.expect.clone(),
            vault: opened.as_ref().map(|store| &store.vault),
        };
        let mut shown = Shown::new("verifying");
        let report = safekeeping::verify(what, &mut |at| shown.show(at)).await?;
        shown.finish();
        self.tell(&report);
        Ok(if report.findings.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    fn tell(&self, report: &Report) {
        if let Some(log) = report.log {
            println!("log {log}, {} records", report.head);
        }
        let not_noted = report.head.saturating_sub(report.noted);
        if report.compared == 0 && report.head > 0 {
            println!("digests: none noted, none compared; give --expect POSITION:HASH");
        } else {
            let compared = report.compared;
            println!("digests: {compared} records compared, {not_noted} not noted yet");
        }
        if self.seals {
            println!(
                "sealed texts: {} open, {} of persons erased",
                report.opened, report.erased
            );
        }
        if !self.without_attachments {
            println!("attachments: {} whole", report.files);
        }
        match report.checkpoint {
            Some(checkpoint) => println!("checkpoint {checkpoint}"),
            None => println!("no checkpoint: not every record could be read"),
        }
        for finding in &report.findings {
            match finding.position {
                Some(position) => println!("wrong: position {position}: {}", finding.what),
                None => println!("wrong: {}", finding.what),
            }
        }
        if report.more > 0 {
            println!("and {} more", report.more);
        }
        let first = report.findings.first();
        match (first, first.and_then(|finding| finding.position)) {
            (None, _) => println!("clean"),
            (Some(_), Some(position)) => println!("the first wrong position is {position}"),
            (Some(_), None) => println!("no single position is wrong, but the log as a whole"),
        }
    }
}
