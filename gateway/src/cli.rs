//! The command line: one file a command. Exit code 0 only when all of it worked.

mod account;
mod backup;
mod config;
mod doctor;
mod erase;
mod export;
mod import;
mod log;
mod progress;
mod projections;
mod replay;
mod rules;
mod security_log;
mod serve;
mod verify;
mod what_if;

use crate::settings::{self, Layers, Settings};
use crate::traces;
use clap::{Args, Parser, Subcommand};
use docket_core::journal::Purpose;
use docket_core::store::StoreOptions;
use docket_core::{Store, StoreUrl, SystemClock};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

/// The event-sourced workflow engine for public-service hotlines (12345, 311).
#[derive(Parser)]
#[command(name = "docket", version, about)]
struct Cli {
    /// The file of settings; by default docket.toml in the working folder, if it is there. Also `DOCKET_CONFIG`.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Any setting, over file and environment: `--set server.drain=30s`. `docket config` lists them.
    #[arg(long, global = true, value_name = "NAME=VALUE")]
    set: Vec<String>,
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
    /// Prints the security log: who was let in and who was not, by the hour.
    SecurityLog(security_log::SecurityLog),
    /// Shows every setting: its value, where it came from, what it does.
    Config(config::Config),
    /// Looks at what could endanger the store.
    Doctor(doctor::Doctor),
    /// Prints the GraphQL schema.
    Schema,
}

/// Where the store is. What is not given here is looked for in the environment and in `docket.toml`.
#[derive(Args, Clone)]
pub struct StoreArgs {
    /// sqlite:DIR or `postgres://USER:PASSWORD@HOST/DATABASE`. Also `DOCKET_STORE`.
    /// Default sqlite:docket-data; for a demonstration sqlite:docket-demo.
    #[arg(long)]
    store: Option<String>,
    /// Another place for the sealing keys. Also `DOCKET_KEYS`.
    #[arg(long)]
    keys: Option<String>,
    /// The master key's file; by default beside the keys. The variable `DOCKET_MASTER_KEY` goes before.
    #[arg(long)]
    master_key: Option<PathBuf>,
    /// Goes on though the database would lose acknowledged commands in a power cut.
    #[arg(long = "unsafe")]
    allow_unsafe: bool,
}

/// A setting with what a command's own flag says of it.
type Flag = (&'static settings::Spec, Option<String>);

/// What was said beside a command's own flags: read once, before anything else.
static LAYERS: OnceLock<Layers> = OnceLock::new();

/// Every setting, with a command's own flags first.
fn settings_with(flags: &[Flag]) -> Result<Settings, Failed> {
    Ok(Settings::load(LAYERS.get_or_init(Layers::default), flags)?)
}

impl StoreArgs {
    fn flags(&self) -> Vec<Flag> {
        let path = self
            .master_key
            .as_ref()
            .map(|path| path.display().to_string());
        vec![
            (&settings::STORE, self.store.clone()),
            (&settings::KEYS, self.keys.clone()),
            (&settings::MASTER_KEY_FILE, path),
            (
                &settings::UNSAFE,
                self.allow_unsafe.then(|| "true".to_owned()),
            ),
        ]
    }

    /// Every setting, these flags first.
    fn settings(&self) -> Result<Settings, Failed> {
        settings_with(&self.flags())
    }

    fn url(&self) -> Result<StoreUrl, Failed> {
        Ok(self.settings()?.store)
    }

    /// Where its keys are.
    fn keys_url(&self) -> Result<StoreUrl, Failed> {
        let settings = self.settings()?;
        Ok(settings.keys.unwrap_or(settings.store))
    }

    fn options(&self) -> Result<StoreOptions, Failed> {
        Ok(store_options(&self.settings()?))
    }

    /// Real where a store has to be made; whatever it is where there is one.
    fn purpose(&self) -> Option<Purpose> {
        match self.url() {
            Ok(StoreUrl::Sqlite(dir)) if dir.join("journal.db").exists() => None,
            _ => Some(Purpose::Real),
        }
    }

    /// Opens a store that is there, of either purpose.
    async fn open(&self) -> Result<Store, Failed> {
        let options = self.options()?;
        let opened = Store::open(StoreOptions {
            purpose: None,
            ..options
        });
        Ok(opened.await?)
    }
}

fn store_options(settings: &Settings) -> StoreOptions {
    let mut options = StoreOptions::new(settings.store.clone(), Arc::new(SystemClock));
    options.keys.clone_from(&settings.keys);
    options.allow_unsafe = settings.allow_unsafe;
    options.master.clone_from(&settings.master);
    options.sessions_last = settings.sessions_last;
    options.files.clone_from(&settings.attachments);
    options.s3.clone_from(&settings.s3);
    options.tokens_last = settings.tokens_last;
    options
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
    let layers = match Layers::read(variables(), cli.config.clone(), &cli.set) {
        Ok(layers) => LAYERS.get_or_init(|| layers),
        Err(error) => return failed(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match Settings::load(layers, &[]) {
        Ok(settings) => {
            // Of a server alone: what else runs is over before anybody would look.
            let traces = settings
                .traces
                .as_ref()
                .filter(|_| matches!(cli.command, Command::Serve(_)));
            let tracer = traces.map(|traces| traces::start(traces, runtime.handle()));
            let tracer = match tracer.transpose() {
                Ok(tracer) => tracer,
                Err(error) => return failed(&error),
            };
            let started = log::start(settings.log_format, &settings.log_filter, tracer);
            if let Err(error) = started {
                return failed(&*error);
            }
        }
        Err(error) => return failed(&error),
    }
    match runtime.block_on(run(cli)) {
        Ok(code) => code,
        Err(error) => failed(&*error),
    }
}

/// The environment, as far as it is text.
fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("docket: {error}");
    ExitCode::FAILURE
}

async fn run(cli: Cli) -> Result<ExitCode, Failed> {
    match cli.command {
        Command::Serve(serve) => Box::pin(serve.run()).await,
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
        Command::SecurityLog(log) => log.run().await,
        Command::Config(config) => config.run(),
        Command::Doctor(doctor) => doctor.run().await,
        Command::Schema => {
            print!("{}", crate::sdl());
            Ok(ExitCode::SUCCESS)
        }
    }
}
