//! The cells, what they are compared to, and a fresh database or folder for each.

use crate::Fallible;
use crate::measure::{Run, Sample};
use crate::{ceiling_postgres, ceiling_sqlite, desk, docket, esrs_own, two};
use docket_core::store::StoreUrl;
use sqlx::{Connection as _, PgConnection};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Which store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
}

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The journal.
    Docket,
    /// The bare ceiling.
    Ceiling,
    /// The journal from two processes, half of the clients each.
    TwoProcesses,
    /// esrs's store, `persist` alone.
    EsrsAppend,
    /// esrs's store, `load` and `handle_command`.
    EsrsCommand,
    /// The desk, signing tickets it has to load.
    DeskSign,
    /// The desk, five commands a ticket.
    DeskLoop,
}

/// One cell.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Where.
    pub on: On,
    /// What.
    pub what: What,
    /// How many at a time.
    pub clients: usize,
}

/// How two cells compare.
pub struct Ratio {
    /// Its name.
    pub name: String,
    /// What is compared.
    pub of: Cell,
    /// With what.
    pub to: Cell,
    /// What it should reach.
    pub target: Option<f64>,
}

impl Cell {
    const fn new(on: On, what: What, clients: usize) -> Self {
        Self { on, what, clients }
    }

    /// Its name, without the number of clients.
    fn stem(self) -> String {
        let on = match self.on {
            On::Postgres => "postgres",
            On::Sqlite => "sqlite",
        };
        match self.what {
            What::Docket => format!("append.{on}.docket"),
            What::Ceiling => format!("append.{on}.ceiling"),
            What::TwoProcesses => format!("append.{on}.two_processes"),
            What::EsrsAppend => format!("append.{on}.esrs_append"),
            What::EsrsCommand => format!("append.{on}.esrs_command"),
            What::DeskSign => format!("desk.{on}.sign"),
            What::DeskLoop => format!("desk.{on}.loop"),
        }
    }

    /// Its name.
    pub fn name(self) -> String {
        format!("{}.c{}", self.stem(), self.clients)
    }

    /// What it counts.
    pub const fn unit(self) -> &'static str {
        match self.what {
            What::DeskSign | What::DeskLoop => "commands/s",
            _ => "events/s",
        }
    }
}

/// Every cell, in groups whose members run one after the other in each round.
pub fn groups() -> Vec<Vec<Cell>> {
    use On::{Postgres, Sqlite};
    use What::{Ceiling, DeskLoop, DeskSign, Docket, EsrsAppend, EsrsCommand, TwoProcesses};
    let on = |on: On, clients: usize, whats: &[What]| {
        whats.iter().map(|what| Cell::new(on, *what, clients)).collect()
    };
    vec![
        on(Postgres, 1, &[Docket, Ceiling, EsrsAppend, EsrsCommand]),
        on(Postgres, 8, &[Docket, Ceiling, EsrsAppend, EsrsCommand]),
        on(Postgres, 32, &[TwoProcesses, Docket, Ceiling, EsrsAppend]),
        on(Postgres, 256, &[TwoProcesses, Docket, Ceiling, EsrsAppend, EsrsCommand]),
        on(Postgres, 32, &[DeskSign, EsrsCommand, DeskLoop]),
        on(Sqlite, 1, &[Docket, Ceiling]),
        on(Sqlite, 8, &[Docket, Ceiling]),
        on(Sqlite, 32, &[Docket, Ceiling]),
        on(Sqlite, 256, &[Docket, Ceiling]),
        on(Sqlite, 32, &[DeskSign, DeskLoop]),
    ]
}

/// Every comparison.
pub fn ratios() -> Vec<Ratio> {
    use On::{Postgres, Sqlite};
    let mut ratios = Vec::new();
    let mut add = |name: &str, on, of, to, clients, target| {
        let of = Cell::new(on, of, clients);
        ratios.push(Ratio {
            name: format!("{name}.c{clients}"),
            of,
            to: Cell::new(on, to, clients),
            target,
        });
    };
    for (on, name, reach) in [
        (Postgres, "append.postgres.ratio_to_ceiling", 0.9),
        (Sqlite, "append.sqlite.ratio_to_ceiling", 0.85),
    ] {
        for (clients, target) in [(1, None), (8, None), (32, Some(reach)), (256, Some(reach))] {
            add(name, on, What::Docket, What::Ceiling, clients, target);
        }
    }
    let two = "append.postgres.two_processes_ratio_to_ceiling";
    for clients in [32, 256] {
        add(two, Postgres, What::TwoProcesses, What::Ceiling, clients, Some(0.8));
    }
    for clients in [1, 8, 32, 256] {
        let name = "append.postgres.ratio_to_esrs_append";
        add(name, Postgres, What::Docket, What::EsrsAppend, clients, None);
    }
    let sign = "desk.postgres.sign_ratio_to_esrs_command";
    add(sign, Postgres, What::DeskSign, What::EsrsCommand, 32, Some(4.0));
    let life = "desk.postgres.loop_ratio_to_esrs_command";
    add(life, Postgres, What::DeskLoop, What::EsrsCommand, 32, Some(4.0));
    ratios
}

/// Where cells run.
pub struct Place {
    /// The server's URL, without a database.
    pub server: String,
    /// A folder for files.
    pub dir: PathBuf,
    /// Measured seconds per cell.
    pub seconds: f64,
}

impl Place {
    /// Runs a cell on a database and in a folder made for it, and removes both.
    pub async fn run(&self, cell: Cell) -> Fallible<Sample> {
        let dir = self.dir.join(cell.name());
        std::fs::create_dir_all(&dir)?;
        let database = cell.name().replace('.', "_");
        if cell.on == On::Postgres {
            // Every cell starts right after a checkpoint.
            self.administer(&[&format!("CREATE DATABASE {database}"), "CHECKPOINT"]).await?;
        }
        let run = self.run_in(cell, &format!("{}/{database}", self.server), &dir).await;
        // Let what is left of the journal end: it polls.
        tokio::time::sleep(Duration::from_millis(200)).await;
        if cell.on == On::Postgres {
            self.administer(&[&format!("DROP DATABASE {database} WITH (FORCE)")]).await?;
        }
        std::fs::remove_dir_all(&dir)?;
        Ok(run.map_err(|error| format!("{}: {error}", cell.name()))?.sample())
    }

    async fn run_in(&self, cell: Cell, url: &str, dir: &Path) -> Fallible<Run> {
        let (clients, seconds) = (cell.clients, self.seconds);
        let store = || match cell.on {
            On::Postgres => StoreUrl::Postgres(url.to_owned()),
            On::Sqlite => StoreUrl::Sqlite(dir.to_owned()),
        };
        match (cell.what, cell.on) {
            (What::Docket, on) => {
                let journal = match on {
                    On::Postgres => docket::open_postgres(url).await?,
                    On::Sqlite => docket::open_sqlite(dir).await?,
                };
                let run = docket::append(&journal, clients, seconds).await?;
                docket::check(&journal, run.total).await?;
                Ok(run)
            }
            (What::Ceiling, On::Postgres) => ceiling_postgres::append(url, clients, seconds).await,
            (What::Ceiling, On::Sqlite) => ceiling_sqlite::append(dir, clients, seconds).await,
            (What::TwoProcesses, _) => two::append(url, clients, seconds).await,
            (What::EsrsAppend, _) => esrs_own::append(url, clients, seconds).await,
            (What::EsrsCommand, _) => esrs_own::command(url, clients, seconds).await,
            (What::DeskSign, _) => desk::sign(store(), dir, clients, seconds).await,
            (What::DeskLoop, _) => desk::whole_life(store(), dir, clients, seconds).await,
        }
    }

    async fn administer(&self, statements: &[&str]) -> Fallible<()> {
        let mut connection = PgConnection::connect(&format!("{}/postgres", self.server)).await?;
        for statement in statements {
            sqlx::raw_sql(statement).execute(&mut connection).await?;
        }
        Ok(connection.close().await?)
    }

    /// The server's version and the settings that make a commit durable.
    pub async fn conditions(&self) -> Fallible<String> {
        let mut connection = PgConnection::connect(&format!("{}/postgres", self.server)).await?;
        let mut text = String::from("PostgreSQL");
        for setting in ["server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers"] {
            let show = format!("SHOW {setting}");
            let value: String = sqlx::query_scalar(&show).fetch_one(&mut connection).await?;
            text.push_str(&format!(" {setting}={value}"));
        }
        text.push_str(&format!("; SQLite {} WAL synchronous=FULL", rusqlite::version()));
        Ok(text)
    }
}
