//! Settings of the last start. A changed setting kills the tokens of its old value, through the log.

use db::{ClosingStatements, SqlStatement, TransactionOutcome, Tx, transaction, within};

use super::audit::Recording;
use super::{AuthStore, StoreError, audit, log};
use crate::domain::{Era, LogId, Logged, NewAuditEvent, Revocation, Stamp};

const SECRET_KEY: &str = "secret-key-id";
const ISSUER: &str = "issuer";

/// Result of remembering the secret at a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// The secret is unchanged, or is the first one.
    Same,
    /// The secret is new, and the tokens of the old one are dead.
    Replaced(Logged),
    /// The secret was replaced earlier, and its tokens are dead. Nothing is changed.
    Dead,
}

/// Earlier value of a setting.
enum Before {
    /// The value is unchanged, or is the first one, or another process is replacing it.
    Same,
    /// Another value.
    Other(String),
}

impl AuthStore {
    /// Remembers the id of the secret that signs (empty if keys sign instead), and kills the tokens of the previous
    /// secret.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is changed.
    pub async fn remember_secret_key(
        &self,
        id: &str,
        stamp: Stamp,
        event: &NewAuditEvent,
    ) -> Result<Remembered, StoreError> {
        const DEAD: &str = "select 1 from revocations where kind = 'signing-key' and subject = $1";
        let (id, event, recording) = (id.to_owned(), event.clone(), Recording::default());
        let recorded = recording.clone();
        let remembered = transaction!(self.db, async move |mut tx| {
            let dead: Option<(i32,)> =
                within!(tx, |connection| sqlx::query_as(DEAD).bind(&id).fetch_optional(connection))?;
            if dead.is_some() {
                return Ok(TransactionOutcome::Undo(Remembered::Dead));
            }
            match remember(&mut tx, SECRET_KEY, &id).await? {
                Before::Other(old) if !old.is_empty() => {
                    // A secret is dead while its entry exists. The log's last entry is never pruned, so another entry
                    // must follow.
                    let mut statements = recording.statements(vec![event.clone().about_key(&old)]);
                    let both = [Revocation::SigningKey(old), Revocation::NewSigningKeys];
                    statements.extend(both.iter().map(|revocation| log::entry(revocation, stamp)));
                    let answer =
                        move |revision| Remembered::Replaced(Logged { revision, fingerprint: stamp.fingerprint });
                    Ok(TransactionOutcome::CommitWith(ClosingStatements::new(statements, answer)))
                }
                Before::Same | Before::Other(_) => Ok(TransactionOutcome::Commit(Remembered::Same)),
            }
        })?;
        if let Remembered::Replaced(_) = remembered {
            self.publish(&recorded);
        }
        Ok(remembered)
    }

    /// Remembers the issuer, and kills the tokens of another issuer: the log gets a new identity and era, and the
    /// time of the event as its horizon. Returns true if there was another issuer.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is changed.
    pub async fn remember_issuer(&self, issuer: &str, fresh: LogId, event: &NewAuditEvent) -> Result<bool, StoreError> {
        const SQL: &str = "update log_head set log_id = $1, \
             horizon = case when horizon < $2 then $2 else horizon end where id = 1 returning revision";
        let (issuer, now, audit) = (issuer.to_owned(), event.time, audit::insert(event));
        let changed = transaction!(self.db, async move |mut tx| {
            match remember(&mut tx, ISSUER, &issuer).await? {
                Before::Same => Ok(TransactionOutcome::Commit(false)),
                Before::Other(_) => {
                    let renewal = SqlStatement::new(SQL).bind(fresh.0.as_slice()).bind(now);
                    let statements = vec![audit.clone(), renewal, log::begin_era(Era::from_random(fresh.0))];
                    Ok(TransactionOutcome::CommitWith(ClosingStatements::new(statements, |_| true)))
                }
            }
        })?;
        self.show_if(changed, event);
        Ok(changed)
    }
}

/// Replaces a value with a new one. Of two concurrent replacements, only one gets the old value.
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
