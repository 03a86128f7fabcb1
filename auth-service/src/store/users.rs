//! Rows of the users table.

use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use super::{Store, StoreError};
use crate::domain::{NewUser, Roles, Session, User, UserState};

/// A user together with what a login is checked against, all read in one statement.
pub struct Credentials {
    /// The user.
    pub user: User,
    /// A PHC string.
    pub password_hash: String,
}

/// What became of a user to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Created {
    /// The row stands.
    User(Box<User>),
    /// Another user has this email.
    EmailTaken,
}

impl Store {
    /// Adds a user and, where one is given, the first session, or does nothing when the email is taken.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written.
    pub async fn create_user(&self, new: &NewUser, session: Option<&Session>) -> Result<Created, StoreError> {
        const SQL: &str = "insert into users (id, name, email, email_key, password_hash, roles, state, generation, \
             sessions_since, revision, create_time, update_time) \
             values ($1, $2, $3, $4, $5, $6, 'active', 1, 1, 1, $7, $7) on conflict (email_key) do nothing \
             returning id, name, email, roles, state, generation, revision, create_time, update_time";
        let mut transaction = self.db.writer().begin().await?;
        let user: Option<User> = sqlx::query_as(SQL)
            .bind(new.id)
            .bind(new.name.as_str())
            .bind(new.email.as_str())
            .bind(new.email.key())
            .bind(&new.password_hash)
            .bind(new.roles.to_text())
            .bind(new.create_time)
            .fetch_optional(&mut *transaction)
            .await?;
        let Some(user) = user else { return Ok(Created::EmailTaken) };
        if let Some(session) = session {
            super::sessions::insert(&mut transaction, session).await?;
        }
        transaction.commit().await?;
        Ok(Created::User(Box::new(user)))
    }

    /// The user with this id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn user(&self, id: Uuid) -> Result<Option<User>, StoreError> {
        const SQL: &str = "select id, name, email, roles, state, generation, revision, create_time, update_time \
             from users where id = $1";
        Ok(sqlx::query_as(SQL).bind(id).fetch_optional(self.db.reader()).await?)
    }

    /// The user whose email has this canonical form.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn credentials(&self, email_key: &str) -> Result<Option<Credentials>, StoreError> {
        const SQL: &str = "select id, name, email, roles, state, generation, revision, create_time, update_time, \
             password_hash from users where email_key = $1";
        Ok(sqlx::query_as(SQL).bind(email_key).fetch_optional(self.db.reader()).await?)
    }
}

impl FromRow<'_, SqliteRow> for User {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            email: row.try_get("email")?,
            roles: Roles::from_text(row.try_get("roles")?),
            state: state(row.try_get("state")?),
            generation: row.try_get("generation")?,
            revision: row.try_get("revision")?,
            create_time: row.try_get("create_time")?,
            update_time: row.try_get("update_time")?,
        })
    }
}

impl FromRow<'_, SqliteRow> for Credentials {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self { user: User::from_row(row)?, password_hash: row.try_get("password_hash")? })
    }
}

/// A state that this version does not know opens no door.
pub(super) fn state(text: &str) -> UserState {
    if text == "active" { UserState::Active } else { UserState::Disabled }
}
