//! Closed loops: every client sends its next operation when its last one is answered.

use crate::Fallible;
use std::future::Future;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How long a cell runs before it is measured.
pub const WARM_UP: Duration = Duration::from_millis(500);
/// Tickets made ready for every second of signing.
const STOCK_PER_SECOND: f64 = 12_000.0;

/// One client of a closed loop.
pub trait Client: Send + 'static {
    /// Does one operation. `false`: there is nothing left to do.
    fn step(&mut self) -> impl Future<Output = Fallible<bool>> + Send;
}

/// One finished operation, in microseconds.
#[derive(Clone, Copy)]
pub struct Done {
    /// When it was answered, counted from the end of the warm-up.
    pub at: u64,
    /// How long it took.
    pub took: u64,
}

/// A cell as it ran.
pub struct Run {
    /// Every operation done, warm-up and all.
    pub total: u64,
    /// Operations answered while it was measured.
    pub done: Vec<Done>,
    /// How long it was measured, in microseconds; less than asked for if there was nothing left to do.
    pub measured: u64,
}

/// One figure of a cell.
#[derive(Clone, Copy)]
pub struct Figure {
    /// Its name; empty for the one the cell is about.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
    /// What it counts.
    pub unit: &'static str,
}

impl Figure {
    /// A figure.
    pub const fn new(name: &'static str, value: f64, unit: &'static str) -> Self {
        Self { name, value, unit }
    }
}

/// The figures of a cell.
pub type Sample = Vec<Figure>;

/// Tickets to be made ready for so many seconds of signing; a machine that signs more ends its cell early.
pub fn stock_for(seconds: f64) -> usize {
    ((seconds + WARM_UP.as_secs_f64()) * STOCK_PER_SECOND) as usize
}

/// Runs the clients against each other for the warm-up and so many seconds.
pub async fn closed_loop<C: Client>(clients: Vec<C>, seconds: f64) -> Fallible<Run> {
    let warm = Instant::now() + WARM_UP;
    let end = warm + Duration::from_secs_f64(seconds);
    let mut tasks = JoinSet::new();
    for client in clients {
        tasks.spawn(drive(client, warm, end));
    }
    let (mut total, mut done, mut stopped) = (0, Vec::new(), end);
    while let Some(finished) = tasks.join_next().await {
        let (count, mut points, at) = finished??;
        total += count;
        done.append(&mut points);
        stopped = stopped.min(at);
    }
    let measured = micros(stopped.saturating_duration_since(warm));
    done.retain(|d| d.at <= measured);
    if done.is_empty() {
        return Err("nothing was done while it was measured".into());
    }
    Ok(Run { total, done, measured })
}

async fn drive<C: Client>(
    mut client: C,
    warm: Instant,
    end: Instant,
) -> Fallible<(u64, Vec<Done>, Instant)> {
    let (mut total, mut points) = (0, Vec::new());
    loop {
        let started = Instant::now();
        if started >= end {
            return Ok((total, points, end));
        }
        if !client.step().await? {
            return Ok((total, points, started));
        }
        total += 1;
        let now = Instant::now();
        if now >= warm {
            points.push(Done {
                at: micros(now - warm),
                took: micros(now - started),
            });
        }
    }
}

impl Run {
    /// The cell's figures: operations per second, and the milliseconds that half and 99 of 100 stay below.
    pub fn sample(mut self, unit: &'static str) -> Sample {
        self.done.sort_unstable_by_key(|d| d.took);
        let below = |share: f64| {
            let index = (self.done.len() as f64 * share) as usize;
            self.done[index.min(self.done.len() - 1)].took as f64 / 1_000.0
        };
        let rate = self.done.len() as f64 / (self.measured as f64 / 1_000_000.0);
        vec![
            Figure::new("", rate, unit),
            Figure::new("p50", below(0.50), "ms"),
            Figure::new("p99", below(0.99), "ms"),
        ]
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
