//! Values of a statement in the driver's form.

use sqlx::Arguments as _;
use sqlx::postgres::PgArguments;

use crate::{SqlStatement, SqlValue};

/// Returns the values of a statement.
pub(super) fn values(statement: &SqlStatement) -> Result<PgArguments, sqlx::Error> {
    let mut values = PgArguments::default();
    for value in &statement.values {
        let added = match value {
            SqlValue::Uuid(value) => values.add(*value),
            SqlValue::Text(value) => values.add(value.as_str()),
            SqlValue::Bytes(value) => values.add(value.as_slice()),
            SqlValue::Integer(value) => values.add(*value),
            SqlValue::Time(value) => values.add(*value),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(values)
}
