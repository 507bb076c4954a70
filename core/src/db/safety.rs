//! What a connection must be set to, so that an acknowledged commit survives a power cut.

use super::Durability;

/// Settings of PostgreSQL without which an acknowledged commit could be lost.
pub const POSTGRES_SAFETY: [&str; 3] = ["fsync", "full_page_writes", "synchronous_commit"];

/// Refuses a SQLite connection that would not keep its promise.
pub(super) async fn assert_sqlite(
    connection: &mut sqlx::SqliteConnection,
    durability: Durability,
) -> Result<(), sqlx::Error> {
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&mut *connection)
        .await?;
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous")
        .fetch_one(&mut *connection)
        .await?;
    let wanted = if durability == Durability::Full { 2 } else { 1 };
    if mode != "wal" || synchronous < wanted {
        return Err(sqlx::Error::Configuration(
            format!("SQLite runs with journal_mode={mode}, synchronous={synchronous}: unsafe")
                .into(),
        ));
    }
    Ok(())
}

/// Refuses a PostgreSQL connection on which an acknowledged commit could be lost.
pub(super) async fn assert_postgres(
    connection: &mut sqlx::PgConnection,
    allow_unsafe: bool,
) -> Result<(), sqlx::Error> {
    for setting in POSTGRES_SAFETY {
        let value: String = sqlx::query_scalar(&format!("SHOW {setting}"))
            .fetch_one(&mut *connection)
            .await?;
        if value == "off" && !allow_unsafe {
            return Err(sqlx::Error::Configuration(
                format!(
                    "PostgreSQL runs with {setting}=off: a power cut would lose acknowledged commands. \
                     Switch it on, or pass --unsafe if the data does not matter"
                )
                .into(),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::sqlite_options;
    use sqlx::ConnectOptions as _;
    use sqlx::sqlite::SqliteJournalMode;

    #[tokio::test]
    async fn a_sqlite_connection_that_could_lose_a_commit_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("some.db");
        let lazy = sqlite_options(&file, Durability::Lazy);
        let mut connection = lazy.clone().connect().await.unwrap();
        assert!(
            assert_sqlite(&mut connection, Durability::Lazy)
                .await
                .is_ok()
        );
        let refused = assert_sqlite(&mut connection, Durability::Full).await;
        assert!(refused.unwrap_err().to_string().contains("synchronous=1"));
        drop(connection);
        let other = dir.path().join("other.db");
        let no_wal =
            sqlite_options(&other, Durability::Full).journal_mode(SqliteJournalMode::Delete);
        let mut connection = no_wal.connect().await.unwrap();
        let refused = assert_sqlite(&mut connection, Durability::Full).await;
        assert!(
            refused
                .unwrap_err()
                .to_string()
                .contains("journal_mode=delete")
        );
    }
}
