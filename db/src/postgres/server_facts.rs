//! Facts about a server and its database, read at startup to refuse an unsuitable server.

use sqlx::{Executor as _, PgConnection, Row as _};

use crate::OpenError;

/// Oldest version that is known to work, in the server's numbering.
const MIN_SERVER_VERSION: i32 = 140_000;

/// Answers of a server to the query at startup. The answers come as text, because some poolers support only text.
#[derive(Debug)]
pub(super) struct ServerFacts {
    /// `server_version_num`.
    number: i32,
    /// The version as the server writes it.
    version: String,
    /// `server_encoding`.
    encoding: String,
    /// `synchronous_commit`.
    commit: String,
    /// Set if the server is a standby.
    is_standby: bool,
    /// Set if transactions of this user and database are read-only by default.
    is_read_only: bool,
}

impl ServerFacts {
    /// Asks the server, in one round trip.
    pub(super) async fn ask(connection: &mut PgConnection) -> Result<Self, sqlx::Error> {
        const SQL: &str = "select current_setting('server_version_num')::integer, current_setting('server_version'), \
             current_setting('server_encoding'), current_setting('synchronous_commit'), pg_is_in_recovery(), \
             current_setting('transaction_read_only')::boolean";
        let row = connection.fetch_one(sqlx::raw_sql(SQL)).await?;
        Ok(Self {
            number: row.try_get(0)?,
            version: row.try_get(1)?,
            encoding: row.try_get(2)?,
            commit: row.try_get(3)?,
            is_standby: row.try_get(4)?,
            is_read_only: row.try_get(5)?,
        })
    }

    /// Refuses a server that cannot keep the promises of the services.
    pub(super) fn check(&self, name: &str) -> Result<(), OpenError> {
        let name = name.to_owned();
        if self.number < MIN_SERVER_VERSION {
            return Err(OpenError::OldServer(name, self.version.clone()));
        }
        if self.encoding != "UTF8" {
            return Err(OpenError::Encoded(name, self.encoding.clone()));
        }
        if self.is_standby {
            return Err(OpenError::Standby(name));
        }
        if self.is_read_only {
            return Err(OpenError::ReadOnly(name));
        }
        if self.commit == "off" { Err(OpenError::Forgetful(name)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> ServerFacts {
        ServerFacts {
            number: 140_000,
            version: "14.0".into(),
            encoding: "UTF8".into(),
            commit: "on".into(),
            is_standby: false,
            is_read_only: false,
        }
    }

    #[test]
    fn unsuitable_server_is_refused_with_the_fact() {
        good().check("it").unwrap();
        let refused = |facts: ServerFacts| facts.check("it").unwrap_err().to_string();
        for (facts, part) in [
            (ServerFacts { number: 130_022, version: "13.22".into(), ..good() }, "it is PostgreSQL 13.22: at least 14"),
            (ServerFacts { encoding: "LATIN1".into(), ..good() }, "it has the encoding LATIN1"),
            (ServerFacts { is_standby: true, is_read_only: true, ..good() }, "it is a standby"),
            (ServerFacts { is_read_only: true, ..good() }, "default_transaction_read_only = on"),
            (ServerFacts { commit: "off".into(), ..good() }, "synchronous_commit = off"),
        ] {
            let text = refused(facts);
            assert!(text.contains(part), "{text}");
        }
        good().check("it").unwrap();
        ServerFacts { commit: "local".into(), ..good() }.check("it").unwrap();
    }
}
