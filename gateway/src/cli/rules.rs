//! `docket rules`: rule packs checked, compared, published.

use super::{Failed, StoreArgs, say};
use clap::{Args, Subcommand};
use docket_core::desk::Options;
use docket_core::{Desk, DeskError};
use docket_domain::people::Actor;
use docket_domain::rules::{self, CALENDAR_CN, DEFAULT_PACK, PACKS};
use std::path::PathBuf;
use std::process::ExitCode;

/// Checks, compares and publishes rule packs. A pack is a file, or the name of one that comes with Docket:
/// default, suzhou, ordos, putian, pingyao, county.
#[derive(Subcommand)]
pub enum Rules {
    /// Names every mistake of a pack, by line, with what was expected.
    Check(Check),
    /// Says what differs from one pack to another, by what they mean.
    Diff(Diff),
    /// Publishes a pack: it is in force from then on.
    Publish(Publish),
    /// Prints a pack that comes with Docket, or the one in force.
    Show(Show),
}

/// A pack to check.
#[derive(Args)]
pub struct Check {
    /// The pack: a file, or the name of a shipped one.
    pack: String,
}

/// Two packs to compare.
#[derive(Args)]
pub struct Diff {
    /// The one before: a file, or the name of a shipped one.
    before: String,
    /// The one after.
    after: String,
}

/// A pack to publish.
#[derive(Args)]
pub struct Publish {
    #[command(flatten)]
    store: StoreArgs,
    /// The pack: a file, or the name of a shipped one.
    pack: String,
    /// The list of holidays, a file; by default the one in force, or the Chinese one that comes with this Docket where
    /// that goes on for longer.
    #[arg(long)]
    holidays: Option<PathBuf>,
}

/// A pack to print.
#[derive(Args)]
pub struct Show {
    #[command(flatten)]
    store: StoreArgs,
    /// The name of a shipped pack; by default the pack in force.
    pack: Option<String>,
    /// Prints the list of holidays in force instead.
    #[arg(long, conflicts_with = "pack")]
    holidays: bool,
}

impl Rules {
    pub(super) async fn run(self) -> Result<ExitCode, Failed> {
        match self {
            Self::Check(check) => check.run(),
            Self::Diff(diff) => diff.run(),
            Self::Publish(publish) => publish.run().await,
            Self::Show(show) => show.run().await,
        }
    }
}

/// The text of a shipped pack, or of a file.
pub(super) fn text_of(pack: &str) -> Result<String, Failed> {
    if let Some((_, text)) = PACKS.iter().find(|(name, _)| *name == pack) {
        return Ok((*text).to_owned());
    }
    std::fs::read_to_string(pack).map_err(|error| {
        let names: Vec<&str> = PACKS.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        format!("{pack}: {error}; and it is no pack that comes with Docket ({names})").into()
    })
}

/// A pack with its list of holidays, as it would be in force.
pub(super) fn read(pack: &str, holidays: Option<&PathBuf>) -> Result<rules::Rules, Failed> {
    let (text, holidays) = (text_of(pack)?, holidays_of(holidays)?);
    if let Some(first) = rules::check::check(&text).first() {
        return Err(format!("{pack}: {first}").into());
    }
    Ok(rules::Rules::parse(&text, &holidays, 0)?)
}

fn holidays_of(file: Option<&PathBuf>) -> Result<String, Failed> {
    match file {
        Some(file) => std::fs::read_to_string(file)
            .map_err(|error| format!("{}: {error}", file.display()).into()),
        None => Ok(CALENDAR_CN.to_owned()),
    }
}

/// The list of holidays in force, or the one that comes with this Docket where that goes on for longer.
async fn longer_list(desk: &Desk) -> Result<String, Failed> {
    let in_force = match desk.pack_in_force().await {
        Ok(published) => published.holidays,
        Err(DeskError::NotFounded) => return Ok(CALENDAR_CN.to_owned()),
        Err(error) => return Err(error.into()),
    };
    let last = |list: &str| {
        let list = rules::Rules::parse(DEFAULT_PACK, list, 0);
        list.map(|rules| rules.calendar.holidays.published.last().copied())
    };
    if last(CALENDAR_CN)? > last(&in_force)? {
        return Ok(CALENDAR_CN.to_owned());
    }
    Ok(in_force)
}

impl Check {
    fn run(self) -> Result<ExitCode, Failed> {
        let mistakes = rules::check::check(&text_of(&self.pack)?);
        for mistake in &mistakes {
            say(&format!("{}: {mistake}\n    {}", self.pack, mistake.zh()));
        }
        match mistakes.len() {
            0 => {
                say(&format!("{}: no mistakes", self.pack));
                Ok(ExitCode::SUCCESS)
            }
            1 => Err(format!("{}: 1 mistake", self.pack).into()),
            many => Err(format!("{}: {many} mistakes", self.pack).into()),
        }
    }
}

impl Diff {
    fn run(self) -> Result<ExitCode, Failed> {
        let changes = rules::diff(&text_of(&self.before)?, &text_of(&self.after)?)?;
        for change in &changes {
            say(&change.to_string());
        }
        if changes.is_empty() {
            say("no difference");
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Publish {
    async fn run(self) -> Result<ExitCode, Failed> {
        let pack = text_of(&self.pack)?;
        let store = self.store.open().await?;
        let desk = Desk::new(&store);
        let holidays = match &self.holidays {
            Some(_) => holidays_of(self.holidays.as_ref())?,
            None => longer_list(&desk).await?,
        };
        let published = desk
            .publish(&Actor::system(), &pack, &holidays, &Options::default())
            .await?;
        let rules = published.state.current.as_ref();
        let version = rules.map_or(0, |rules| rules.version);
        say(&format!("{} is in force as version {version}", self.pack));
        Ok(ExitCode::SUCCESS)
    }
}

impl Show {
    async fn run(self) -> Result<ExitCode, Failed> {
        let text = if let Some(pack) = self.pack {
            text_of(&pack)?
        } else {
            let store = self.store.open().await?;
            let in_force = Desk::new(&store).pack_in_force().await?;
            if self.holidays {
                in_force.holidays
            } else {
                in_force.pack
            }
        };
        print!("{text}");
        Ok(ExitCode::SUCCESS)
    }
}
