//! Lookup before a password check, in one round trip: the server may be far away.

use db::read;
use sqlx::FromRow;

use super::rows::UserRow;
use super::{AccountDigest, AllowanceKind, AuthStore, Credentials, StoreError, Time};
use crate::domain::{Failures, UserId};

/// Account of a password check, and facts about the caller's network.
pub struct Trial {
    /// User and hash, if the user exists.
    pub found: Option<Credentials>,
    /// Time at which the address has its whole allowance of wrong passwords back, if it has used any of it.
    pub full_time: Option<Time>,
    /// Set if any user has a session, ended or not, that was started in this network.
    pub is_network_known: bool,
    /// Set if this user has such a session.
    pub is_at_home: bool,
}

impl AuthStore {
    /// Looks up a login by the email's canonical form and the caller's network.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn login_trial(&self, email_key: &str, network: &str) -> Result<Trial, StoreError> {
        const SQL: &str = "select u.id, u.name, u.email, u.roles, u.state, u.generation, u.revision, u.create_time, \
             u.update_time, u.password_hash, a.full_time, \
             exists (select 1 from sessions s where s.network = $2) as is_network_known, \
             exists (select 1 from users h join sessions s on s.user_id = h.id \
             where h.email_key = $1 and s.network = $2) as is_at_home \
             from (select 1 as one) o left join users u on u.email_key = $1 \
             left join allowances a on a.kind = $3 and a.network = $2";
        let row: TrialRow = read!(self.db, |reader| sqlx::query_as(SQL)
            .bind(email_key)
            .bind(network)
            .bind(AllowanceKind::Failure.text())
            .fetch_one(reader))?;
        Ok(row.into())
    }

    /// Looks up the user with this id, who proves a password from this network. Such proofs are counted separately from
    /// logins, for all networks together.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn proof_trial(&self, id: UserId, network: &str) -> Result<Trial, StoreError> {
        const SQL: &str = "select u.id, u.name, u.email, u.roles, u.state, u.generation, u.revision, u.create_time, \
             u.update_time, u.password_hash, a.full_time, false as is_network_known, false as is_at_home \
             from (select 1 as one) o left join users u on u.id = $1 \
             left join allowances a on a.kind = $3 and a.network = $2";
        let row: TrialRow = read!(self.db, |reader| sqlx::query_as(SQL)
            .bind(id)
            .bind(network)
            .bind(AllowanceKind::Failure.text())
            .fetch_one(reader))?;
        Ok(row.into())
    }

    /// Returns the wrong passwords of two accounts since the last correct one of each.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn failures_of(&self, accounts: [&AccountDigest; 2]) -> Result<[Option<Failures>; 2], StoreError> {
        const SQL: &str = "select account, failures, last_time from failed_attempts where account in ($1, $2)";
        let rows: Vec<(Vec<u8>, i32, Time)> = read!(self.db, |reader| sqlx::query_as(SQL)
            .bind(accounts[0].as_slice())
            .bind(accounts[1].as_slice())
            .fetch_all(reader))?;
        Ok(accounts.map(|wanted| {
            let row = rows.iter().find(|(account, ..)| account == wanted)?;
            Some(Failures { count: row.1, last: row.2 })
        }))
    }
}

#[derive(FromRow)]
struct TrialRow {
    /// Null if there is no user, like all columns of the user below.
    id: Option<UserId>,
    name: Option<String>,
    email: Option<String>,
    roles: Option<String>,
    state: Option<String>,
    generation: Option<i32>,
    revision: Option<i32>,
    create_time: Option<Time>,
    update_time: Option<Time>,
    password_hash: Option<String>,
    full_time: Option<Time>,
    is_network_known: bool,
    is_at_home: bool,
}

impl TrialRow {
    fn credentials(&mut self) -> Option<Credentials> {
        let user = UserRow {
            id: self.id?,
            name: self.name.take()?,
            email: self.email.take()?,
            roles: self.roles.take()?,
            state: self.state.take()?,
            generation: self.generation?,
            revision: self.revision?,
            create_time: self.create_time?,
            update_time: self.update_time?,
        };
        Some(Credentials { user: user.into(), password_hash: self.password_hash.take()? })
    }
}

impl From<TrialRow> for Trial {
    fn from(mut row: TrialRow) -> Self {
        let found = row.credentials();
        let TrialRow { full_time, is_network_known, is_at_home, .. } = row;
        Self { found, full_time, is_network_known, is_at_home }
    }
}
