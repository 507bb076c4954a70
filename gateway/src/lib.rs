//! The gateway: GraphQL for department workbenches, auditors and analysts, and the `docket` command.
//!
//! * [`app`]: a store opened, founded and followed. [`http`]: the server. [`auth`]: who is asking.
//! * `graphql`: the schema, one file a noun: resolvers parse, call the desk or a view, and convert.
//! * [`settings`]: what an operator tunes, and where it came from. [`meters`]: what a monitor sees.
//! * [`observe`]: what is done around every request and operation. [`drain`]: stopping. [`tls`]: HTTPS.
//! * [`cli`]: the command line, one file a command. [`import`]: moving in. [`demo`]: an invented city.
//!
//! This crate must *not* decide anything of the workflow, nor touch tables.

pub mod address;
pub mod app;
pub mod auth;
pub mod captcha;
pub mod cli;
pub mod demo;
pub mod drain;
pub mod error;
#[allow(
    clippy::unused_async,
    reason = "resolvers are async whether they wait or not"
)]
mod graphql;
pub mod http;
pub mod import;
pub mod meters;
pub mod observe;
pub mod prints;
pub mod replay;
pub mod settings;
pub mod tls;
pub mod worker;

pub use app::App;
pub use graphql::sdl;
