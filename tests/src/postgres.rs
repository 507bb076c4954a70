//! A PostgreSQL of one test's own, to be stopped, killed and started again: what befalls it befalls no other test.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// How often one that starts is asked whether it does.
const LOOKED_AT_EVERY: Duration = Duration::from_millis(20);

/// A server in a folder of its own. Killed when dropped.
pub struct Postgres {
    bin: PathBuf,
    dir: TempDir,
    port: u16,
    running: Option<Child>,
}

fn binaries() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("tests/run installs it");
    let mut found = versions.map(|version| version.unwrap().path().join("bin"));
    found
        .find(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
        .expect("tests/run installs it")
}

fn done(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// A port that stays free while the server is away: none of those that the system gives to whoever asks for any.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 10_000).unwrap();
    let port = || 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    std::iter::repeat_with(port).find(is_free).unwrap()
}

/// A command of PostgreSQL's, which refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    if done(Command::new("id").arg("-u")).trim() != "0" {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
        .arg(program);
    command
}

impl Postgres {
    /// A new one, serving.
    #[must_use]
    pub fn start() -> Self {
        let bin = binaries();
        let dir = tempfile::tempdir().unwrap();
        done(Command::new("chmod").arg("755").arg(dir.path()));
        let data = dir.path().join("data");
        std::fs::create_dir(&data).unwrap();
        if done(Command::new("id").arg("-u")).trim() == "0" {
            done(
                Command::new("chown")
                    .arg("postgres:")
                    .args([dir.path(), &data]),
            );
        }
        done(as_postgres(&bin.join("initdb")).arg("-D").arg(&data).args([
            "-U",
            "docket",
            "--auth=trust",
            "--no-locale",
            "-E",
            "UTF8",
        ]));
        let port = free_port();
        let mut server = Self {
            bin,
            dir,
            port,
            running: None,
        };
        server.restart();
        server
    }

    /// Its URL, without a database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://docket@127.0.0.1:{}", self.port)
    }

    /// Serves again after [`Self::kill`], and waits until it does.
    pub fn restart(&mut self) {
        let mut postgres = as_postgres(&self.bin.join("postgres"));
        postgres
            .arg("-D")
            .arg(self.dir.path().join("data"))
            .args(["-p", &self.port.to_string(), "-k"])
            .arg(self.dir.path())
            .args([
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "max_connections=100",
            ])
            .args(["-c", "restart_after_crash=off"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.running = Some(postgres.spawn().unwrap());
        let ready = || {
            let mut ready = Command::new(self.bin.join("pg_isready"));
            ready.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
            ready.status().unwrap().success()
        };
        let began = std::time::Instant::now();
        while !ready() {
            assert!(
                began.elapsed() < crate::store::PATIENCE,
                "it does not start"
            );
            std::thread::sleep(LOOKED_AT_EVERY);
        }
    }

    /// A signal to all of its processes: each that serves a connection is in a group of its own.
    pub fn signal(&self, name: &str) {
        let server = self.running.as_ref().expect("it runs").id().to_string();
        let children = format!("/proc/{server}/task/{server}/children");
        let mut told = vec![server];
        // First the one that makes them.
        done(Command::new("kill").arg(format!("-{name}")).args(&told));
        let children = std::fs::read_to_string(children).unwrap_or_default();
        told = children.split_whitespace().map(str::to_owned).collect();
        // Some may have gone meanwhile.
        let _ = Command::new("kill")
            .arg(format!("-{name}"))
            .args(&told)
            .status();
    }

    /// SIGKILL, at once; the processes of its connections go with it.
    pub fn kill(&mut self) {
        let mut server = self.running.take().expect("it runs");
        server.kill().unwrap();
        server.wait().unwrap();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.kill();
        }
    }
}
