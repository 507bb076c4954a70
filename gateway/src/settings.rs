//! Settings: how an operator tunes Docket. A flag goes before the environment, that before `docket.toml`, that
//! before the default. One list, [`ALL`], says what there is; `docket config` explains it, and the documentation's
//! table and the example file are written from it.
//!
//! It must *not* know what a setting does: whoever needs a value is given it.

mod access;
mod kind;
mod layers;
mod limits;
mod traces;

pub use access::{ALGORITHMS, Access, OidcSettings};
pub use kind::Kind;
pub use layers::{FILE, Layers, SettingsError, Source};
pub use limits::{Limits, Shape};
pub use traces::TraceSettings;

use docket_core::files::S3Access;
use docket_core::vault::MasterKey;
use docket_core::{FilesUrl, StoreUrl};
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
    ATTACHMENTS = "attachments", "DOCKET_ATTACHMENTS", None, Kind::Files, "",
        "Where attached files are, sealed: file:DIR, or s3://BUCKET/PREFIX of an S3-compatible store. By default the \
         folder files in a SQLite store's, with PostgreSQL docket-files in the working folder. All processes of a \
         store need the same.";
    LISTEN = "server.listen", "DOCKET_LISTEN", Some("--listen"), Kind::Address { off: false }, "127.0.0.1:8080",
        "The address to serve on; port 0 picks a free one.";
    REQUEST_TIMEOUT = "server.request_timeout", "DOCKET_REQUEST_TIMEOUT", None,
        Kind::Time { least: SECOND, most: HOUR }, "30s",
        "How long a request may take, its body included.";
    BODY_BYTES_MAX = "server.body_bytes_max", "DOCKET_BODY_BYTES_MAX", None,
        Kind::Bytes { least: 4 * KIB, most: 64 * KIB * KIB }, "256KiB",
        "Largest request body, and largest WebSocket message.";
    HEAD_BYTES_MAX = "server.head_bytes_max", "DOCKET_HEAD_BYTES_MAX", None,
        Kind::Bytes { least: 8 * KIB, most: KIB * KIB }, "64KiB",
        "Largest head of a request: its target and headers.";
    HEADER_TIMEOUT = "server.header_timeout", "DOCKET_HEADER_TIMEOUT", None,
        Kind::Time { least: SECOND, most: HOUR }, "30s",
        "How long the head of a request may take to come, and how long a connection is kept on which nothing is asked.";
    SEND_TIMEOUT = "server.send_timeout", "DOCKET_SEND_TIMEOUT", None,
        Kind::Time { least: SECOND, most: HOUR }, "20s",
        "How long a client may take nothing of what it is sent before it is cut off.";
    CONNECTIONS_MAX = "server.connections", "DOCKET_CONNECTIONS", None,
        Kind::Count { least: 1, most: 1_000_000 }, "10000",
        "Most connections at a time, WebSockets among them.";
    CONNECTIONS_ADDRESS_MAX = "server.connections_address", "DOCKET_CONNECTIONS_ADDRESS", None,
        Kind::Count { least: 0, most: 1_000_000 }, "2500",
        "Most connections at a time from an address (of IPv6, a /64), but for reverse proxies; 0 for no limit.";
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
    TRACES_ENDPOINT = "traces.endpoint", "DOCKET_TRACES_ENDPOINT", None, Kind::Endpoint, "",
        "Where an OpenTelemetry collector takes spans (OTLP over HTTP, in protobuf): the whole URL, such as \
         http://127.0.0.1:4318/v1/traces. By default none, and no span leaves the process.";
    TRACES_SAMPLING_RATIO = "traces.sampling_ratio", "DOCKET_TRACES_SAMPLING_RATIO", None, Kind::Ratio, "1",
        "How many of the traces that begin here are exported, from 0 to 1. For one that comes with a traceparent its \
         flag says whether it is.";
    TRACES_SERVICE_NAME = "traces.service_name", "DOCKET_TRACES_SERVICE_NAME", None, Kind::Text, "docket",
        "What the spans are of, as service.name.";
    TRACES_HEADERS = "traces.headers", "DOCKET_TRACES_HEADERS", None, Kind::Secret, "",
        "Headers that the collector wants, such as authorization=Bearer …, with commas between. Only from the \
         environment.";
    SESSIONS_LAST = "sessions.last", "DOCKET_SESSIONS_LAST", None,
        Kind::Time { least: Duration::from_mins(1), most: Duration::from_hours(24 * 30) }, "12h",
        "How long a session lasts from its login, however often it is refreshed; sessions already open keep their end.";
    TOKENS_LAST = "sessions.token", "DOCKET_SESSIONS_TOKEN", None,
        Kind::Time { least: SECOND, most: Duration::from_hours(24) }, "15min",
        "How long the token of login and refreshSession is good; never longer than its session.";
    RATE_ACCOUNT = "rate.account", "DOCKET_RATE_ACCOUNT", None,
        Kind::Count { least: 0, most: 1_000_000 }, "50",
        "Requests a second of an account, after ten seconds' worth at once; 0 for no limit.";
    RATE_ADDRESS = "rate.address", "DOCKET_RATE_ADDRESS", None,
        Kind::Count { least: 0, most: 1_000_000 }, "500",
        "Requests a second from an address (of IPv6, a /64), after ten seconds' worth at once; 0 for no limit. A try to \
         log in or to recover a password counts for a hundred.";
    CORS_ORIGINS = "cors.origins", "DOCKET_CORS_ORIGINS", None, Kind::Origins, "",
        "Origins whose pages a browser lets talk to /graphql, with commas between; by default none.";
    OIDC_ISSUER = "oidc.issuer", "DOCKET_OIDC_ISSUER", None, Kind::Text, "",
        "The identity provider whose tokens are taken, as their iss names it. With oidc.audience and oidc.jwks.";
    OIDC_AUDIENCE = "oidc.audience", "DOCKET_OIDC_AUDIENCE", None, Kind::Text, "",
        "What the aud of a provider's token has to name.";
    OIDC_JWKS = "oidc.jwks", "DOCKET_OIDC_JWKS", None, Kind::Url, "",
        "Where the provider's public keys are fetched (JWKS).";
    OIDC_ALGORITHMS = "oidc.algorithms", "DOCKET_OIDC_ALGORITHMS", None, Kind::Several(ALGORITHMS), "RS256",
        "What a provider's token may be signed with, with commas between.";
    OIDC_CLAIM = "oidc.claim", "DOCKET_OIDC_CLAIM", None, Kind::Text, "preferred_username",
        "The claim of a provider's token that is the login of a Docket account.";
    OIDC_LEEWAY = "oidc.leeway", "DOCKET_OIDC_LEEWAY", None,
        Kind::Time { least: Duration::ZERO, most: Duration::from_mins(5) }, "30s",
        "How much the provider's clock may differ from this machine's.";
    MANIFEST = "documents.manifest", "DOCKET_DOCUMENTS_MANIFEST", None, Kind::Path, "",
        "The file of trusted documents, by their ids, as client tools make it. Looked at again when it changes.";
    DOCUMENTS_ONLY = "documents.only", "DOCKET_DOCUMENTS_ONLY", None, Kind::Switch, "false",
        "Takes trusted documents and nothing else. The console needs other ones.";
    INTROSPECTION = "graphql.introspection", "DOCKET_GRAPHQL_INTROSPECTION", None, Kind::Switch, "true",
        "Whether clients may ask for the schema.";
    SUGGESTIONS = "graphql.suggestions", "DOCKET_GRAPHQL_SUGGESTIONS", None, Kind::Switch, "true",
        "Whether an error on an unknown name says which one may have been meant.";
    QUERY_BYTES_MAX = "limits.query_bytes", "DOCKET_LIMITS_QUERY_BYTES", None,
        Kind::Bytes { least: KIB, most: KIB * KIB }, "32KiB",
        "Largest text of a document.";
    TOKENS_MAX = "limits.tokens", "DOCKET_LIMITS_TOKENS", None,
        Kind::Count { least: 100, most: 100_000 }, "5000",
        "Most tokens of a document.";
    SELECTIONS_MAX = "limits.selections", "DOCKET_LIMITS_SELECTIONS", None,
        Kind::Count { least: 100, most: 100_000 }, "2000",
        "Most fields and spreads of a document, with every fragment spread out.";
    FRAGMENTS_MAX = "limits.fragments", "DOCKET_LIMITS_FRAGMENTS", None,
        Kind::Count { least: 1, most: 1_000 }, "100",
        "Most fragments of a document.";
    ALIASES_MAX = "limits.aliases", "DOCKET_LIMITS_ALIASES", None,
        Kind::Count { least: 0, most: 10_000 }, "100",
        "Most aliases of a document, with every fragment spread out.";
    ROOT_FIELDS_MAX = "limits.root_fields", "DOCKET_LIMITS_ROOT_FIELDS", None,
        Kind::Count { least: 1, most: 1_000 }, "50",
        "Most fields at the root of an operation.";
    DIRECTIVES_MAX = "limits.directives", "DOCKET_LIMITS_DIRECTIVES", None,
        Kind::Count { least: 0, most: 10_000 }, "100",
        "Most directives of a document, with every fragment spread out.";
    PAGE_MAX = "limits.page_size", "DOCKET_LIMITS_PAGE_SIZE", None,
        Kind::Count { least: 20, most: 500 }, "500",
        "Most rows that first or last may ask for. Many lists give at most 100, whatever is asked for.";
    LIST_ITEMS_MAX = "limits.list_items", "DOCKET_LIMITS_LIST_ITEMS", None,
        Kind::Count { least: 1, most: 10_000 }, "200",
        "Most elements of a list that is sent.";
    INPUT_DEPTH_MAX = "limits.input_depth", "DOCKET_LIMITS_INPUT_DEPTH", None,
        Kind::Count { least: 5, most: 60 }, "16",
        "Deepest nesting of a value that is sent.";
    DEPTH_MAX = "limits.depth", "DOCKET_LIMITS_DEPTH", None, Kind::Count { least: 5, most: 100 }, "15",
        "Deepest nesting of a query. The standard introspection query needs 13.";
    COMPLEXITY_MAX = "limits.complexity", "DOCKET_LIMITS_COMPLEXITY", None,
        Kind::Count { least: 100, most: 10_000_000 }, "20000",
        "Most fields of a query, those of lists counted once for every row asked for.";
    VALUES_MAX = "limits.values", "DOCKET_LIMITS_VALUES", None,
        Kind::Count { least: 1_000, most: 100_000_000 }, "200000",
        "Most values of an answer in lists that have no pages: rows, times the fields asked of each.";
    OPERATIONS_MAX = "limits.operations", "DOCKET_LIMITS_OPERATIONS", None,
        Kind::Count { least: 1, most: 100_000 }, "128",
        "Most queries and mutations under way at a time. What is more waits, or is OVERLOADED.";
    QUEUE_MAX = "limits.queue", "DOCKET_LIMITS_QUEUE", None,
        Kind::Count { least: 0, most: 100_000 }, "64",
        "Most operations that wait to be under way.";
    QUEUE_WAIT = "limits.queue_wait", "DOCKET_LIMITS_QUEUE_WAIT", None,
        Kind::Time { least: Duration::ZERO, most: Duration::from_mins(1) }, "250ms",
        "How long an operation waits to be under way before it is OVERLOADED.";
    OPERATIONS_ACCOUNT_MAX = "limits.operations_account", "DOCKET_LIMITS_OPERATIONS_ACCOUNT", None,
        Kind::Count { least: 0, most: 100_000 }, "100",
        "Most queries and mutations of an account under way at a time; 0 for no limit.";
    SUBSCRIPTIONS_MAX = "limits.subscriptions", "DOCKET_LIMITS_SUBSCRIPTIONS", None,
        Kind::Count { least: 1, most: 1_000_000 }, "10000",
        "Most subscriptions at a time.";
    SUBSCRIPTIONS_ACCOUNT_MAX = "limits.subscriptions_account", "DOCKET_LIMITS_SUBSCRIPTIONS_ACCOUNT", None,
        Kind::Count { least: 0, most: 1_000_000 }, "200",
        "Most subscriptions of an account at a time; 0 for no limit.";
    SUBSCRIPTION_LAG_MAX = "limits.subscription_lag", "DOCKET_LIMITS_SUBSCRIPTION_LAG", None,
        Kind::Count { least: 1_000, most: 10_000_000 }, "20000",
        "Events that a subscription which had come up may fall behind before it ends as too slow.";
    SOCKETS_MAX = "limits.web_sockets", "DOCKET_LIMITS_WEB_SOCKETS", None,
        Kind::Count { least: 1, most: 1_000_000 }, "5000",
        "Most WebSockets at a time.";
    SOCKETS_ADDRESS_MAX = "limits.web_sockets_address", "DOCKET_LIMITS_WEB_SOCKETS_ADDRESS", None,
        Kind::Count { least: 0, most: 1_000_000 }, "2500",
        "Most WebSockets at a time from an address, as reverse proxies tell it; 0 for no limit.";
    SOCKET_OPERATIONS_MAX = "limits.web_socket_operations", "DOCKET_LIMITS_WEB_SOCKET_OPERATIONS", None,
        Kind::Count { least: 1, most: 10_000 }, "100",
        "Most operations of a WebSocket at a time.";
    POSITION_WAIT = "limits.position_wait", "DOCKET_LIMITS_POSITION_WAIT", None,
        Kind::Time { least: Duration::ZERO, most: Duration::from_mins(1) }, "5s",
        "How long a query waits for the views to come as far as its minPosition.";
    FILE_BYTES_MAX = "limits.file_bytes", "DOCKET_LIMITS_FILE_BYTES", None,
        Kind::Bytes { least: KIB, most: KIB * KIB * KIB }, "20MiB",
        "Largest file that may be attached.";
    FILES_MAX = "limits.files", "DOCKET_LIMITS_FILES", None, Kind::Count { least: 0, most: 500 }, "20",
        "Most files attached to one ticket; its caller may use half of them. None: nothing is attached any more.";
    UPLOAD_TIME = "limits.upload_time", "DOCKET_LIMITS_UPLOAD_TIME", None,
        Kind::Time { least: SECOND, most: HOUR }, "2min",
        "How long an upload may take from its first byte to its last.";
    S3_ENDPOINT = "s3.endpoint", "DOCKET_S3_ENDPOINT", None, Kind::Text, "",
        "The address of the S3-compatible store of attachments, such as https://minio.example:9000; AWS's own if \
         it is not set. Over http:// only what is sealed travels, and who asks is signed.";
    S3_REGION = "s3.region", "DOCKET_S3_REGION", None, Kind::Text, "",
        "The region of that store, if it has any.";
    S3_ACCESS_KEY = "s3.access_key", "DOCKET_S3_ACCESS_KEY", None, Kind::Text, "",
        "Who asks that store. Without it and its secret the environment is looked at as AWS's own programs do.";
    S3_SECRET_KEY = "s3.secret_key", "DOCKET_S3_SECRET_KEY", None, Kind::Secret, "",
        "The secret of who asks it. Only from the environment.";
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

/// Where trusted documents are, and whether there are any others.
#[derive(Clone, Debug, Default)]
pub struct TrustedFiles {
    /// See [`MANIFEST`].
    pub manifest: Option<PathBuf>,
    /// See [`DOCUMENTS_ONLY`].
    pub only: bool,
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
    /// See [`ATTACHMENTS`].
    pub attachments: Option<FilesUrl>,
    /// See [`S3_ENDPOINT`] and what is beside it.
    pub s3: S3Access,
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
    /// Where spans go, if they are exported.
    pub traces: Option<TraceSettings>,
    /// See [`SESSIONS_LAST`].
    pub sessions_last: Duration,
    /// See [`TOKENS_LAST`].
    pub tokens_last: Duration,
    /// Who comes in, and from where.
    pub access: Access,
    /// Trusted documents.
    pub documents: TrustedFiles,
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
            allow_unsafe: read.switch(&UNSAFE)?,
            erasure_ledger: read.text(&ERASURE_LEDGER)?.map(Into::into),
            attachments: read
                .text(&ATTACHMENTS)?
                .map(|text| text.parse().expect("it was checked")),
            s3: S3Access {
                endpoint: read.text(&S3_ENDPOINT)?,
                region: read.text(&S3_REGION)?,
                access_key: read.text(&S3_ACCESS_KEY)?,
                secret_key: read.text(&S3_SECRET_KEY)?,
            },
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
            traces: TraceSettings::read(&mut read)?,
            sessions_last: read.time(&SESSIONS_LAST)?,
            tokens_last: read.time(&TOKENS_LAST)?,
            access: Access::read(&mut read)?,
            documents: TrustedFiles {
                manifest: read.text(&MANIFEST)?.map(Into::into),
                only: read.switch(&DOCUMENTS_ONLY)?,
            },
            limits: Limits::read(&mut read)?,
            explained: Vec::new(),
        };
        if settings.documents.only && settings.documents.manifest.is_none() {
            return Err(SettingsError::NothingTrusted);
        }
        if settings.s3.access_key.is_some() != settings.s3.secret_key.is_some() {
            return Err(SettingsError::HalfOfS3);
        }
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
            (default, Kind::Count { .. } | Kind::Ratio | Kind::Switch) => default.to_owned(),
            (default, _) => format!("{default:?}"),
        };
        let _ = write!(text, "\n# {}\n# {key} = {value}\n", spec.about);
    }
    text
}

#[cfg(test)]
mod tests;
