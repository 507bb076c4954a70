//! `docket rules`: rule packs checked, compared, published.

use super::{Failed, StoreArgs, say};
use crate::error::Code;
use clap::{Args, Subcommand};
use docket_core::desk::Options;
use docket_core::{Clock as _, Desk, DeskError, Store, SystemClock};
use docket_domain::account::Account;
use docket_domain::people::Actor;
use docket_domain::rules::{self, CALENDAR_CN, DEFAULT_PACK, Mistake, PACKS};
use docket_domain::{Aggregate as _, Reason, Refusal};
use std::io::Read as _;
use std::path::{Path, PathBuf};
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
    #[arg(required_unless_present = "holidays")]
    pack: Option<String>,
    /// A list of holidays to check, a file.
    #[arg(long)]
    holidays: Option<PathBuf>,
}

/// Two packs to compare.
#[derive(Args)]
pub struct Diff {
    /// The one before: a file, or the name of a shipped one.
    before: String,
    /// The one after.
    after: String,
    /// A list of holidays to compare with the Chinese one that comes with this Docket, a file.
    #[arg(long)]
    holidays: Option<PathBuf>,
}

/// A pack to publish.
#[derive(Args)]
pub struct Publish {
    #[command(flatten)]
    store: StoreArgs,
    /// The pack: a file, or the name of a shipped one.
    pack: String,
    /// The list of holidays, a file; by default the one in force, or the Chinese one that comes with this Docket where
    /// that goes on for longer or the one in force has a mistake.
    #[arg(long)]
    holidays: Option<PathBuf>,
    /// The login of who publishes: an administrator, or somebody of the hotline office. It is on record. Needed as soon
    /// as there are accounts.
    #[arg(long = "as", value_name = "LOGIN")]
    by: Option<String>,
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

/// The longest pack or list that is read, in bytes. A technical limit.
const TEXT_BYTES_MAX: u64 = 16 << 20;

/// What stands in a file, if that is a text.
fn text_in(path: &Path) -> Result<String, Failed> {
    let name = path.display();
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| format!("{name}: {error}"))?;
    file.take(TEXT_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("{name}: {error}"))?;
    if bytes.len() as u64 > TEXT_BYTES_MAX {
        return Err(format!("{name}: longer than {TEXT_BYTES_MAX} bytes / 文件过大").into());
    }
    String::from_utf8(bytes).map_err(|error| {
        let (good, rest) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
        let line = good.split(|byte| *byte == b'\n').count();
        let before = good.iter().rev().take_while(|byte| **byte != b'\n').count();
        let (byte, number) = (rest.first().copied().unwrap_or_default(), before + 1);
        format!(
            "{name}: line {line}: byte {number} of the line, 0x{byte:02X}, is no UTF-8; expected a text in UTF-8\n    \
             第{line}行：本行第 {number} 个字节 0x{byte:02X} 不是 UTF-8 编码；应为：UTF-8 编码的文本（GBK 等须先转换）"
        )
        .into()
    })
}

/// The text of a shipped pack, or of a file.
pub(super) fn text_of(pack: &str) -> Result<String, Failed> {
    if let Some((_, text)) = PACKS.iter().find(|(name, _)| *name == pack) {
        return Ok((*text).to_owned());
    }
    if Path::new(pack).exists() {
        return text_in(Path::new(pack));
    }
    let names: Vec<&str> = PACKS.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    Err(
        format!("{pack}: there is no such file, and no such pack comes with Docket ({names})")
            .into(),
    )
}

/// A pack with its list of holidays, as it would be in force.
pub(super) fn read(pack: &str, holidays: Option<&PathBuf>) -> Result<rules::Rules, Failed> {
    let text = text_of(pack)?;
    if let Some(first) = rules::check::check(&text).first() {
        return Err(format!("{pack}: {first}").into());
    }
    let list = holidays.map(|file| text_in(file)).transpose()?;
    if let Some((file, list)) = holidays.zip(list.as_ref())
        && let Some(first) = rules::check::check_holidays(list, this_latest()).first()
    {
        return Err(format!("{}: {first}", file.display()).into());
    }
    let list = list.as_deref().unwrap_or(CALENDAR_CN);
    Ok(rules::Rules::parse(&text, list, 0)?)
}

/// The last year whose list of holidays can be published by now.
fn this_latest() -> i32 {
    rules::latest_year(SystemClock.now())
}

/// The list of holidays in force, or the one that comes with this Docket where that goes on for longer, or the one in
/// force has a mistake.
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
    let sound = rules::check::check_holidays(&in_force, this_latest()).is_empty();
    if !sound || last(CALENDAR_CN)? > last(&in_force)? {
        return Ok(CALENDAR_CN.to_owned());
    }
    Ok(in_force)
}

/// Tells every mistake of a text, in both languages.
fn tell(name: &str, mistakes: &[Mistake]) -> Result<(), Failed> {
    for mistake in mistakes {
        say(&format!("{name}: {mistake}\n    {}", mistake.zh()));
    }
    match mistakes.len() {
        0 => Ok(()),
        1 => Err(format!("{name}: 1 mistake").into()),
        many => Err(format!("{name}: {many} mistakes").into()),
    }
}

/// Tells every mistake of a list of holidays.
fn tell_of_list(file: &Path, list: &str) -> Result<(), Failed> {
    let mistakes = rules::check::check_holidays(list, this_latest());
    tell(&file.display().to_string(), &mistakes)
}

impl Check {
    fn run(self) -> Result<ExitCode, Failed> {
        let mut told = Ok(());
        if let Some(pack) = &self.pack {
            told = tell(pack, &rules::check::check(&text_of(pack)?));
            if told.is_ok() {
                say(&format!("{pack}: no mistakes"));
            }
        }
        if let Some(file) = &self.holidays {
            match tell_of_list(file, &text_in(file)?) {
                Ok(()) => say(&format!("{}: no mistakes", file.display())),
                Err(mistakes) => told = told.and(Err(mistakes)),
            }
        }
        told.map(|()| ExitCode::SUCCESS)
    }
}

impl Diff {
    fn run(self) -> Result<ExitCode, Failed> {
        let mut changes = rules::diff(&text_of(&self.before)?, &text_of(&self.after)?)?;
        if let Some(file) = &self.holidays {
            let list = text_in(file)?;
            tell_of_list(file, &list)?;
            changes.extend(rules::diff_holidays(CALENDAR_CN, &list)?);
        }
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
        tell(&self.pack, &rules::check::check(&pack))?;
        let own_list = self.holidays.as_deref().map(text_in).transpose()?;
        if let Some((file, list)) = self.holidays.as_ref().zip(own_list.as_ref()) {
            tell_of_list(file, list)?;
        }
        let store = self.store.open().await?;
        let desk = Desk::new(&store);
        let holidays = match own_list {
            Some(list) => list,
            None => longer_list(&desk).await?,
        };
        let actor = self.publisher(&store, &desk).await?;
        let published = desk
            .publish(&actor, &pack, &holidays, &Options::default())
            .await;
        let published = published.map_err(|error| match error {
            DeskError::Refused(refusal) => refused(&refusal),
            other => other.into(),
        })?;
        let rules = published.state.current.as_ref();
        let version = rules.map_or(0, |rules| rules.version);
        say(&format!("{} is in force as version {version}", self.pack));
        let organisation = desk.organisation().await?;
        let departments = organisation.departments.iter();
        let departments: Vec<&str> = departments.map(|office| office.name.as_str()).collect();
        let code = Reason::UnknownOffice.code();
        for gone in rules::check::unknown_departments(&pack, &departments) {
            say(&format!(
                "{}: warning {code}: {gone}\n    {}",
                self.pack,
                gone.zh()
            ));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Who publishes. Nobody but Docket itself before there are accounts.
    async fn publisher(&self, store: &Store, desk: &Desk) -> Result<Actor, Failed> {
        let Some(login) = &self.by else {
            let accounts = store.journal.streams_of(Account::CATEGORY, 1).await?;
            if accounts.is_empty() {
                return Ok(Actor::system());
            }
            let en = "say who publishes by --as LOGIN: an administrator, or somebody of the hotline office";
            let zh = "请用 --as 登录名 指明发布人（管理员或热线办人员）";
            return Err(coded(Reason::Required.code(), en, zh));
        };
        let account = match desk.account_of(login).await? {
            Some(id) => desk.account(id).await?.map(|account| (id, account)),
            None => None,
        };
        let Some((id, account)) = account else {
            let en = format!("there is no account {login}");
            return Err(coded(Reason::NotFound.code(), &en, "没有此账号"));
        };
        if account.deactivated {
            let code = Code::AccountDeactivated;
            return Err(coded(code.code(), code.en(), code.zh()));
        }
        let actor = desk.actor(id).await?;
        actor.ok_or_else(|| {
            coded(
                Reason::NotFound.code(),
                Reason::NotFound.en(),
                Reason::NotFound.zh(),
            )
        })
    }
}

/// A failure with its code, in both languages.
fn coded(code: &str, en: &str, zh: &str) -> Failed {
    format!("{code}: {en}\n    {zh}").into()
}

pub(super) fn refused(refusal: &Refusal) -> Failed {
    let reason = refusal.reason;
    coded(reason.code(), &refusal.to_string(), reason.zh())
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
