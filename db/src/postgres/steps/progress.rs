//! Progress of a migration in steps, stored as the comment of the migrator's table.

use sqlx::PgConnection;

use super::super::session::quoted;

/// Position at which a migration resumes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StepProgress {
    table: String,
    version: i64,
    /// Number of finished steps.
    pub(super) steps: usize,
    /// Last key of the finished batches of the next step; empty at first.
    pub(super) key: String,
}

impl StepProgress {
    /// Reads the progress of this migration. Ignores the progress of another migration.
    pub(super) async fn read(connection: &mut PgConnection, table: &str, version: i64) -> Result<Self, sqlx::Error> {
        const SQL: &str = "select obj_description(to_regclass($1), 'pg_class')";
        let text: Option<String> = sqlx::query_scalar(SQL).bind(table).fetch_one(connection).await?;
        let (steps, key) = text.as_deref().and_then(|text| parse(text, version)).unwrap_or_default();
        Ok(Self { table: table.to_owned(), version, steps, key })
    }

    /// Returns the progress after the next step.
    pub(super) fn after_step(&self) -> Self {
        Self { steps: self.steps + 1, key: String::new(), ..self.clone() }
    }

    /// Returns the progress within the next step, up to this key.
    pub(super) fn after_key(&self, key: String) -> Self {
        Self { key, ..self.clone() }
    }

    /// Returns the statement that stores the progress.
    pub(super) fn statement(&self) -> String {
        let text = format!("migration {}, steps {}, key {}", self.version, self.steps, self.key);
        format!("comment on table {} is {}", self.table, quoted(&text))
    }

    /// Returns the statement that removes the stored progress.
    pub(super) fn removal(&self) -> String {
        format!("comment on table {} is null", self.table)
    }
}

fn parse(text: &str, version: i64) -> Option<(usize, String)> {
    let rest = text.strip_prefix(&format!("migration {version}, steps "))?;
    let (steps, key) = rest.split_once(", key ")?;
    Some((steps.parse().ok()?, key.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn progress_is_read_as_written() {
        use sqlx::{AssertSqlSafe, Executor as _};
        let Some(database) = testkit::postgres::database().await else { return };
        let mut connection = database.connect().await;
        connection.execute("create table notes ()").await.unwrap();
        let first = StepProgress::read(&mut connection, "notes", 5).await.unwrap();
        assert_eq!((first.steps, first.key.as_str()), (0, ""));
        let later = first.after_step().after_key(r"it's \ a key".into());
        connection.execute(AssertSqlSafe(later.statement())).await.unwrap();
        assert_eq!(StepProgress::read(&mut connection, "notes", 5).await.unwrap(), later);
        assert_eq!(StepProgress::read(&mut connection, "notes", 6).await.unwrap().steps, 0);
        assert_eq!(later.after_step().key, "", "the next step has keys of its own");
        connection.execute(AssertSqlSafe(later.removal())).await.unwrap();
        assert_eq!(StepProgress::read(&mut connection, "notes", 5).await.unwrap(), first);
    }
}
