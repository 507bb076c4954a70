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

pub use live::Resume;

use crate::app::App;
use crate::settings::Limits;
use async_graphql::{MergedObject, Schema, SchemaBuilder};

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

fn builder(limits: Limits) -> SchemaBuilder<Query, Mutation, live::Subscription> {
    Schema::build(Query::default(), Mutation::default(), live::Subscription)
        .extension(limits::Limits)
        .limit_depth(limits.depth_max)
        .limit_complexity(limits.complexity_max)
}

/// The schema over a running Docket.
pub fn schema(app: App) -> DocketSchema {
    builder(app.limits).data(app).finish()
}

/// The schema's text, as committed in `schema.graphql`.
#[must_use]
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items()
        .include_specified_by();
    let text = builder(Limits::default())
        .finish()
        .sdl_with_options(options);
    format!("{}\n", text.trim_end())
}
