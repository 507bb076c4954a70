//! `docket backup` and `docket restore`.

use super::progress::Shown;
use super::{Failed, StoreArgs};
use clap::Args;
use docket_core::safekeeping::manifest::Contents;
use docket_core::safekeeping::{self, Ledger, Manifest};
use docket_core::vault::Erasure;
use docket_core::{StoreUrl, SystemClock};
use std::path::PathBuf;
use std::process::ExitCode;

/// Backs the store up while it is being written to: journal and ops into DIR, the wrapped keys into a folder
/// of their own. The master key is in neither: keep it in a third place. Views are rebuilt, never backed up.
#[derive(Args)]
pub struct Backup {
    #[command(flatten)]
    store: StoreArgs,
    /// A new or empty folder.
    dir: PathBuf,
    /// The folder for the wrapped keys: not DIR, and neither within the other.
    #[arg(
        long,
        value_name = "DIR2",
        required_unless_present = "without_keys",
        conflicts_with = "without_keys"
    )]
    keys_to: Option<PathBuf>,
    /// Leaves the attachments out: where they are backed up by other means.
    #[arg(long)]
    without_attachments: bool,
    /// Leaves the keys out: without them no text of the backup can be read.
    #[arg(long)]
    without_keys: bool,
}

/// Restores a backup into a new store, and verifies it on the way: all of it or nothing.
#[derive(Args)]
pub struct Restore {
    #[command(flatten)]
    store: StoreArgs,
    /// The backup's folder.
    dir: PathBuf,
    /// The folder of the wrapped keys, of the same backup or a later one.
    #[arg(
        long,
        value_name = "DIR2",
        required_unless_present = "without_keys",
        conflicts_with = "without_keys"
    )]
    keys_from: Option<PathBuf>,
    #[command(flatten)]
    ledger: super::erase::LedgerArgs,
    /// Nobody was erased since the backup was taken.
    #[arg(long)]
    no_erasures: bool,
    /// Leaves the attachments of the backup out: where they are still in their place, or come by other means.
    #[arg(long)]
    without_attachments: bool,
    /// Restores no keys: the texts of such a store can never be read, but its log can be verified.
    #[arg(long)]
    without_keys: bool,
}

impl Backup {
    pub(super) async fn run(self) -> Result<ExitCode, Failed> {
        let (url, keys_url) = (self.store.url()?, self.store.keys_url()?);
        let files = self.store.options()?.open_files()?;
        let what = safekeeping::Backup {
            files: (!self.without_attachments).then_some(&files),
            url: &url,
            keys_url: &keys_url,
            dir: &self.dir,
            keys_dir: self.keys_to.as_deref(),
            clock: &SystemClock,
        };
        let mut shown = Shown::new("backing up");
        let manifest = safekeeping::backup(what, &mut |at| shown.show(at)).await?;
        shown.finish();
        println!(
            "backed up {url} to {}: {}",
            self.dir.display(),
            told(&manifest)
        );
        println!("{}", attachments(&manifest));
        match &self.keys_to {
            Some(dir) => println!(
                "keys are in {}; the master key is in neither",
                dir.display()
            ),
            None => println!("keys were left out: no text of this backup can be read without them"),
        }
        println!("checkpoint {}", manifest.checkpoint());
        Ok(match manifest.attachments {
            Some(kept) if kept.missing > 0 => ExitCode::FAILURE,
            _ => ExitCode::SUCCESS,
        })
    }
}

impl Restore {
    pub(super) async fn run(self) -> Result<ExitCode, Failed> {
        let (url, keys_url) = (self.store.url()?, self.store.keys_url()?);
        let options = self.store.options()?;
        let erasures = self.erasures()?;
        let files = options.open_files()?;
        let what = safekeeping::Restore {
            files: (!self.without_attachments).then_some(&files),
            dir: &self.dir,
            keys_dir: self.keys_from.as_deref(),
            erasures: &erasures,
            url: &url,
            keys_url: &keys_url,
            master: options.master.as_ref(),
            allow_unsafe: options.allow_unsafe,
        };
        let mut shown = Shown::new("verifying");
        let restored = safekeeping::restore(what, &mut |at| shown.show(at)).await?;
        shown.finish();
        println!(
            "restored {url} from {}, and verified it: {}",
            self.dir.display(),
            told(&restored.manifest)
        );
        println!("checkpoint {}", restored.manifest.checkpoint());
        if self.without_attachments || restored.manifest.attachments.is_none() {
            println!(
                "no attachments were restored: `docket verify` tells which are not in their place"
            );
        } else {
            println!("{} attachments restored", restored.files);
        }
        if restored.erased > 0 {
            println!("{} persons were erased again", restored.erased);
        }
        if self.keys_from.is_none() {
            println!("no keys were restored: do not serve this store, only verify and export it");
        } else if restored.master_tried {
            println!("the master key opens the keys; give it to `docket serve` as well");
        } else {
            let place = match &keys_url {
                StoreUrl::Sqlite(dir) => dir.join("master.key").display().to_string(),
                StoreUrl::Postgres(_) => "docket-keys/master.key".into(),
            };
            println!(
                "the master key was not tried: put it at {place}, for its owner only (mode 600)"
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Restore {
    /// Whom the keys must not bring back.
    fn erasures(&self) -> Result<Vec<Erasure>, Failed> {
        if self.keys_from.is_none() || self.no_erasures {
            return Ok(Vec::new());
        }
        let Some(path) = self.ledger.named()? else {
            return Err(
                "the keys would bring back whoever was erased since they were backed up: give the \
                 ledger, --erasure-ledger FILE, or say that nobody was, --no-erasures"
                    .into(),
            );
        };
        if !path.exists() {
            return Err(format!("there is no ledger at {}", path.display()).into());
        }
        let log = safekeeping::check(&self.dir, Contents::Data)?.log;
        Ok(Ledger::open(&path, log)?.erasures())
    }
}

/// What a backup has of attachments.
pub(super) fn attachments(manifest: &Manifest) -> String {
    match manifest.attachments {
        None => "attachments are not in it: back them up beside".into(),
        Some(kept) if kept.missing > 0 => format!(
            "{} attachments, {} bytes; {} are MISSING or were changed: `docket verify` says which",
            kept.files, kept.bytes, kept.missing
        ),
        Some(kept) => format!("{} attachments, {} bytes", kept.files, kept.bytes),
    }
}

fn told(manifest: &Manifest) -> String {
    let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    format!(
        "{} records of log {}, {bytes} bytes",
        manifest.head, manifest.log
    )
}
