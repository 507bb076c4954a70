//! Clerks at their offices' inboxes, each told of every change by a stream of events over a connection of its own, while a
//! dispatcher assigns tickets at a steady rate: how long after the command's answer each of them is told.

use crate::Fallible;
use crate::city::{INSTRUCTION, department, found, hire, staff};
use crate::http::{Connection, Document, Events, Mutation, Token};
use crate::measure::{Figure, Sample};
use crate::server::{Docket, Server};
use crate::stock;
use docket_core::store::StoreUrl;
use docket_domain::ids::TicketId;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at, timeout};

/// Departments, each with its share of the clerks.
const OFFICES: usize = 100;
/// Tickets assigned in a second.
const CHANGES: usize = 200;
/// Connections that assign them in turn.
const DISPATCHERS: usize = 20;
/// How long the last message may take.
const PATIENCE: Duration = Duration::from_secs(10);

const SUBSCRIPTION: &str = "subscription { inboxChanged { position type \
     ticket { id number title state revision } } }";

/// A message that a clerk got.
struct Told {
    clerk: usize,
    position: u64,
    at: Instant,
}

/// A ticket that was assigned.
struct Assigned {
    office: usize,
    position: u64,
    answered: Instant,
}

fn login(office: usize) -> String {
    format!("office{office}")
}

/// Reads a clerk's messages for as long as somebody wants them.
async fn listen(clerk: usize, mut events: Events, told: mpsc::UnboundedSender<Fallible<Told>>) {
    loop {
        let next = match events.next().await {
            Ok(event) => position(&event["data"]["inboxChanged"]["position"]).map(|position| Told {
                clerk,
                position,
                at: Instant::now(),
            }),
            Err(error) => Err(error),
        };
        let over = next.is_err();
        if told.send(next).is_err() || over {
            return;
        }
    }
}

fn position(of: &Value) -> Fallible<u64> {
    Ok(of.as_str().ok_or_else(|| format!("no position: {of}"))?.parse()?)
}

/// Assigns every [`DISPATCHERS`]th ticket from the first on, at its times.
async fn assign(
    mut connection: Connection,
    token: Token,
    tickets: Arc<Vec<TicketId>>,
    first: usize,
    begin: Instant,
) -> Fallible<Vec<Assigned>> {
    let every = Duration::from_secs(1) / CHANGES as u32;
    let mut times = interval_at(begin + every * first as u32, every * DISPATCHERS as u32);
    let assign = Mutation::new("assignTicket");
    let mut done = Vec::new();
    for n in (first..tickets.len()).step_by(DISPATCHERS) {
        times.tick().await;
        let office = n % OFFICES;
        let lead = format!("department:{}", department(office));
        let input = json!({ "id": format!("ticket:{}", tickets[n]), "leadId": lead, "instruction": INSTRUCTION });
        let answer: Value = serde_json::from_slice(&connection.act(&token, &assign, &input).await?)?;
        done.push(Assigned {
            office,
            position: position(&answer["data"]["assignTicket"]["position"])?,
            answered: Instant::now(),
        });
    }
    Ok(done)
}

async fn subscribe(server: &Server, clerks: usize) -> Fallible<mpsc::UnboundedReceiver<Fallible<Told>>> {
    let mut tokens = Vec::new();
    let mut connection = Connection::open(&server.address).await?;
    for office in 0..OFFICES {
        tokens.push(connection.log_in(&login(office)).await?);
    }
    let subscription = Document::new(SUBSCRIPTION);
    let (sender, told) = mpsc::unbounded_channel();
    for clerk in 0..clerks {
        let connection = Connection::open(&server.address).await?;
        let events = connection.subscribe(&tokens[clerk % OFFICES], &subscription).await?;
        tokio::spawn(listen(clerk, events, sender.clone()));
    }
    Ok(told)
}

/// Runs it with so many clerks.
pub async fn run(url: StoreUrl, docket: &Docket, clerks: usize, seconds: f64) -> Fallible<Sample> {
    let (store, desk) = found(url, &docket.dir).await?;
    hire(&desk).await?;
    staff(&desk, OFFICES, login).await?;
    let tickets = Arc::new(stock::received(&desk, (seconds * CHANGES as f64) as usize).await?);
    drop((desk, store));
    let server = docket.serve().await?;
    let mut told = subscribe(&server, clerks).await?;
    let token = Connection::open(&server.address).await?.log_in("dispatcher").await?;
    let begin = Instant::now() + Duration::from_millis(200);
    let mut dispatchers = JoinSet::new();
    for first in 0..DISPATCHERS {
        let connection = Connection::open(&server.address).await?;
        dispatchers.spawn(assign(connection, token.clone(), tickets.clone(), first, begin));
    }
    let mut assigned = HashMap::new();
    while let Some(done) = dispatchers.join_next().await {
        assigned.extend(done??.into_iter().map(|done| (done.position, done)));
    }
    let took = begin.elapsed().as_secs_f64();
    let wanted = assigned.values().map(|done| share(clerks, done.office)).sum::<usize>();
    let mut delays = Vec::with_capacity(wanted);
    while delays.len() < wanted {
        let message = timeout(PATIENCE, told.recv()).await;
        let message = message.map_err(|_| format!("{} of {wanted} messages came", delays.len()))?;
        let message = message.ok_or("every stream has ended")??;
        let change = assigned.get(&message.position).ok_or("a message of no command")?;
        if message.clerk % OFFICES != change.office {
            return Err("a message for another office".into());
        }
        delays.push(message.at.saturating_duration_since(change.answered).as_secs_f64() * 1_000.0);
    }
    let memory = server.memory()?;
    server.stop().await?;
    delays.sort_unstable_by(f64::total_cmp);
    let below = |share: f64| delays[((delays.len() as f64 * share) as usize).min(delays.len() - 1)];
    Ok(vec![
        Figure::new("", below(0.99), "ms"),
        Figure::new("p50", below(0.50), "ms"),
        Figure::new("most", below(1.0), "ms"),
        Figure::new("changes", assigned.len() as f64 / took, "commands/s"),
        Figure::new("messages", wanted as f64 / took, "messages/s"),
        Figure::new("memory", memory.peak, "MiB"),
    ])
}

/// How many of the clerks are of an office.
fn share(clerks: usize, office: usize) -> usize {
    clerks / OFFICES + usize::from(office < clerks % OFFICES)
}
