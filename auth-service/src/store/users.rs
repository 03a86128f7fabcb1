//! Rows of the users table.

use kit::db::requests;
use kit::request_id::RequestKey;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use super::{Store, StoreError};
use crate::domain::{Client, NewUser, Role, Roles, Session, User, UserState};

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
    /// A request under the same id came first.
    Repeated,
}

/// Which users are wanted: those of whom everything that is set is true.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The canonical form of the email.
    pub email_key: Option<String>,
    /// A role that they have.
    pub role: Option<Role>,
    /// The state that they are in.
    pub state: Option<UserState>,
}

impl Store {
    /// Adds a user and, where one is given, the first session, or does nothing when the email is taken or a request
    /// under the same id has come first.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written.
    pub async fn create_user(
        &self,
        new: &NewUser,
        first: Option<(&Session, &Client)>,
        request: Option<&RequestKey>,
    ) -> Result<Created, StoreError> {
        const SQL: &str = "insert into users (id, name, email, email_key, password_hash, roles, state, generation, \
             sessions_since, revision, create_time, update_time) \
             values ($1, $2, $3, $4, $5, $6, 'active', 1, 1, 1, $7, $7) on conflict (email_key) do nothing \
             returning id, name, email, roles, state, generation, revision, create_time, update_time";
        let mut transaction = self.db.begin().await?;
        if let Some(key) = request
            && !requests::keep(&mut transaction, key, new.id, new.create_time).await?
        {
            return Ok(Created::Repeated);
        }
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
        if let Some((session, client)) = first {
            super::sessions::insert(&mut transaction, session, client).await?;
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

    /// Those of these users that exist, in no order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn users(&self, ids: &[Uuid]) -> Result<Vec<User>, StoreError> {
        const SQL: &str = "select id, name, email, roles, state, generation, revision, create_time, update_time \
             from users where id in ($1, $2, $3, $4, $5, $6, $7, $8) order by id limit 8";
        let mut found = Vec::with_capacity(ids.len());
        for some in ids.chunks(8) {
            // What is missing in the last eight is the nil id, which no row has.
            let padded = some.iter().copied().chain(std::iter::repeat(Uuid::nil())).take(8);
            let query = padded.fold(sqlx::query_as(SQL), sqlx::query::QueryAs::bind);
            found.extend(query.fetch_all(self.db.reader()).await?);
        }
        Ok(found)
    }

    /// At most `limit` of the users that the filter wants, newest first, that are older than the user `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_users(&self, filter: &Filter, after: Option<Uuid>, limit: u32) -> Result<Vec<User>, StoreError> {
        const SQL: &str = "select id, name, email, roles, state, generation, revision, create_time, update_time \
             from users where id < $1 and ($2 is null or state = $2) \
             and ($3 is null or ' ' || roles || ' ' like $3 escape '\\') order by id desc limit $4";
        const BY_EMAIL: &str = "select id, name, email, roles, state, generation, revision, create_time, update_time \
             from users where email_key = $5 and id < $1 and ($2 is null or state = $2) \
             and ($3 is null or ' ' || roles || ' ' like $3 escape '\\') order by id desc limit $4";
        // The one character of a role that `like` would take for any character.
        let role = filter.role.as_ref().map(|role| format!("% {} %", role.as_str().replace('_', "\\_")));
        let sql = if filter.email_key.is_some() { BY_EMAIL } else { SQL };
        let mut query = sqlx::query_as(sql)
            .bind(after.unwrap_or(Uuid::max()))
            .bind(filter.state.map(state_text))
            .bind(role)
            .bind(i64::from(limit));
        if let Some(email_key) = &filter.email_key {
            query = query.bind(email_key);
        }
        Ok(query.fetch_all(self.db.reader()).await?)
    }

    /// The user with this id, and what a password is checked against.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn credentials_of(&self, id: Uuid) -> Result<Option<Credentials>, StoreError> {
        const SQL: &str = "select id, name, email, roles, state, generation, revision, create_time, update_time, \
             password_hash from users where id = $1";
        Ok(sqlx::query_as(SQL).bind(id).fetch_optional(self.db.reader()).await?)
    }

    /// The user whose email has this canonical form, and what a password is checked against.
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

pub(super) fn state_text(state: UserState) -> &'static str {
    match state {
        UserState::Active => "active",
        UserState::Disabled => "disabled",
    }
}

/// A state that this version does not know opens no door.
pub(super) fn state(text: &str) -> UserState {
    if text == "active" { UserState::Active } else { UserState::Disabled }
}
