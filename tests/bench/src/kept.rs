//! Stores that several cells measure: made once, used round after round, and removed after their group.

use crate::Fallible;
use crate::city::{self, found, hire};
use crate::csv;
use crate::measure::{Figure, Sample, stock_for};
use crate::overload;
use crate::server::Docket;
use crate::stock;
use crate::traffic;
use docket_core::store::StoreUrl;
use sqlx::{Connection as _, PgConnection};
use std::path::Path;
use std::time::Duration;

/// The limits of what is not to fall due: 1 January 2035.
const FAR_AWAY: i64 = 2_051_222_400;

/// Connections while a server's memory is looked at.
const CLIENTS: usize = 32;

/// What is in a kept store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stock {
    /// So many tickets, replied: five events each.
    Replied(usize),
    /// So many tickets, carried over from a system before: one event each.
    Imported(usize),
    /// So many open tickets with limits years away: one event each.
    Open(usize),
}

impl Stock {
    const fn tickets(self) -> usize {
        match self {
            Self::Replied(tickets) | Self::Imported(tickets) | Self::Open(tickets) => tickets,
        }
    }
}

/// A kept store.
#[derive(Clone)]
pub struct Kept {
    /// What is in it.
    pub stock: Stock,
    /// Where it is.
    pub url: StoreUrl,
    /// The command on it.
    pub docket: Docket,
}

impl Kept {
    /// Makes it: founded, staffed, filled, and its views folded.
    pub async fn make(stock: Stock, url: StoreUrl, docket: Docket) -> Fallible<Self> {
        let (store, desk) = found(url.clone(), &docket.dir).await?;
        hire(&desk).await?;
        if let Stock::Replied(tickets) = stock {
            stock::replied(&desk, tickets).await?;
        }
        drop((desk, store));
        let imported = match stock {
            Stock::Imported(rows) => Some((rows, import(&docket, rows).await?)),
            Stock::Open(rows) => Some((rows, import_open(&docket, 0, rows, FAR_AWAY).await?)),
            Stock::Replied(_) => None,
        };
        if let Some((rows, rate)) = imported {
            eprintln!("# {}: imported {rows} rows at {rate:.0} rows/s", docket.store);
        }
        let started = std::time::Instant::now();
        docket.serve().await?.stop().await?;
        eprintln!("# {}: views folded in {:.1} s", docket.store, started.elapsed().as_secs_f64());
        Ok(Self { stock, url, docket })
    }

    /// Inbox pages.
    pub async fn inbox(&self, clients: usize, seconds: f64) -> Fallible<Sample> {
        let server = self.docket.serve().await?;
        let sample = traffic::inbox(&server, clients, seconds).await?;
        server.stop().await?;
        Ok(sample)
    }

    /// Signs and replies tickets that are received and assigned beside those that are there.
    pub async fn mix(&self, clients: usize, seconds: f64) -> Fallible<Sample> {
        let desk = city::open(self.url.clone(), &self.docket.dir).await?;
        let ready = stock::assigned(&desk, stock_for(seconds) / 2).await?;
        drop(desk);
        let server = self.docket.serve().await?;
        let sample = traffic::mix(&server, &self.url, ready, clients, seconds).await?;
        server.stop().await?;
        Ok(sample)
    }

    /// Starts a server, and waits until it is ready.
    pub async fn start(&self) -> Fallible<Sample> {
        let (server, took) = self.docket.start().await?;
        server.stop().await?;
        Ok(vec![Figure::new("", took, "s")])
    }

    /// More inbox pages than it can serve.
    pub async fn overload(&self, clients: usize, seconds: f64) -> Fallible<Sample> {
        let server = self.docket.serve().await?;
        let sample = overload::four_times(&server, clients, seconds).await?;
        server.stop().await?;
        Ok(sample)
    }

    /// The server's memory under inbox pages and a mixed day.
    pub async fn memory(&self, seconds: f64) -> Fallible<Sample> {
        let server = self.docket.serve().await?;
        let idle = server.memory()?;
        traffic::inbox(&server, CLIENTS, seconds).await?;
        traffic::day(&server, &self.url, CLIENTS, seconds).await?;
        let memory = server.memory()?;
        server.stop().await?;
        Ok(vec![
            Figure::new("", memory.peak, "MiB"),
            Figure::new("after", memory.now, "MiB"),
            Figure::new("idle", idle.now, "MiB"),
        ])
    }

    /// Folds all views anew.
    pub async fn rebuild(&self) -> Fallible<Sample> {
        let (took, said) = self.docket.run(&["projections", "rebuild"]).await?;
        let words = said.split_whitespace().rev().nth(1);
        let events: f64 = words.ok_or("no events")?.parse()?;
        Ok(vec![
            Figure::new("", events / took.as_secs_f64(), "events/s"),
            Figure::new("took", took.as_secs_f64(), "s"),
        ])
    }

    /// Bytes a ticket takes, by part of the store.
    pub async fn size(&self) -> Fallible<Sample> {
        let mut sample = vec![Figure::new("", 0.0, "bytes/ticket")];
        for part in ["journal", "views", "keys", "ops"] {
            let bytes = match &self.url {
                StoreUrl::Sqlite(dir) => bytes_of_files(dir, part)?,
                StoreUrl::Postgres(url) => bytes_of_schema(url, part).await?,
            };
            let share = bytes / self.stock.tickets() as f64;
            sample[0].value += share;
            sample.push(Figure::new(part, share, "bytes/ticket"));
        }
        Ok(sample)
    }
}

/// The part's file, with what is not copied back into it yet.
fn bytes_of_files(dir: &Path, part: &str) -> Fallible<f64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&format!("{part}.db")) {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes as f64)
}

/// Every table of a part's schema with its indexes.
async fn bytes_of_schema(url: &str, part: &str) -> Fallible<f64> {
    let mut connection = PgConnection::connect(url).await?;
    let sql = "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c \
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname = $1";
    let bytes: i64 = sqlx::query_scalar(sql)
        .bind(format!("docket_{part}"))
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok(bytes as f64)
}

/// Imports open tickets: see [`csv::write_open`].
pub async fn import_open(docket: &Docket, first: usize, rows: usize, due_from: i64) -> Fallible<f64> {
    let file = docket.dir.join("old.csv");
    csv::write_open(&file, first, rows, due_from)?;
    import_file(docket, &file, rows).await
}

/// Imports so many made-up rows with the `docket` command: rows per second, from its start to its end.
async fn import(docket: &Docket, rows: usize) -> Fallible<f64> {
    let file = docket.dir.join("old.csv");
    csv::write(&file, rows)?;
    import_file(docket, &file, rows).await
}

async fn import_file(docket: &Docket, file: &Path, rows: usize) -> Fallible<f64> {
    let mapping = docket.dir.join("old.toml");
    std::fs::write(&mapping, csv::MAPPING)?;
    let (took, said) = docket
        .run(&["import", &file.to_string_lossy(), "--mapping", &mapping.to_string_lossy()])
        .await?;
    std::fs::remove_file(file)?;
    let wanted = format!("{rows} imported");
    if said.contains(&wanted) {
        return Ok(per_second(rows, took));
    }
    Err(format!("an import said {said}").into())
}

fn per_second(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// Imports into a fresh store.
pub async fn import_afresh(url: StoreUrl, docket: &Docket, rows: usize) -> Fallible<Sample> {
    let (store, desk) = found(url, &docket.dir).await?;
    drop((desk, store));
    Ok(vec![Figure::new("", import(docket, rows).await?, "rows/s")])
}
