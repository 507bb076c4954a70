//! The GraphQL schema. One file a noun: its type, inputs and payloads, queries and mutations.

mod account;
pub mod coerced;
mod collected;
mod common;
mod completed;
pub mod documents;
mod event;
mod in_turn;
mod inbox;
pub mod judged;
pub mod limits;
mod live;
mod node;
mod notice;
mod organisation;
mod paging;
mod phrasebook;
mod progress;
mod rule_pack;
mod security_log;
mod sound;
mod statistics;
mod telling;
mod ticket;
mod ticket_actions;
mod types;

pub use live::{Busy, Resume};

use crate::error::Language;
use crate::settings::{Limits, Shape};
use async_graphql::parser::types::OperationType;
use async_graphql::{MergedObject, Request, Schema, SchemaBuilder, ServerError, Value, Variables};
use futures_util::StreamExt as _;
use std::sync::Arc;

// Each is asked for a field after those before it: what is wanted most comes first.
/// Queries.
#[derive(MergedObject, Default)]
pub struct Query(
    inbox::InboxQueries,
    ticket::TicketQuery,
    ticket::ExclusionQueries,
    account::AccountQuery,
    account::StaffQuery,
    account::RecoveryQuery,
    statistics::StatisticsQuery,
    organisation::OrganisationQuery,
    event::EventQuery,
    progress::ProgressQuery,
    phrasebook::PhrasebookQuery,
    notice::NoticeQueries,
    rule_pack::RulePackQuery,
    security_log::SecurityQuery,
    node::NodeQuery,
);

// In an order like that of queries.
/// Commands.
#[derive(MergedObject, Default)]
pub struct Mutation(
    ticket_actions::TicketMutation,
    account::AccountMutation,
    account::BulkMutation,
    account::ListMutation,
    account::DoorMutation,
    account::RecoveryMutation,
    organisation::OrganisationMutation,
    progress::ProgressMutation,
    phrasebook::PhrasebookMutation,
    notice::NoticeMutation,
);

/// The schema type.
pub type DocketSchema = Schema<Query, Mutation, live::Subscription>;

fn builder(limits: &Limits) -> SchemaBuilder<Query, Mutation, live::Subscription> {
    let builder = Schema::build(Query::default(), Mutation::default(), live::Subscription)
        .limit_depth(limits.depth_max)
        .limit_complexity(limits.complexity_max)
        // Deeper ones were refused before.
        .limit_recursive_depth(limits::WITHIN_MAX);
    if limits.suggestions {
        builder
    } else {
        builder.disable_suggestions()
    }
}

/// With what is looked at before a document is executed, and told beside its answer.
fn strict(limits: &Limits) -> SchemaBuilder<Query, Mutation, live::Subscription> {
    builder(limits)
        .extension(telling::Telling)
        .extension(limits::Limits(limits.shape))
}

/// That says whether a document is valid: all of it. What it costs is that of the operation that is meant.
fn validating(limits: &Limits) -> SchemaBuilder<Query, Mutation, live::Subscription> {
    strict(limits)
        .limit_depth(usize::MAX)
        .limit_complexity(usize::MAX)
}

/// The schema's text, as committed in `schema.graphql`.
#[must_use]
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items()
        .include_specified_by();
    let text = builder(&Limits::default())
        .finish()
        .sdl_with_options(options);
    format!("{}\n", text.trim_end())
}

/// A document that was tried, as it is executed.
pub struct Tried(pub Arc<documents::Known>);

/// The schema without anything behind it, to try documents on.
pub struct Trial(DocketSchema, Limits);

/// The schema within limits, to try documents on.
pub fn trial(limits: &Limits) -> Trial {
    // Whoever trusts a document that asks for the schema means it.
    let shape = Shape {
        introspection: true,
        ..limits.shape
    };
    let limits = Limits { shape, ..*limits };
    Trial(strict(&limits).finish(), limits)
}

impl Trial {
    /// Tries a document: it is within the limits, and what it names is there. Tells what is wrong otherwise.
    pub async fn of(&self, text: &str) -> Result<Tried, String> {
        let Self(schema, limits) = self;
        let known = limits::read(text, &limits.shape).map_err(|error| error.message)?;
        let first = |errors: Vec<ServerError>| {
            let first = errors.into_iter().next();
            first.map(|error| error.message).unwrap_or_default()
        };
        let valid = judged::validate(schema, &known, Language::English).await;
        valid.map_err(|refused| first(refused.errors))?;
        // Its variables are not known yet: a small page stands for those that ask for one.
        let pages = known.pages.iter().map(|name| (name.clone(), 1.into()));
        let mut names = known.document.operations.iter();
        let name = names.next().and_then(|(name, _)| name.cloned());
        let mut request = Request::new(text)
            .data(documents::Checked)
            .data(limits::Trial)
            // Who tries documents does so at a terminal.
            .data(Language::English)
            .variables(Variables::from_value(Value::Object(pages.collect())));
        request.set_parsed_query(sound::for_library(&known.document));
        if let Some(name) = name {
            request = request.operation_name(name.as_str());
        }
        let response = match known.document.operations.iter().next() {
            Some((_, first)) if first.node.ty == OperationType::Subscription => {
                let mut responses = schema.execute_stream(request);
                responses.next().await.unwrap_or_default()
            }
            _ => schema.execute(request).await,
        };
        match response.errors.first() {
            Some(error) => Err(error.message.clone()),
            None => Ok(Tried(Arc::new(known))),
        }
    }
}
