//! Around a GraphQL operation on every transport: its name, outcome and time are counted, its trace goes with it, a
//! panic becomes a coded answer, and a subscription ends when the server stops.

use crate::drain::Drain;
use crate::error::{Code, fault, nowhere};
use crate::graphql::judged::Meant;
use crate::graphql::limits::is_modest;
use crate::meters::{Kind, Meters, OTHER, Timed, outcome_of};
use crate::observe::Traceparent;
use crate::traces;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    ExecutableDocument, OperationDefinition, OperationType, Selection, TypeKind,
    TypeSystemDefinition,
};
use async_graphql::{Data, Executor, Request, Response};
use docket_core::trace;
use futures_util::FutureExt as _;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use std::any::TypeId;
use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use tracing::{Instrument as _, Span, field};
use uuid::Uuid;

/// Names that every schema has.
const INTROSPECTION: [&str; 3] = ["__schema", "__type", "__typename"];

/// A schema, observed.
#[derive(Clone)]
pub struct Observed<E> {
    inner: E,
    /// The root fields: the only names that are told.
    names: &'static BTreeSet<String>,
    meters: Arc<Meters>,
    drain: Drain,
}

/// An operation as it is told.
#[derive(Clone, Copy)]
struct Told {
    kind: Kind,
    name: &'static str,
}

impl Told {
    /// Within its span: what a command changes is put under it later.
    fn is_entered(self) {
        if self.kind == Kind::Mutation {
            traces::remember();
        }
    }
}

impl<E: Executor> Observed<E> {
    /// Observes a schema with these root fields.
    #[must_use]
    pub fn new(
        inner: E,
        names: &'static BTreeSet<String>,
        meters: Arc<Meters>,
        drain: Drain,
    ) -> Self {
        Self {
            inner,
            names,
            meters,
            drain,
        }
    }

    fn told(&self, request: &mut Request) -> Told {
        let unknown = Told {
            kind: Kind::Query,
            name: OTHER,
        };
        let meant = request.data.get(&TypeId::of::<Arc<Meant>>());
        let meant = meant.and_then(|meant| meant.downcast_ref::<Arc<Meant>>());
        let meant = meant.cloned();
        let operation = match &meant {
            Some(meant) => meant.operation(),
            // One that was refused is not read again, nor by recursion.
            None if !is_modest(&request.query) => None,
            None => {
                let wanted = request.operation_name.clone();
                let document = request.parsed_query().ok();
                document.and_then(|document| operation_of(document, wanted.as_deref()))
            }
        };
        let Some(operation) = operation else {
            return unknown;
        };
        let kind = match operation.ty {
            OperationType::Query => Kind::Query,
            OperationType::Mutation => Kind::Mutation,
            OperationType::Subscription => Kind::Subscription,
        };
        let mut fields = operation
            .selection_set
            .node
            .items
            .iter()
            .map(|item| match &item.node {
                Selection::Field(field) => self.names.get(field.node.name.node.as_str()),
                Selection::FragmentSpread(_) | Selection::InlineFragment(_) => None,
            });
        // The first field that is asked for stands for all of them.
        let name = fields.next().flatten().map_or(OTHER, String::as_str);
        Told { kind, name }
    }
}

fn operation_of<'d>(
    document: &'d ExecutableDocument,
    wanted: Option<&str>,
) -> Option<&'d OperationDefinition> {
    let mut operations = document.operations.iter();
    operations
        .find(|(name, _)| wanted.is_none() || name.map(async_graphql::Name::as_str) == wanted)
        .map(|(_, operation)| &operation.node)
}

/// The root fields of Docket's schema.
pub fn names() -> &'static BTreeSet<String> {
    static NAMES: OnceLock<BTreeSet<String>> = OnceLock::new();
    NAMES.get_or_init(|| root_fields(&crate::sdl()))
}

fn root_fields(sdl: &str) -> BTreeSet<String> {
    let document = parse_schema(sdl)
        .map(|document| document.definitions)
        .unwrap_or_default();
    let mut names: BTreeSet<String> = INTROSPECTION.map(String::from).into();
    for definition in document {
        if let TypeSystemDefinition::Type(root) = definition
            && ["Query", "Mutation", "Subscription"].contains(&root.node.name.node.as_str())
            && let TypeKind::Object(object) = root.node.kind
        {
            names.extend(
                object
                    .fields
                    .into_iter()
                    .map(|field| field.node.name.node.to_string()),
            );
        }
    }
    names
}

fn span_of(told: Told, id: Uuid) -> Span {
    tracing::debug_span!(
        "operation",
        correlation = %id,
        kind = told.kind.name(),
        name = told.name,
        outcome = field::Empty,
    )
}

fn internal() -> Response {
    Response::from_errors(vec![nowhere(fault(Code::Internal))])
}

impl<E: Executor> Executor for Observed<E> {
    async fn execute(&self, mut request: Request) -> Response {
        let told = self.told(&mut request);
        let id = trace::current().unwrap_or_else(|| Traceparent::fresh().trace);
        let mut timed = Timed::start(self.meters.clone(), told.kind, told.name);
        let span = span_of(told, id);
        let executing = async {
            told.is_entered();
            self.inner.execute(request).await
        };
        let executing = executing.instrument(span.clone());
        let response = AssertUnwindSafe(trace::on_behalf(id, executing))
            .catch_unwind()
            .await
            .unwrap_or_else(|_| {
                self.meters.panics.inc();
                internal()
            });
        let outcome = outcome_of(&response);
        span.record("outcome", outcome);
        timed.ended(outcome);
        response
    }

    fn execute_stream(
        &self,
        mut request: Request,
        session_data: Option<Arc<Data>>,
    ) -> BoxStream<'static, Response> {
        let told = self.told(&mut request);
        let id = trace::current().unwrap_or_else(|| Traceparent::fresh().trace);
        let observing = Observing {
            responses: self.inner.execute_stream(request, session_data),
            timed: Timed::start(self.meters.clone(), told.kind, told.name),
            meters: self.meters.clone(),
            span: span_of(told, id),
            told,
            id,
        };
        let responses = stream::unfold(Some(observing), Observing::next);
        if told.kind == Kind::Subscription {
            responses.take_until(self.drain.closing()).boxed()
        } else {
            responses.boxed()
        }
    }
}

/// A stream of responses under observation.
struct Observing {
    responses: BoxStream<'static, Response>,
    timed: Timed,
    meters: Arc<Meters>,
    span: Span,
    told: Told,
    id: Uuid,
}

impl Observing {
    async fn next(observing: Option<Self>) -> Option<(Response, Option<Self>)> {
        let mut observing = observing?;
        let (told, responses) = (observing.told, &mut observing.responses);
        let next = async {
            told.is_entered();
            responses.next().await
        };
        let next = next.instrument(observing.span.clone());
        let next = AssertUnwindSafe(trace::on_behalf(observing.id, next));
        match next.catch_unwind().await {
            Ok(Some(response)) => {
                let outcome = outcome_of(&response);
                if told.kind != Kind::Subscription {
                    observing.span.record("outcome", outcome);
                }
                observing.timed.ended(outcome);
                Some((response, Some(observing)))
            }
            Ok(None) => None,
            Err(_) => {
                observing.meters.panics.inc();
                let response = internal();
                observing.timed.ended(outcome_of(&response));
                Some((response, None))
            }
        }
    }
}
