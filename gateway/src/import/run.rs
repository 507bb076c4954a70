//! The import itself: many rows in flight at once, each a command of its own.

use super::encoding::{Encoding, Undecided};
use super::mapping::{Mapping, MappingError};
use super::plan::Plan;
use super::records::{Record, Records};
use super::rejects::{Reject, Rejects, Why};
use docket_core::desk::{Carried, OldTicket};
use docket_core::journal::JournalError;
use docket_core::{Desk, DeskError};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Rows on their way at once. Enough to fill the batches of keys and of the journal.
pub const IN_FLIGHT_MAX: usize = 512;
/// Rejects told of when nothing is written.
pub const TOLD_MAX: usize = 20;

/// What to import.
pub struct Job {
    /// The file.
    pub file: PathBuf,
    /// Its mapping.
    pub mapping: Mapping,
    /// Its encoding, where the command line says; else the mapping's, else by reading it.
    pub encoding: Option<Encoding>,
    /// Where rejects go; by default beside the file, under a name that is free.
    pub rejects: Option<PathBuf>,
    /// Only look, and write nothing.
    pub check: bool,
}

/// What became of the rows. `rows = imported + before + rejected`, always.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows read.
    pub rows: u64,
    /// Carried over now; or, where only looked at, that would be.
    pub imported: u64,
    /// Here already, the same in all.
    pub before: u64,
    /// Not taken.
    pub rejected: u64,
    /// Not taken, by reason.
    pub reasons: BTreeMap<&'static str, u64>,
}

/// An import that ran to its end.
#[derive(Debug)]
pub struct Loaded {
    /// The counts.
    pub counts: Counts,
    /// The file of rejects, if there are any.
    pub rejects: Option<PathBuf>,
    /// The first rejects, where nothing was written: line, and why.
    pub told: Vec<(u64, Reject)>,
    /// The encoding it was read in.
    pub encoding: Encoding,
}

/// Why an import did not run to its end. What is in is in: running it again goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    /// Its encoding.
    #[error("{0}: {1}")]
    Encoding(PathBuf, Undecided),
    /// It has no first line with the columns' names.
    #[error("{0}: the first line must name the columns")]
    NoHeader(PathBuf),
    /// The mapping.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// The store.
    #[error("stopped: {0}. What is in is in; run it again, and it goes on")]
    Desk(#[from] DeskError),
    /// The rejects cannot be written down.
    #[error("the rejects cannot be written down: {0}")]
    Rejects(io::Error),
    /// A task died.
    #[error("a row's task died")]
    Died,
}

/// Imports a file. `progress` is told the counts, the bytes done and all bytes.
pub async fn run(
    desk: Arc<Desk>,
    job: Job,
    progress: &mut (dyn FnMut(&Counts, u64, u64) + Send),
) -> Result<Loaded, ImportError> {
    let in_file = |error| ImportError::File(job.file.clone(), error);
    let mut file = File::open(&job.file).map_err(in_file)?;
    let size = file.metadata().map_err(in_file)?.len();
    let encoding = match job.encoding.or(job.mapping.encoding()?) {
        Some(said) => said,
        None => Encoding::detect(BufReader::new(&file))
            .map_err(|error| ImportError::Encoding(job.file.clone(), error))?,
    };
    let mut beginning = Vec::new();
    file.rewind().map_err(in_file)?;
    (&file)
        .take(4)
        .read_to_end(&mut beginning)
        .map_err(in_file)?;
    let mark = Encoding::mark_of(&beginning) as u64;
    file.seek(SeekFrom::Start(mark)).map_err(in_file)?;
    let separator = job.mapping.separator()?;
    let mut records = Records::new(file, separator);
    let header = header(records.next_record().map_err(in_file)?, encoding)
        .ok_or_else(|| ImportError::NoHeader(job.file.clone()))?;
    let (rules, organisation) = (desk.rules().await?, desk.organisation().await?);
    let plan = Plan::new(&job.mapping, &header, encoding, &rules, &organisation)?;
    let rejects = match &job.rejects {
        Some(path) => path.clone(),
        None => Rejects::beside(&job.file).map_err(ImportError::Rejects)?,
    };
    let mut work = Work {
        desk,
        plan,
        check: job.check,
        rejects: Rejects::new(rejects, encoding, separator, &header),
        seen: HashMap::new(),
        counts: Counts::default(),
        told: Vec::new(),
        flying: VecDeque::new(),
    };
    while let Some(record) = records.next_record().map_err(in_file)? {
        work.take(record).await?;
        progress(&work.counts, mark + records.bytes_done(), size);
    }
    work.land(0).await?;
    progress(&work.counts, size, size);
    work.rejects.finish().map_err(ImportError::Rejects)?;
    Ok(Loaded {
        rejects: work.rejects.path().map(ToOwned::to_owned),
        counts: work.counts,
        told: work.told,
        encoding,
    })
}

fn header(record: Option<Record>, encoding: Encoding) -> Option<Vec<String>> {
    let record = record.filter(|record| record.fault.is_none())?;
    let name = |field: &Vec<u8>| encoding.decode(field).map(|name| name.trim().to_owned());
    record.fields.iter().map(name).collect()
}

/// A number or a content, short.
type Short = [u8; 16];

fn short(bytes: &[u8]) -> Short {
    let hash = Sha256::digest(bytes);
    std::array::from_fn(|i| hash[i])
}

/// A row on its way.
enum Flying {
    /// Being carried over.
    Ticket(Record, JoinHandle<Result<Carried, DeskError>>),
    /// Not to be taken.
    Reject(Record, Reject),
}

struct Work {
    desk: Arc<Desk>,
    plan: Plan,
    check: bool,
    rejects: Rejects,
    /// The numbers of the rows so far: content, and line. Some 60 bytes a row.
    seen: HashMap<Short, (Short, u64)>,
    counts: Counts,
    told: Vec<(u64, Reject)>,
    /// In the order of the file, so that the rejects are, too.
    flying: VecDeque<Flying>,
}

impl Work {
    async fn take(&mut self, record: Record) -> Result<(), ImportError> {
        self.counts.rows += 1;
        let read = self.plan.ticket(&record);
        let (ticket, again) = match read.and_then(|ticket| self.look_back(&record, ticket)) {
            Ok(read) => read,
            Err(reject) => {
                self.flying.push_back(Flying::Reject(record, reject));
                return self.land(IN_FLIGHT_MAX).await;
            }
        };
        let (desk, check) = (self.desk.clone(), self.check);
        let outcome = tokio::spawn(async move {
            match (check, again) {
                (false, _) => desk.import(&ticket).await,
                // As if the row before had been written.
                (true, true) => desk.check_import(&ticket).await.map(|_| Carried::Before),
                (true, false) => desk.check_import(&ticket).await,
            }
        });
        self.flying.push_back(Flying::Ticket(record, outcome));
        self.land(IN_FLIGHT_MAX).await
    }

    /// Whether an earlier row of the file has the number. With other content, nobody can say which is right.
    fn look_back(
        &mut self,
        record: &Record,
        ticket: OldTicket,
    ) -> Result<(OldTicket, bool), Reject> {
        let content = serde_json::to_vec(&ticket).expect("a plain struct of texts");
        let content = short(&content);
        let (first, line) = *self
            .seen
            .entry(short(ticket.number.as_bytes()))
            .or_insert((content, record.line));
        if first == content {
            return Ok((ticket, line != record.line));
        }
        let detail = format!("line {line}");
        Err(Reject::new(Why::DuplicateNumber, None, &detail))
    }

    /// Waits until at most so many rows are on their way.
    async fn land(&mut self, at_most: usize) -> Result<(), ImportError> {
        while self.flying.len() > at_most {
            let (record, outcome) = match self.flying.pop_front() {
                None => return Ok(()),
                Some(Flying::Reject(record, reject)) => {
                    self.reject(&record, reject)?;
                    continue;
                }
                Some(Flying::Ticket(record, outcome)) => (record, outcome.await),
            };
            match outcome.map_err(|_| ImportError::Died)? {
                Ok(Carried::Over) => self.counts.imported += 1,
                Ok(Carried::Before) => self.counts.before += 1,
                Err(DeskError::Refused(refusal)) => {
                    let reject = self.plan.refused(&refusal);
                    self.reject(&record, reject)?;
                }
                Err(DeskError::Journal(JournalError::CommandReused)) => {
                    let reject = Reject::new(Why::ChangedSince, None, "");
                    self.reject(&record, reject)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn reject(&mut self, record: &Record, reject: Reject) -> Result<(), ImportError> {
        self.counts.rejected += 1;
        *self.counts.reasons.entry(reject.code).or_default() += 1;
        if !self.check {
            return self
                .rejects
                .write(record, &reject)
                .map_err(ImportError::Rejects);
        }
        if self.told.len() < TOLD_MAX {
            self.told.push((record.line, reject));
        }
        Ok(())
    }
}
