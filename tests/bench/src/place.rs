//! A fresh database or folder for each cell, and the stores that are kept for several.

use crate::Fallible;
use crate::cells::{Cell, IMPORT_ROWS, On, What};
use crate::kept::{Kept, Stock, import_afresh};
use crate::measure::{Sample, stock_for};
use crate::server::Docket;
use crate::{ceiling_postgres, ceiling_sqlite, city, desk, docket, esrs_own, live, peers, stock, timers, traffic, two};
use docket_core::store::StoreUrl;
use sqlx::{Connection as _, PgConnection};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where cells run.
pub struct Place {
    /// The server's URL, without a database.
    pub server: String,
    /// A folder for files.
    pub dir: PathBuf,
    /// The `docket` command.
    pub binary: PathBuf,
    /// Measured seconds per cell.
    pub seconds: f64,
    /// How often timers were measured.
    pub timed: usize,
    /// Stores made for the group that runs.
    pub kept: Vec<(String, Kept)>,
}

impl Place {
    /// Runs a cell: in a store that is kept for its group, or in a database and a folder made for it, and
    /// removed.
    pub async fn run(&mut self, cell: Cell) -> Fallible<Sample> {
        let run = match cell.stock() {
            Some(stock) => self.run_kept(cell, stock).await,
            None => self.run_fresh(cell).await,
        };
        Ok(run.map_err(|error| format!("{}: {error}", cell.name()))?)
    }

    async fn run_fresh(&self, cell: Cell) -> Fallible<Sample> {
        let name = cell.name();
        let url = self.make(cell.on, &name).await?;
        let sample = self.run_in(cell, url, &self.dir.join(&name)).await;
        self.remove(cell.on, &name).await?;
        sample
    }

    async fn run_kept(&mut self, cell: Cell, stock: Stock) -> Fallible<Sample> {
        let found = self.kept.iter().find(|(_, kept)| kept.stock == stock).cloned();
        let kept = match found {
            Some((_, kept)) => kept,
            None => {
                let name = format!("kept.{:?}.{stock:?}", cell.on).replace(['(', ')'], "").to_lowercase();
                let url = self.make(cell.on, &name).await?;
                let docket = self.docket(&url, &self.dir.join(&name));
                let kept = Kept::make(stock, url, docket).await?;
                self.kept.push((name, kept.clone()));
                kept
            }
        };
        match cell.what {
            What::Rebuild => kept.rebuild().await,
            What::Size => kept.size().await,
            What::Memory => kept.memory(self.seconds).await,
            What::TimersSmall | What::TimersLarge => {
                self.timed += 1;
                timers::run(&kept, self.timed, self.seconds).await
            }
            What::MixSmall | What::MixLarge => kept.mix(cell.clients, self.seconds).await,
            What::Start => kept.start().await,
            What::Page(peer) => peers::pages(peer, &kept, cell.clients, self.seconds).await,
            What::Overload => kept.overload(cell.clients, self.seconds).await,
            _ => kept.inbox(cell.clients, self.seconds).await,
        }
    }

    /// Removes what was kept for a group.
    pub async fn clear(&mut self) -> Fallible<()> {
        for (name, kept) in std::mem::take(&mut self.kept) {
            let on = match kept.url {
                StoreUrl::Postgres(_) => On::Postgres,
                StoreUrl::Sqlite(_) => On::Sqlite,
            };
            self.remove(on, &name).await?;
        }
        Ok(())
    }

    fn docket(&self, url: &StoreUrl, dir: &Path) -> Docket {
        let store = match url {
            StoreUrl::Postgres(url) => url.clone(),
            StoreUrl::Sqlite(dir) => format!("sqlite:{}", dir.display()),
        };
        Docket {
            binary: self.binary.clone(),
            store,
            dir: dir.to_owned(),
        }
    }

    async fn run_in(&self, cell: Cell, store: StoreUrl, dir: &Path) -> Fallible<Sample> {
        let (clients, seconds) = (cell.clients, self.seconds);
        let (run, unit) = match (cell.what, &store) {
            (What::Docket, _) => {
                let journal = match &store {
                    StoreUrl::Postgres(url) => docket::open_postgres(url).await?,
                    StoreUrl::Sqlite(dir) => docket::open_sqlite(dir).await?,
                };
                let run = docket::append(&journal, clients, seconds).await?;
                docket::check(&journal, run.total).await?;
                (run, "events/s")
            }
            (What::Ceiling, StoreUrl::Postgres(url)) => {
                (ceiling_postgres::append(url, clients, seconds).await?, "events/s")
            }
            (What::Ceiling, StoreUrl::Sqlite(dir)) => {
                (ceiling_sqlite::append(dir, clients, seconds).await?, "events/s")
            }
            (What::TwoProcesses, StoreUrl::Postgres(url)) => {
                (two::append(url, clients, seconds).await?, "events/s")
            }
            (What::EsrsAppend, StoreUrl::Postgres(url)) => {
                (esrs_own::append(url, clients, seconds).await?, "events/s")
            }
            (What::EsrsCommand, StoreUrl::Postgres(url)) => {
                (esrs_own::command(url, clients, seconds).await?, "events/s")
            }
            (What::DeskSign, _) => (desk::sign(store, dir, clients, seconds).await?, "commands/s"),
            (What::DeskLoop, _) => (desk::whole_life(store, dir, clients, seconds).await?, "commands/s"),
            (What::HttpSign | What::HttpDay, _) => return self.serve(cell, store, dir).await,
            (What::Live, _) => {
                let docket = self.docket(&store, dir);
                return live::run(store, &docket, cell.clients, self.seconds).await;
            }
            (What::Import, _) => {
                let docket = self.docket(&store, dir);
                return import_afresh(store, &docket, IMPORT_ROWS).await;
            }
            _ => return Err("there is no such cell on this store".into()),
        };
        Ok(run.sample(unit))
    }

    /// A server on a fresh store, and clients.
    async fn serve(&self, cell: Cell, url: StoreUrl, dir: &Path) -> Fallible<Sample> {
        let (store, desk) = city::found(url.clone(), dir).await?;
        city::hire(&desk).await?;
        let ready = match cell.what {
            What::HttpSign => stock::assigned(&desk, stock_for(self.seconds)).await?,
            _ => Vec::new(),
        };
        drop((desk, store));
        let server = self.docket(&url, dir).serve().await?;
        self.checkpoint(cell.on).await?;
        let sample = match cell.what {
            What::HttpSign => traffic::sign(&server, &url, ready, cell.clients, self.seconds).await?,
            _ => traffic::day(&server, &url, cell.clients, self.seconds).await?,
        };
        server.stop().await?;
        Ok(sample)
    }

    /// A folder, and on PostgreSQL a database.
    async fn make(&self, on: On, name: &str) -> Fallible<StoreUrl> {
        let dir = self.dir.join(name);
        std::fs::create_dir_all(&dir)?;
        let database = database(name);
        if on == On::Sqlite {
            return Ok(StoreUrl::Sqlite(dir));
        }
        self.administer(&format!("CREATE DATABASE {database}")).await?;
        self.checkpoint(on).await?;
        Ok(StoreUrl::Postgres(format!("{}/{database}", self.server)))
    }

    async fn remove(&self, on: On, name: &str) -> Fallible<()> {
        // Let what is left of the journal end: it polls.
        tokio::time::sleep(Duration::from_millis(200)).await;
        if on == On::Postgres {
            self.administer(&format!("DROP DATABASE {} WITH (FORCE)", database(name))).await?;
        }
        Ok(std::fs::remove_dir_all(self.dir.join(name))?)
    }

    /// Every cell starts right after a checkpoint.
    async fn checkpoint(&self, on: On) -> Fallible<()> {
        match on {
            On::Postgres => self.administer("CHECKPOINT").await,
            On::Sqlite => Ok(()),
        }
    }

    async fn administer(&self, statement: &str) -> Fallible<()> {
        let mut connection = PgConnection::connect(&format!("{}/postgres", self.server)).await?;
        sqlx::raw_sql(statement).execute(&mut connection).await?;
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

fn database(name: &str) -> String {
    name.replace('.', "_")
}
