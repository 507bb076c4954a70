//! The GraphQL schema. One file a noun: its type, inputs and payloads, queries and mutations.

mod account;
mod common;
pub mod documents;
mod event;
mod inbox;
pub mod limits;
mod live;
mod notice;
mod organisation;
mod phrasebook;
mod progress;
mod rule_pack;
mod statistics;
mod ticket;
mod ticket_actions;

use crate::app::App;
use async_graphql::{MergedObject, Schema, SchemaBuilder};
use std::time::Duration;

/// Deepest nesting of a query. The standard introspection query needs 13.
pub const DEPTH_MAX: usize = 15;
/// Most fields of a query, those of lists counted once for every row asked for.
pub const COMPLEXITY_MAX: usize = 20_000;
/// How long a query waits for the views to come as far as `minPosition`.
pub const WAIT_MAX: Duration = Duration::from_secs(5);

/// Queries.
#[derive(MergedObject, Default)]
pub struct Query(
    account::AccountQuery,
    account::RecoveryQuery,
    ticket::TicketQuery,
    inbox::InboxQueries,
    statistics::StatisticsQuery,
    organisation::OrganisationQuery,
    event::EventQuery,
    progress::ProgressQuery,
    phrasebook::PhrasebookQuery,
    notice::NoticeQueries,
    rule_pack::RulePackQuery,
);

/// Commands.
#[derive(MergedObject, Default)]
pub struct Mutation(
    account::AccountMutation,
    account::BulkMutation,
    account::DoorMutation,
    account::RecoveryMutation,
    ticket_actions::TicketMutation,
    organisation::OrganisationMutation,
    progress::ProgressMutation,
    phrasebook::PhrasebookMutation,
    notice::NoticeMutation,
);

/// The schema type.
pub type DocketSchema = Schema<Query, Mutation, live::Subscription>;

fn builder() -> SchemaBuilder<Query, Mutation, live::Subscription> {
    Schema::build(Query::default(), Mutation::default(), live::Subscription)
        .extension(limits::Limits)
        .limit_depth(DEPTH_MAX)
        .limit_complexity(COMPLEXITY_MAX)
}

/// The schema over a running Docket.
pub fn schema(app: App) -> DocketSchema {
    builder().data(app).finish()
}

/// The schema's text, as committed in `schema.graphql`.
#[must_use]
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items()
        .include_specified_by();
    let text = builder().finish().sdl_with_options(options);
    format!("{}\n", text.trim_end())
}
