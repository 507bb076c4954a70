//! `docket doctor`: what could endanger a store, a line each, with what to do.

use super::erase::LedgerArgs;
use super::{Failed, StoreArgs};
use crate::settings::Settings;
use crate::{oidc, tls, traces};
use clap::Args;
use docket_core::clock::Clock as _;
use docket_core::db::POSTGRES_SAFETY;
use docket_core::safekeeping::{Ledger, Vitals, vitals};
use docket_core::vault::MasterKey;
use docket_core::{Store, StoreUrl, SystemClock};
use docket_projections::rebuild;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::ExitCode;

/// Free space below which there is a problem, and below which a warning, in bytes.
const FREE_PROBLEM: u64 = 1 << 30;
/// See [`FREE_PROBLEM`].
const FREE_WARNING: u64 = 5 << 30;
/// How far the last record may be ahead of the clock, in seconds, before it is a problem.
const AHEAD_PROBLEM: i64 = 60;
/// How far behind the journal views and digests may be before it is worth a word.
const BEHIND_WARNING: u64 = 5_000;

/// Looks at what could endanger the store. Fails when there is a problem. A server may run.
#[derive(Args)]
pub struct Doctor {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    ledger: LedgerArgs,
}

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grade {
    Ok,
    Warning,
    Problem,
}

/// What is told, line by line.
#[derive(Default)]
struct Told {
    problems: u32,
}

impl Told {
    fn line(&mut self, grade: Grade, what: &str, says: &str) {
        let grade_name = match grade {
            Grade::Ok => "ok",
            Grade::Warning => "warning",
            Grade::Problem => "problem",
        };
        self.problems += u32::from(grade == Grade::Problem);
        println!("{grade_name:<8} {what}: {says}");
    }
}

impl Doctor {
    pub(super) async fn run(self) -> Result<ExitCode, Failed> {
        let (url, keys_url) = (self.store.url()?, self.store.keys_url()?);
        let mut told = Told::default();
        let settings = self.store.settings()?;
        told.line(Grade::Ok, "settings", &super::config::summary(&settings));
        for variable in super::config::strange() {
            let says = format!("{variable} is set, and no setting is called so: correct its name");
            told.line(Grade::Warning, "settings", &says);
        }
        network(&mut told, &settings);
        collector(&mut told, &settings).await;
        provider(&mut told, &settings).await;
        // Before anything is opened: opening a store makes what is missing.
        let vital = vitals(&url, &keys_url).await?;
        growth(&mut told, &vital);
        free_space(&mut told, &url);
        clock(&mut told, &vital);
        Self::files(&mut told, &settings, &url, &keys_url);
        match self.store.open().await {
            Ok(store) => {
                self.erasures(&mut told, &store, &keys_url).await?;
                attachments(&mut told, &settings, &store).await;
                durability(&mut told, &store, url.is_sqlite()).await?;
                projections(&mut told, &store).await;
            }
            Err(error) => told.line(Grade::Problem, "opening", &format!("{error}")),
        }
        digests(&mut told, &vital);
        Ok(if told.problems == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    /// Whether every erasure is in the ledger, which a restore depends on.
    async fn erasures(
        &self,
        told: &mut Told,
        store: &Store,
        keys_url: &StoreUrl,
    ) -> Result<(), Failed> {
        let erasures = store.vault.erasures().await?;
        let path = self.ledger.path(keys_url)?;
        let shown = path.display();
        let lacking = match Ledger::open(&path, store.journal.log_id()) {
            Ok(ledger) => ledger.lacks(&erasures),
            Err(error) => {
                told.line(Grade::Problem, "erasures", &error.to_string());
                return Ok(());
            }
        };
        let unfinished = store.vault.unfinished_erasures().await?.len();
        let count = erasures.len();
        match (lacking, unfinished) {
            (0, 0) => {
                let says = format!("{count} persons, all of them in the ledger {shown}");
                told.line(Grade::Ok, "erasures", &says);
            }
            (0, unfinished) => {
                let says = format!("{unfinished} are not finished: start the server once more");
                told.line(Grade::Warning, "erasures", &says);
            }
            (lacking, _) => {
                let says = format!(
                    "{lacking} of {count} persons are not in the ledger {shown}, and a restore would bring them \
                     back: restore it, or start the server, which writes them down"
                );
                told.line(Grade::Problem, "erasures", &says);
            }
        }
        Ok(())
    }

    /// Whether anybody else could read the keys or the store's files.
    fn files(told: &mut Told, settings: &Settings, url: &StoreUrl, keys_url: &StoreUrl) {
        match &settings.master {
            Some(MasterKey::Given(_)) => {
                told.line(Grade::Ok, "master key", "from DOCKET_MASTER_KEY");
            }
            Some(MasterKey::File(path)) => owner_only(told, "master key", path),
            None => {
                let beside = match keys_url {
                    StoreUrl::Sqlite(dir) => dir.join("master.key"),
                    StoreUrl::Postgres(_) => "docket-keys/master.key".into(),
                };
                owner_only(told, "master key", &beside);
            }
        }
        if let Some(tls) = &settings.tls {
            owner_only(told, "TLS key", &tls.key);
        }
        if let StoreUrl::Sqlite(dir) = url {
            owner_only(told, "folder", dir);
        }
    }
}

/// Whether attachments can be reached, and by whom else.
async fn attachments(told: &mut Told, settings: &Settings, store: &Store) {
    let default = || docket_core::store::default_files(&settings.store);
    let place = settings.attachments.clone().unwrap_or_else(default);
    if let Err(error) = store.files.check().await {
        let says = format!("{place} cannot be read: {error}");
        return told.line(Grade::Problem, "attachments", &says);
    }
    match store.files.folder() {
        Some(folder) if folder.exists() => owner_only(told, "attachments", folder),
        Some(_) => {
            let says = format!("{place} is made with the first file");
            told.line(Grade::Ok, "attachments", &says);
        }
        None => told.line(Grade::Ok, "attachments", &format!("{place} is in reach")),
    }
}

fn owner_only(told: &mut Told, what: &str, path: &Path) {
    let shown = path.display();
    match std::fs::metadata(path) {
        Err(error) => {
            let says = format!("{shown}: {error}: restore it from its backup");
            told.line(Grade::Problem, what, &says);
        }
        Ok(about) => {
            let mode = about.permissions().mode() & 0o777;
            let wanted = if about.is_dir() { "700" } else { "600" };
            if mode | 0o700 == 0o700 {
                told.line(Grade::Ok, what, &format!("{shown} is for its owner only"));
            } else {
                let grade = if about.is_dir() {
                    Grade::Warning
                } else {
                    Grade::Problem
                };
                let says = format!("{shown} has mode {mode:o}: chmod {wanted} it");
                told.line(grade, what, &says);
            }
        }
    }
}

/// Whether passwords travel in the clear, or figures are for everybody.
fn network(told: &mut Told, settings: &Settings) {
    if let Some(tls) = &settings.tls {
        match tls::check(tls) {
            Ok(()) => {
                let says = format!("{} and its key fit together", tls.certificate.display());
                told.line(Grade::Ok, "TLS", &says);
            }
            Err(error) => told.line(Grade::Problem, "TLS", &error.to_string()),
        }
    } else if !settings.listen.ip().is_loopback() {
        let says = format!(
            "{} is reached over a network without TLS: set tls.certificate and tls.key, or let only a proxy \
             with TLS reach it",
            settings.listen
        );
        told.line(Grade::Warning, "TLS", &says);
    }
    if let Some(metrics) = settings
        .metrics_listen
        .filter(|address| !address.ip().is_loopback())
    {
        let says = format!(
            "{metrics} tells how busy the hotline is to whoever reaches it: let only Prometheus"
        );
        told.line(Grade::Warning, "metrics", &says);
    }
}

/// Whether the collector of traces takes some, and who else could read the key it wants.
async fn collector(told: &mut Told, settings: &Settings) {
    let Some(traces) = &settings.traces else {
        return;
    };
    match traces::ask(traces).await {
        Ok(()) => {
            let says = format!("{} takes spans", traces.endpoint);
            told.line(Grade::Ok, "traces", &says);
        }
        Err(error) => {
            let says = format!("{}: {error}: spans would be lost", traces.endpoint);
            told.line(Grade::Warning, "traces", &says);
        }
    }
    if traces.is_in_the_clear() && !traces.headers.is_empty() {
        let says = format!(
            "{} is reached without TLS, and gets traces.headers: use https://",
            traces.endpoint
        );
        told.line(Grade::Warning, "traces", &says);
    }
}

/// Whether the identity provider gives keys that its tokens can be checked with.
async fn provider(told: &mut Told, settings: &Settings) {
    let Some(provider) = &settings.access.oidc else {
        return;
    };
    let jwks = &provider.jwks;
    match oidc::ask(provider).await {
        Ok(Some(keys @ 1..)) => {
            let says = format!("{jwks} has keys that sign by oidc.algorithms: {keys}");
            told.line(Grade::Ok, "oidc", &says);
        }
        Ok(Some(0)) => {
            let says =
                format!("{jwks} has no key that signs by oidc.algorithms: nobody comes in by it");
            told.line(Grade::Warning, "oidc", &says);
        }
        Ok(None) => {
            let says = format!("{jwks} answers with no set of keys: nobody comes in by it");
            told.line(Grade::Warning, "oidc", &says);
        }
        Err(error) => {
            let says = format!("{jwks}: {error}: nobody comes in by it");
            told.line(Grade::Warning, "oidc", &says);
        }
    }
}

fn growth(told: &mut Told, vital: &Vitals) {
    let says = format!(
        "Docket {}, {}, layout {}",
        env!("CARGO_PKG_VERSION"),
        vital.database,
        vital.layout
    );
    told.line(Grade::Ok, "versions", &says);
    let total: u64 = vital.bytes.iter().map(|(_, bytes)| bytes).sum();
    let parts: Vec<String> = vital
        .bytes
        .iter()
        .map(|(part, bytes)| format!("{part} {}", mebibytes(*bytes)))
        .collect();
    let per_thousand = match vital.tickets {
        0 => "no ticket yet".into(),
        tickets => format!("{} per 1,000 tickets", mebibytes(total * 1_000 / tickets)),
    };
    let says = format!(
        "{} records, {} tickets, {} keys; {} ({}): {per_thousand}",
        vital.head,
        vital.tickets,
        vital.keys,
        mebibytes(total),
        parts.join(", ")
    );
    told.line(Grade::Ok, "size", &says);
}

fn mebibytes(bytes: u64) -> String {
    let tenths = bytes * 10 / (1 << 20);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

fn free_space(told: &mut Told, url: &StoreUrl) {
    let StoreUrl::Sqlite(dir) = url else {
        let says = "look at the database server's disk: it is not seen from here";
        told.line(Grade::Ok, "free space", says);
        return;
    };
    match rustix::fs::statvfs(dir) {
        Err(error) => told.line(Grade::Warning, "free space", &error.to_string()),
        Ok(about) => {
            let free = about.f_bavail * about.f_frsize;
            let grade = match free {
                0..FREE_PROBLEM => Grade::Problem,
                FREE_PROBLEM..FREE_WARNING => Grade::Warning,
                _ => Grade::Ok,
            };
            let advice = if grade == Grade::Ok {
                ""
            } else {
                ": make room; a full disk stops every command"
            };
            let says = format!("{} left{advice}", mebibytes(free));
            told.line(grade, "free space", &says);
        }
    }
}

/// Recorded time never runs backwards: a clock set back makes the log stand still until it has caught up.
fn clock(told: &mut Told, vital: &Vitals) {
    let now = SystemClock.now();
    let ahead = vital.recorded_at.map_or(0, |at| (at - now).num_seconds());
    let (grade, says) = match ahead {
        ..=0 => (Grade::Ok, format!("{now}, after the last record")),
        1..AHEAD_PROBLEM => (
            Grade::Warning,
            format!("the last record is {ahead} s ahead of this machine's clock: check its time"),
        ),
        _ => (
            Grade::Problem,
            format!(
                "the last record is {ahead} s ahead of this machine's clock: set the clock right before anything is recorded"
            ),
        ),
    };
    told.line(grade, "clock", &says);
}

async fn durability(told: &mut Told, store: &Store, sqlite: bool) -> Result<(), Failed> {
    for (part, settings) in [
        ("journal", store.journal.settings().await?),
        ("keys", store.vault.settings().await?),
        ("ops", store.ops.settings().await?),
    ] {
        let wrong = |(name, value): &(String, String)| match name.as_str() {
            "journal_mode" => value != "wal",
            "synchronous" => value != "2" && value != "3",
            name if POSTGRES_SAFETY.contains(&name) => value == "off",
            _ => false,
        };
        let wrong: Vec<String> = settings
            .iter()
            .filter(|setting| wrong(setting))
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let kind = if sqlite { "SQLite" } else { "PostgreSQL" };
        if wrong.is_empty() {
            let says = format!("{kind} keeps what was acknowledged through a power cut");
            told.line(Grade::Ok, part, &says);
        } else {
            let says = format!(
                "{kind} runs with {}: a power cut loses acknowledged commands; switch it on",
                wrong.join(", ")
            );
            told.line(Grade::Problem, part, &says);
        }
    }
    Ok(())
}

async fn projections(told: &mut Told, store: &Store) {
    let statuses = match rebuild::status(store).await {
        Ok(statuses) => statuses,
        Err(error) => return told.line(Grade::Problem, "views", &error.to_string()),
    };
    for status in statuses {
        let behind = status.head.saturating_sub(status.position);
        let name = format!("view {}", status.name);
        if status.stored_version != Some(status.version) {
            let says = "to be built: `docket serve` does it at its start";
            told.line(Grade::Warning, &name, says);
        } else if behind > BEHIND_WARNING {
            let says = format!("{behind} records behind: does a server run? `/readyz` says why");
            told.line(Grade::Warning, &name, &says);
        } else {
            told.line(Grade::Ok, &name, &format!("{behind} records behind"));
        }
    }
}

fn digests(told: &mut Told, vital: &Vitals) {
    let (head, noted) = (vital.head, vital.noted);
    if noted > head {
        let says = format!(
            "noted up to {noted}, but the log ends at {head}: records are missing; run `docket verify`"
        );
        told.line(Grade::Problem, "digests", &says);
    } else if head - noted > BEHIND_WARNING {
        let says = format!(
            "{} records are not noted yet: a running server notes them",
            head - noted
        );
        told.line(Grade::Warning, "digests", &says);
    } else {
        told.line(
            Grade::Ok,
            "digests",
            &format!("noted up to {noted} of {head}"),
        );
    }
}
