//! Servers for tests: within the test's process under any clock, or as a process that can be killed. And
//! clients that speak GraphQL to them.

use crate::store::TestStore;
use docket_core::clock::{Clock, SystemClock};
use docket_core::store::StoreOptions;
use docket_gateway::app::{App, Founding};
use docket_gateway::settings::Limits;
use docket_gateway::{drain, http};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A server within the test's process.
pub struct Server {
    /// The running Docket behind it.
    pub app: App,
    /// Its base URL.
    pub url: String,
    stop: Option<oneshot::Sender<()>>,
}

impl Server {
    /// Serves a store under the machine's clock.
    pub async fn start(store: &TestStore) -> Self {
        Self::start_at(store, Arc::new(SystemClock)).await
    }

    /// Serves a store under a clock.
    pub async fn start_at(store: &TestStore, clock: Arc<dyn Clock>) -> Self {
        Self::open(store.options(clock), &Founding::default()).await
    }

    /// Serves whatever the options say.
    pub async fn open(options: StoreOptions, founding: &Founding) -> Self {
        Self::open_with(options, founding, Limits::default()).await
    }

    /// Serves whatever the options say, within limits.
    pub async fn open_with(options: StoreOptions, founding: &Founding, limits: Limits) -> Self {
        // Tests ask as fast as they can; those that are about rates set them.
        let limits = Limits {
            rate_account: 0,
            rate_address: 0,
            ..limits
        };
        let app = App::start(options, founding).await.unwrap();
        Self::of(app.within(limits)).await
    }

    /// Serves a Docket that is started already.
    pub async fn of(app: App) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let router = http::router(app.clone(), None, &[]);
        let (drain, limits) = (app.drain.clone(), app.limits);
        tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            drain::serve(listener, router, drain, limits, &[], stopped).await;
        });
        Self {
            app,
            url,
            stop: Some(stop),
        }
    }

    /// A client that is nobody yet.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(&self.url)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

/// `docket serve` as a process of its own. Killed when dropped.
pub struct ServerProcess {
    child: Child,
    // Kept open: the server would fail to print into a closed pipe.
    stdout: BufReader<ChildStdout>,
    /// Its base URL.
    pub url: String,
}

impl ServerProcess {
    /// Starts `docket serve` from a binary (`env!("CARGO_BIN_EXE_docket-under-test")`) on a test's store,
    /// and waits until it listens.
    #[must_use]
    pub fn start(binary: &str, store: &TestStore) -> Self {
        let mut serve = command(binary, store);
        serve
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(store_arguments(store));
        Self::spawn(serve)
    }

    /// Starts any `docket serve`, and waits until it listens: the first thing it says.
    #[must_use]
    pub fn spawn(mut serve: Command) -> Self {
        let mut child = serve.stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        stdout.read_line(&mut first).unwrap();
        let url = first
            .trim()
            .strip_prefix("listening on ")
            .unwrap_or_else(|| panic!("{first:?}"));
        Self {
            url: url.to_owned(),
            child,
            stdout,
        }
    }

    /// The same, and what it says on standard error, which is piped.
    #[must_use]
    pub fn spawn_with_stderr(mut serve: Command) -> (Self, ChildStderr) {
        serve.stderr(Stdio::piped());
        let mut server = Self::spawn(serve);
        let stderr = server.child.stderr.take().expect("it is piped");
        (server, stderr)
    }

    /// SIGKILL, at once.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM: it may take its time.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Any signal.
    pub fn signal(&self, name: &str) {
        let kill = Command::new("kill")
            .args([&format!("-{name}"), &self.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
    }

    /// The next line it says on standard output.
    pub fn next_line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    /// Waits until it is over: its exit status, and what else it said.
    pub fn wait(&mut self) -> (ExitStatus, String) {
        let mut said = String::new();
        self.stdout.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap(), said)
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// A client that is nobody yet.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(&self.url)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A `docket` command, quiet, with its working folder in the store's.
#[must_use]
pub fn command(binary: &str, store: &TestStore) -> Command {
    let mut command = Command::new(binary);
    command
        .current_dir(store.dir())
        .env("DOCKET_LOG", "error")
        .env("DOCKET_METRICS_LISTEN", "off")
        // Tests ask as fast as they can; those that are about rates set them.
        .env("DOCKET_RATE_ACCOUNT", "0")
        .env("DOCKET_RATE_ADDRESS", "0")
        .stdin(Stdio::null());
    if !store.is_sqlite() {
        let files = store.dir().join("files");
        command.env("DOCKET_ATTACHMENTS", format!("file:{}", files.display()));
    }
    command
}

/// The arguments that name a test's store.
#[must_use]
pub fn store_arguments(store: &TestStore) -> Vec<String> {
    let master = store.dir().join("master.key").display().to_string();
    vec!["--store".into(), store.url(), "--master-key".into(), master]
}

/// A GraphQL client, logged in or not.
#[derive(Clone)]
pub struct Client {
    /// The server's base URL.
    pub url: String,
    http: reqwest::Client,
    /// The session's token.
    pub token: Option<String>,
    /// The address a reverse proxy would say it has.
    from: Option<String>,
}

impl Client {
    /// A client that is nobody yet.
    #[must_use]
    pub fn new(url: &str) -> Self {
        docket_core::tls::install_provider();
        Self {
            url: url.to_owned(),
            http: reqwest::Client::new(),
            token: None,
            from: None,
        }
    }

    /// The whole response, or the error of a connection that broke.
    pub async fn try_run(&self, query: &str, variables: Value) -> Result<Value, reqwest::Error> {
        let mut request = self
            .http
            .post(format!("{}/graphql", self.url))
            .json(&json!({ "query": query, "variables": variables }));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(from) = &self.from {
            request = request.header("X-Forwarded-For", from);
        }
        request.send().await?.json().await
    }

    /// The whole response.
    pub async fn run(&self, query: &str, variables: Value) -> Value {
        self.try_run(query, variables).await.unwrap()
    }

    /// The data of a query that must succeed.
    pub async fn data(&self, query: &str, variables: Value) -> Value {
        let mut response = self.run(query, variables).await;
        assert!(response.get("errors").is_none(), "{query}\n{response:#}");
        response["data"].take()
    }

    /// The code of the first top-level error of a request that must fail.
    pub async fn fault(&self, query: &str, variables: Value) -> String {
        let response = self.run(query, variables).await;
        let code = response["errors"][0]["extensions"]["code"].as_str();
        code.unwrap_or_else(|| panic!("no coded error: {response:#}"))
            .to_owned()
    }

    /// Does a mutation of one `input`; its payload, whatever it says.
    pub async fn mutate(&self, mutation: &str, input: Value) -> Value {
        self.try_mutate(mutation, input).await.unwrap()
    }

    /// Does a mutation of one `input`; its payload, or the error of a connection that broke.
    pub async fn try_mutate(&self, mutation: &str, input: Value) -> Result<Value, reqwest::Error> {
        let mut name = mutation.to_owned();
        name[..1].make_ascii_uppercase();
        let query = format!(
            "mutation($input: {name}Input!) {{ {mutation}(input: $input) {{ position userErrors {{ code path message }}
               ticket {{ id number state revision queryCode availableActions }} }} }}"
        );
        let mut response = self.try_run(&query, json!({ "input": input })).await?;
        assert!(response.get("errors").is_none(), "{query}\n{response:#}");
        Ok(response["data"][mutation].take())
    }

    /// What it is known by.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The same session as a reverse proxy passes it on for an address.
    #[must_use]
    pub fn from(&self, address: &str) -> Self {
        Self {
            from: Some(address.to_owned()),
            ..self.clone()
        }
    }

    /// The same client with another token, or none.
    #[must_use]
    pub fn with_token(&self, token: Option<&str>) -> Self {
        Self {
            token: token.map(str::to_owned),
            ..self.clone()
        }
    }

    /// The same session at another server of the same store.
    #[must_use]
    pub fn at(&self, url: &str) -> Self {
        Self {
            url: url.to_owned(),
            ..self.clone()
        }
    }

    /// Does a mutation that must be taken; the ticket after it.
    pub async fn act(&self, mutation: &str, input: Value) -> Value {
        let mut payload = self.mutate(mutation, input).await;
        assert_eq!(payload["userErrors"], json!([]), "{mutation}");
        payload["ticket"].take()
    }

    /// Rates with number and query code; the payload.
    pub async fn rate_by_code(&self, input: Value) -> Value {
        let query = "mutation($input: RateByCodeInput!) { rateByCode(input: $input) {
            position userErrors { code path message } progress { number state answer satisfaction } } }";
        let mut data = self.data(query, json!({ "input": input })).await;
        data["rateByCode"].take()
    }

    /// The code of a mutation that must be refused.
    pub async fn refused(&self, mutation: &str, input: Value) -> String {
        let payload = self.mutate(mutation, input).await;
        assert_eq!(payload["ticket"], Value::Null, "{mutation}");
        payload["userErrors"][0]["code"]
            .as_str()
            .expect("a coded refusal")
            .to_owned()
    }

    /// A client with a session.
    pub async fn logged_in(&self, login: &str, password: &str) -> Self {
        let query =
            "mutation($input: LoginInput!) { login(input: $input) { token userErrors { code } } }";
        let input = json!({ "input": { "login": login, "password": password } });
        let data = self.data(query, input).await;
        let token = data["login"]["token"].as_str();
        let token = token.unwrap_or_else(|| panic!("no session: {data:#}"));
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }
}
