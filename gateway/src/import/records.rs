//! A CSV file cut into records (RFC 4180), byte by byte: the bytes that mean something there are never part of
//! another character, in UTF-8 nor in GB18030. In bounded memory, and going on after what is no record.

use memchr::{memchr, memchr2};
use std::io::{self, Read};

/// Longest record, in bytes. A technical limit: a quote that never closes ends here at the latest.
pub const RECORD_BYTES_MAX: usize = 1 << 20;
/// Most lines in one record, by the same reason.
pub const RECORD_LINES_MAX: u64 = 1_000;
/// Bytes read at once.
const READ_BYTES: usize = 1 << 16;

/// A record, or the line where one should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The line it begins on, from 1.
    pub line: u64,
    /// Its fields, as bytes.
    pub fields: Vec<Vec<u8>>,
    /// What is wrong with it: the fields are its first line's then, as far as they could be told apart.
    pub fault: Option<Fault>,
}

/// Why a line is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The quote this field opens with never closes, or closes in the midst of a text.
    BrokenQuote {
        /// The field's index.
        field: usize,
    },
    /// It is longer than [`RECORD_BYTES_MAX`].
    TooLong,
}

/// The records of a file.
pub struct Records<R> {
    file: R,
    separator: u8,
    buffer: Vec<u8>,
    /// Where the next record begins in the buffer.
    at: usize,
    line: u64,
    ended: bool,
    /// Bytes handed out or skipped so far.
    done: u64,
}

enum Cut {
    /// A record, and how many bytes it took, its line end included.
    Record(Vec<Vec<u8>>, usize),
    /// Its end is not in the buffer yet.
    Unfinished,
    /// No record: the fields before, and the one that broke.
    Broken(Vec<Vec<u8>>, usize),
}

impl<R: Read> Records<R> {
    /// The records of a file that begins on a line, after its byte order mark.
    pub fn new(file: R, separator: u8) -> Self {
        Self {
            file,
            separator,
            buffer: Vec::with_capacity(2 * READ_BYTES),
            at: 0,
            line: 1,
            ended: false,
            done: 0,
        }
    }

    /// Bytes behind the records given so far.
    pub fn bytes_done(&self) -> u64 {
        self.done
    }

    /// The next record; empty lines are none.
    pub fn next_record(&mut self) -> io::Result<Option<Record>> {
        loop {
            let rest = &self.buffer[self.at..];
            if rest.starts_with(b"\n") || rest.starts_with(b"\r\n") {
                self.pass(1 + usize::from(rest[0] == b'\r'));
                continue;
            }
            if self.ended && rest.is_empty() {
                return Ok(None);
            }
            let line = self.line;
            let full = rest.len() >= RECORD_BYTES_MAX;
            match cut(rest, self.separator, self.ended) {
                Cut::Record(fields, bytes) if bytes <= RECORD_BYTES_MAX => {
                    self.pass(bytes);
                    return Ok(Some(Record {
                        line,
                        fields,
                        fault: None,
                    }));
                }
                Cut::Unfinished if !full && !self.ended => self.read()?,
                // What is given up is a whole line.
                Cut::Broken(..) if !full && !self.ended && memchr(b'\n', rest).is_none() => {
                    self.read()?;
                }
                Cut::Broken(before, field) => {
                    return self
                        .give_up_line(before, Fault::BrokenQuote { field })
                        .map(Some);
                }
                // Too long: because a quote never closes, or as it is.
                Cut::Record(..) | Cut::Unfinished => {
                    let opened = broken_at(rest, self.separator);
                    return match opened {
                        Some((before, field)) => {
                            self.give_up_line(before, Fault::BrokenQuote { field })
                        }
                        None => self.give_up_line(Vec::new(), Fault::TooLong),
                    }
                    .map(Some);
                }
            }
        }
    }

    /// Gives the first line up, and goes on with the next: whatever a broken quote swallowed is read again.
    fn give_up_line(&mut self, before: Vec<Vec<u8>>, fault: Fault) -> io::Result<Record> {
        let line = self.line;
        let rest = &self.buffer[self.at..];
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        let text = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        let taken: usize = match fault {
            Fault::BrokenQuote { field } => start_of(text, self.separator, field),
            Fault::TooLong => 0,
        };
        let mut fields = before;
        fields.push(text[taken..].to_vec());
        self.pass((end + 1).min(self.buffer.len() - self.at));
        // The rest of a line longer than the buffer goes with it.
        while self.at == self.buffer.len() && !self.ended && self.line == line {
            self.read()?;
            let rest = &self.buffer[self.at..];
            let end = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            self.pass(end);
        }
        Ok(Record {
            line,
            fields,
            fault: Some(fault),
        })
    }

    fn pass(&mut self, bytes: usize) {
        let passed = &self.buffer[self.at..self.at + bytes];
        self.line += memchr::memchr_iter(b'\n', passed).count() as u64;
        self.at += bytes;
        self.done += bytes as u64;
    }

    fn read(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let before = self.buffer.len();
        self.buffer.resize(before + READ_BYTES, 0);
        let read = loop {
            match self.file.read(&mut self.buffer[before..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.buffer.truncate(before + read);
        self.ended = read == 0;
        Ok(())
    }
}

/// Cuts the first record off.
fn cut(bytes: &[u8], separator: u8, ended: bool) -> Cut {
    let (mut fields, mut at, mut lines) = (Vec::new(), 0, 0);
    loop {
        let (field, end) = if bytes.get(at) == Some(&b'"') {
            match quoted(&bytes[at + 1..], &mut lines) {
                Some((field, length)) => (field, at + 1 + length),
                None if ended || lines > RECORD_LINES_MAX => {
                    let field = fields.len();
                    return Cut::Broken(fields, field);
                }
                None => return Cut::Unfinished,
            }
        } else {
            let length = memchr2(separator, b'\n', &bytes[at..]).unwrap_or(bytes.len() - at);
            let text = &bytes[at..at + length];
            let ends = bytes.get(at + length) != Some(&separator);
            let text = if ends {
                text.strip_suffix(b"\r").unwrap_or(text)
            } else {
                text
            };
            (text.to_vec(), at + length)
        };
        let was_quoted = bytes.get(at) == Some(&b'"');
        let spaces = bytes[end..]
            .iter()
            .take_while(|b| was_quoted && matches!(b, b' ' | b'\t' | b'\r'));
        let end = end + spaces.count();
        match bytes.get(end) {
            Some(b) if *b == separator => {
                fields.push(field);
                at = end + 1;
            }
            Some(b'\n') => {
                fields.push(field);
                return Cut::Record(fields, end + 1);
            }
            None if ended => {
                fields.push(field);
                return Cut::Record(fields, end);
            }
            None => return Cut::Unfinished,
            Some(_) => {
                let field = fields.len();
                return Cut::Broken(fields, field);
            }
        }
    }
}

/// A quoted field from after its opening quote: its text, and its length with the closing quote. `None`: it is not
/// closed in these bytes.
fn quoted(bytes: &[u8], lines: &mut u64) -> Option<(Vec<u8>, usize)> {
    let (mut text, mut at) = (Vec::new(), 0);
    loop {
        let Some(quote) = memchr(b'"', &bytes[at..]) else {
            *lines += memchr::memchr_iter(b'\n', &bytes[at..]).count() as u64;
            return None;
        };
        let piece = &bytes[at..at + quote];
        *lines += memchr::memchr_iter(b'\n', piece).count() as u64;
        if *lines > RECORD_LINES_MAX {
            return None;
        }
        text.extend_from_slice(piece);
        at += quote + 1;
        if bytes.get(at) == Some(&b'"') {
            text.push(b'"');
            at += 1;
        } else {
            return Some((text, at));
        }
    }
}

/// The field whose quote is open where the bytes end, and those before it.
fn broken_at(bytes: &[u8], separator: u8) -> Option<(Vec<Vec<u8>>, usize)> {
    match cut(bytes, separator, true) {
        Cut::Broken(before, field) => Some((before, field)),
        Cut::Record(..) | Cut::Unfinished => None,
    }
}

/// Where the field of an index begins in a line, quoted fields before it left whole.
fn start_of(line: &[u8], separator: u8, field: usize) -> usize {
    let mut at = 0;
    for _ in 0..field {
        if line.get(at) == Some(&b'"')
            && let Some((_, length)) = quoted(&line[at + 1..], &mut 0)
        {
            at += 1 + length;
        }
        match memchr(separator, &line[at.min(line.len())..]) {
            Some(length) => at += length + 1,
            // The fields before take more than this line: the broken one begins on a later.
            None => return line.len(),
        }
    }
    at.min(line.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(u64, Vec<String>, Option<Fault>)> {
        // A byte at a time: no boundary of a read may matter.
        struct Slow<'t>(&'t [u8]);
        impl Read for Slow<'_> {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                let n = self.0.len().min(1);
                into[..n].copy_from_slice(&self.0[..n]);
                self.0 = &self.0[n..];
                Ok(n)
            }
        }
        let whole = all(text.as_bytes());
        assert_eq!(all(Slow(text.as_bytes())), whole);
        whole
    }

    fn all(file: impl Read) -> Vec<(u64, Vec<String>, Option<Fault>)> {
        let (mut records, mut found) = (Records::new(file, b','), Vec::new());
        while let Some(record) = records.next_record().unwrap() {
            let text = |field: &Vec<u8>| String::from_utf8(field.clone()).unwrap();
            found.push((
                record.line,
                record.fields.iter().map(text).collect(),
                record.fault,
            ));
        }
        found
    }

    fn record(line: u64, fields: &[&str]) -> (u64, Vec<String>, Option<Fault>) {
        (line, fields.iter().map(ToString::to_string).collect(), None)
    }

    #[test]
    fn records_may_be_quoted_and_span_lines() {
        assert_eq!(
            read("a,b\r\n1,\"x, \"\"y\"\"\nz\" \r\n\n2,\n\"\",\"\"\n3, q\"q"),
            [
                record(1, &["a", "b"]),
                record(2, &["1", "x, \"y\"\nz"]),
                record(5, &["2", ""]),
                record(6, &["", ""]),
                record(7, &["3", " q\"q"]),
            ]
        );
        assert_eq!(read(""), []);
        assert_eq!(read("\r\n\n"), []);
    }

    #[test]
    fn a_quote_that_never_closes_costs_its_line() {
        let broken = |field| Some(Fault::BrokenQuote { field });
        assert_eq!(
            read("1,\"open\n2,plain\n3,\"quoted\"\n"),
            [
                (1, vec!["1".into(), "\"open".into()], broken(1)),
                record(2, &["2", "plain"]),
                record(3, &["3", "quoted"]),
            ]
        );
        assert_eq!(
            read("\"a, b\",\"open\n2,plain"),
            [
                (1, vec!["a, b".into(), "\"open".into()], broken(1)),
                record(2, &["2", "plain"]),
            ]
        );
        assert_eq!(
            read("\"x\"y,1\n2,3\n"),
            [
                (1, vec!["\"x\"y,1".into()], broken(0)),
                record(2, &["2", "3"])
            ]
        );
    }

    #[test]
    fn nothing_is_read_without_a_bound() {
        let lines = "2,x\n".repeat(usize::try_from(RECORD_LINES_MAX).unwrap() + 5);
        let found = all(format!("1,\"open\n{lines}").as_bytes());
        assert_eq!(found[0].2, Some(Fault::BrokenQuote { field: 1 }));
        assert_eq!(found.len(), usize::try_from(RECORD_LINES_MAX).unwrap() + 6);
        let long = "x".repeat(RECORD_BYTES_MAX + READ_BYTES * 3);
        let found = all(format!("1,{long}\n2,y\n").as_bytes());
        assert_eq!((found[0].0, found[0].2), (1, Some(Fault::TooLong)));
        assert_eq!(found[1..], [record(2, &["2", "y"])]);
        let found = all(format!("1,\"{long}\n2,y\n").as_bytes());
        assert_eq!(found[0].2, Some(Fault::BrokenQuote { field: 1 }));
        assert_eq!(found[1..], [record(2, &["2", "y"])]);
    }
}
