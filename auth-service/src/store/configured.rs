//! What the settings said at the last start: what they replace kills tokens, as whatever else does, by the log.

use db::{ClosingStatements, SqlStatement, TransactionOutcome, Tx, transaction, within};

use super::{Store, StoreError, Time, log};
use crate::domain::{Era, LogId, Logged, Revocation, Stamp};

const SECRET_KEY: &str = "secret-key-id";
const ISSUER: &str = "issuer";

/// What a start has come to that remembers its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// The secret is the one of before, or the first.
    Same,
    /// The one of before is dead.
    Replaced(Logged),
    /// This one has been replaced by another, and its tokens are dead: nothing is changed.
    Dead,
}

/// What a setting was before.
enum Before {
    /// The same, or not known; or another process is replacing it.
    Same,
    /// This.
    Other(String),
}

impl Store {
    /// Remembers the id of the secret that signs, empty when none does, and kills the tokens of the one before.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is changed.
    pub async fn remember_secret_key(&self, id: &str, stamp: Stamp) -> Result<Remembered, StoreError> {
        const DEAD: &str = "select 1 from revocations where kind = 'signing-key' and subject = $1";
        let id = id.to_owned();
        transaction!(self.db, async move |mut tx| {
            let dead: Option<(i32,)> =
                within!(tx, |connection| sqlx::query_as(DEAD).bind(&id).fetch_optional(connection))?;
            if dead.is_some() {
                return Ok(TransactionOutcome::Undo(Remembered::Dead));
            }
            match remember(&mut tx, SECRET_KEY, &id).await? {
                Before::Other(old) if !old.is_empty() => {
                    // The log's last entry is never pruned, and a secret is dead for as long as its entry is there.
                    let both = [Revocation::SigningKey(old), Revocation::NewSigningKeys];
                    let entries = both.iter().map(|revocation| log::entry(revocation, stamp)).collect();
                    let answer =
                        move |revision| Remembered::Replaced(Logged { revision, fingerprint: stamp.fingerprint });
                    Ok(TransactionOutcome::CommitWith(ClosingStatements::new(entries, answer)))
                }
                Before::Same | Before::Other(_) => Ok(TransactionOutcome::Commit(Remembered::Same)),
            }
        })
    }

    /// Remembers the issuer. Tokens of another one are dead: the log becomes another one, of another era, whose horizon is `now`.
    /// Returns whether there was another one.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is changed.
    pub async fn remember_issuer(&self, issuer: &str, fresh: LogId, now: Time) -> Result<bool, StoreError> {
        const SQL: &str = "update log_head set log_id = $1, \
             horizon = case when horizon < $2 then $2 else horizon end where id = 1 returning revision";
        let issuer = issuer.to_owned();
        transaction!(self.db, async move |mut tx| {
            match remember(&mut tx, ISSUER, &issuer).await? {
                Before::Same => Ok(TransactionOutcome::Commit(false)),
                Before::Other(_) => {
                    let renewal = SqlStatement::new(SQL).bind(fresh.0.as_slice()).bind(now);
                    let statements = vec![renewal, log::begin_era(Era::from_random(fresh.0))];
                    Ok(TransactionOutcome::CommitWith(ClosingStatements::new(statements, |_| true)))
                }
            }
        })
    }
}

/// Puts a value in the place of the one before. Of two that do so at once, one is told of it.
async fn remember(tx: &mut Tx<'_>, name: &str, value: &str) -> Result<Before, sqlx::Error> {
    const FIND: &str = "select value from secrets where name = $1";
    const FIRST: &str = "insert into secrets (name, value) values ($1, $2) on conflict (name) do nothing";
    const REPLACE: &str = "update secrets set value = $2 where name = $1 and value = $3";
    let old: Option<Vec<u8>> =
        within!(*tx, |connection| sqlx::query_scalar(FIND).bind(name).fetch_optional(connection))?;
    match old {
        Some(old) if old == value.as_bytes() => Ok(Before::Same),
        Some(old) => {
            let replaced = within!(*tx, sqlx::query(REPLACE).bind(name).bind(value.as_bytes()).bind(&old))?;
            if replaced == 0 {
                return Ok(Before::Same);
            }
            Ok(Before::Other(String::from_utf8_lossy(&old).into_owned()))
        }
        None => {
            within!(*tx, sqlx::query(FIRST).bind(name).bind(value.as_bytes()))?;
            Ok(Before::Same)
        }
    }
}
