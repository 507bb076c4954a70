//! The words for files: what they belong to, and what kind they are.

use super::words::words;
use serde::{Deserialize, Serialize};

words! {
    /// What a file is attached to (附件).
    FilePart {
        /// The request itself: photographs, documents of the caller's.
        Matter = "matter", "诉求";
        /// The answer to the caller.
        Answer = "answer", "答复";
        /// What shows how it was handled, for the staff alone: of contacts, returns, exclusions and appeals.
        Evidence = "evidence", "佐证";
    }
}

words! {
    /// What kind of file may be attached. No archives, scripts, pages or drawings that can hold any of these.
    FileType {
        /// Photograph.
        Jpeg = "jpeg", "JPEG图片";
        /// Picture.
        Png = "png", "PNG图片";
        /// Picture.
        Gif = "gif", "GIF图片";
        /// Picture.
        Webp = "webp", "WebP图片";
        /// Picture.
        Bmp = "bmp", "BMP图片";
        /// Photograph of a phone.
        Heic = "heic", "HEIC图片";
        /// Document.
        Pdf = "pdf", "PDF文档";
        /// Document, by the national standard (GB/T 33190).
        Ofd = "ofd", "OFD文档";
        /// Document.
        Docx = "docx", "Word文档";
        /// Table.
        Xlsx = "xlsx", "Excel表格";
        /// Slides.
        Pptx = "pptx", "PowerPoint演示文稿";
        /// Document before 2007.
        Doc = "doc", "Word文档（97-2003）";
        /// Table before 2007.
        Xls = "xls", "Excel表格（97-2003）";
        /// Recording.
        Mp3 = "mp3", "MP3录音";
        /// Recording.
        M4a = "m4a", "M4A录音";
        /// Recording.
        Wav = "wav", "WAV录音";
        /// Recording of a phone.
        Amr = "amr", "AMR录音";
        /// Video.
        Mp4 = "mp4", "MP4视频";
        /// Video.
        Mov = "mov", "MOV视频";
    }
}

impl FileType {
    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
            Self::Bmp => "image/bmp",
            Self::Heic => "image/heic",
            Self::Pdf => "application/pdf",
            Self::Ofd => "application/ofd",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Pptx => {
                "application/vnd.openxmlformats-officedocument.presentationml.presentation"
            }
            Self::Doc => "application/msword",
            Self::Xls => "application/vnd.ms-excel",
            Self::Mp3 => "audio/mpeg",
            Self::M4a => "audio/mp4",
            Self::Wav => "audio/wav",
            Self::Amr => "audio/amr",
            Self::Mp4 => "video/mp4",
            Self::Mov => "video/quicktime",
        }
    }

    /// The endings of names that such a file may have, the usual one first.
    #[must_use]
    pub const fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Jpeg => &["jpg", "jpeg"],
            Self::Heic => &["heic", "heif"],
            Self::Png => &["png"],
            Self::Gif => &["gif"],
            Self::Webp => &["webp"],
            Self::Bmp => &["bmp"],
            Self::Pdf => &["pdf"],
            Self::Ofd => &["ofd"],
            Self::Docx => &["docx"],
            Self::Xlsx => &["xlsx"],
            Self::Pptx => &["pptx"],
            Self::Doc => &["doc"],
            Self::Xls => &["xls"],
            Self::Mp3 => &["mp3"],
            Self::M4a => &["m4a"],
            Self::Wav => &["wav"],
            Self::Amr => &["amr"],
            Self::Mp4 => &["mp4"],
            Self::Mov => &["mov"],
        }
    }
}
