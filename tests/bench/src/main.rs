//! Docket's journal and desk, measured in one run beside esrs's own store and beside bare group commit.
//!
//! * [`cells`]: what is measured, what it is compared to, and with what target.
//! * [`measure`]: closed loops. [`commits`]: what is appended.
//! * [`docket`], [`two`], [`desk`]: ours. [`ceiling_postgres`], [`ceiling_sqlite`], [`esrs_own`]: theirs.
//!
//! Cells that are compared run one after the other, in turned order from round to round; a figure is the
//! median of its rounds, a ratio the median of the ratios within rounds. `tests/bench/run` starts it.

mod ceiling_postgres;
mod ceiling_sqlite;
mod cells;
mod commits;
mod desk;
mod docket;
mod esrs_own;
mod measure;
mod two;

use cells::{Cell, Place, Ratio};
use measure::Sample;
use std::collections::HashMap;

/// The product's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What may fail in a benchmark is told and ends it.
pub type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

struct Arguments {
    place: Place,
    rounds: usize,
    only: String,
}

fn arguments(given: &[String]) -> Fallible<Arguments> {
    let mut arguments = Arguments {
        place: Place {
            server: String::new(),
            dir: std::env::temp_dir(),
            seconds: 3.0,
        },
        rounds: 3,
        only: String::new(),
    };
    for pair in given.chunks(2) {
        let [name, value] = pair else {
            return Err(format!("{pair:?} needs a value").into());
        };
        match name.as_str() {
            "--postgres" => arguments.place.server.clone_from(value),
            "--dir" => arguments.place.dir = value.into(),
            "--seconds" => arguments.place.seconds = value.parse()?,
            "--rounds" => arguments.rounds = value.parse::<usize>()?.max(1),
            "--only" => arguments.only.clone_from(value),
            _ => return Err(format!("{name}: give --seconds N, --rounds N or --only NAME").into()),
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
    let Arguments { place, rounds, only } = arguments(&given)?;
    println!("# {}", place.conditions().await?);
    println!(
        "# {rounds} rounds of {} s per cell; medians; a ratio is the median of its rounds' ratios",
        place.seconds
    );
    let mut measured = Measured::default();
    for group in chosen(&only) {
        for round in 0..rounds {
            let mut order = group.clone();
            if round % 2 == 1 {
                order.reverse();
            }
            for cell in order {
                let sample = place.run(cell).await?;
                eprintln!("# round {} {} {:.0} {}", round + 1, cell.name(), sample.rate, cell.unit());
                measured.0.entry(cell.name()).or_default().push((round, sample));
            }
        }
        for cell in group {
            measured.print(cell);
        }
    }
    let compared: Vec<_> = cells::ratios()
        .into_iter()
        .filter_map(|ratio| Some((measured.ratios(&ratio)?, ratio)))
        .collect();
    for (values, ratio) in &compared {
        println!("{} {:.2} x", ratio.name, median(values));
    }
    println!("#\n# target                                                       reach   median  rounds");
    for (values, ratio) in &compared {
        verdict(ratio, values);
    }
    Ok(())
}

/// The groups with a cell of that name; of these, every cell that it is compared to too.
fn chosen(only: &str) -> Vec<Vec<Cell>> {
    let named = |cell: &Cell| cell.name().contains(only);
    let ratios = cells::ratios();
    let wanted = |cell: &Cell| {
        named(cell)
            || ratios.iter().any(|ratio| ratio.to == *cell && (named(&ratio.of) || ratio.name.contains(only)))
            || ratios.iter().any(|ratio| ratio.of == *cell && ratio.name.contains(only))
    };
    let groups = cells::groups().into_iter();
    let groups = groups.map(|group| group.into_iter().filter(wanted).collect::<Vec<_>>());
    groups.filter(|group| !group.is_empty()).collect()
}

fn verdict(ratio: &Ratio, values: &[f64]) {
    let Some(target) = ratio.target else { return };
    let reached = median(values);
    let word = if reached >= target { "reached" } else { "MISSED " };
    let rounds: Vec<String> = values.iter().map(|v| format!("{v:.2}")).collect();
    let name = &ratio.name;
    println!("# {word} {name:<53} >= {target:<4} {reached:>6.2}  {}", rounds.join(" "));
}

/// Samples by cell, each with its round.
#[derive(Default)]
struct Measured(HashMap<String, Vec<(usize, Sample)>>);

impl Measured {
    fn print(&self, cell: Cell) {
        let name = cell.name();
        let Some(samples) = self.0.get(&name) else { return };
        let of = |value: fn(&Sample) -> f64| {
            median(&samples.iter().map(|(_, sample)| value(sample)).collect::<Vec<_>>())
        };
        println!("{name} {:.0} {}", of(|s| s.rate), cell.unit());
        println!("{name}.p50 {:.2} ms", of(|s| s.p50));
        println!("{name}.p99 {:.2} ms", of(|s| s.p99));
    }

    /// The ratios within each round.
    fn ratios(&self, ratio: &Ratio) -> Option<Vec<f64>> {
        let (of, to) = (self.0.get(&ratio.of.name())?, self.0.get(&ratio.to.name())?);
        let in_round = |round| to.iter().find(|(other, _)| *other == round);
        let pairs = of.iter().filter_map(|(round, s)| Some(s.rate / in_round(*round)?.1.rate));
        Some(pairs.collect())
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
