//! Settings: how an operator tunes Docket. A flag goes before the environment, that before `docket.toml`, that
//! before the default. One list, [`ALL`], says what there is; `docket config` explains it, and the documentation's
//! table and the example file are written from it.
//!
//! It must *not* know what a setting does: whoever needs a value is given it.

mod kind;
mod layers;

pub use kind::Kind;
pub use layers::{FILE, Layers, SettingsError, Source};

use docket_core::StoreUrl;
use docket_core::vault::MasterKey;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What there is to know of a setting.
#[derive(Debug)]
pub struct Spec {
    /// Its name, as in `docket.toml` (`section.key`) and in `--set`.
    pub name: &'static str,
    /// Its variable in the environment.
    pub env: &'static str,
    /// Its own flag, if it has one beside `--set`.
    pub flag: Option<&'static str>,
    /// What it may be.
    pub kind: Kind,
    /// What it is when nobody says; empty for nothing.
    pub default: &'static str,
    /// What it does.
    pub about: &'static str,
}

macro_rules! specs {
    ($($id:ident = $name:literal, $env:literal, $flag:expr, $kind:expr, $default:literal, $about:literal;)+) => {
        $(#[doc = $about] pub static $id: Spec = Spec {
            name: $name, env: $env, flag: $flag, kind: $kind, default: $default, about: $about,
        };)+
        /// Every setting, in the order of the documentation.
        pub static ALL: &[&Spec] = &[$(&$id,)+];
    };
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);
const KIB: usize = 1024;

specs! {
    STORE = "store", "DOCKET_STORE", Some("--store"), Kind::Store, "sqlite:docket-data",
        "Where the store is. A demonstration has one of its own, sqlite:docket-demo, unless this is set.";
    KEYS = "keys", "DOCKET_KEYS", Some("--keys"), Kind::Store, "",
        "Another place for the sealing keys; by default in the store.";
    MASTER_KEY = "master_key", "DOCKET_MASTER_KEY", None, Kind::Secret, "",
        "The master key itself, in base64url. Only from the environment; goes before the file.";
    MASTER_KEY_FILE = "master_key_file", "DOCKET_MASTER_KEY_FILE", Some("--master-key"), Kind::Path, "",
        "The master key's file; by default master.key beside the keys.";
    UNSAFE = "unsafe", "DOCKET_UNSAFE", Some("--unsafe"), Kind::Switch, "false",
        "Goes on though the database would lose acknowledged commands in a power cut.";
    ERASURE_LEDGER = "erasure_ledger", "DOCKET_ERASURE_LEDGER", Some("--erasure-ledger"), Kind::Path, "",
        "The file that keeps every erasure; by default erasures.jsonl beside the keys.";
    LISTEN = "server.listen", "DOCKET_LISTEN", Some("--listen"), Kind::Address { off: false }, "127.0.0.1:8080",
        "The address to serve on; port 0 picks a free one.";
    REQUEST_TIMEOUT = "server.request_timeout", "DOCKET_REQUEST_TIMEOUT", None,
        Kind::Time { least: SECOND, most: HOUR }, "30s",
        "How long a request may take, its body included.";
    BODY_BYTES_MAX = "server.body_bytes_max", "DOCKET_BODY_BYTES_MAX", None,
        Kind::Bytes { least: 4 * KIB, most: 64 * KIB * KIB }, "256KiB",
        "Largest request body, and largest WebSocket message.";
    DRAIN_NOTICE = "server.drain_notice", "DOCKET_DRAIN_NOTICE", None,
        Kind::Time { least: Duration::ZERO, most: HOUR }, "0s",
        "How long after SIGTERM new connections are still taken while /readyz says 503: longer than a load \
         balancer takes to notice.";
    DRAIN = "server.drain", "DOCKET_DRAIN", None, Kind::Time { least: SECOND, most: HOUR }, "10s",
        "How long open requests may take to finish at a stop; then they are cut off.";
    TLS_CERTIFICATE = "tls.certificate", "DOCKET_TLS_CERTIFICATE", None, Kind::Path, "",
        "PEM file of the certificate and its chain. With tls.key it makes the server speak HTTPS.";
    TLS_KEY = "tls.key", "DOCKET_TLS_KEY", None, Kind::Path, "",
        "PEM file of the certificate's private key, for its owner only.";
    METRICS_LISTEN = "metrics.listen", "DOCKET_METRICS_LISTEN", None, Kind::Address { off: true }, "127.0.0.1:9464",
        "The address of /metrics, apart from the public one; off for none. Where the default is taken by \
         another process, there are no metrics, and a warning.";
    LOG_FORMAT = "log.format", "DOCKET_LOG_FORMAT", None, Kind::Choice(&["text", "json"]), "text",
        "How a log line is written, on standard error.";
    LOG_FILTER = "log.filter", "DOCKET_LOG", None, Kind::Text, "warn,docket_gateway=info",
        "What is logged: a level, or levels by module.";
    SESSIONS_LAST = "sessions.last", "DOCKET_SESSIONS_LAST", None,
        Kind::Time { least: Duration::from_mins(1), most: Duration::from_hours(24 * 30) }, "12h",
        "How long a session lasts from its login; sessions already open keep their end.";
    DEPTH_MAX = "limits.depth", "DOCKET_LIMITS_DEPTH", None, Kind::Count { least: 5, most: 100 }, "15",
        "Deepest nesting of a query. The standard introspection query needs 13.";
    COMPLEXITY_MAX = "limits.complexity", "DOCKET_LIMITS_COMPLEXITY", None,
        Kind::Count { least: 100, most: 10_000_000 }, "20000",
        "Most fields of a query, those of lists counted once for every row asked for.";
    POSITION_WAIT = "limits.position_wait", "DOCKET_LIMITS_POSITION_WAIT", None,
        Kind::Time { least: Duration::ZERO, most: Duration::from_mins(1) }, "5s",
        "How long a query waits for the views to come as far as its minPosition.";
}

/// What a running server holds itself to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// See [`REQUEST_TIMEOUT`].
    pub request_timeout: Duration,
    /// See [`BODY_BYTES_MAX`].
    pub body_bytes_max: usize,
    /// See [`DRAIN_NOTICE`].
    pub drain_notice: Duration,
    /// See [`DRAIN`].
    pub drain: Duration,
    /// See [`DEPTH_MAX`].
    pub depth_max: usize,
    /// See [`COMPLEXITY_MAX`].
    pub complexity_max: usize,
    /// See [`POSITION_WAIT`].
    pub position_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Settings::load(&Layers::default(), &[])
            .expect("the defaults are well formed")
            .limits
    }
}

/// How lines are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For a person at a terminal.
    Text,
    /// One JSON object a line.
    Json,
}

/// The files that make a server speak HTTPS.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// Certificate and chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// A setting as it is.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The setting.
    pub spec: &'static Spec,
    /// Its value, secrets masked; `None` for nothing.
    pub value: Option<String>,
    /// Where it came from.
    pub from: Source,
}

/// Every setting, read and checked.
#[derive(Clone)]
pub struct Settings {
    /// See [`STORE`].
    pub store: StoreUrl,
    /// See [`KEYS`].
    pub keys: Option<StoreUrl>,
    /// See [`MASTER_KEY`] and [`MASTER_KEY_FILE`].
    pub master: Option<MasterKey>,
    /// See [`UNSAFE`].
    pub allow_unsafe: bool,
    /// See [`ERASURE_LEDGER`].
    pub erasure_ledger: Option<PathBuf>,
    /// See [`LISTEN`].
    pub listen: SocketAddr,
    /// See [`TLS_CERTIFICATE`].
    pub tls: Option<TlsFiles>,
    /// See [`METRICS_LISTEN`].
    pub metrics_listen: Option<SocketAddr>,
    /// See [`LOG_FORMAT`].
    pub log_format: LogFormat,
    /// See [`LOG_FILTER`].
    pub log_filter: String,
    /// See [`SESSIONS_LAST`].
    pub sessions_last: Duration,
    /// What a running server holds itself to.
    pub limits: Limits,
    explained: Vec<Explained>,
}

impl Settings {
    /// Reads every setting from its layers; `flags` are those a command has of its own.
    pub fn load(
        layers: &Layers,
        flags: &[(&'static Spec, Option<String>)],
    ) -> Result<Self, SettingsError> {
        let mut read = layers.reading(flags);
        let master_key = read.text(&MASTER_KEY)?;
        let master_file = read.text(&MASTER_KEY_FILE)?;
        let settings = Self {
            store: read.store(&STORE)?.expect("there is a default"),
            keys: read.store(&KEYS)?,
            master: master_key
                .map(|key| MasterKey::Given(key.into()))
                .or_else(|| master_file.map(|file| MasterKey::File(file.into()))),
            allow_unsafe: read.text(&UNSAFE)?.as_deref() == Some("true"),
            erasure_ledger: read.text(&ERASURE_LEDGER)?.map(Into::into),
            listen: read.address(&LISTEN)?.expect("it cannot be off"),
            tls: match (read.text(&TLS_CERTIFICATE)?, read.text(&TLS_KEY)?) {
                (Some(certificate), Some(key)) => Some(TlsFiles {
                    certificate: certificate.into(),
                    key: key.into(),
                }),
                (None, None) => None,
                _ => return Err(SettingsError::HalfOfTls),
            },
            metrics_listen: read.address(&METRICS_LISTEN)?,
            log_format: match read.text(&LOG_FORMAT)?.as_deref() {
                Some("json") => LogFormat::Json,
                _ => LogFormat::Text,
            },
            log_filter: read.text(&LOG_FILTER)?.unwrap_or_default(),
            sessions_last: read.time(&SESSIONS_LAST)?,
            limits: Limits {
                request_timeout: read.time(&REQUEST_TIMEOUT)?,
                body_bytes_max: read.count(&BODY_BYTES_MAX)?,
                drain_notice: read.time(&DRAIN_NOTICE)?,
                drain: read.time(&DRAIN)?,
                depth_max: read.count(&DEPTH_MAX)?,
                complexity_max: read.count(&COMPLEXITY_MAX)?,
                position_wait: read.time(&POSITION_WAIT)?,
            },
            explained: Vec::new(),
        };
        let mut explained = read.explained();
        explained.sort_by_key(|one| ALL.iter().position(|spec| spec.name == one.spec.name));
        Ok(Self {
            explained,
            ..settings
        })
    }

    /// Every setting as it is, in the order of the documentation.
    #[must_use]
    pub fn explained(&self) -> &[Explained] {
        &self.explained
    }

    /// Whether anybody said what a setting is.
    #[must_use]
    pub fn is_given(&self, spec: &Spec) -> bool {
        self.explained
            .iter()
            .any(|one| one.spec.name == spec.name && one.from != Source::Default)
    }
}

/// A `docket.toml` that says what is so anyway, every line commented out.
#[must_use]
pub fn example() -> String {
    use std::fmt::Write as _;
    let mut text =
        "# Settings of Docket. Every line that is commented out says what is so anyway.\n\
                    # `docket config` shows what is in force, and where it came from.\n"
            .to_owned();
    let mut section = "";
    for spec in ALL.iter().filter(|spec| spec.kind != Kind::Secret) {
        let (within, key) = spec.name.split_once('.').unwrap_or(("", spec.name));
        if within != section {
            let _ = write!(text, "\n[{within}]\n");
            section = within;
        }
        let value = match (spec.default, spec.kind) {
            ("", _) => "\"…\"".to_owned(),
            (default, Kind::Count { .. } | Kind::Switch) => default.to_owned(),
            (default, _) => format!("{default:?}"),
        };
        let _ = write!(text, "\n# {}\n# {key} = {value}\n", spec.about);
    }
    text
}

#[cfg(test)]
mod tests;
