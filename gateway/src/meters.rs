//! What a monitor sees: figures in the text format that Prometheus reads.
//!
//! Labels are of closed lists: root fields of the schema, codes, words of this file. It must *not* hold anything a
//! client made up, nor anything of a person.

mod page;

pub use page::router;

use crate::error::Code;
use crate::{traces, worker};
use async_graphql::{Response, Value};
use axum::http::StatusCode;
use docket_core::journal;
use docket_domain::Reason;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

/// What stands for every name that is not the schema's.
pub const OTHER: &str = "other";
/// An operation that nobody waited for to the end, or that took too long.
const CANCELLED: &str = "cancelled";
/// A command that the domain refused.
const REFUSED: &str = "refused";
const OK: &str = "ok";

/// Bounds of an operation's time, in seconds.
const SECONDS: [f64; 11] = [
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
];

/// Of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It reads.
    Query,
    /// It is a command.
    Mutation,
    /// It goes on.
    Subscription,
}

impl Kind {
    /// Its word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Mutation => "mutation",
            Self::Subscription => "subscription",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    kind: &'static str,
    name: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    kind: &'static str,
    name: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Word {
    what: &'static str,
}

type Real = Gauge<f64, AtomicU64>;

/// Every figure of one running Docket.
pub struct Meters {
    registry: Registry,
    operations: Family<Ended, Counter>,
    operation_seconds: Family<Operation, Histogram>,
    subscriptions: Gauge,
    in_flight: Gauge,
    answers: Family<Answered, Counter>,
    /// Operations and WebSockets that were not taken, since too much was under way.
    pub shed: Counter,
    /// Panics that were caught.
    pub panics: Counter,
    /// What the worker counts.
    pub worker: worker::Meter,
    looked_at: LookedAt,
}

/// What is looked at when somebody asks, and not before.
#[derive(Default)]
struct LookedAt {
    queued: Family<Word, Gauge>,
    under_way: Gauge,
    head: Gauge,
    position: Gauge,
    lag: Gauge,
    lag_seconds: Real,
    following: Gauge,
    sessions: Gauge,
    ready: Gauge,
    memory: Gauge,
    files: Gauge,
}

impl Meters {
    /// Figures of a Docket with this journal.
    #[must_use]
    pub fn new(journal: &journal::Meter) -> Self {
        let mut meters = Self {
            registry: Registry::with_prefix("docket"),
            operations: Family::default(),
            operation_seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            subscriptions: Gauge::default(),
            in_flight: Gauge::default(),
            answers: Family::default(),
            shed: Counter::default(),
            panics: Counter::default(),
            worker: worker::Meter::default(),
            looked_at: LookedAt::default(),
        };
        meters.register_gateway();
        meters.register_journal(journal);
        meters.register_worker();
        meters.register_traces();
        meters.register_looked_at();
        meters
    }

    fn register_gateway(&mut self) {
        let r = &mut self.registry;
        let help = "GraphQL operations that ended, by first root field and outcome: ok, refused, cancelled, or a code";
        r.register("operations", help, self.operations.clone());
        let help = "Time of queries and mutations, in seconds";
        r.register("operation_seconds", help, self.operation_seconds.clone());
        r.register(
            "subscriptions_open",
            "Subscriptions going on",
            self.subscriptions.clone(),
        );
        r.register(
            "http_requests_in_flight",
            "HTTP requests not answered yet",
            self.in_flight.clone(),
        );
        r.register(
            "http_requests",
            "HTTP requests answered, by status",
            self.answers.clone(),
        );
        let help = "Operations and WebSockets refused, since too much was under way";
        r.register("shed", help, self.shed.clone());
        r.register(
            "panics",
            "Panics caught; each is a bug",
            self.panics.clone(),
        );
    }

    fn register_journal(&mut self, journal: &journal::Meter) {
        let r = &mut self.registry;
        r.register(
            "journal_batch_commits",
            "Commits written in one transaction",
            journal.batch_commits.clone(),
        );
        r.register(
            "journal_batch_seconds",
            "Time the store took to write a batch",
            journal.batch_seconds.clone(),
        );
        let help = "Time a commit took, waiting for its batch included";
        r.register(
            "journal_append_seconds",
            help,
            journal.append_seconds.clone(),
        );
    }

    fn register_worker(&mut self) {
        let r = &mut self.registry;
        let worker = &self.worker;
        r.register(
            "worker_rounds",
            "Rounds in which this process did what was due",
            worker.rounds.clone(),
        );
        let help = "Rounds in which another process did";
        r.register(
            "worker_rounds_of_others",
            help,
            worker.rounds_of_others.clone(),
        );
        r.register(
            "worker_rounds_failed",
            "Rounds that failed",
            worker.rounds_failed.clone(),
        );
        r.register(
            "worker_timers_fired",
            "Timers that took effect",
            worker.fired.clone(),
        );
        r.register(
            "worker_timers_void",
            "Timers that had nothing to do any more",
            worker.void.clone(),
        );
        r.register(
            "worker_timers_failed",
            "Timers that failed, to be tried again",
            worker.failed.clone(),
        );
    }

    fn register_traces(&mut self) {
        let r = &mut self.registry;
        let traces = traces::meter();
        r.register(
            "spans_exported",
            "Spans that the collector took",
            traces.exported,
        );
        let help = "Spans dropped, since too many waited for the collector";
        r.register("spans_dropped", help, traces.dropped);
        let help = "Spans lost, since the collector was out of reach or refused them";
        r.register("spans_failed", help, traces.failed);
    }

    fn register_looked_at(&mut self) {
        let (r, at) = (&mut self.registry, &self.looked_at);
        r.register("queue", "What waits in a queue", at.queued.clone());
        r.register(
            "operations_under_way",
            "Queries and mutations that have a place",
            at.under_way.clone(),
        );
        r.register(
            "journal_position",
            "The last position this process knows of",
            at.head.clone(),
        );
        r.register(
            "views_position",
            "The position the views have come to",
            at.position.clone(),
        );
        r.register(
            "views_lag_events",
            "Events not in the views yet",
            at.lag.clone(),
        );
        let help = "Seconds since the views last had everything";
        r.register("views_lag_seconds", help, at.lag_seconds.clone());
        r.register(
            "views_following",
            "1 while the projections follow the journal",
            at.following.clone(),
        );
        r.register(
            "sessions_open",
            "Sessions that are not over",
            at.sessions.clone(),
        );
        r.register(
            "ready",
            "1 while the server is not stopping",
            at.ready.clone(),
        );
        r.register(
            "process_resident_memory_bytes",
            "Resident memory",
            at.memory.clone(),
        );
        r.register(
            "process_open_files",
            "Open files and sockets",
            at.files.clone(),
        );
    }

    /// One more HTTP request, until what is given is dropped.
    pub(crate) fn http_in_flight(&self) -> impl Drop + use<> {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// An HTTP request was answered.
    pub(crate) fn answered(&self, status: StatusCode) {
        let status = status.as_u16();
        self.answers.get_or_create(&Answered { status }).inc();
    }
}

struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// An operation going on. Counted when it is dropped, whatever became of it.
pub(crate) struct Timed {
    meters: Arc<Meters>,
    kind: Kind,
    name: &'static str,
    outcome: &'static str,
    began: Instant,
}

impl Timed {
    pub(crate) fn start(meters: Arc<Meters>, kind: Kind, name: &'static str) -> Self {
        let outcome = match kind {
            Kind::Query | Kind::Mutation => CANCELLED,
            // It ends when its client has had enough.
            Kind::Subscription => {
                meters.subscriptions.inc();
                OK
            }
        };
        let began = Instant::now();
        Self {
            meters,
            kind,
            name,
            outcome,
            began,
        }
    }

    /// What it came to, so far.
    pub(crate) fn ended(&mut self, outcome: &'static str) {
        self.outcome = outcome;
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        let (kind, name, outcome) = (self.kind.name(), self.name, self.outcome);
        let ended = Ended {
            kind,
            name,
            outcome,
        };
        self.meters.operations.get_or_create(&ended).inc();
        if self.kind == Kind::Subscription {
            self.meters.subscriptions.dec();
        } else {
            let seconds = self.began.elapsed().as_secs_f64();
            let operation = Operation { kind, name };
            self.meters
                .operation_seconds
                .get_or_create(&operation)
                .observe(seconds);
        }
    }
}

/// What a response came to, in a word of a closed list.
pub(crate) fn outcome_of(response: &Response) -> &'static str {
    if let Some(error) = response.errors.first() {
        let extensions = error.extensions.as_ref();
        let told = match extensions.and_then(|extensions| extensions.get("code")) {
            Some(Value::String(code)) => code.as_str(),
            _ => "",
        };
        let mut known = Code::ALL.iter().map(|code| code.code());
        let refusals = || {
            Reason::ALL
                .iter()
                .map(|reason| reason.code())
                .find(|code| *code == told)
        };
        return known
            .find(|code| *code == told)
            .or_else(refusals)
            .unwrap_or(OTHER);
    }
    let refused = |payload: &Value| match payload {
        Value::Object(fields) => matches!(
            fields.get("userErrors"),
            Some(Value::List(errors)) if !errors.is_empty()
        ),
        _ => false,
    };
    match &response.data {
        Value::Object(fields) if fields.values().any(refused) => REFUSED,
        _ => OK,
    }
}
