//! What kind of file some bytes are, by how they begin. What is said of a file is believed only if its bytes agree.

use docket_domain::ticket::FileType;
use memchr::memmem;

/// How many bytes are looked at: the names within a document's package are among them.
pub const SNIFF_BYTES: usize = 64 << 10;

/// The type that a client names, if it is one of those that are taken.
#[must_use]
pub fn named(media_type: &str) -> Option<FileType> {
    let wanted = media_type
        .split(';')
        .next()
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase();
    let wanted = match wanted.as_str() {
        "image/jpg" => "image/jpeg",
        "image/heif" => "image/heic",
        "audio/x-m4a" | "audio/m4a" => "audio/mp4",
        "audio/x-wav" | "audio/wave" => "audio/wav",
        "audio/mp3" => "audio/mpeg",
        other => other,
    };
    let mut all = FileType::ALL.iter().copied();
    all.find(|file_type| file_type.media_type() == wanted)
}

/// Whether a file that begins so is of a type.
#[must_use]
pub fn agrees(head: &[u8], file_type: FileType) -> bool {
    let found = infer::get(head).map(|found| found.mime_type());
    let is = |known: &[&str]| found.is_some_and(|found| known.contains(&found));
    match file_type {
        FileType::Jpeg => is(&["image/jpeg"]),
        FileType::Png => is(&["image/png"]),
        FileType::Gif => is(&["image/gif"]),
        FileType::Webp => is(&["image/webp"]),
        FileType::Bmp => is(&["image/bmp"]),
        FileType::Heic => is(&["image/heif"]),
        FileType::Pdf => is(&["application/pdf"]),
        FileType::Ofd => is(&[ZIP]) && has(head, b"OFD.xml"),
        FileType::Docx => {
            is(&[FileType::Docx.media_type()]) || is_package_of(head, found, b"word/")
        }
        FileType::Xlsx => is(&[FileType::Xlsx.media_type()]) || is_package_of(head, found, b"xl/"),
        FileType::Pptx => is(&[FileType::Pptx.media_type()]) || is_package_of(head, found, b"ppt/"),
        // One container for all of them; which, stands in its middle.
        FileType::Doc | FileType::Xls => is(&["application/msword"]),
        FileType::Mp3 => is(&["audio/mpeg"]),
        // Phones call the same container by either name.
        FileType::M4a => is(&["audio/m4a", "video/mp4"]),
        FileType::Wav => is(&["audio/x-wav"]),
        FileType::Amr => is(&["audio/amr"]),
        FileType::Mp4 => is(&["video/mp4", "video/x-m4v"]),
        FileType::Mov => is(&["video/quicktime"]),
    }
}

const ZIP: &str = "application/zip";

/// A package of Office Open XML whose parts lie in an order that `infer` does not know: WPS writes such.
fn is_package_of(head: &[u8], found: Option<&str>, folder: &[u8]) -> bool {
    found == Some(ZIP) && has(head, b"[Content_Types].xml") && has(head, folder)
}

fn has(head: &[u8], wanted: &[u8]) -> bool {
    memmem::find(head, wanted).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Local headers of a ZIP archive, one an entry.
    fn zip(entries: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for name in entries {
            let length = u16::try_from(name.len()).unwrap().to_le_bytes();
            bytes.extend(b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0");
            bytes.extend([0; 12]);
            bytes.extend(length);
            bytes.extend([0, 0]);
            bytes.extend(name.as_bytes());
            bytes.extend([b'x'; 40]);
        }
        bytes
    }

    #[test]
    fn every_type_is_named_by_its_media_type() {
        for file_type in FileType::ALL {
            assert_eq!(named(file_type.media_type()), Some(*file_type));
        }
        assert_eq!(named("Image/JPEG; q=1"), Some(FileType::Jpeg));
        for wrong in ["text/html", "image/svg+xml", "application/zip", ""] {
            assert_eq!(named(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn bytes_decide() {
        let jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF".as_slice();
        let png = b"\x89PNG\r\n\x1a\n".as_slice();
        let ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and so on".as_slice();
        let ofd = zip(&["OFD.xml", "Doc_0/Document.xml"]);
        let wps = zip(&[
            "_rels/.rels",
            "docProps/app.xml",
            "word/document.xml",
            "[Content_Types].xml",
        ]);
        let cases: [(&[u8], &[FileType]); 9] = [
            (jpeg, &[FileType::Jpeg]),
            (png, &[FileType::Png]),
            (b"%PDF-1.7", &[FileType::Pdf]),
            (ole, &[FileType::Doc, FileType::Xls]),
            (&ofd, &[FileType::Ofd]),
            (&wps, &[FileType::Docx]),
            (&zip(&["evil.exe"]), &[]),
            (b"<html><script>", &[]),
            (b"MZ\x90\0", &[]),
        ];
        for (head, wanted) in cases {
            for file_type in FileType::ALL {
                let wanted = wanted.contains(file_type);
                assert_eq!(
                    agrees(head, *file_type),
                    wanted,
                    "{file_type:?} of {head:?}"
                );
            }
        }
    }
}
