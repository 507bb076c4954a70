//! `docket account import`: accounts in bulk, from a CSV file. Good rows go in, bad ones are named; run again, it
//! adds nothing twice.

use super::super::{Failed, StoreArgs};
use crate::cli::progress::Shown;
use crate::import::encoding::Encoding;
use crate::import::records::{Record, Records};
use crate::import::rejects::Reject;
use crate::staff_list::{Header, Row, password, refused, reject_of};
use clap::Args;
use docket_core::Desk;
use docket_core::desk::{Options, Password};
use docket_domain::Reason;
use docket_domain::ids::CommandId;
use docket_domain::people::Actor;
use docket_domain::rules::PasswordRules;
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, Cursor, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use uuid::Uuid;

/// Most bytes of a list: many times the staff of a province.
const LIST_BYTES_MAX: u64 = 64 << 20;

/// A list of accounts to be created.
#[derive(Args)]
pub struct Import {
    #[command(flatten)]
    store: StoreArgs,
    /// The CSV file. Its first line names the columns, in any order: login, name, role (these are needed),
    /// department, unit, mobile, `sms_quota`, password, `recovery_question`, `recovery_answer`.
    file: PathBuf,
    /// Makes a password for every account without one, and writes logins and passwords into this new file, for
    /// its owner's eyes only.
    #[arg(long, value_name = "FILE")]
    generate_passwords: Option<PathBuf>,
    /// utf-8 or gb18030; by default told by reading the whole file.
    #[arg(long, value_parser = encoding)]
    encoding: Option<Encoding>,
}

fn encoding(text: &str) -> Result<Encoding, String> {
    Encoding::from_name(text).ok_or_else(|| "an encoding is utf-8 or gb18030".into())
}

/// What became of a row.
enum Fate {
    Added,
    There,
}

/// The rows so far.
#[derive(Default)]
struct Counts {
    rows: u64,
    added: u64,
    there: u64,
    rejected: u64,
}

impl Import {
    pub(super) async fn run(self) -> Result<ExitCode, Failed> {
        let path = self.file.display();
        let bytes = read(&self.file).map_err(|e| format!("{path}: {e}"))?;
        let encoding = match self.encoding {
            Some(encoding) => encoding,
            None => Encoding::detect(BufReader::new(bytes.as_slice()))
                .map_err(|e| format!("{path}: {e}"))?,
        };
        let text = &bytes[Encoding::mark_of(&bytes)..];
        let mut records = Records::new(Cursor::new(text), b',');
        let first = records.next_record()?;
        let first = first.ok_or_else(|| format!("{path}: the file is empty"))?;
        let header = Header::read(&first, encoding).map_err(|e| format!("{path}: {e}"))?;
        if !header.has_passwords() && self.generate_passwords.is_none() {
            let what = "the file has no column password: give --generate-passwords FILE";
            return Err(what.into());
        }
        let store = self.store.open().await?;
        let desk = Desk::new(&store);
        let mut work = Work {
            organisation: desk.organisation().await?,
            rules: desk.password_rules().await?,
            desk,
            made: self.generate_passwords.as_deref().map(made).transpose()?,
            seen: HashSet::new(),
        };
        let all = rows(text)?;
        let (mut counts, mut shown) = (Counts::default(), Shown::new("accounts"));
        while let Some(record) = records.next_record()? {
            counts.rows += 1;
            match work.take(&header, &record).await? {
                Ok(Fate::Added) => counts.added += 1,
                Ok(Fate::There) => counts.there += 1,
                Err(mistakes) => {
                    counts.rejected += 1;
                    for reject in mistakes {
                        let column = reject.column.map_or_else(String::new, |c| format!(" {c}:"));
                        let (line, code, text) = (record.line, reject.code, reject.text);
                        println!("line {line}:{column} {code} {text}");
                    }
                }
            }
            shown.show((counts.rows, all));
        }
        shown.finish();
        let Counts {
            rows,
            added,
            there,
            rejected,
        } = counts;
        let name = encoding.name();
        println!(
            "{rows} rows in {name}: {added} added, {there} already there, {rejected} rejected"
        );
        Ok(if rejected == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// How many rows a list has below its first line.
fn rows(text: &[u8]) -> Result<u64, Failed> {
    let mut records = Records::new(Cursor::new(text), b',');
    let mut rows = 0_u64;
    while records.next_record()?.is_some() {
        rows += 1;
    }
    Ok(rows.saturating_sub(1))
}

/// All of a file, if it is no larger than a list can be.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let size = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
    if size > LIST_BYTES_MAX {
        return Err(format!("it is larger than {LIST_BYTES_MAX} bytes"));
    }
    std::fs::read(path).map_err(|e| e.to_string())
}

/// The new file for passwords that are made. Never in the place of another: that may hold the only copy.
fn made(path: &Path) -> Result<File, Failed> {
    let mut new = OpenOptions::new();
    let file = new.write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.map_err(|e| format!("{}: {e}", path.display()))?;
    file.write_all(b"login,password\n")?;
    Ok(file)
}

/// What is needed to take a row.
struct Work {
    desk: Desk,
    organisation: std::sync::Arc<docket_domain::organisation::Organisation>,
    rules: PasswordRules,
    made: Option<File>,
    /// Logins of the rows so far, as they are compared. No more than the file has.
    seen: HashSet<String>,
}

impl Work {
    /// Takes a row, or says everything that is wrong with it; fails where the store does.
    async fn take(
        &mut self,
        header: &Header,
        record: &Record,
    ) -> Result<Result<Fate, Vec<Reject>>, Failed> {
        let mut row = match header.row(record, &self.organisation, None) {
            Ok(row) => row,
            Err(reject) => return Ok(Err(vec![reject])),
        };
        let login = row.new.login.to_lowercase();
        if !login.is_empty() && !self.seen.insert(login.clone()) {
            let twice = "another row of the file has this login";
            row.mistakes
                .add(refused(Reason::AlreadyExists, "login", twice));
        }
        if row.password.is_none() && self.made.is_none() {
            row.mistakes.add(refused(Reason::Required, "password", ""));
        }
        if !row.mistakes.is_empty() {
            return self.all_of(row).await.map(Err);
        }
        let journal = self.desk.journal();
        let name = format!("account import {login}");
        let command = CommandId(Uuid::new_v5(&journal.log_id().0, name.as_bytes()));
        if journal.command(command).await?.is_some() {
            return Ok(Ok(Fate::There));
        }
        let password = match &row.password {
            Some(password) => password.clone(),
            None => match self.make(&mut row).await? {
                Some(password) => password,
                None => return Ok(Err(row.mistakes.all())),
            },
        };
        let options = Options {
            command: Some(command),
            ..Options::default()
        };
        let (system, password) = (Actor::system(), Password::Clear(password));
        let created = self
            .desk
            .create_account(&system, row.new.clone(), password, &options)
            .await;
        match created {
            Ok(_) => Ok(Ok(Fate::Added)),
            Err(error) => {
                row.mistakes.add(reject_of(error).map_err(|_| FAILED)?);
                self.all_of(row).await.map(Err)
            }
        }
    }

    /// Makes a row's password and keeps it, before the account is there: nobody knew it if this were killed in between.
    /// `None`: something is wrong with the row.
    async fn make(&mut self, row: &mut Row) -> Result<Option<String>, Failed> {
        let Some(file) = &mut self.made else {
            return Ok(None);
        };
        if self.desk.account_of(&row.new.login).await?.is_some() {
            row.mistakes
                .add(refused(Reason::AlreadyExists, "login", ""));
        }
        let judged = row.judge(&self.desk, &Actor::system(), None).await;
        judged.map_err(|_| FAILED)?;
        if !row.mistakes.is_empty() {
            return Ok(None);
        }
        let password = password::made(self.rules);
        let mut line = csv::Writer::from_writer(file);
        line.write_record([&row.new.login, &password])?;
        line.into_inner().map_err(|e| e.to_string())?.sync_data()?;
        Ok(Some(password))
    }

    /// Everything that is wrong with a row.
    async fn all_of(&self, mut row: Row) -> Result<Vec<Reject>, Failed> {
        let password = row.password.clone().map(Password::Clear);
        let system = Actor::system();
        let judged = row.judge(&self.desk, &system, password.as_ref()).await;
        judged.map_err(|_| FAILED)?;
        Ok(row.mistakes.all())
    }
}

/// What is told where the store failed; its log has the details.
const FAILED: &str = "the store failed: run it again, it adds nothing twice";
