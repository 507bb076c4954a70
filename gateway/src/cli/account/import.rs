//! `docket account import`: accounts in bulk, from a CSV file. Good rows go in, bad ones are named; run again, it
//! adds nothing twice.

use super::super::{Failed, StoreArgs};
use super::rows::{Header, Row, column_of, refused};
use crate::cli::progress::Shown;
use crate::error::Failure;
use crate::import::encoding::Encoding;
use crate::import::records::{Record, Records};
use crate::import::rejects::Reject;
use clap::Args;
use docket_core::Desk;
use docket_core::DeskError;
use docket_core::clock::random_bytes;
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
/// Characters of a password that is made, if the rules ask for no more.
const MADE_CHARS: usize = 14;
/// What passwords are made of, class by class, without what is easily misread.
const CLASSES: [&[u8]; 4] = [
    b"abcdefghijkmnpqrstuvwxyz",
    b"ABCDEFGHJKLMNPQRSTUVWXYZ",
    b"23456789",
    b"-_.+#%",
];

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
        let (mut counts, mut shown) = (Counts::default(), Shown::new("accounts"));
        while let Some(record) = records.next_record()? {
            counts.rows += 1;
            match work.take(&header, &record).await? {
                Ok(Fate::Added) => counts.added += 1,
                Ok(Fate::There) => counts.there += 1,
                Err(reject) => {
                    counts.rejected += 1;
                    let column = reject.column.map_or_else(String::new, |c| format!(" {c}:"));
                    println!(
                        "line {}:{column} {} {}",
                        record.line, reject.code, reject.text
                    );
                }
            }
            shown.show((records.bytes_done(), text.len() as u64));
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
    /// Takes a row, or says why not; fails where the store does.
    async fn take(
        &mut self,
        header: &Header,
        record: &Record,
    ) -> Result<Result<Fate, Reject>, Failed> {
        let Row { new, password } = match header.row(record, &self.organisation) {
            Ok(row) => row,
            Err(reject) => return Ok(Err(reject)),
        };
        let login = new.login.to_lowercase();
        if !self.seen.insert(login.clone()) {
            let twice = "another row of the file has this login";
            return Ok(Err(refused(Reason::AlreadyExists, "login", twice)));
        }
        let journal = self.desk.journal();
        let name = format!("account import {login}");
        let command = CommandId(Uuid::new_v5(&journal.log_id().0, name.as_bytes()));
        if journal.command(command).await?.is_some() {
            return Ok(Ok(Fate::There));
        }
        let password = match (password, &mut self.made) {
            (Some(password), _) => password,
            (None, None) => return Ok(Err(refused(Reason::Required, "password", ""))),
            (None, Some(file)) => {
                if self.desk.account_of(&login).await?.is_some() {
                    return Ok(Err(refused(Reason::AlreadyExists, "login", "")));
                }
                // Before the account is there: nobody knew its password if this were killed in between.
                let password = make_password(self.rules);
                let mut line = csv::Writer::from_writer(file);
                line.write_record([&new.login, &password])?;
                line.into_inner().map_err(|e| e.to_string())?.sync_data()?;
                password
            }
        };
        let options = Options {
            command: Some(command),
            ..Options::default()
        };
        let password = Password::Clear(password);
        let created = self
            .desk
            .create_account(&Actor::system(), new, password, &options)
            .await;
        match created {
            Ok(_) => Ok(Ok(Fate::Added)),
            Err(error) => reject_of(error).map(Err),
        }
    }
}

/// Why a row is not taken, if it is the row's fault.
fn reject_of(error: DeskError) -> Result<Reject, Failed> {
    match Failure::from(error) {
        Failure::Refused(refused) => {
            let texts = (refused.zh.as_str(), refused.en.as_str());
            let column = refused.path.map(column_of);
            Ok(Reject::of(refused.code, texts, column, ""))
        }
        Failure::Fault(_) => Err("the store failed: run it again, it adds nothing twice".into()),
    }
}

/// A password that any rules let: of every class.
fn make_password(rules: PasswordRules) -> String {
    let length = usize::from(rules.min_chars).max(MADE_CHARS);
    let all: Vec<u8> = CLASSES.concat();
    let mut made: Vec<u8> = CLASSES.iter().map(|class| pick(class)).collect();
    made.extend((made.len()..length).map(|_| pick(&all)));
    for last in (1..made.len()).rev() {
        made.swap(last, below(last + 1));
    }
    made.into_iter().map(char::from).collect()
}

fn pick(from: &[u8]) -> u8 {
    from[below(from.len())]
}

/// A random number below a small bound.
fn below(bound: usize) -> usize {
    // Out of so many that no number is noticeably more likely.
    let random = u64::from_be_bytes(random_bytes());
    usize::try_from(random % bound as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_that_are_made_meet_any_rules() {
        for (min_chars, classes) in [(8, 1), (8, 4), (40, 4), (128, 4)] {
            let rules = PasswordRules {
                min_chars,
                classes,
                expires_days: 0,
            };
            let (one, two) = (make_password(rules), make_password(rules));
            assert!(rules.lets(&one) && one.is_ascii(), "{one}");
            assert_ne!(one, two);
        }
    }
}
