//! `docket erase`: a person is forgotten. What that means: `docs/operations.md`.

use super::{Failed, StoreArgs, settings_with};
use crate::settings::ERASURE_LEDGER;
use clap::{Args, ValueEnum};
use docket_core::desk::{Desk, Person, Whom};
use docket_core::safekeeping::Ledger;
use docket_core::{Store, StoreUrl};
use docket_domain::ticket::{Ground, TicketNumber};
use std::io::BufRead as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Numbers of tickets shown at most.
const NUMBERS_SHOWN: usize = 20;

/// Erases a person who called: the keys of everything of theirs are destroyed, and nothing brings it back.
/// Without --yes it only shows what would be erased. A server may run.
#[derive(Args)]
pub struct Erase {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    ledger: LedgerArgs,
    /// The person whose phone number or e-mail address is the first line of standard input.
    #[arg(long, required_unless_present_any = ["ticket", "account"])]
    contact: bool,
    /// The person who sent in the ticket with this number, and all their tickets; of an anonymous one, this
    /// ticket.
    #[arg(long, value_name = "NUMBER", conflicts_with = "contact")]
    ticket: Option<TicketNumber>,
    /// The account whose login is the first line of standard input: its login and name. It has to be
    /// deactivated before.
    #[arg(long, conflicts_with_all = ["contact", "ticket"])]
    account: bool,
    /// By what right (个人信息保护法 47).
    #[arg(long)]
    ground: GroundArg,
    /// Erases; there is no way back.
    #[arg(long)]
    yes: bool,
}

/// The ground's words at the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum GroundArg {
    /// They asked for it, or took their consent back.
    Request,
    /// What the data was for is done with, or the time it is kept for is over.
    Retention,
    /// It was not lawful to have it.
    Unlawful,
}

impl From<GroundArg> for Ground {
    fn from(ground: GroundArg) -> Self {
        match ground {
            GroundArg::Request => Self::Request,
            GroundArg::Retention => Self::Retention,
            GroundArg::Unlawful => Self::Unlawful,
        }
    }
}

/// Where erasures are on record apart from the store.
#[derive(Args, Clone)]
pub struct LedgerArgs {
    /// The file that keeps every erasure (ids only), for restoring backups taken before it; by default
    /// erasures.jsonl beside the keys. Better on another disk than the store. Also `DOCKET_ERASURE_LEDGER`.
    #[arg(long, value_name = "FILE")]
    erasure_ledger: Option<PathBuf>,
}

impl LedgerArgs {
    /// The file, if one was named.
    pub(super) fn named(&self) -> Result<Option<PathBuf>, Failed> {
        let flag = self
            .erasure_ledger
            .as_ref()
            .map(|path| path.display().to_string());
        Ok(settings_with(&[(&ERASURE_LEDGER, flag)])?.erasure_ledger)
    }

    /// The file.
    pub(super) fn path(&self, keys: &StoreUrl) -> Result<PathBuf, Failed> {
        Ok(self.named()?.unwrap_or_else(|| match keys {
            StoreUrl::Sqlite(dir) => dir.join("erasures.jsonl"),
            StoreUrl::Postgres(_) => PathBuf::from("docket-keys/erasures.jsonl"),
        }))
    }

    /// Writes down every erasure that the ledger does not have yet.
    pub(super) async fn keep(&self, store: &Store, keys: &StoreUrl) -> Result<(), Failed> {
        let erasures = store.vault.erasures().await?;
        if !erasures.is_empty() {
            Ledger::open(&self.path(keys)?, store.journal.log_id())?.add(erasures)?;
        }
        Ok(())
    }
}

impl Erase {
    pub(super) async fn run(self) -> Result<ExitCode, Failed> {
        let whom = match &self.ticket {
            Some(number) => Whom::Ticket(number.clone()),
            None if self.account => Whom::Login(first_line()?),
            None => Whom::Contact(first_line()?),
        };
        let store = self.store.open().await?;
        let desk = Desk::new(&store);
        desk.finish_erasures().await?;
        // Before anybody is erased: what was not written down before, and whether it can be now.
        let keys_url = self.store.keys_url()?;
        let ledger = self.ledger.path(&keys_url)?;
        self.ledger.keep(&store, &keys_url).await?;
        Ledger::open(&ledger, store.journal.log_id())?.check()?;
        let person = desk.find_person(&whom).await?;
        if self.account {
            println!("1 account: its login and name");
        } else {
            show(&person);
        }
        if !self.yes {
            println!("nothing was erased; with --yes all of it would be, for ever");
            return Ok(ExitCode::SUCCESS);
        }
        let erased = desk.erase(&person, self.ground.into()).await?;
        if let Err(error) = self.ledger.keep(&store, &keys_url).await {
            return Err(format!(
                "the person was erased, but is not in the ledger: {error}. Mend it and start the server, or \
                 run `docket erase` again: that writes it down"
            )
            .into());
        }
        println!(
            "erased: {} tickets, {} accounts, {} keys destroyed; on record as {} in {}",
            erased.erasure.tickets.len(),
            erased.erasure.accounts.len(),
            erased.erasure.keys.len(),
            erased.erasure.id,
            ledger.display()
        );
        println!(
            "backups taken before still hold keys and passwords: delete those you need not keep"
        );
        if !erased.scrubbed {
            println!(
                "traces may be left, because somebody reads the store's files for long, or attached files could not \
                 be removed: the warning says which; they go at the next start of the server, or when this is run again"
            );
        }
        if !erased.late.is_empty() {
            println!(
                "{} came in at the same moment: its caller cannot be read, the rest can; when it is over, \
                 erase it by its number",
                erased.late.join(", ")
            );
        }
        Ok(if erased.late.is_empty() && erased.scrubbed {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

fn first_line() -> Result<String, Failed> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let line = line.trim().to_owned();
    if line.is_empty() {
        return Err("give the phone number, e-mail address or login on standard input".into());
    }
    Ok(line)
}

fn show(person: &Person) {
    let numbers: Vec<&str> = person.numbers().collect();
    let shown = &numbers[..numbers.len().min(NUMBERS_SHOWN)];
    let more = match numbers.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    println!("{} tickets: {}{more}", numbers.len(), shown.join(", "));
    let open = person.open().count();
    if open > 0 {
        println!("{open} of them are open: they have to be closed or withdrawn first");
    }
}
