//! Programs nobody here wrote, run against a demonstration: `tests/run` installs them, at pinned versions.

use crate::server::ServerProcess;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How long a run of clients may take, in seconds.
const PATIENCE: &str = "600";

/// `docket serve --demo` in a folder of its own.
pub struct Demo {
    server: ServerProcess,
    _folder: tempfile::TempDir,
}

impl Demo {
    /// Starts it from a binary (`env!("CARGO_BIN_EXE_docket-under-test")`), and waits until it listens.
    #[must_use]
    pub fn start(binary: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut serve = Command::new(binary);
        serve.current_dir(folder.path()).stdin(Stdio::null());
        for name in ["STORE", "KEYS", "MASTER_KEY", "LISTEN"] {
            serve.env_remove(format!("DOCKET_{name}"));
        }
        serve.env("DOCKET_LOG", "error");
        // They ask as fast as they can, by few accounts from one address.
        serve.env("DOCKET_RATE_ACCOUNT", "0");
        serve.env("DOCKET_RATE_ADDRESS", "0");
        serve.args(["serve", "--demo", "--listen", "127.0.0.1:0"]);
        Self {
            server: ServerProcess::spawn(serve),
            _folder: folder,
        }
    }

    /// Runs a program in `tests/clients` that finds the server in `DOCKET_URL`. It must end well; what it said.
    #[must_use]
    pub fn run(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new("timeout");
        command.arg(PATIENCE).arg(program).args(arguments);
        command.current_dir(folder()).stdin(Stdio::null());
        command.env("DOCKET_URL", &self.server.url);
        let ran = command.output().unwrap();
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        let complained = String::from_utf8_lossy(&ran.stderr);
        let status = ran.status;
        assert!(
            status.success(),
            "{program} {arguments:?}: {status}\n{said}{complained}"
        );
        said
    }

    /// Runs the node tests of a folder in `tests/clients`. All must pass, each file must have some.
    pub fn node_tests(&self, under: &str) {
        let installed = folder().join(under).join("node_modules");
        assert!(
            installed.is_dir(),
            "the clients are not installed: tests/run does it"
        );
        for file in test_files(&folder().join(under)) {
            let said = self.run("node", &["--test", "--test-reporter=tap", &file]);
            let count = |what: &str| {
                let line = said.lines().find_map(|line| line.strip_prefix(what));
                line.and_then(|count| count.trim().parse::<u32>().ok())
            };
            assert!(count("# pass ").is_some_and(|n| n > 0), "{file}\n{said}");
            for none in ["# fail ", "# cancelled ", "# skipped ", "# todo "] {
                assert_eq!(count(none), Some(0), "{file}\n{said}");
            }
        }
    }
}

/// Where the clients are.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

fn test_files(under: &Path) -> Vec<String> {
    let mut files: Vec<String> = std::fs::read_dir(under)
        .unwrap()
        .map(|entry| entry.unwrap().path().display().to_string())
        .filter(|path| path.ends_with(".test.mjs"))
        .collect();
    assert!(!files.is_empty(), "{}", under.display());
    files.sort();
    files
}
