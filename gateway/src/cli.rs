//! The command line: one file a command. Exit code 0 only when all of it worked.

mod account;
mod backup;
mod doctor;
mod erase;
mod export;
mod import;
mod progress;
mod projections;
mod replay;
mod rules;
mod serve;
mod verify;
mod what_if;

use clap::{Args, Parser, Subcommand};
use docket_core::journal::Purpose;
use docket_core::store::StoreOptions;
use docket_core::vault::MasterKey;
use docket_core::{Store, StoreUrl, SystemClock};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// The event-sourced workflow engine for public-service hotlines (12345, 311).
#[derive(Parser)]
#[command(name = "docket", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves GraphQL and the console.
    Serve(serve::Serve),
    /// Shows, rebuilds or verifies the read models.
    #[command(subcommand)]
    Projections(projections::Projections),
    /// Prints a ticket's history step by step, with the state after each; or what other rules would have made
    /// of all history.
    Replay(replay::Replay),
    /// Checks, compares and publishes rule packs.
    #[command(subcommand)]
    Rules(rules::Rules),
    /// Carries the tickets of the system before over, from a CSV file.
    Import(import::Import),
    /// Keeps accounts.
    #[command(subcommand)]
    Account(account::Account),
    /// Verifies the log: every record, and that it is the one that was written.
    Verify(verify::Verify),
    /// Writes tickets or events to a file or to standard output.
    Export(export::Export),
    /// Backs the store up into a folder, its keys into another. A server may run.
    Backup(backup::Backup),
    /// Restores a backup into a new store.
    Restore(backup::Restore),
    /// Erases a person who called, for ever.
    Erase(erase::Erase),
    /// Looks at what could endanger the store.
    Doctor(doctor::Doctor),
    /// Prints the GraphQL schema.
    Schema,
}

/// Where the store is.
#[derive(Args, Clone)]
pub struct StoreArgs {
    /// sqlite:DIR or `postgres://USER:PASSWORD@HOST/DATABASE`.
    /// Default sqlite:docket-data; for a demonstration sqlite:docket-demo.
    #[arg(long, env = "DOCKET_STORE", hide_env_values = true)]
    store: Option<String>,
    /// Another place for the sealing keys.
    #[arg(long, env = "DOCKET_KEYS", hide_env_values = true)]
    keys: Option<String>,
    /// The master key's file; by default beside the keys. The variable `DOCKET_MASTER_KEY` goes before.
    #[arg(long)]
    master_key: Option<PathBuf>,
    /// Goes on though the database would lose acknowledged commands in a power cut.
    #[arg(long = "unsafe")]
    allow_unsafe: bool,
}

/// Where a store is when nobody says.
const DEFAULT_STORE: &str = "sqlite:docket-data";

impl StoreArgs {
    fn url(&self) -> Result<StoreUrl, docket_core::StoreError> {
        self.store.as_deref().unwrap_or(DEFAULT_STORE).parse()
    }

    /// Where its keys are.
    fn keys_url(&self) -> Result<StoreUrl, docket_core::StoreError> {
        self.keys.as_deref().map_or_else(|| self.url(), str::parse)
    }

    fn options(&self) -> Result<StoreOptions, docket_core::StoreError> {
        let url: StoreUrl = self.url()?;
        let mut options = StoreOptions::new(url, Arc::new(SystemClock));
        options.keys = self.keys.as_deref().map(str::parse).transpose()?;
        options.allow_unsafe = self.allow_unsafe;
        options.master = match std::env::var("DOCKET_MASTER_KEY") {
            Ok(key) => Some(MasterKey::Given(key.into())),
            Err(_) => self.master_key.clone().map(MasterKey::File),
        };
        Ok(options)
    }

    /// Real where a store has to be made; whatever it is where there is one.
    fn purpose(&self) -> Option<Purpose> {
        match self.url() {
            Ok(StoreUrl::Sqlite(dir)) if dir.join("journal.db").exists() => None,
            _ => Some(Purpose::Real),
        }
    }

    /// Opens a store that is there, of either purpose.
    async fn open(&self) -> Result<Store, docket_core::StoreError> {
        let options = self.options()?;
        Store::open(StoreOptions {
            purpose: None,
            ..options
        })
        .await
    }
}

/// What a command fails with: shown to the person at the terminal.
type Failed = Box<dyn std::error::Error>;

/// Prints a line; who has stopped listening to a server does not stop it.
pub(crate) fn say(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // Whatever is written is for its owner only, unless it says otherwise.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let filter = tracing_subscriber::EnvFilter::try_from_env("DOCKET_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,docket_gateway=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("docket: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(cli)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("docket: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<ExitCode, Failed> {
    match cli.command {
        Command::Serve(serve) => serve.run().await,
        Command::Projections(projections) => projections.run().await,
        Command::Replay(replay) => replay.run().await,
        Command::Rules(rules) => rules.run().await,
        Command::Import(import) => import.run().await,
        Command::Account(account) => account.run().await,
        Command::Verify(verify) => verify.run().await,
        Command::Export(export) => export.run().await,
        Command::Backup(backup) => backup.run().await,
        Command::Restore(restore) => restore.run().await,
        Command::Erase(erase) => erase.run().await,
        Command::Doctor(doctor) => doctor.run().await,
        Command::Schema => {
            print!("{}", crate::sdl());
            Ok(ExitCode::SUCCESS)
        }
    }
}
