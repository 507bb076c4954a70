//! Docket's journal, desk and server, measured in one run beside esrs's own store and beside bare group commit.
//!
//! * [`cells`]: what is measured, what it is compared to, and with what target. [`place`]: where.
//! * [`measure`]: closed loops. [`commits`]: what is appended. [`city`], [`stock`], [`csv`]: who works, and on what.
//! * [`docket`], [`two`], [`desk`]: ours, in this process. [`ceiling_postgres`], [`ceiling_sqlite`],
//!   [`esrs_own`]: theirs.
//! * [`server`]: ours, as a process of its own. [`http`], [`traffic`]: its clients. [`overload`]: too many of them. [`live`]: those who
//!   are told of changes. [`lag`]: how far its views are behind. [`cpu`]: what it takes. [`kept`]: stores that take long to make. [`peers`], [`rest`]: others that
//!   serve the same page.
//!
//! Cells that are compared run one after the other, in turned order from round to round; a figure is the
//! median of its rounds, a ratio the median of the ratios within rounds. `tests/bench/run` starts it.

mod ceiling_postgres;
mod ceiling_sqlite;
mod cells;
mod city;
mod commits;
mod cpu;
mod csv;
mod desk;
mod docket;
mod esrs_own;
mod http;
mod kept;
mod lag;
mod live;
mod measure;
mod overload;
mod peers;
mod place;
mod rest;
mod server;
mod stock;
mod timers;
mod traffic;
mod two;

use cells::{Cell, Judged, Target};
use measure::{Figure, Sample};
use place::Place;
use std::collections::HashMap;
use tokio::signal::unix::{SignalKind, signal};

/// The product's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What may fail in a benchmark is told and ends it.
pub type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

struct Arguments {
    place: Place,
    rounds: usize,
    only: String,
    large: bool,
}

fn arguments(mut given: impl Iterator<Item = String>) -> Fallible<Arguments> {
    let mut arguments = Arguments {
        place: Place {
            server: String::new(),
            dir: std::env::temp_dir(),
            binary: "docket".into(),
            seconds: 3.0,
            timed: 0,
            kept: Vec::new(),
        },
        rounds: 3,
        only: String::new(),
        large: false,
    };
    while let Some(name) = given.next() {
        if name == "--large" {
            arguments.large = true;
            continue;
        }
        let value = given.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--postgres" => arguments.place.server = value,
            "--dir" => arguments.place.dir = value.into(),
            "--docket" => arguments.place.binary = value.into(),
            "--seconds" => arguments.place.seconds = value.parse()?,
            "--rounds" => arguments.rounds = value.parse::<usize>()?.max(1),
            "--only" => arguments.only = value,
            _ => {
                let known = "give --seconds N, --rounds N, --only NAME or --large";
                return Err(format!("{name}: {known}").into());
            }
        }
    }
    Ok(arguments)
}

#[tokio::main]
async fn main() -> Fallible<()> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    if let [word, url, clients, seconds] = given.as_slice()
        && word == "writer"
    {
        return two::writer(url, clients.parse()?, seconds.parse()?).await;
    }
    if let [word, url] = given.as_slice()
        && word == "rest"
    {
        return rest::serve(url).await;
    }
    let arguments = arguments(given.into_iter())?;
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    // Whatever ends it ends the processes it started: they are killed when dropped.
    tokio::select! {
        done = measure_all(arguments) => done,
        _ = terminate.recv() => Err("terminated".into()),
        _ = interrupt.recv() => Err("interrupted".into()),
    }
}

async fn measure_all(arguments: Arguments) -> Fallible<()> {
    let Arguments { mut place, rounds, only, large } = arguments;
    println!("# {}", place.conditions().await?);
    println!(
        "# {rounds} rounds of {} s per cell; medians; a ratio is the median of its rounds' ratios",
        place.seconds
    );
    let mut measured = Measured::default();
    for group in chosen(&only, large) {
        for round in 0..rounds {
            let mut order = group.clone();
            if round % 2 == 1 {
                order.reverse();
            }
            for cell in order {
                let sample = place.run(cell).await?;
                let told: Vec<String> = sample.iter().map(told).collect();
                eprintln!("# round {} {} {}", round + 1, cell.name(), told.join(", "));
                measured.0.entry(cell.name()).or_default().push((round, sample));
            }
        }
        place.clear().await?;
        for cell in group {
            measured.print(cell);
        }
    }
    let judged: Vec<_> = cells::judged()
        .into_iter()
        .filter_map(|judged| Some((measured.values(&judged)?, judged)))
        .collect();
    for (values, judged) in judged.iter().filter(|(_, judged)| judged.to.is_some()) {
        println!("{} {:.2} x", judged.name, median(values));
    }
    println!("#\n# target                                                          reach    median  rounds");
    for (values, judged) in &judged {
        verdict(judged, values);
    }
    Ok(())
}

/// The groups with a cell of one of these names; of these, every cell that it is compared to too.
fn chosen(only: &str, large: bool) -> Vec<Vec<Cell>> {
    let has_name = |name: &str| only.split(',').any(|only| name.contains(only));
    let named = |cell: &Cell| has_name(&cell.name());
    let judged = cells::judged();
    let wanted = |cell: &Cell| {
        let compared = |judged: &Judged| {
            let other = judged.to.is_some_and(|to| to == *cell) && named(&judged.of);
            let by_name = has_name(&judged.name) && (judged.of == *cell || judged.to == Some(*cell));
            other || by_name
        };
        (large || !cell.is_large()) && (named(cell) || judged.iter().any(compared))
    };
    let groups = cells::groups().into_iter();
    let groups = groups.map(|group| group.into_iter().filter(wanted).collect::<Vec<_>>());
    groups.filter(|group| !group.is_empty()).collect()
}

fn verdict(judged: &Judged, values: &[f64]) {
    let Some(target) = judged.target else { return };
    let median = median(values);
    let (reached, sign, reach) = match target {
        Target::AtLeast(reach) => (median >= reach, ">=", reach),
        Target::AtMost(reach) => (median <= reach, "<=", reach),
    };
    let word = if reached { "reached" } else { "MISSED " };
    let rounds: Vec<String> = values.iter().map(|v| digits(*v)).collect();
    let name = &judged.name;
    println!("# {word} {name:<53} {sign} {reach:<6} {:>8}  {}", digits(median), rounds.join(" "));
}

/// As many digits as say something.
fn digits(value: f64) -> String {
    if value.abs() < 100.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

fn told(figure: &Figure) -> String {
    let Figure { name, value, unit } = figure;
    let name = if name.is_empty() { String::new() } else { format!("{name} ") };
    format!("{name}{} {unit}", digits(*value))
}

/// Samples by cell, each with its round.
#[derive(Default)]
struct Measured(HashMap<String, Vec<(usize, Sample)>>);

impl Measured {
    fn print(&self, cell: Cell) {
        let name = cell.name();
        let Some((_, first)) = self.0.get(&name).and_then(|samples| samples.first()) else { return };
        for figure in first {
            let rounds: Vec<f64> = self.figures(cell, figure.name).into_iter().map(|(_, value)| value).collect();
            let dot = if figure.name.is_empty() { "" } else { "." };
            println!("{name}{dot}{} {} {}", figure.name, digits(median(&rounds)), figure.unit);
        }
    }

    /// A figure of a cell, by round.
    fn figures(&self, cell: Cell, name: &str) -> Vec<(usize, f64)> {
        let rounds = self.0.get(&cell.name()).into_iter().flatten();
        let of = |sample: &Sample| sample.iter().find(|figure| figure.name == name).map(|figure| figure.value);
        rounds.filter_map(|(round, sample)| Some((*round, of(sample)?))).collect()
    }

    /// What is judged, by round; `None` where it was not measured.
    fn values(&self, judged: &Judged) -> Option<Vec<f64>> {
        let of = self.figures(judged.of, judged.figure);
        let values: Vec<f64> = match judged.to {
            None => of.into_iter().map(|(_, value)| value).collect(),
            Some(to) => {
                let to = self.figures(to, judged.figure);
                let in_round = |round| to.iter().find(|(other, _)| *other == round);
                of.iter().filter_map(|(round, value)| Some(value / in_round(*round)?.1)).collect()
            }
        };
        (!values.is_empty()).then_some(values)
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        _ if sorted.is_empty() => f64::NAN,
        0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}
