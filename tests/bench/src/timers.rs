//! Ten thousand limits that fall due within one minute, among many open tickets: how late the last light is lit,
//! and what clerks notice of it meanwhile.

use crate::Fallible;
use crate::kept::{Kept, import_open};
use crate::measure::{Figure, Sample};
use crate::traffic;
use chrono::Utc;
use docket_core::store::StoreUrl;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Limits that fall due within the minute.
const DUE: usize = 10_000;
/// Clerks at work.
const CLIENTS: usize = 8;
/// How long the import, the views and the clerks' measured time before may take.
const BEFORE: Duration = Duration::from_secs(120);
/// How long the last light may take to be lit before the cell fails.
const AT_MOST: Duration = Duration::from_secs(600);

/// Runs it on a store. `round` numbers the tickets apart from those of other rounds.
pub async fn run(kept: &Kept, round: usize, seconds: f64) -> Fallible<Sample> {
    let due_from = Utc::now().timestamp() + i64::try_from(BEFORE.as_secs())?;
    import_open(&kept.docket, 50_000_000 + round * DUE, DUE, due_from).await?;
    let server = kept.docket.serve().await?;
    let before = traffic::day(&server, &kept.url, CLIENTS, seconds).await?;
    let now = Utc::now().timestamp();
    if now >= due_from {
        return Err(format!("the minute began {} s before everything was ready", now - due_from).into());
    }
    sleep(Duration::from_secs(u64::try_from(due_from - now)?)).await;
    let late = tokio::spawn(last_light(kept.clone(), due_from + 60));
    let during = traffic::day(&server, &kept.url, CLIENTS, 60.0).await?;
    let late = late.await??;
    server.stop().await?;
    let p99 = |sample: &Sample| sample.iter().find(|figure| figure.name == "p99").map(|figure| figure.value);
    let (before, during) = (p99(&before).ok_or("no p99")?, p99(&during).ok_or("no p99")?);
    Ok(vec![
        Figure::new("", late, "s after the minute"),
        Figure::new("p99_before", before, "ms"),
        Figure::new("p99_during", during, "ms"),
        Figure::new("p99_ratio", during / before, "x"),
    ])
}

/// How long after a time, in seconds, the views show no light left to be lit up to then; 0 where it was so in time.
async fn last_light(kept: Kept, until: i64) -> Fallible<f64> {
    let started = Instant::now();
    let left = format!("timers WHERE reckoning = 'at' AND at <= {}", until * 1_000_000);
    loop {
        let late = Utc::now().timestamp_micros() - until * 1_000_000;
        if late >= 0 && count(&kept.url, &left).await? == 0 {
            return Ok(late as f64 / 1_000_000.0);
        }
        if started.elapsed() > AT_MOST {
            return Err("lights are left".into());
        }
        sleep(Duration::from_millis(200)).await;
    }
}

async fn count(url: &StoreUrl, of: &str) -> Fallible<i64> {
    Ok(match url {
        StoreUrl::Postgres(url) => {
            let mut connection = PgConnection::connect(url).await?;
            let sql = format!("SELECT count(*) FROM docket_views.{of}");
            sqlx::query_scalar(&sql).fetch_one(&mut connection).await?
        }
        StoreUrl::Sqlite(dir) => {
            let options = SqliteConnectOptions::new().filename(dir.join("views.db")).read_only(true);
            let mut connection = options.connect().await?;
            sqlx::query_scalar(&format!("SELECT count(*) FROM {of}")).fetch_one(&mut connection).await?
        }
    })
}
