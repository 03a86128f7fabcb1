//! Ids of numbered rows: UUIDs of version 7, so later rows have greater ids. The engines compute the same ids in SQL.

/// Seconds since 1970 at which the numbered rows begin, one a second: 2025-01-01.
pub(super) const FIRST_ROW_SECONDS: u64 = 1_735_689_600;

/// Factors and masks of the three parts after the time. They spread the numbers, as random bits would.
pub(super) const ID_FACTORS: [u64; 3] = [40_503, 48_271, 2_654_435_761];
pub(super) const ID_MASKS: [u64; 3] = [0xfff, 0xfff, 0xffff_ffff_ffff];

/// Returns the id of the row with this number, as text.
pub fn row_id(number: u64) -> String {
    let millis = (FIRST_ROW_SECONDS + number) * 1000;
    let [a, b, c] = [0, 1, 2].map(|part| number.wrapping_mul(ID_FACTORS[part]) & ID_MASKS[part]);
    format!("{:08x}-{:04x}-7{a:03x}-8{b:03x}-{c:012x}", millis >> 16, millis & 0xffff)
}

/// Returns the milliseconds of the id of the row with this number, an expression.
pub(super) fn id_millis_sql(number: &str) -> String {
    format!("({FIRST_ROW_SECONDS} + {number}) * 1000")
}

#[cfg(test)]
mod tests {
    use super::super::{FilledDatabase, SqlDialect};
    use super::*;

    const NUMBERS: [u64; 4] = [1, 2, 1_000, 10_000_000];

    #[test]
    fn ids_rise_with_their_numbers() {
        let ids = NUMBERS.map(row_id);
        assert!(ids.is_sorted(), "{ids:?}");
        for id in ids {
            assert_eq!((id.len(), &id[14..15], &id[19..20]), (36, "7", "8"), "{id}");
        }
    }

    #[tokio::test]
    async fn engines_compute_the_same_ids() -> Result<(), crate::Failure> {
        let folder = tempfile::tempdir()?;
        let file = FilledDatabase::Sqlite(folder.path().join("a.db"));
        file.run(&["create table t (n integer)".to_owned()]).await?;
        let server = testkit::postgres::database().await;
        let server = server.as_ref().map(|database| FilledDatabase::Postgres(database.url.clone()));
        for database in [Some(file), server].into_iter().flatten() {
            for number in NUMBERS {
                let id = database.dialect().id(&number.to_string());
                let text = match database.dialect() {
                    SqlDialect::Sqlite => format!("lower(hex({id}))"),
                    SqlDialect::Postgres => format!("replace({id}::text, '-', '')"),
                };
                assert_eq!(database.text(&format!("select {text}")).await?, row_id(number).replace('-', ""));
            }
        }
        Ok(())
    }
}
