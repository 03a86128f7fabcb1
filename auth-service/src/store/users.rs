//! Rows of the users table.

use db::{TransactionOutcome, read, requests, settle, transaction, within};
use kit::request_id::RequestKey;
use sqlx::FromRow;
use sqlx::query::QueryAs;

use super::audit::Recording;
use super::rows::{UserRow, state_text};
use super::{AuthStore, StoreError, roles, sessions};
use crate::domain::{Client, NewAuditEvent, NewUser, Role, Session, User, UserId, UserState};

/// Generation of a new user, as the statement that creates the user writes it.
const FIRST_GENERATION: i32 = 1;

/// User and password hash, read in one statement.
pub struct Credentials {
    /// User.
    pub user: User,
    /// Password hash as a PHC string.
    pub password_hash: String,
}

/// Result of the creation of a user.
#[derive(Debug, PartialEq, Eq)]
pub enum Created {
    /// The user was created.
    User(Box<User>),
    /// Another user has this email.
    EmailTaken,
    /// An earlier request had the same id.
    Repeated,
}

/// Session that starts together with its user.
#[derive(Clone, Copy, Debug)]
pub struct FirstSession<'a> {
    /// The session.
    pub session: &'a Session,
    /// Client that starts the session.
    pub client: &'a Client,
}

/// Filter of a list of users; all fields that are set must match.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Canonical form of the email.
    pub email_key: Option<String>,
    /// Role of the users.
    pub role: Option<Role>,
    /// State of the users.
    pub state: Option<UserState>,
}

impl AuthStore {
    /// Creates a user and, if given, the first session. Does nothing if the email is taken or an earlier request had
    /// the same id.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written, except with [`StoreError::Unknown`].
    pub async fn create_user(
        &self,
        new: &NewUser,
        first: Option<FirstSession<'_>>,
        request: Option<&RequestKey>,
        event: &NewAuditEvent,
    ) -> Result<Created, StoreError> {
        let recording = Recording::default();
        // A later change may have raised the generation: the tokens must have that of the first session.
        let made = |user| Created::User(Box::new(User { generation: FIRST_GENERATION, ..user }));
        let find = || async { Ok::<_, StoreError>(self.user(new.id).await?.map(made)) };
        let created = settle(|| self.try_create(new, first, request, event, &recording), find).await?;
        if matches!(created, Created::User(_)) {
            self.publish(&recording);
        }
        Ok(created)
    }

    async fn try_create(
        &self,
        new: &NewUser,
        first: Option<FirstSession<'_>>,
        request: Option<&RequestKey>,
        event: &NewAuditEvent,
        recording: &Recording,
    ) -> Result<Created, StoreError> {
        const SQL: &str = "insert into users (id, name, email, email_key, password_hash, roles, state, generation, \
             sessions_since, revision, create_time, update_time, last_login_time) \
             values ($1, $2, $3, $4, $5, $6, 'active', 1, 1, 1, $7, $7, $8) on conflict (email_key) do nothing \
             returning id, name, email, roles, state, generation, revision, create_time, update_time";
        let first = first.map(|first| (first.session.clone(), first.client.clone()));
        let (new, request, recording) = (new.clone(), request.cloned(), recording.clone());
        let event = match &first {
            Some((session, _)) => event.clone().about_user(new.id).session(session.id),
            None => event.clone().about_user(new.id),
        };
        transaction!(self.db, async move |mut tx| {
            if let Some(key) = &request
                && !requests::keep(&mut tx, key, new.id, new.create_time).await?
            {
                return Ok(TransactionOutcome::Undo(Created::Repeated));
            }
            let user: Option<UserRow> = within!(tx, |connection| sqlx::query_as(SQL)
                .bind(new.id)
                .bind(new.name.as_str())
                .bind(new.email.as_str())
                .bind(new.email.key())
                .bind(&new.password_hash)
                .bind(new.roles.to_text())
                .bind(new.create_time)
                .bind(first.as_ref().map(|(session, _)| session.create_time))
                .fetch_optional(connection))?;
            let Some(user) = user else { return Ok(TransactionOutcome::Undo(Created::EmailTaken)) };
            roles::insert(&mut tx, new.id, &new.roles).await?;
            if let Some((session, client)) = &first {
                sessions::insert(&mut tx, session, client).await?;
            }
            Ok(recording.commit(vec![event.clone()], Created::User(Box::new(user.into()))))
        })
    }

    /// Returns the user with this id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        const SQL: &str = "select id, name, email, roles, state, generation, revision, create_time, update_time \
             from users where id = $1";
        let user: Option<UserRow> = read!(self.db, |reader| sqlx::query_as(SQL).bind(id).fetch_optional(reader))?;
        Ok(user.map(User::from))
    }

    /// Returns those of these users that exist, in no particular order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn users(&self, ids: &[UserId]) -> Result<Vec<User>, StoreError> {
        const SQL: &str = "select id, name, email, roles, state, generation, revision, create_time, update_time \
             from users where id in ($1, $2, $3, $4, $5, $6, $7, $8) order by id limit 8";
        let mut found = Vec::with_capacity(ids.len());
        for some in ids.chunks(8) {
            // The last chunk is padded with the nil id, which no row has.
            let padded = || some.iter().copied().chain(std::iter::repeat(UserId::NIL)).take(8);
            let users: Vec<UserRow> =
                read!(self.db, |reader| padded().fold(sqlx::query_as(SQL), QueryAs::bind).fetch_all(reader))?;
            found.extend(users.into_iter().map(User::from));
        }
        Ok(found)
    }

    /// Returns at most `limit` users that match the filter and are older than the user `after`, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_users(
        &self,
        filter: &Filter,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<User>, StoreError> {
        const ALL: &str = "select id, name, email, roles, state, generation, revision, create_time, update_time \
             from users where id < $1 order by id desc limit $2";
        const BY_STATE: &str = "select id, name, email, roles, state, generation, revision, create_time, update_time \
             from users where state = $3 and id < $1 order by id desc limit $2";
        const BY_ROLE: &str = "select u.id, name, email, roles, u.state, generation, revision, create_time, \
             update_time from user_roles r join users u on u.id = r.user_id \
             where r.role = $3 and r.user_id < $1 order by r.user_id desc limit $2";
        const BY_ROLE_AND_STATE: &str = "select u.id, name, email, roles, u.state, generation, revision, create_time, \
             update_time from user_roles r join users u on u.id = r.user_id \
             where r.role = $4 and r.state = $3 and r.user_id < $1 order by r.user_id desc limit $2";
        const BY_EMAIL: &str = "select id, name, email, roles, state, generation, revision, create_time, update_time \
             from users u where email_key = $5 and id < $1 and ($3 is null or state = $3) \
             and ($4 is null or exists (select 1 from user_roles r where r.role = $4 and r.user_id = u.id)) limit $2";
        let (after, limit) = (after.unwrap_or(UserId::MAX), i64::from(limit));
        let state = filter.state.map(state_text);
        let role = filter.role.as_ref().map(Role::as_str);
        let users: Vec<UserRow> = match (&filter.email_key, role, state) {
            (Some(email_key), ..) => read!(self.db, |reader| sqlx::query_as(BY_EMAIL)
                .bind(after)
                .bind(limit)
                .bind(state)
                .bind(role)
                .bind(email_key)
                .fetch_all(reader)),
            (None, Some(role), Some(state)) => read!(self.db, |reader| sqlx::query_as(BY_ROLE_AND_STATE)
                .bind(after)
                .bind(limit)
                .bind(state)
                .bind(role)
                .fetch_all(reader)),
            (None, Some(role), None) => {
                read!(self.db, |reader| sqlx::query_as(BY_ROLE).bind(after).bind(limit).bind(role).fetch_all(reader))
            }
            (None, None, Some(state)) => {
                read!(self.db, |reader| sqlx::query_as(BY_STATE).bind(after).bind(limit).bind(state).fetch_all(reader))
            }
            (None, None, None) => {
                read!(self.db, |reader| sqlx::query_as(ALL).bind(after).bind(limit).fetch_all(reader))
            }
        }?;
        Ok(users.into_iter().map(User::from).collect())
    }

    /// Returns the user with this canonical email, and the password hash.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn credentials(&self, email_key: &str) -> Result<Option<Credentials>, StoreError> {
        const SQL: &str = "select id, name, email, roles, state, generation, revision, create_time, update_time, \
             password_hash from users where email_key = $1";
        let row: Option<CredentialsRow> =
            read!(self.db, |reader| sqlx::query_as(SQL).bind(email_key).fetch_optional(reader))?;
        Ok(row.map(Credentials::from))
    }
}

#[derive(FromRow)]
struct CredentialsRow {
    #[sqlx(flatten)]
    user: UserRow,
    password_hash: String,
}

impl From<CredentialsRow> for Credentials {
    fn from(row: CredentialsRow) -> Self {
        Self { user: row.user.into(), password_hash: row.password_hash }
    }
}
