//! Where settings come from: flags, environment, `docket.toml`, defaults. What a file must not have is refused with
//! its line; no error quotes a line of the file, which may hold a password.

use super::{ALL, Explained, Kind, Spec, kind};
use docket_core::StoreUrl;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::de::{DeTable, DeValue};

/// The file that is read when there is one in the working folder and no other is named.
pub const FILE: &str = "docket.toml";
/// The variable that names another.
const FILE_VARIABLE: &str = "DOCKET_CONFIG";
/// What variables of Docket's begin with.
const PREFIX: &str = "DOCKET_";
/// What variables of its tests begin with.
const TESTS_PREFIX: &str = "DOCKET_TEST_";

/// Where a setting came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The command line.
    Flag,
    /// The environment.
    Environment,
    /// A line of the file.
    File {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
    /// Nobody said.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("the command line"),
            Self::Environment => f.write_str("the environment"),
            Self::File { path, line } => write!(f, "{}, line {line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// What can be wrong with settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Mistakes of the file, each with its line.
    #[error("{}", .0.join("\n"))]
    File(Vec<String>),
    /// A value that will not do.
    #[error("{name}: {problem} (from {from}): expected {expected}")]
    Value {
        /// Of which setting.
        name: &'static str,
        /// What is wrong.
        problem: String,
        /// Where it came from.
        from: Source,
        /// What should be there.
        expected: String,
    },
    /// `--set` of something else.
    #[error("--set: there is no setting {0}; expected NAME=VALUE, where NAME is one of {names}", names = names().join(", "))]
    Unknown(String),
    /// A certificate without a key, or the other way round.
    #[error("tls.certificate and tls.key go together: only one of them is set")]
    HalfOfTls,
    /// A part of what an identity provider needs.
    #[error("oidc.issuer, oidc.audience and oidc.jwks go together: only some of them are set")]
    PartOfOidc,
    /// An access key without its secret, or the other way round.
    #[error("s3.access_key and s3.secret_key go together: only one of them is set")]
    HalfOfS3,
    /// `--set` of a secret, which everybody on the machine would see.
    #[error("--set: {name} is a secret, and is taken from the environment only: set {env}")]
    Secret {
        /// The setting.
        name: &'static str,
        /// Its variable.
        env: &'static str,
    },
    /// Headers of the collector that are none. What was given may be a key.
    #[error("traces.headers: this will not do; expected NAME=VALUE, with commas between")]
    Headers,
    /// Nothing but trusted documents, and none.
    #[error("documents.only needs documents.manifest: nothing would be taken")]
    NothingTrusted,
}

fn names() -> Vec<&'static str> {
    let settable = ALL.iter().filter(|spec| spec.kind != Kind::Secret);
    settable.map(|spec| spec.name).collect()
}

/// A value in a file: its text, and where it stands.
type InFile = (String, usize);

/// Where settings come from, read once.
#[derive(Default)]
pub struct Layers {
    flags: BTreeMap<&'static str, String>,
    environment: BTreeMap<String, String>,
    file: Option<(PathBuf, BTreeMap<&'static str, InFile>)>,
}

impl Layers {
    /// Reads the environment and the file: the one named, or `docket.toml` in the working folder, if it is there.
    pub fn read(
        environment: impl Iterator<Item = (String, String)>,
        named: Option<PathBuf>,
        set: &[String],
    ) -> Result<Self, SettingsError> {
        // An empty variable is one that is not set, as unit files and containers have them.
        let environment: BTreeMap<String, String> = environment
            .filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty())
            .collect();
        let named = named.or_else(|| environment.get(FILE_VARIABLE).map(Into::into));
        let path = named.or_else(|| Some(PathBuf::from(FILE)).filter(|path| path.exists()));
        let file = match path {
            None => None,
            Some(path) => {
                let text =
                    std::fs::read_to_string(&path).map_err(|source| SettingsError::Unreadable {
                        path: path.display().to_string(),
                        source,
                    })?;
                let entries = entries(&path, &text)?;
                Some((path, entries))
            }
        };
        let mut flags = BTreeMap::new();
        for pair in set {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let spec = ALL.iter().find(|spec| spec.name == name);
            let spec = spec.ok_or_else(|| SettingsError::Unknown(name.to_owned()))?;
            if spec.kind == Kind::Secret {
                let (name, env) = (spec.name, spec.env);
                return Err(SettingsError::Secret { name, env });
            }
            flags.insert(spec.name, value.to_owned());
        }
        Ok(Self {
            flags,
            environment,
            file,
        })
    }

    /// The file that was read.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_ref().map(|(path, _)| path.as_path())
    }

    /// Variables that look like settings of Docket's, and are none.
    #[must_use]
    pub fn strange_variables(&self) -> Vec<&str> {
        let known = |name: &str| name == FILE_VARIABLE || ALL.iter().any(|spec| spec.env == name);
        self.environment
            .keys()
            .map(String::as_str)
            .filter(|name| !known(name) && !name.starts_with(TESTS_PREFIX))
            .collect()
    }

    pub(super) fn reading<'l>(
        &'l self,
        flags: &'l [(&'static Spec, Option<String>)],
    ) -> Reading<'l> {
        Reading {
            layers: self,
            flags,
            explained: Vec::new(),
        }
    }

    fn find(
        &self,
        spec: &Spec,
        flags: &[(&'static Spec, Option<String>)],
    ) -> (Option<String>, Source) {
        let own = flags.iter().find(|(known, _)| known.name == spec.name);
        if let Some((_, Some(value))) = own {
            return (Some(value.clone()), Source::Flag);
        }
        if let Some(value) = self.flags.get(spec.name) {
            return (Some(value.clone()), Source::Flag);
        }
        if let Some(value) = self.environment.get(spec.env) {
            return (Some(value.clone()), Source::Environment);
        }
        if let Some((path, entries)) = &self.file
            && let Some((value, line)) = entries.get(spec.name)
        {
            let (path, line) = (path.clone(), *line);
            return (Some(value.clone()), Source::File { path, line });
        }
        let default = Some(spec.default.to_owned()).filter(|text| !text.is_empty());
        (default, Source::Default)
    }
}

/// Settings being read, and what is to be told of each.
pub(super) struct Reading<'l> {
    layers: &'l Layers,
    flags: &'l [(&'static Spec, Option<String>)],
    explained: Vec<Explained>,
}

impl Reading<'_> {
    /// A setting's text, which is one its kind takes.
    pub(super) fn text(&mut self, spec: &'static Spec) -> Result<Option<String>, SettingsError> {
        let (value, from) = self.layers.find(spec, self.flags);
        if let Some(text) = value.as_deref().filter(|text| !spec.kind.takes(text)) {
            let problem = if spec.kind.is_quotable() {
                format!("{text:?} will not do")
            } else {
                "this will not do".into()
            };
            return Err(SettingsError::Value {
                name: spec.name,
                problem,
                from,
                expected: spec.kind.expected(),
            });
        }
        self.explained.push(Explained {
            spec,
            value: value.as_deref().map(|text| spec.kind.shown(text)),
            from,
        });
        Ok(value)
    }

    pub(super) fn store(&mut self, spec: &'static Spec) -> Result<Option<StoreUrl>, SettingsError> {
        Ok(self.text(spec)?.and_then(|text| text.parse().ok()))
    }

    /// `None` where it is off.
    pub(super) fn address(
        &mut self,
        spec: &'static Spec,
    ) -> Result<Option<SocketAddr>, SettingsError> {
        Ok(self.text(spec)?.and_then(|text| text.parse().ok()))
    }

    pub(super) fn time(&mut self, spec: &'static Spec) -> Result<Duration, SettingsError> {
        let text = self.text(spec)?;
        Ok(text.and_then(|text| kind::time(&text)).unwrap_or_default())
    }

    pub(super) fn switch(&mut self, spec: &'static Spec) -> Result<bool, SettingsError> {
        Ok(self.text(spec)?.as_deref() == Some("true"))
    }

    pub(super) fn count(&mut self, spec: &'static Spec) -> Result<usize, SettingsError> {
        let text = self.text(spec)?.unwrap_or_default();
        Ok(kind::bytes(&text)
            .or_else(|| text.parse().ok())
            .unwrap_or_default())
    }

    pub(super) fn explained(self) -> Vec<Explained> {
        self.explained
    }
}

/// What a file says, setting by setting, or every mistake in it.
fn entries(path: &Path, text: &str) -> Result<BTreeMap<&'static str, InFile>, SettingsError> {
    let line_of = |at: usize| text[..at.min(text.len())].matches('\n').count() + 1;
    let mistake = |line: usize, what: String| format!("{}, line {line}: {what}", path.display());
    let table = DeTable::parse(text).map_err(|error| {
        let line = line_of(error.span().map_or(0, |span| span.start));
        SettingsError::File(vec![mistake(line, error.message().to_owned())])
    })?;
    let (mut found, mut mistakes) = (BTreeMap::new(), Vec::new());
    let mut take = |name: &str, at: usize, value: &DeValue<'_>| {
        let line = line_of(at);
        match one(name, value) {
            Ok((spec, text)) => {
                found.insert(spec.name, (text, line));
            }
            Err(what) => mistakes.push(mistake(line, what)),
        }
    };
    for (key, value) in table.get_ref() {
        let section = format!("{}.", key.get_ref());
        let is_section = ALL.iter().any(|spec| spec.name.starts_with(&section));
        match value.get_ref().as_table() {
            Some(table) if is_section => {
                for (inner, value) in table {
                    let name = format!("{section}{}", inner.get_ref());
                    take(&name, inner.span().start, value.get_ref());
                }
            }
            _ => take(key.get_ref(), key.span().start, value.get_ref()),
        }
    }
    if mistakes.is_empty() {
        Ok(found)
    } else {
        Err(SettingsError::File(mistakes))
    }
}

/// One setting of a file, or what is wrong with it.
fn one(name: &str, value: &DeValue<'_>) -> Result<(&'static Spec, String), String> {
    let Some(spec) = ALL.iter().find(|spec| spec.name == name) else {
        return Err(format!(
            "there is no setting {name}; expected {}",
            near(name)
        ));
    };
    if spec.kind == Kind::Secret {
        return Err(format!(
            "{name}: a secret does not belong in this file; expected in {}",
            spec.env
        ));
    }
    let text = match (value, spec.kind) {
        (DeValue::Boolean(on), Kind::Switch) => Some(on.to_string()),
        (DeValue::Integer(number), Kind::Count { .. } | Kind::Ratio) => Some(number.to_string()),
        (DeValue::Float(number), Kind::Ratio) => Some(number.to_string()),
        (DeValue::String(_), Kind::Switch | Kind::Count { .. } | Kind::Ratio) => None,
        (DeValue::String(text), _) => Some(text.to_string()),
        _ => None,
    };
    text.filter(|text| spec.kind.takes(text))
        .map(|text| (*spec, text))
        .ok_or_else(|| {
            format!(
                "{name}: this will not do; expected {}",
                spec.kind.expected()
            )
        })
}

/// What may have been meant: the keys of the same section, or everything.
fn near(name: &str) -> String {
    let section = name.split_once('.').map_or("", |(section, _)| section);
    let beside: Vec<&str> = names()
        .into_iter()
        .filter(|known| {
            !section.is_empty() && known.split_once('.').is_some_and(|(s, _)| s == section)
        })
        .collect();
    let offered = if beside.is_empty() { names() } else { beside };
    format!("one of {}", offered.join(", "))
}
