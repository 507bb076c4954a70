//! Where an export goes: rows as CSV or JSON lines, into a file that is there whole or not at all.

use super::{Format, to_text};
use docket_core::clock::random_bytes;
use docket_domain::Timestamp;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// The characters by which a spreadsheet takes a cell for a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A text that would be a formula has an apostrophe before it.
pub(in crate::cli) fn for_spreadsheets(text: &str) -> String {
    if text.starts_with(FORMULA) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// A cell.
#[derive(Clone, Debug)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// A number from 0 on.
    Number(u64),
    /// Yes or no.
    Bool(bool),
    /// A text.
    Text(String),
}

impl Cell {
    pub(super) fn text(text: &(impl ToString + ?Sized)) -> Self {
        Self::Text(text.to_string())
    }

    pub(super) fn maybe(text: Option<impl ToString>) -> Self {
        text.map_or(Self::Empty, |text| Self::Text(text.to_string()))
    }

    pub(super) fn time(time: Timestamp) -> Self {
        Self::Text(to_text(time))
    }

    pub(super) fn maybe_time(time: Option<Timestamp>) -> Self {
        time.map_or(Self::Empty, Self::time)
    }

    pub(super) fn maybe_bool(value: Option<bool>) -> Self {
        value.map_or(Self::Empty, Self::Bool)
    }

    /// As a spreadsheet reads it.
    fn csv(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Number(number) => number.to_string(),
            Self::Bool(value) => value.to_string(),
            Self::Text(text) => for_spreadsheets(text),
        }
    }

    fn json(&self) -> serde_json::Value {
        match self {
            Self::Empty => serde_json::Value::Null,
            Self::Number(number) => (*number).into(),
            Self::Bool(value) => (*value).into(),
            Self::Text(text) => text.as_str().into(),
        }
    }
}

/// A file under a name of its own until it is whole; taken away if it never is.
struct Draft {
    path: PathBuf,
    target: PathBuf,
    kept: bool,
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

enum Sink {
    File(File),
    Stdout(io::Stdout),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Stdout(stdout) => stdout.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Stdout(stdout) => stdout.flush(),
        }
    }
}

/// Where rows go.
pub struct Output {
    sink: BufWriter<Sink>,
    draft: Option<Draft>,
    format: Format,
    started: bool,
}

impl Output {
    pub(super) fn create(path: Option<&Path>, format: Format, bom: bool) -> io::Result<Self> {
        let (sink, draft) = match path {
            None => (Sink::Stdout(io::stdout()), None),
            Some(target) => {
                let name = target.file_name().unwrap_or_default().to_string_lossy();
                let tail = Uuid::from_bytes(random_bytes()).simple();
                let path = target.with_file_name(format!(".{name}.{tail}.draft"));
                let file = fs::OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&path)?;
                let target = target.to_owned();
                let kept = false;
                (Sink::File(file), Some(Draft { path, target, kept }))
            }
        };
        let mut sink = BufWriter::with_capacity(1 << 16, sink);
        if bom && format == Format::Csv {
            sink.write_all("\u{feff}".as_bytes())?;
        }
        Ok(Self {
            sink,
            draft,
            format,
            started: false,
        })
    }

    /// Writes the header, where there is one to write and it is not there yet.
    pub(super) fn header(&mut self, columns: &[&str]) -> Result<(), super::Failed> {
        if !std::mem::replace(&mut self.started, true) && self.format == Format::Csv {
            self.csv(columns)?;
        }
        Ok(())
    }

    pub(super) fn row(&mut self, columns: &[&str], cells: &[Cell]) -> Result<(), super::Failed> {
        self.header(columns)?;
        match self.format {
            Format::Csv => {
                let cells: Vec<String> = cells.iter().map(Cell::csv).collect();
                self.csv(&cells)?;
            }
            Format::Jsonl => {
                for (index, (column, cell)) in columns.iter().zip(cells).enumerate() {
                    let before = if index == 0 { '{' } else { ',' };
                    write!(self.sink, "{before}\"{column}\":{}", cell.json())?;
                }
                self.sink.write_all(b"}\n")?;
            }
        }
        Ok(())
    }

    fn csv<T: AsRef<[u8]>>(&mut self, cells: &[T]) -> Result<(), super::Failed> {
        let mut writer = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .from_writer(&mut self.sink);
        writer.write_record(cells)?;
        writer.flush()?;
        Ok(())
    }

    /// Puts the file on disk under its name.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.sink.flush()?;
        let Some(draft) = &mut self.draft else {
            return Ok(());
        };
        if let Sink::File(file) = self.sink.get_ref() {
            file.sync_all()?;
        }
        fs::rename(&draft.path, &draft.target)?;
        draft.kept = true;
        let folder = draft.target.parent().filter(|dir| *dir != Path::new(""));
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}
