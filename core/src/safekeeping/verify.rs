//! What is wrong with a log, by position.
//!
//! Every record is read in order: contiguous, readable, decodable, never recorded before the one ahead of
//! it, and equal to the digest noted of it. `agreement` asks the database whether events, commands and
//! claims agree. A finding names a position wherever it can; all is told that is found, up to a limit.

mod agreement;

pub(super) use agreement::erased;

use super::snapshot::{Broken, Snapshot, reading, record};
use super::{Progress, SafekeepingError, attachments};
use crate::catalogue;
use crate::digests::{Checkpoint, Digests, TILE, digest};
use crate::files::Files;
use crate::journal::{JournalError, Record};
use crate::store::StoreUrl;
use crate::vault::{Found, Vault};
use docket_domain::ids::LogId;
use docket_domain::sealed::Sealed;
use std::collections::HashSet;
use uuid::Uuid;

/// Most findings told.
pub const FINDINGS_MAX: usize = 100;

/// What is to be verified.
pub struct Verify<'v> {
    /// The store.
    pub url: &'v StoreUrl,
    /// Another store whose digests to compare with; by default the store's own.
    pub against: Option<&'v StoreUrl>,
    /// Checkpoints written down earlier.
    pub expected: Vec<Checkpoint>,
    /// Whether sealed texts open.
    pub vault: Option<&'v Vault>,
    /// Whether the bytes of attachments are those that were stored.
    pub files: Option<&'v Files>,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Where, if it is at one place: records are named before what is of the log as a whole.
    pub position: Option<u64>,
    /// What.
    pub what: String,
}

/// What a verification saw.
#[derive(Debug, Default)]
pub struct Report {
    /// The log.
    pub log: Option<LogId>,
    /// The last position.
    pub head: u64,
    /// The running hash there; `None` where a record could not be read.
    pub checkpoint: Option<Checkpoint>,
    /// Records whose digests were noted and compared.
    pub compared: u64,
    /// How far digests are noted.
    pub noted: u64,
    /// Sealed texts that open.
    pub opened: u64,
    /// Sealed texts of persons who were erased: their key is destroyed, and the log says so.
    pub erased: u64,
    /// Attachments whose bytes are there, and are those that were stored.
    pub files: u64,
    /// What is wrong, in order of position.
    pub findings: Vec<Finding>,
    /// Findings beyond [`FINDINGS_MAX`].
    pub more: u64,
}

impl Report {
    fn find(&mut self, position: impl Into<Option<u64>>, what: impl Into<String>) {
        if self.findings.len() < FINDINGS_MAX {
            let (position, what) = (position.into(), what.into());
            self.findings.push(Finding { position, what });
        } else {
            self.more += 1;
        }
    }

    fn finish(mut self) -> Self {
        self.findings
            .sort_by_key(|f| (f.position.is_none(), f.position));
        self
    }
}

/// Digests to compare with.
struct Noted {
    digests: Digests,
    upto: u64,
    /// Whether they are another store's: a copy may be older than they.
    others: bool,
    tile: Option<(u64, Vec<u8>)>,
}

impl Noted {
    /// The digests of a log in a store, as far as they are noted now.
    async fn open(url: &StoreUrl, others: bool) -> Result<Option<(LogId, Self)>, SafekeepingError> {
        let Some(db) = reading(url, "ops", "digest_head").await? else {
            return Ok(None);
        };
        let digests = Digests::within(db);
        let Some((log, checkpoint)) = digests.noted().await? else {
            return Ok(None);
        };
        let noted = Self {
            digests,
            upto: checkpoint.position,
            others,
            tile: None,
        };
        Ok(Some((log, noted)))
    }

    /// The digest noted of a position.
    async fn of(&mut self, position: u64) -> Result<Option<Vec<u8>>, SafekeepingError> {
        if position == 0 || position > self.upto {
            return Ok(None);
        }
        let (tile, at) = ((position - 1) / TILE, (position - 1) % TILE);
        if self.tile.as_ref().is_none_or(|(known, _)| *known != tile) {
            self.tile = Some((tile, self.digests.tile(tile).await?));
        }
        let from = usize::try_from(at * 32).unwrap_or(usize::MAX);
        let bytes = self.tile.as_ref().and_then(|(_, t)| t.get(from..from + 32));
        Ok(Some(bytes.unwrap_or_default().to_vec()))
    }
}

/// Verifies a store's log.
pub async fn verify(what: Verify<'_>, progress: Progress<'_>) -> Result<Report, SafekeepingError> {
    // First how far digests are noted, then the log: it has come at least as far.
    let noted = Noted::open(what.against.unwrap_or(what.url), what.against.is_some()).await?;
    let snapshot = Snapshot::open(what.url).await?;
    let walk = Walk::new(snapshot, noted, what.expected, (what.vault, what.files));
    let (report, _) = walk.run(progress).await?;
    Ok(report)
}

/// Verifies a log that is being restored, within its transaction.
pub(super) async fn verify_within(
    snapshot: Snapshot,
    expected: Checkpoint,
    progress: Progress<'_>,
) -> Result<(Report, Snapshot), SafekeepingError> {
    Walk::new(snapshot, None, vec![expected], (None, None))
        .run(progress)
        .await
}

/// One walk through the log.
struct Walk<'v> {
    snapshot: Snapshot,
    noted: Option<Noted>,
    expected: Vec<Checkpoint>,
    vault: Option<&'v Vault>,
    files: Option<&'v Files>,
    /// Streams whose texts nobody may be able to read any more.
    erased: HashSet<Uuid>,
    report: Report,
    /// The checkpoint reached; `None` after a record that cannot be read or is missing.
    chain: Option<Checkpoint>,
    /// Where the walk is.
    at: u64,
    recorded_at: Option<docket_domain::Timestamp>,
}

impl<'v> Walk<'v> {
    fn new(
        snapshot: Snapshot,
        noted: Option<(LogId, Noted)>,
        mut expected: Vec<Checkpoint>,
        (vault, files): (Option<&'v Vault>, Option<&'v Files>),
    ) -> Self {
        expected.sort_by_key(|checkpoint| checkpoint.position);
        let mut report = Report {
            log: Some(snapshot.birth.log),
            head: snapshot.head,
            ..Report::default()
        };
        let (log, noted) = noted.unzip();
        if let Some(log) = log.filter(|log| *log != snapshot.birth.log) {
            report.find(None, format!("the digests are of another log, {log}"));
        }
        report.noted = noted.as_ref().map_or(0, |noted| noted.upto);
        Self {
            snapshot,
            noted,
            expected,
            vault,
            files,
            erased: HashSet::new(),
            report,
            chain: Some(Checkpoint::default()),
            at: 0,
            recorded_at: None,
        }
    }

    async fn run(mut self, progress: Progress<'_>) -> Result<(Report, Snapshot), SafekeepingError> {
        let head = self.report.head;
        if self.vault.is_some() || self.files.is_some() {
            self.erased = erased(&mut self.snapshot.tx).await?;
        }
        if let Some(vault) = self.vault {
            // Not told of in the log yet: by whoever opens the store next.
            let unfinished = vault.unfinished_erasures().await?;
            for erasure in unfinished {
                self.erased.extend(erasure.tickets);
                self.erased.extend(erasure.accounts);
            }
        }
        self.compare_expected();
        loop {
            let rows = self.snapshot.rows(self.at).await?;
            if rows.is_empty() {
                break;
            }
            let from = self.at;
            let mut records = Vec::with_capacity(rows.len());
            for row in &rows {
                match record(row) {
                    Ok(record) => {
                        self.take(&record).await?;
                        records.push(record);
                    }
                    Err(broken) => self.skip(broken),
                }
            }
            agreement::of_records(&mut self.snapshot.tx, from, self.at, &mut self.report).await?;
            agreement::of_numbers(&mut self.snapshot.tx, &records, &mut self.report).await?;
            progress((self.at, head));
        }
        self.compare_ends();
        agreement::of_the_log(&mut self.snapshot.tx, &mut self.report).await?;
        self.report.checkpoint = self.chain;
        Ok((self.report.finish(), self.snapshot))
    }

    /// Moves to a position, and tells if records are missing before it.
    fn step_to(&mut self, position: u64) {
        if position != self.at + 1 {
            let missing = self.at + 1;
            let what = format!("no record is here; the next one is at {position}");
            self.report.find(missing, what);
            self.chain = None;
        }
        self.at = position;
    }

    fn skip(&mut self, broken: Broken) {
        let position = broken.position.unwrap_or(self.at + 1);
        self.step_to(position.max(self.at + 1));
        let what = format!("its {} cannot be read", broken.column);
        self.report.find(position, what);
        self.chain = None;
    }

    async fn take(&mut self, record: &Record) -> Result<(), SafekeepingError> {
        let position = record.position;
        self.step_to(position);
        if let Some(before) = self
            .recorded_at
            .filter(|before| *before > record.recorded_at)
        {
            let what = format!("recorded before the record ahead of it, which was at {before}");
            self.report.find(position, what);
        }
        self.recorded_at = Some(record.recorded_at);
        if let Err(what) = decodes(record) {
            self.report.find(position, what);
        }
        let digest = digest(record, self.snapshot.birth.log);
        if let Some(noted) = &mut self.noted
            && let Some(noted) = noted.of(position).await?
        {
            self.report.compared += 1;
            if noted != digest.0 {
                let what = "not the record that was noted: its digest differs";
                self.report.find(position, what);
            }
        }
        self.chain = self.chain.map(|chain| chain.then(&digest));
        self.compare_expected();
        if let Some(vault) = self.vault {
            self.open_seals(vault, record).await?;
        }
        if let Some(files) = self.files {
            self.look_at_file(files, record).await?;
        }
        Ok(())
    }

    /// Whether the bytes that an event tells of are those that were stored; of who was erased, that none are.
    async fn look_at_file(
        &mut self,
        files: &Files,
        record: &Record,
    ) -> Result<(), SafekeepingError> {
        let Some((object, hash)) = attachments::of_record(record) else {
            return Ok(());
        };
        let erased = self.erased.contains(&record.stream);
        let wrong = if erased {
            let there = files.has(object).await?;
            there.then_some(
                "its file is there still, though its person was erased: start the server once",
            )
        } else {
            match files.hash(object).await? {
                Some(found) if found == hash => None,
                Some(_) => Some("its file is not the one that was stored: its hash differs"),
                None => Some("its file is missing: restore it from a backup"),
            }
        };
        match wrong {
            Some(what) => self.report.find(record.position, what),
            None => self.report.files += u64::from(!erased),
        }
        Ok(())
    }

    /// Compares with the checkpoints written down for where the walk is.
    fn compare_expected(&mut self) {
        while let Some(expected) = self.expected.first().copied() {
            if expected.position > self.at {
                return;
            }
            self.expected.remove(0);
            if self.chain == Some(expected) {
                continue;
            }
            let found = self.chain.map_or("there is none".into(), |chain| {
                format!("it is {}", chain.running)
            });
            let what = format!(
                "the running hash here is not the one written down ({found}): a record up to here was changed"
            );
            self.report.find(expected.position, what);
        }
    }

    /// Tells of records that should follow, and do not.
    fn compare_ends(&mut self) {
        let at = self.at;
        for expected in std::mem::take(&mut self.expected) {
            let what = format!(
                "the log ends at {at}, and a checkpoint was written down for {}",
                expected.position
            );
            self.report.find(at + 1, what);
        }
        let missing = self
            .noted
            .as_ref()
            .filter(|noted| noted.upto > at && !noted.others);
        if let Some(noted) = missing {
            let what = format!(
                "the log ends at {at}, and digests were noted up to {}",
                noted.upto
            );
            self.report.find(at + 1, what);
        }
    }

    async fn open_seals(&mut self, vault: &Vault, record: &Record) -> Result<(), SafekeepingError> {
        let Ok(data) = serde_json::from_str::<serde_json::Map<String, _>>(&record.data) else {
            return Ok(());
        };
        for (field, value) in data {
            let serde_json::Value::String(text) = value else {
                continue;
            };
            let Ok(sealed) = text.parse::<Sealed>() else {
                continue;
            };
            let erased = self.erased.contains(&record.stream);
            match vault.check(&field, &sealed).await? {
                Found::Whole if erased => {
                    let what = format!("its sealed {field} opens, though its person was erased");
                    self.report.find(record.position, what);
                }
                Found::Whole => self.report.opened += 1,
                Found::WithoutKey if erased => self.report.erased += 1,
                Found::WithoutKey => {
                    let what = format!("its sealed {field} has no key, and nobody was erased here");
                    self.report.find(record.position, what);
                }
                Found::Altered => {
                    let what = format!("its sealed {field} does not open: it was altered or moved");
                    self.report.find(record.position, what);
                }
            }
        }
        Ok(())
    }
}

/// Whether this Docket can read the event; if not, why.
fn decodes(record: &Record) -> Result<(), String> {
    let category = &record.category;
    let entry =
        catalogue::of(category).ok_or_else(|| format!("there is no category {category:?}"))?;
    let known = entry.read(record).map_err(|error| match error {
        JournalError::Unreadable { reason, .. } => reason,
        other => other.to_string(),
    })?;
    let found = record.schema_version;
    if found == 0 || found > known {
        let event_type = &record.event_type;
        return Err(format!(
            "its schema version is {found}, and {event_type} is known up to {known}"
        ));
    }
    Ok(())
}
