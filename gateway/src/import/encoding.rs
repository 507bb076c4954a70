//! The encoding of a file: UTF-8 or GB18030. Told by a byte order mark, or by reading the whole file; never
//! guessed from its beginning.

use super::records::RECORD_BYTES_MAX;
use std::borrow::Cow;
use std::io::{self, BufRead, Read as _};

/// What a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// GB18030, with GBK and GB2312 inside it.
    Gb18030,
}

/// Why a file's encoding is not known.
#[derive(Debug, thiserror::Error)]
pub enum Undecided {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It begins with a mark of UTF-16.
    #[error("the file is in UTF-16: save it as UTF-8")]
    Utf16,
    /// It decodes whole in neither.
    #[error(
        "the file is neither UTF-8 throughout (line {utf8_line} is not) nor GB18030 for certain: say which with \
         --encoding; the lines that are not are rejected then"
    )]
    Neither {
        /// The first line that is not UTF-8.
        utf8_line: u64,
    },
}

/// One in so many lines of GB18030 may happen to be UTF-8 as well; with more, it is UTF-8 with broken lines.
const BOTH_ONE_IN: u64 = 10;
const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";
const GB18030_MARK: &[u8] = b"\x84\x31\x95\x33";

impl Encoding {
    /// The encoding of a name, as mappings and the command line give it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Some(Self::Utf8),
            "gb18030" | "gbk" | "gb2312" => Some(Self::Gb18030),
            _ => None,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Gb18030 => "GB18030",
        }
    }

    /// The text of bytes; `None` where they are none.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            Self::Utf8 => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Self::Gb18030 => {
                encoding_rs::GB18030.decode_without_bom_handling_and_without_replacement(bytes)
            }
        }
    }

    /// The text of bytes, with U+FFFD in the place of what is none.
    #[must_use]
    pub fn decode_lossy(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Self::Utf8 => String::from_utf8_lossy(bytes),
            Self::Gb18030 => encoding_rs::GB18030.decode_without_bom_handling(bytes).0,
        }
    }

    /// How many bytes of a byte order mark a file begins with.
    #[must_use]
    pub fn mark_of(beginning: &[u8]) -> usize {
        [UTF8_MARK, GB18030_MARK]
            .iter()
            .find(|mark| beginning.starts_with(mark))
            .map_or(0, |mark| mark.len())
    }

    /// Tells a file's encoding by reading all of it.
    pub fn detect(mut file: impl BufRead) -> Result<Self, Undecided> {
        let (mut lines, mut line) = (Lines::default(), Vec::new());
        loop {
            line.clear();
            let piece = &mut (&mut file).take(RECORD_BYTES_MAX as u64);
            if piece.read_until(b'\n', &mut line)? == 0 {
                return lines.decide();
            }
            if lines.count == 0 {
                match line.as_slice() {
                    marked if marked.starts_with(UTF8_MARK) => return Ok(Self::Utf8),
                    marked if marked.starts_with(GB18030_MARK) => return Ok(Self::Gb18030),
                    marked
                        if marked.starts_with(b"\xFF\xFE") || marked.starts_with(b"\xFE\xFF") =>
                    {
                        return Err(Undecided::Utf16);
                    }
                    _ => {}
                }
            }
            lines.look_at(&line);
        }
    }
}

/// What the lines of a file could be.
#[derive(Default)]
struct Lines {
    count: u64,
    /// Lines with more than ASCII that are UTF-8.
    utf8: u64,
    /// Lines that are not.
    not_utf8: u64,
    first_not_utf8: u64,
    not_gb18030: bool,
}

impl Lines {
    fn look_at(&mut self, line: &[u8]) {
        self.count += 1;
        if line.is_ascii() {
            return;
        }
        if Encoding::Utf8.decode(line).is_some() {
            self.utf8 += 1;
        } else {
            if self.not_utf8 == 0 {
                self.first_not_utf8 = self.count;
            }
            self.not_utf8 += 1;
        }
        self.not_gb18030 |= Encoding::Gb18030.decode(line).is_none();
    }

    fn decide(&self) -> Result<Encoding, Undecided> {
        if self.not_utf8 == 0 {
            return Ok(Encoding::Utf8);
        }
        let rarely_both = self.utf8 * BOTH_ONE_IN <= self.utf8 + self.not_utf8;
        if !self.not_gb18030 && rarely_both {
            return Ok(Encoding::Gb18030);
        }
        Err(Undecided::Neither {
            utf8_line: self.first_not_utf8,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gb(text: &str) -> Vec<u8> {
        encoding_rs::GB18030.encode(text).0.into_owned()
    }

    #[test]
    fn the_whole_file_tells() {
        let chinese = "编号,标题\n1,夜间施工扰民\n2,路灯不亮,请维修\n";
        assert_eq!(
            Encoding::detect("a,b\n1,2\n".as_bytes()).unwrap(),
            Encoding::Utf8
        );
        assert_eq!(
            Encoding::detect(chinese.as_bytes()).unwrap(),
            Encoding::Utf8
        );
        assert_eq!(
            Encoding::detect(gb(chinese).as_slice()).unwrap(),
            Encoding::Gb18030
        );
        // A first page of plain ASCII tells nothing.
        let late = [b"a,b\n".repeat(50_000), gb("1,路灯\n")].concat();
        assert_eq!(
            Encoding::detect(late.as_slice()).unwrap(),
            Encoding::Gb18030
        );
    }

    #[test]
    fn a_mark_goes_before() {
        let marked = |mark: &[u8]| Encoding::detect([mark, b"a,b\n"].concat().as_slice());
        assert_eq!(marked(UTF8_MARK).unwrap(), Encoding::Utf8);
        assert_eq!(marked(GB18030_MARK).unwrap(), Encoding::Gb18030);
        assert!(matches!(marked(b"\xFF\xFE"), Err(Undecided::Utf16)));
        assert_eq!(Encoding::mark_of(b"\xEF\xBB\xBFa"), 3);
        assert_eq!(Encoding::mark_of(b"a"), 0);
    }

    #[test]
    fn utf_8_with_a_broken_line_is_not_taken_for_gb18030() {
        let mut broken = "标题\n夜间施工扰民\n路灯不亮\n".as_bytes().to_vec();
        broken.extend(gb("路灯\n"));
        let Err(Undecided::Neither { utf8_line }) = Encoding::detect(broken.as_slice()) else {
            panic!("it is neither")
        };
        assert_eq!(utf8_line, 4);
    }

    #[test]
    fn broken_bytes_are_no_text() {
        assert_eq!(Encoding::Utf8.decode(b"\xE8\xB7"), None);
        assert_eq!(Encoding::Gb18030.decode(b"\x81"), None);
        assert_eq!(Encoding::Gb18030.decode(&gb("路灯")).unwrap(), "路灯");
        assert_eq!(Encoding::Utf8.decode_lossy(b"a\xFF"), "a\u{FFFD}");
    }
}
