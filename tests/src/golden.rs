//! Golden files: what must not change unseen. A stale one is written anew, and the test fails.

use std::fmt::Write as _;
use std::path::PathBuf;

/// Bytes as lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes what is written");
        text
    })
}

/// Where the golden files are.
#[must_use]
pub fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "goldens"].iter().collect()
}

/// Compares with a file under `tests/goldens/`. On a difference the file is written anew, to be
/// reviewed with `git diff`, and the test fails.
pub fn golden(path: &str, actual: &str) {
    goldens([(path.to_owned(), actual.to_owned())]);
}

/// Compares several, each a path and what it should hold, as [`golden`] does.
pub fn goldens(files: impl IntoIterator<Item = (String, String)>) {
    let stale: Vec<String> = files
        .into_iter()
        .filter(|(path, actual)| written_anew(path, actual))
        .map(|(path, _)| path)
        .collect();
    assert!(
        stale.is_empty(),
        "stale or missing, and now written anew under tests/goldens/: review the difference, then run \
         again: {stale:?}"
    );
}

fn written_anew(path: &str, actual: &str) -> bool {
    let file = folder().join(path);
    if std::fs::read_to_string(&file).is_ok_and(|known| known == actual) {
        return false;
    }
    let parent = file.parent().expect("a golden file lies in a folder");
    std::fs::create_dir_all(parent).unwrap();
    std::fs::write(&file, actual).unwrap();
    true
}
