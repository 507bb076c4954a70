//! The gateway: GraphQL for department workbenches, auditors and analysts, and the `docket` command.
//!
//! * [`app`]: a store opened, founded and followed. [`http`]: the server. [`auth`]: who is asking. [`rights`]: what they read.
//!   [`oidc`]: tokens of an identity provider. [`rates`]: how many requests. [`admission`]: how many at a time.
//! * [`connections`]: how many there are and how slow they may be, byte by byte in [`wire`]. [`health`]: whether the store
//!   answers. [`trusted`]: documents that operators trust.
//! * `graphql`: the schema, one file a noun: resolvers parse, call the desk or a view, and convert.
//! * [`settings`]: what an operator tunes, and where it came from. [`meters`]: what a monitor sees.
//! * [`fan_out`]: changes, handed to the subscriptions that follow them.
//! * [`observe`]: what is done around every request and operation. [`traces`]: spans for a
//!   collector. [`outgoing`]: how others are asked. [`drain`]: stopping. [`tls`]: HTTPS.
//! * [`attachments`]: links to files, and what kind of files they are. [`prints`]: printed forms.
//! * [`cli`]: the command line, one file a command. [`import`]: moving in. [`staff_list`]: accounts in bulk. [`demo`]: an
//!   invented city.
//!
//! This crate must *not* decide anything of the workflow, nor touch tables.

pub mod address;
pub mod admission;
pub mod app;
pub mod attachments;
pub mod auth;
pub mod captcha;
pub mod cli;
pub mod connections;
pub mod demo;
pub mod drain;
pub mod error;
pub mod fan_out;
#[allow(
    clippy::unused_async,
    reason = "resolvers are async whether they wait or not"
)]
mod graphql;
pub mod health;
pub mod http;
pub mod import;
pub mod meters;
pub mod observe;
pub mod oidc;
pub mod outgoing;
pub mod prints;
pub mod rates;
pub mod replay;
pub mod rights;
pub mod settings;
pub mod staff_list;
pub mod tls;
pub mod traces;
pub mod trusted;
pub mod wire;
pub mod worker;

pub use app::App;
pub use graphql::sdl;
