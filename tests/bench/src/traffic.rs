//! What a server is asked over HTTP, with auth, in a closed loop.

use crate::Fallible;
use crate::city::{ANSWER, BODY, INSTRUCTION, OPINION, TITLE};
use crate::csv::Random;
use crate::http::{Connection, InboxPage, Mutation, Token};
use crate::lag::Watch;
use crate::cpu;
use crate::measure::{Client, Figure, Sample, closed_loop};
use crate::server::Server;
use docket_core::store::StoreUrl;
use docket_domain::ids::TicketId;
use docket_domain::ticket::scenario::DEPARTMENT;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Sessions and documents that all connections share.
pub struct Desk {
    operator: Token,
    dispatcher: Token,
    /// Reads the department's inbox.
    pub clerk: Token,
    receive: Mutation,
    assign: Mutation,
    view: Mutation,
    sign: Mutation,
    reply: Mutation,
    /// Pages of it.
    pub inbox: InboxPage,
    next: AtomicUsize,
}

impl Desk {
    /// Logs in.
    pub async fn open(server: &Server) -> Fallible<Arc<Self>> {
        let mut connection = Connection::open(&server.address).await?;
        Ok(Arc::new(Self {
            operator: connection.log_in("operator").await?,
            dispatcher: connection.log_in("dispatcher").await?,
            clerk: connection.log_in("clerk").await?,
            receive: Mutation::new("receiveTicket"),
            assign: Mutation::new("assignTicket"),
            view: Mutation::new("viewTicket"),
            sign: Mutation::new("signTicket"),
            reply: Mutation::new("replyTicket"),
            inbox: InboxPage::new(),
            next: AtomicUsize::new(0),
        }))
    }

    fn next(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

/// Connections to a server.
pub async fn connections(server: &Server, count: usize) -> Fallible<Vec<Connection>> {
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        connections.push(Connection::open(&server.address).await?);
    }
    Ok(connections)
}

struct Signer {
    connection: Connection,
    desk: Arc<Desk>,
    ready: Arc<Vec<TicketId>>,
}

impl Client for Signer {
    async fn step(&mut self) -> Fallible<bool> {
        let Some(id) = self.ready.get(self.desk.next()) else { return Ok(false) };
        let input = json!({ "id": format!("ticket:{id}") });
        self.connection.act(&self.desk.clerk, &self.desk.sign, &input).await?;
        Ok(true)
    }
}

/// Signs tickets, and watches the views.
pub async fn sign(
    server: &Server,
    store: &StoreUrl,
    ready: Vec<TicketId>,
    clients: usize,
    seconds: f64,
) -> Fallible<Sample> {
    let (desk, ready) = (Desk::open(server).await?, Arc::new(ready));
    let signers = connections(server, clients).await?.into_iter().map(|connection| Signer {
        connection,
        desk: desk.clone(),
        ready: ready.clone(),
    });
    watched(store, signers.collect(), seconds, "commands/s").await
}

/// Somebody who signs a ticket, replies it, and takes the next.
struct Handler {
    connection: Connection,
    desk: Arc<Desk>,
    ready: Arc<Vec<TicketId>>,
    signed: Option<TicketId>,
}

impl Client for Handler {
    async fn step(&mut self) -> Fallible<bool> {
        let (desk, connection) = (&self.desk, &mut self.connection);
        if let Some(id) = self.signed.take() {
            let id = format!("ticket:{id}");
            connection.act(&desk.clerk, &desk.reply, &reply(&id)).await?;
            return Ok(true);
        }
        let Some(id) = self.ready.get(desk.next()) else { return Ok(false) };
        let input = json!({ "id": format!("ticket:{id}") });
        connection.act(&desk.clerk, &desk.sign, &input).await?;
        self.signed = Some(*id);
        Ok(true)
    }
}

/// Signs and replies tickets in turn, watches the views, and says what processor time a command took.
pub async fn mix(
    server: &Server,
    store: &StoreUrl,
    ready: Vec<TicketId>,
    clients: usize,
    seconds: f64,
) -> Fallible<Sample> {
    let (desk, ready) = (Desk::open(server).await?, Arc::new(ready));
    let handlers = connections(server, clients).await?.into_iter().map(|connection| Handler {
        connection,
        desk: desk.clone(),
        ready: ready.clone(),
        signed: None,
    });
    let handlers = handlers.collect();
    let watch = Watch::start(store).await?;
    let before = cpu::taken(server.pid()?)?;
    let run = closed_loop(handlers, seconds).await?;
    let after = cpu::taken(server.pid()?)?;
    let lag = watch.stop().await?;
    let each = |seconds: f64| seconds * 1_000_000.0 / run.total as f64;
    let server_cpu = each(after.server - before.server);
    let postgres_cpu = each(after.postgres - before.postgres);
    let mut sample = run.sample("commands/s");
    sample.extend(lag.figures());
    sample.push(Figure::new("cpu", server_cpu, "µs/command"));
    if matches!(store, StoreUrl::Postgres(_)) {
        sample.push(Figure::new("postgres_cpu", postgres_cpu, "µs/command"));
    }
    Ok(sample)
}

async fn watched<C: Client>(
    store: &StoreUrl,
    clients: Vec<C>,
    seconds: f64,
    unit: &'static str,
) -> Fallible<Sample> {
    let watch = Watch::start(store).await?;
    let run = closed_loop(clients, seconds).await?;
    let lag = watch.stop().await?;
    let mut sample = run.sample(unit);
    sample.extend(lag.figures());
    Ok(sample)
}

#[derive(Clone, Copy)]
enum Step {
    Receive,
    Assign,
    View,
    Sign,
    Reply,
    Page(&'static str),
    /// The dispatcher's.
    CentrePage(&'static str),
}

/// One ticket's share of a day: received, assigned, viewed four times, signed and replied, while twenty inbox
/// pages are looked at.
const DAY: [Step; 28] = {
    use Step::{Assign, CentrePage, Page, Receive, Reply, Sign, View};
    [
        Receive,
        CentrePage("TO_ASSIGN"),
        CentrePage("TO_ASSIGN"),
        Assign,
        CentrePage("TO_SIGN"),
        Page("TO_SIGN"),
        Page("TO_SIGN"),
        View,
        Page("TO_SIGN"),
        Page("IN_PROGRESS"),
        View,
        Page("TO_SIGN"),
        Page("OVERDUE"),
        Sign,
        Page("TO_SIGN"),
        Page("IN_PROGRESS"),
        Page("IN_PROGRESS"),
        View,
        Page("IN_PROGRESS"),
        Page("REPLIED"),
        View,
        Page("IN_PROGRESS"),
        Page("OVERDUE"),
        Page("IN_PROGRESS"),
        Reply,
        Page("REPLIED"),
        Page("TO_SIGN"),
        CentrePage("TO_REVIEW"),
    ]
};

#[derive(Deserialize)]
struct Received {
    data: ReceivedData,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReceivedData {
    receive_ticket: ReceivedPayload,
}

#[derive(Deserialize)]
struct ReceivedPayload {
    ticket: ReceivedTicket,
}

#[derive(Deserialize)]
struct ReceivedTicket {
    id: String,
}

/// Somebody who takes one ticket after the other through a [`DAY`].
struct Worker {
    connection: Connection,
    desk: Arc<Desk>,
    ticket: String,
    step: usize,
}

impl Client for Worker {
    async fn step(&mut self) -> Fallible<bool> {
        let (desk, connection) = (&self.desk, &mut self.connection);
        let id = &self.ticket;
        match DAY[self.step] {
            Step::Receive => {
                let body = connection.act(&desk.operator, &desk.receive, &request(desk.next())).await?;
                self.ticket = serde_json::from_slice::<Received>(&body)?.data.receive_ticket.ticket.id;
            }
            Step::Assign => {
                let lead = format!("department:{DEPARTMENT}");
                let input = json!({ "id": id, "leadId": lead, "instruction": INSTRUCTION });
                connection.act(&desk.dispatcher, &desk.assign, &input).await?;
            }
            Step::View => drop(connection.act(&desk.clerk, &desk.view, &json!({ "id": id })).await?),
            Step::Sign => drop(connection.act(&desk.clerk, &desk.sign, &json!({ "id": id })).await?),
            Step::Reply => {
                connection.act(&desk.clerk, &desk.reply, &reply(id)).await?;
            }
            Step::Page(tab) => drop(connection.graphql(Some(&desk.clerk), desk.inbox.of(tab)).await?),
            Step::CentrePage(tab) => {
                drop(connection.graphql(Some(&desk.dispatcher), desk.inbox.of(tab)).await?);
            }
        }
        self.step = (self.step + 1) % DAY.len();
        Ok(true)
    }
}

fn reply(id: &str) -> Value {
    json!({
        "id": id, "opinion": OPINION, "answer": ANSWER, "contacted": true, "solved": true,
        "handler": "李工", "phone": "13800000000",
    })
}

fn request(n: usize) -> Value {
    json!({
        "kind": "COMPLAIN", "channel": "phone", "title": TITLE, "body": BODY, "place": "高新区科技路一号",
        "caller": { "name": "王小明", "phone": format!("138{n:08}") },
    })
}

/// A mixed day, and watches the views.
pub async fn day(server: &Server, store: &StoreUrl, clients: usize, seconds: f64) -> Fallible<Sample> {
    let desk = Desk::open(server).await?;
    let workers = connections(server, clients).await?.into_iter().map(|connection| Worker {
        connection,
        desk: desk.clone(),
        ticket: String::new(),
        step: 0,
    });
    watched(store, workers.collect(), seconds, "requests/s").await
}

/// Tabs of an office that carried-over tickets are in.
const TABS: [&str; 4] = ["TO_SIGN", "REPLIED", "DONE", "OVERDUE"];

/// Somebody of the department who looks at what is to be signed, then at any tab, and again.
struct Reader {
    connection: Connection,
    desk: Arc<Desk>,
    random: Random,
    any: bool,
}

impl Client for Reader {
    async fn step(&mut self) -> Fallible<bool> {
        let tab = if self.any { TABS[self.random.below(TABS.len())] } else { TABS[0] };
        self.any = !self.any;
        self.connection.graphql(Some(&self.desk.clerk), self.desk.inbox.of(tab)).await?;
        Ok(true)
    }
}

/// Pages of 20 of the inbox of a department that a tenth of all tickets is with.
pub async fn inbox(server: &Server, clients: usize, seconds: f64) -> Fallible<Sample> {
    let desk = Desk::open(server).await?;
    let readers = (0..).zip(connections(server, clients).await?).map(|(seed, connection)| Reader {
        connection,
        desk: desk.clone(),
        random: Random::new(seed),
        any: false,
    });
    Ok(closed_loop(readers.collect(), seconds).await?.sample("pages/s"))
}
