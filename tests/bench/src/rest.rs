//! What a hand-written handler for the same page costs: axum and sqlx, two statements, no GraphQL, no session. A process
//! of its own, as the server it is compared to.

use crate::Fallible;
use crate::city::department;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgPool, PgPoolOptions, PgRow};
use sqlx::Row as _;
use std::io::Write as _;
use uuid::Uuid;

/// As many as the server has for its views.
const CONNECTIONS: u32 = 10;
/// No time.
const NEVER: i64 = i64::MAX;

#[derive(Deserialize)]
struct Wanted {
    holder: Uuid,
    tab: String,
    first: i64,
    unviewed: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    assignment_no: i64,
    unviewed: bool,
    due_at: Option<i64>,
    tab: String,
    id: Uuid,
    number: String,
    state: String,
    kind: String,
    urgency: String,
    received_at: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    total_count: i64,
    rows: Vec<Row>,
}

async fn page(State(pool): State<PgPool>, Query(wanted): Query<Wanted>) -> Result<Json<Page>, StatusCode> {
    read(&pool, &wanted).await.map(Json).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

async fn read(pool: &PgPool, wanted: &Wanted) -> Result<Page, sqlx::Error> {
    let count = "SELECT count(*) FROM inbox WHERE holder = $1 AND tab = $2 AND unviewed = $3";
    let total_count = sqlx::query_scalar(count)
        .bind(wanted.holder)
        .bind(&wanted.tab)
        .bind(wanted.unviewed)
        .fetch_one(pool)
        .await?;
    let rows = "SELECT i.assignment, i.unviewed, i.due_at, i.tab, i.ticket, t.number, t.state, i.kind, i.urgency, \
         i.received_at FROM inbox i JOIN tickets t ON t.ticket = i.ticket \
         WHERE i.holder = $1 AND i.tab = $2 AND i.unviewed = $3 ORDER BY i.due_at, i.ticket LIMIT $4";
    let rows = sqlx::query(rows)
        .bind(wanted.holder)
        .bind(&wanted.tab)
        .bind(wanted.unviewed)
        .bind(wanted.first)
        .fetch_all(pool)
        .await?;
    let row = |row: &PgRow| {
        Ok(Row {
            assignment_no: row.try_get(0)?,
            unviewed: row.try_get::<i64, _>(1)? == 1,
            due_at: Some(row.try_get(2)?).filter(|due| *due != NEVER),
            tab: row.try_get(3)?,
            id: row.try_get(4)?,
            number: row.try_get(5)?,
            state: row.try_get(6)?,
            kind: row.try_get(7)?,
            urgency: row.try_get(8)?,
            received_at: row.try_get(9)?,
        })
    };
    let rows = rows.iter().map(row).collect::<Result<_, sqlx::Error>>()?;
    Ok(Page { total_count, rows })
}

/// The path of a department's page of what is to be signed.
pub fn path() -> String {
    format!("/inbox?holder={}&tab={}&first=20&unviewed=1", department(0).0, "to_sign")
}

/// Serves until it is killed, and says where.
pub async fn serve(url: &str) -> Fallible<()> {
    let options = url.parse::<sqlx::postgres::PgConnectOptions>()?.options([("search_path", "docket_views")]);
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).connect_with(options).await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    let router = Router::new().route("/inbox", get(page)).with_state(pool);
    Ok(axum::serve(listener, router).await?)
}
