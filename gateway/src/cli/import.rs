//! `docket import`: moving in.

use super::{Failed, StoreArgs};
use crate::import::encoding::Encoding;
use crate::import::mapping::Mapping;
use crate::import::{Counts, Job, Loaded, run};
use clap::Args;
use docket_core::Desk;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Carries the tickets of the system before over, from a CSV file. A server may run. Run again, after a kill or
/// with corrected rejects, it adds nothing twice.
#[derive(Args)]
pub struct Import {
    #[command(flatten)]
    store: StoreArgs,
    /// The CSV file; its first line names the columns.
    file: PathBuf,
    /// The mapping: which column is what, in TOML.
    #[arg(long)]
    mapping: PathBuf,
    /// utf-8 or gb18030; by default what the mapping says, else told by reading the whole file.
    #[arg(long, value_parser = encoding)]
    encoding: Option<Encoding>,
    /// Where rows that are not taken go; by default FILE.rejects.csv, or the next such name that is free.
    #[arg(long)]
    rejects: Option<PathBuf>,
    /// Checks the mapping and every row, and writes nothing.
    #[arg(long)]
    check: bool,
}

fn encoding(text: &str) -> Result<Encoding, String> {
    Encoding::from_name(text).ok_or_else(|| "an encoding is utf-8 or gb18030".into())
}

impl Import {
    pub(super) async fn run(self) -> Result<ExitCode, Failed> {
        let path = self.mapping.display();
        let text = std::fs::read_to_string(&self.mapping).map_err(|e| format!("{path}: {e}"))?;
        let job = Job {
            mapping: Mapping::parse(&text)?,
            encoding: self.encoding,
            rejects: self.rejects,
            check: self.check,
            file: self.file,
        };
        let desk = Arc::new(Desk::new(&self.store.open().await?));
        let mut shown = Shown::new();
        let loaded = run(desk, job, &mut |counts, at, of| shown.show(counts, at, of)).await;
        shown.finish();
        let loaded = loaded?;
        tell(&loaded, self.check);
        Ok(if loaded.counts.rejected == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

fn tell(loaded: &Loaded, check: bool) {
    let Counts {
        rows,
        imported,
        before,
        rejected,
        reasons,
    } = &loaded.counts;
    for (line, reject) in &loaded.told {
        let column = reject
            .column
            .as_deref()
            .map_or_else(String::new, |c| format!(" {c}:"));
        println!("line {line}:{column} {} {}", reject.code, reject.text);
    }
    let name = loaded.encoding.name();
    if check {
        println!(
            "{rows} rows in {name}: {imported} to import, {before} already there, {rejected} rejected"
        );
    } else {
        println!(
            "{rows} rows in {name}: {imported} imported, {before} already there, {rejected} rejected"
        );
    }
    for (reason, count) in reasons {
        println!("    {reason} {count}");
    }
    if let Some(rejects) = &loaded.rejects {
        println!("rejects: {}", rejects.display());
    }
}

/// Progress is shown so often.
const SHOW_EVERY: Duration = Duration::from_millis(200);
/// And as lines, at each of so many parts.
const PARTS: u64 = 10;

/// A progress bar on a terminal, plain lines otherwise; both with rate and remaining time.
struct Shown {
    bar: Option<ProgressBar>,
    start: Instant,
    last: Option<Instant>,
    part: u64,
}

impl Shown {
    fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:40} {percent}% {msg}");
            ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self {
            bar,
            start: Instant::now(),
            last: None,
            part: 0,
        }
    }

    fn show(&mut self, counts: &Counts, at: u64, of: u64) {
        if let Some(bar) = &self.bar {
            let due = self.last.is_none_or(|last| last.elapsed() >= SHOW_EVERY);
            if due {
                self.last = Some(Instant::now());
                bar.set_length(of);
                bar.set_position(at);
                bar.set_message(self.pace(counts, at, of));
            }
        } else if of > 0 && at * PARTS / of > self.part {
            self.part = at * PARTS / of;
            eprintln!("{}%: {}", at * 100 / of, self.pace(counts, at, of));
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "shown to people")]
    fn pace(&self, counts: &Counts, at: u64, of: u64) -> String {
        let seconds = self.start.elapsed().as_secs_f64().max(0.001);
        let rate = counts.rows as f64 / seconds;
        let left = seconds * of.saturating_sub(at) as f64 / at.max(1) as f64;
        let Counts { rows, rejected, .. } = counts;
        format!("{rows} rows, {rejected} rejected, {rate:.0} rows/s, {left:.0} s left")
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
