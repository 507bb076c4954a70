//! Thousands of commands drawn by chance: legal and illegal ones, by everybody, while clocks jump and rules
//! and offices change. See `docs/simulation.md`.

mod chance;
mod drawn;
mod invariants;
mod packs;
mod people;
mod requests;
mod system;
mod tally;
mod trying;
mod worker;
mod world;

use std::time::Instant;
use tally::Tally;
use world::World;

/// Commands without a store, unless `DOCKET_SIM_COMMANDS` says more.
const COMMANDS: u64 = 100_000;
/// Commands in one world.
const COMMANDS_A_WORLD: u64 = 1_000;
/// Worlds lived through at one time.
const AT_ONCE: u32 = 4;

/// The seed: of `DOCKET_SIM_SEED`, or a new one; told either way.
fn seed(what: &str) -> u64 {
    let given = std::env::var("DOCKET_SIM_SEED").ok();
    let seed = given.map_or_else(
        || u64::from(u32::from_be_bytes(docket_core::clock::random_bytes())),
        |seed| seed.parse().expect("DOCKET_SIM_SEED is a number"),
    );
    println!("{what}: DOCKET_SIM_SEED={seed}");
    seed
}

/// How many times as many commands as usual are asked for.
fn times_more() -> u64 {
    let given = std::env::var("DOCKET_SIM_COMMANDS").ok();
    let commands = given.map_or(COMMANDS, |count| {
        count.parse().expect("DOCKET_SIM_COMMANDS is a number")
    });
    commands.div_ceil(COMMANDS).max(1)
}

#[test]
fn every_history_is_sound_whatever_is_tried() {
    let (seed, began) = (seed("without a store"), Instant::now());
    let worlds = times_more() * COMMANDS / COMMANDS_A_WORLD;
    let packs = packs::all();
    let live = |first| {
        let mut tally = Tally::default();
        let mine = |number: &u64| number % u64::from(AT_ONCE) == u64::from(first);
        for number in (0..worlds).filter(mine) {
            tally.add(World::new(seed, number, packs.clone()).run(COMMANDS_A_WORLD));
        }
        tally
    };
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE)
            .map(|first| scope.spawn(move || live(first)))
            .collect();
        for thread in threads {
            match thread.join() {
                Ok(lived) => tally.add(lived),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    tally.close("without a store", began.elapsed().as_secs_f64());
}
