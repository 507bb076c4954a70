//! Processor time that a server, or PostgreSQL with all of its processes, has taken so far.

use crate::Fallible;

/// Ticks of the times in `/proc` per second: fixed for what is not the kernel.
const TICKS_PER_SECOND: f64 = 100.0;

/// Seconds of processor time.
#[derive(Clone, Copy)]
pub struct Cpu {
    /// The server's.
    pub server: f64,
    /// Of every process called `postgres`.
    pub postgres: f64,
}

/// So far.
pub fn taken(server: u32) -> Fallible<Cpu> {
    let mut postgres = 0.0;
    for entry in std::fs::read_dir("/proc")? {
        let path = entry?.path();
        // A process may end while it is looked at.
        if std::fs::read_to_string(path.join("comm")).is_ok_and(|name| name.trim() == "postgres")
            && let Ok(stat) = std::fs::read_to_string(path.join("stat"))
        {
            postgres += seconds(&stat)?;
        }
    }
    let server = seconds(&std::fs::read_to_string(format!("/proc/{server}/stat"))?)?;
    Ok(Cpu { server, postgres })
}

/// Of a `stat`: the 14th and 15th of its words, of which the second, in brackets, may hold spaces.
fn seconds(stat: &str) -> Fallible<f64> {
    let behind = stat.rsplit_once(')').ok_or("a stat without a name")?.1;
    let mut words = behind.split_whitespace().skip(11);
    let mut next = || Fallible::Ok(words.next().ok_or("a stat that is too short")?.parse::<f64>()?);
    Ok((next()? + next()?) / TICKS_PER_SECOND)
}
