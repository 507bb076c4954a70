//! What is not taken, and why: to be corrected, and imported again with the same mapping.

use super::encoding::Encoding;
use super::records::Record;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

macro_rules! whys {
    ($($(#[$doc:meta])* $name:ident = $code:literal { zh: $zh:literal, en: $en:literal, remedy: $remedy:literal })+) => {
        /// Why a row is not taken, beside what the domain refuses. Codes are stable; each has an entry in
        /// `docs/errors.md`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Why { $($(#[$doc])* $name,)+ }

        impl Why {
            /// Every reason, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// What it says in Chinese.
            #[must_use]
            pub const fn zh(self) -> &'static str {
                match self { $(Self::$name => $zh,)+ }
            }

            /// What it says in English.
            #[must_use]
            pub const fn en(self) -> &'static str {
                match self { $(Self::$name => $en,)+ }
            }

            /// What to do about it.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)+ }
            }
        }
    };
}

whys! {
    /// A quote does not close.
    BrokenQuote = "BROKEN_QUOTE" {
        zh: "引号未闭合或位置有误", en: "a quote never closes, or closes in the midst of a text",
        remedy: "Close it; a quote inside a quoted text is doubled. The lines it ran over were read on their own." }
    /// Another number of fields than the first line.
    WrongFieldCount = "WRONG_FIELD_COUNT" {
        zh: "列数与表头不符", en: "the row has more or fewer fields than the first line",
        remedy: "Quote fields that hold separators or line ends." }
    /// Longer than a record may be.
    RecordTooLong = "RECORD_TOO_LONG" {
        zh: "单行数据过长", en: "the row is longer than any can be",
        remedy: "Shorten it to less than 1 MiB." }
    /// Bytes that are no text.
    BrokenEncoding = "BROKEN_ENCODING" {
        zh: "编码有误", en: "the field is no text in the file's encoding",
        remedy: "Write the text again where U+FFFD (\u{FFFD}) stands." }
    /// A required field is empty.
    Missing = "REQUIRED" {
        zh: "必填项为空", en: "a required field is empty",
        remedy: "Fill it in." }
    /// No time in any of the mapping's formats.
    NotATime = "NOT_A_TIME" {
        zh: "时间格式有误或日期不存在", en: "this is no time in the mapping's formats",
        remedy: "Correct the date, or add its format to the mapping." }
    /// A local time that the clocks jumped over.
    NoSuchTime = "NO_SUCH_TIME" {
        zh: "该时区不存在此时刻", en: "the clocks of the mapping's zone jumped over this time",
        remedy: "Correct the time or the zone." }
    /// A value the mapping has no meaning for.
    UnmappedValue = "UNMAPPED_VALUE" {
        zh: "取值未在映射中定义", en: "the mapping does not say what this value means",
        remedy: "Add it to the mapping's `values`, or say `otherwise`." }
    /// The same number twice in one file, with other content.
    DuplicateNumber = "DUPLICATE_NUMBER" {
        zh: "文件内编号重复且内容不同", en: "another row of the file has this number, with other content",
        remedy: "Keep the one that is right." }
    /// Carried over before with other content.
    ChangedSince = "CHANGED_SINCE" {
        zh: "该编号已迁入，但内容不同", en: "this number was carried over before, with other content",
        remedy: "What is here stays. Look at it, and act on the ticket if something is to be changed." }
}

/// A row not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The column's name, where one is at fault.
    pub column: Option<String>,
    /// The stable code.
    pub code: &'static str,
    /// What is wrong: Chinese, English, and details.
    pub text: String,
    /// The same in Chinese alone.
    pub zh: String,
    /// And in English.
    pub en: String,
}

impl Reject {
    /// A row not taken.
    #[must_use]
    pub fn new(why: Why, column: Option<&str>, detail: &str) -> Self {
        Self::of(why.code(), (why.zh(), why.en()), column, detail)
    }

    pub(crate) fn of(
        code: &'static str,
        (zh, en): (&str, &str),
        column: Option<&str>,
        detail: &str,
    ) -> Self {
        let detail = if detail.is_empty() {
            String::new()
        } else {
            format!(": {detail}")
        };
        Self {
            column: column.map(ToOwned::to_owned),
            code,
            text: format!("{zh} / {en}{detail}"),
            zh: format!("{zh}{detail}"),
            en: format!("{en}{detail}"),
        }
    }
}

/// What stands before a rejected row's own fields.
pub const COLUMNS: [&str; 4] = [
    "rejected_line",
    "rejected_column",
    "rejected_reason",
    "rejected_text",
];

/// Most files of rejects beside one file. A technical limit.
const FILES_MAX: u32 = 1_000;

/// The file of rejects; made with its first row, and never in the place of another.
pub struct Rejects {
    path: PathBuf,
    file: Option<BufWriter<File>>,
    encoding: Encoding,
    header: Vec<String>,
    /// The fields that are the file's own, not those of an earlier reject.
    own: Vec<bool>,
    separator: u8,
}

impl Rejects {
    /// Rejects of a file with such a header.
    #[must_use]
    pub fn new(path: PathBuf, encoding: Encoding, separator: u8, header: &[String]) -> Self {
        Self {
            path,
            file: None,
            encoding,
            own: header
                .iter()
                .map(|name| !COLUMNS.contains(&name.as_str()))
                .collect(),
            header: header.to_vec(),
            separator,
        }
    }

    /// A file beside another that is not there yet.
    pub fn beside(file: &Path) -> io::Result<PathBuf> {
        for n in 1..=FILES_MAX {
            let ending = if n == 1 {
                String::new()
            } else {
                format!("-{n}")
            };
            let mut name = file.as_os_str().to_owned();
            name.push(format!(".rejects{ending}.csv"));
            let path = PathBuf::from(name);
            if !path.try_exists()? {
                return Ok(path);
            }
        }
        Err(io::Error::other(
            "too many files of rejects beside it already",
        ))
    }

    /// Where they are, if there are any.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.file.is_some().then_some(&*self.path)
    }

    /// Writes a row down.
    pub fn write(&mut self, record: &Record, reject: &Reject) -> io::Result<()> {
        let mut line = Vec::new();
        if self.file.is_none() {
            let file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&self.path)?;
            self.file = Some(BufWriter::new(file));
            let own = self.header.iter().zip(&self.own).filter(|(_, own)| **own);
            let names = COLUMNS
                .into_iter()
                .chain(own.map(|(name, _)| name.as_str()));
            // Marked, so that spreadsheets know it for UTF-8.
            line.extend_from_slice(b"\xEF\xBB\xBF");
            write_line(&mut line, self.separator, names);
        }
        let fields: Vec<_> = (0..record.fields.len().max(self.header.len()))
            .filter(|index| self.own.get(*index).copied().unwrap_or(true))
            .map(|index| {
                record
                    .fields
                    .get(index)
                    .map_or("".into(), |f| self.encoding.decode_lossy(f))
            })
            .collect();
        let number = record.line.to_string();
        let column = reject.column.as_deref().unwrap_or("");
        let before = [number.as_str(), column, reject.code, &reject.text];
        let all = before.into_iter().chain(fields.iter().map(AsRef::as_ref));
        write_line(&mut line, self.separator, all);
        match &mut self.file {
            Some(file) => file.write_all(&line),
            None => Ok(()),
        }
    }

    /// Makes sure that they are on disk.
    pub fn finish(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        file.flush()?;
        file.get_ref().sync_all()
    }
}

fn write_line<'f>(into: &mut Vec<u8>, separator: u8, fields: impl Iterator<Item = &'f str>) {
    for (index, field) in fields.enumerate() {
        if index > 0 {
            into.push(separator);
        }
        let special = |b: u8| b == separator || matches!(b, b'"' | b'\r' | b'\n');
        if field.bytes().any(special) {
            into.push(b'"');
            into.extend(field.replace('"', "\"\"").bytes());
            into.push(b'"');
        } else {
            into.extend(field.bytes());
        }
    }
    into.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::records::Records;

    #[test]
    fn what_is_written_can_be_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let old = folder.path().join("old.csv");
        let path = Rejects::beside(&old).unwrap();
        let header: Vec<String> = ["rejected_text", "no", "title"].map(Into::into).to_vec();
        let mut rejects = Rejects::new(path.clone(), Encoding::Utf8, b',', &header);
        assert!(rejects.path().is_none());
        let record = Record {
            line: 7,
            fields: ["earlier", "1", "a \"b\",\nc\u{FF}"]
                .map(|f| f.as_bytes().to_vec())
                .to_vec(),
            fault: None,
        };
        let reject = Reject::new(Why::Missing, Some("no"), "");
        rejects.write(&record, &reject).unwrap();
        rejects.finish().unwrap();
        assert_ne!(Rejects::beside(&old).unwrap(), path, "never in its place");
        let bytes = std::fs::read(&path).unwrap();
        let mut records = Records::new(&bytes[3..], b',');
        let mut next = || {
            let fields = records.next_record().unwrap().unwrap().fields;
            fields
                .into_iter()
                .map(|f| String::from_utf8(f).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(next()[..4], COLUMNS.map(String::from));
        let row = next();
        assert_eq!(row[..3], ["7", "no", "REQUIRED"]);
        assert_eq!(row[4..], ["1", "a \"b\",\nc\u{FF}"]);
    }
}
