//! Four times what a server can do: first how much that is, in a closed loop; then requests come at four times that rate,
//! whether the ones before are answered or not, over many connections. What it takes should be served as before.

use crate::Fallible;
use crate::http::{Connection, Shed};
use crate::measure::{Figure, Sample, WARM_UP};
use crate::server::Server;
use crate::traffic::{Desk, connections, inbox};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval_at};

/// How many times its capacity is offered.
const TIMES: f64 = 4.0;
/// Connections for each of those that reach its capacity: enough that the rate is offered whatever becomes of each request.
const CONNECTIONS_PER_CLIENT: usize = 8;

/// What became of the requests of a connection, in milliseconds.
#[derive(Default)]
struct Told {
    taken: Vec<f64>,
    shed: Vec<f64>,
    offered: usize,
}

/// Sends at its times, or at once where the answer before came late, until the end.
async fn drive(mut connection: Connection, desk: Arc<Desk>, first: Instant, every: Duration, warm: Instant, end: Instant) -> Fallible<Told> {
    let mut told = Told::default();
    let mut times = interval_at(first.into(), every);
    times.set_missed_tick_behavior(MissedTickBehavior::Burst);
    loop {
        times.tick().await;
        let began = Instant::now();
        if began >= end {
            return Ok(told);
        }
        let answer = connection.graphql(Some(&desk.clerk), desk.inbox.of("TO_SIGN")).await;
        let took = began.elapsed().as_secs_f64() * 1_000.0;
        if began < warm {
            continue;
        }
        told.offered += 1;
        match answer {
            Ok(_) => told.taken.push(took),
            Err(error) if error.is::<Shed>() => told.shed.push(took),
            Err(error) => return Err(error),
        }
    }
}

fn below(sorted: &mut [f64], share: f64) -> f64 {
    sorted.sort_unstable_by(f64::total_cmp);
    let index = (sorted.len() as f64 * share) as usize;
    sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

/// Its capacity with so many clients, and what becomes of four times as much.
pub async fn four_times(server: &Server, clients: usize, seconds: f64) -> Fallible<Sample> {
    let at_capacity = inbox(server, clients, seconds).await?;
    let of = |name: &str| at_capacity.iter().find(|figure| figure.name == name).map_or(0.0, |figure| figure.value);
    let (capacity, p99) = (of(""), of("p99"));
    let count = clients * CONNECTIONS_PER_CLIENT;
    let desk = Desk::open(server).await?;
    let every = Duration::from_secs_f64(count as f64 / (TIMES * capacity));
    let open = connections(server, count).await?;
    let begin = Instant::now() + Duration::from_millis(100);
    let (warm, end) = (begin + WARM_UP, begin + WARM_UP + Duration::from_secs_f64(seconds));
    let mut tasks = JoinSet::new();
    for (n, connection) in open.into_iter().enumerate() {
        let first = begin + every.mul_f64(n as f64 / count as f64);
        tasks.spawn(drive(connection, desk.clone(), first, every, warm, end));
    }
    let mut all = Told::default();
    while let Some(told) = tasks.join_next().await {
        let told = told??;
        all.taken.extend(told.taken);
        all.shed.extend(told.shed);
        all.offered += told.offered;
    }
    let rate = |count: usize| count as f64 / seconds;
    let memory = server.memory()?;
    Ok(vec![
        Figure::new("", rate(all.taken.len()), "pages/s"),
        Figure::new("offered", rate(all.offered), "requests/s"),
        Figure::new("shed", rate(all.shed.len()), "requests/s"),
        Figure::new("p50", below(&mut all.taken, 0.50), "ms"),
        Figure::new("p99", below(&mut all.taken, 0.99), "ms"),
        Figure::new("shed_p99", below(&mut all.shed, 0.99), "ms"),
        Figure::new("capacity", capacity, "pages/s"),
        Figure::new("capacity_p50", of("p50"), "ms"),
        Figure::new("capacity_p99", p99, "ms"),
        Figure::new("p99_ratio", below(&mut all.taken, 0.99) / p99, "x"),
        Figure::new("memory", memory.peak, "MiB"),
    ])
}
