//! The same page of an inbox from Docket, from PostGraphile over the same tables, and from a hand-written handler: twenty
//! rows of what is to be signed and was not looked at, the earliest limit first, and how many there are in all.

use crate::Fallible;
use crate::city::department;
use crate::cpu;
use crate::http::{Connection, Document, Token};
use crate::kept::Kept;
use crate::measure::{Client, Figure, Sample, closed_loop};
use crate::rest;
use crate::server::{Server, said_address};
use docket_core::store::StoreUrl;
use serde_json::json;
use std::process::Stdio;
use std::sync::Arc;
use tokio::process::Command;

/// Who answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// Docket, with a session.
    Docket,
    /// PostGraphile in production mode.
    PostGraphile,
    /// axum and sqlx by hand.
    Rest,
}

/// What is sent again and again.
enum Question {
    Graphql { token: Option<Token>, body: String },
    Path(String),
}

struct Reader {
    connection: Connection,
    question: Arc<Question>,
}

impl Client for Reader {
    async fn step(&mut self) -> Fallible<bool> {
        let page = match &*self.question {
            Question::Graphql { token, body } => self.connection.graphql(token.as_ref(), body.clone()).await?,
            Question::Path(path) => self.connection.get(path).await?,
        };
        let rows = std::str::from_utf8(&page)?.matches("\"number\":").count();
        if rows == 20 { Ok(true) } else { Err(format!("a page of {rows} rows").into()) }
    }
}

const OURS: &str = "query($new: Boolean!) { inbox(tab: TO_SIGN, filter: { unviewed: $new }, first: 20) { totalCount nodes { \
     assignmentNo unviewed dueAt tab ticket { id number state kind urgency receivedAt } } } }";

const THEIRS: &str = "query($holder: UUID!, $new: BigInt!) { allInboxes(condition: { holder: $holder, tab: \"to_sign\", \
     unviewed: $new }, first: 20, orderBy: [DUE_AT_ASC, TICKET_ASC]) { totalCount nodes { assignment unviewed dueAt tab \
     kind urgency receivedAt card { ticket number state } } } }";

async fn start(peer: Peer, kept: &Kept) -> Fallible<Server> {
    let StoreUrl::Postgres(url) = &kept.url else {
        return Err("only PostgreSQL is served by others, too".into());
    };
    let mut command = match peer {
        Peer::Docket => return kept.docket.serve().await,
        Peer::PostGraphile => {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("postgraphile");
            let mut command = Command::new(folder.join("node_modules/node/bin/node"));
            command.arg("serve.mjs").arg(url).current_dir(folder);
            command.env("NODE_ENV", "production").env("GRAPHILE_ENV", "production");
            command
        }
        Peer::Rest => {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["rest", url]);
            command
        }
    };
    command.stdin(Stdio::null()).kill_on_drop(true);
    said_address(command).await
}

async fn question(peer: Peer, server: &Server) -> Fallible<Question> {
    Ok(match peer {
        Peer::Docket => {
            let token = Connection::open(&server.address).await?.log_in("clerk").await?;
            let body = Document::new(OURS).with(&json!({ "new": true }));
            Question::Graphql { token: Some(token), body }
        }
        Peer::PostGraphile => {
            let variables = json!({ "holder": department(0).0, "new": "1" });
            let body = Document::new(THEIRS).with(&variables);
            Question::Graphql { token: None, body }
        }
        Peer::Rest => Question::Path(rest::path()),
    })
}

/// Pages from one of them, and the processor time each takes.
pub async fn pages(peer: Peer, kept: &Kept, clients: usize, seconds: f64) -> Fallible<Sample> {
    let server = start(peer, kept).await?;
    let question = Arc::new(question(peer, &server).await?);
    let mut readers = Vec::with_capacity(clients);
    for _ in 0..clients {
        readers.push(Reader {
            connection: Connection::open(&server.address).await?,
            question: question.clone(),
        });
    }
    let before = cpu::taken(server.pid()?)?;
    let run = closed_loop(readers, seconds).await?;
    let after = cpu::taken(server.pid()?)?;
    if peer == Peer::Docket {
        server.stop().await?;
    }
    let each = |seconds: f64| seconds * 1_000_000.0 / run.total as f64;
    let server_cpu = each(after.server - before.server);
    let postgres_cpu = each(after.postgres - before.postgres);
    let mut sample = run.sample("pages/s");
    sample.push(Figure::new("cpu", server_cpu, "µs/page"));
    sample.push(Figure::new("postgres_cpu", postgres_cpu, "µs/page"));
    Ok(sample)
}
