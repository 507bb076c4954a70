//! The `docket` command as a process of its own: a server that is measured, or a tool that is timed.

use crate::Fallible;
use crate::city::master_key;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{sleep, timeout};

/// How long a server may take to stop before it is killed.
const STOPPING: Duration = Duration::from_secs(20);
/// How long the views may take to come as far as the log.
const CATCHING_UP: Duration = Duration::from_secs(1_800);

/// The command, on a store.
#[derive(Clone)]
pub struct Docket {
    /// The program.
    pub binary: PathBuf,
    /// The store's URL.
    pub store: String,
    /// The folder with its master key.
    pub dir: PathBuf,
}

impl Docket {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(words)
            .args(["--store", &self.store])
            .arg("--master-key")
            .arg(master_key(&self.dir))
            .current_dir(&self.dir)
            .env("DOCKET_LOG", "error")
            // What is measured is what it can do, not what an account may.
            .env("DOCKET_RATE_ACCOUNT", "0")
            .env("DOCKET_RATE_ADDRESS", "0")
            .env("DOCKET_LIMITS_OPERATIONS_ACCOUNT", "0")
            .env("DOCKET_LIMITS_SUBSCRIPTIONS_ACCOUNT", "0")
            .env("DOCKET_SESSIONS_TOKEN", "12h")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs a command to its end, which must be a good one: how long it took, and what it printed.
    pub async fn run(&self, words: &[&str]) -> Fallible<(Duration, String)> {
        let started = Instant::now();
        let output = self.command(words).output().await?;
        let took = started.elapsed();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok((took, said));
        }
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(format!("docket {words:?}: {}\n{said}{error}", output.status).into())
    }

    /// How long it takes from its start until it is ready, in seconds.
    pub async fn start(&self) -> Fallible<(Server, f64)> {
        let started = Instant::now();
        let server = self.serve().await?;
        Ok((server, started.elapsed().as_secs_f64()))
    }

    /// Serves on a free port, and waits until the views have come as far as the log.
    pub async fn serve(&self) -> Fallible<Server> {
        let server = said_address(self.command(&["serve", "--listen", "127.0.0.1:0"])).await?;
        timeout(CATCHING_UP, server.catch_up()).await??;
        Ok(server)
    }
}

/// Starts a server that says on its first line where it listens.
pub async fn said_address(mut serve: Command) -> Fallible<Server> {
    let mut child = serve.stdout(Stdio::piped()).spawn()?;
    let mut stdout = BufReader::new(child.stdout.take().ok_or("no stdout")?);
    let mut first = String::new();
    stdout.read_line(&mut first).await?;
    let address = first.trim().strip_prefix("listening on http://");
    let address = address.ok_or_else(|| format!("the server said {first:?}"))?.to_owned();
    Ok(Server {
        child,
        _stdout: stdout,
        address,
    })
}

/// `docket serve`, or what it is compared to. Killed when dropped.
pub struct Server {
    child: Child,
    // Kept open: the server would fail to print into a closed pipe.
    _stdout: BufReader<ChildStdout>,
    /// Where it listens.
    pub address: String,
}

/// What a process holds in memory, in MiB.
#[derive(Clone, Copy)]
pub struct Memory {
    /// Now.
    pub now: f64,
    /// At most so far.
    pub peak: f64,
}

impl Server {
    async fn catch_up(&self) -> Fallible<()> {
        let mut connection = crate::http::Connection::open(&self.address).await?;
        loop {
            let said = connection.get("/readyz").await?;
            if std::str::from_utf8(&said)?.contains("views 0 events behind") {
                return Ok(());
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Its process.
    pub fn pid(&self) -> Fallible<u32> {
        Ok(self.child.id().ok_or("the server has ended")?)
    }

    /// Its resident memory.
    pub fn memory(&self) -> Fallible<Memory> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()?))?;
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
            kib.map(|kib| kib / 1_024.0).ok_or_else(|| format!("no {name} in its status"))
        };
        Ok(Memory {
            now: of("VmRSS:")?,
            peak: of("VmHWM:")?,
        })
    }

    /// Asks it to stop, and waits for that.
    pub async fn stop(mut self) -> Fallible<()> {
        let pid = self.pid()?.to_string();
        Command::new("kill").args(["-TERM", &pid]).status().await?;
        let ended = timeout(STOPPING, self.child.wait()).await;
        let status = ended.map_err(|_| "the server did not stop")??;
        if status.success() { Ok(()) } else { Err(format!("the server ended with {status}").into()) }
    }
}
