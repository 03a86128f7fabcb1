//! The store's methods as values: calls and answers.

use auth_service::domain::{
    Actor, Allowance, AttemptLimits, AuditEventId, AuditKind, Client, EntryFingerprint, Failures, ListedSession,
    NewAuditEvent, NewUser, Roles, Session, SessionId, Stamp, User, UserChange, UserId, UserState,
};
use auth_service::store::{
    AccountDigest, AllowanceKind, AuthStore, Created, Filter, FirstSession, PasswordProof, Refreshable, Rotated,
    StoreError, Unchanged, WrongPassword,
};
use chrono::{DateTime, TimeDelta, Utc};
use db::requests::{self, Earlier};
use db::secrets;
use kit::request_id::RequestKey;

pub(crate) type Time = DateTime<Utc>;

/// A call of one of the store's methods.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Users(UserCall),
    Changes(ChangeCall),
    Sessions(SessionCall),
    Attempts(AttemptCall),
    Kept(KeptCall),
}

#[derive(Clone, Debug)]
pub(crate) enum UserCall {
    Create { new: Box<NewUser>, first: Option<Box<(Session, Client)>>, request: Option<RequestKey> },
    User { id: UserId },
    Users { ids: Vec<UserId> },
    CredentialsOf { id: UserId },
    Credentials { email_key: String },
    List { filter: Filter, after: Option<UserId>, limit: u32 },
}

#[derive(Clone, Debug)]
pub(crate) enum ChangeCall {
    Update { id: UserId, change: UserChange, proof: Option<PasswordProof>, expected: Option<i32>, now: Time },
    SetRoles { id: UserId, roles: Roles, expected: Option<i32>, now: Time },
    SetState { id: UserId, state: UserState, expected: Option<i32>, now: Time },
    ChangePassword { generation: i32, password_hash: String, session: Session, client: Client },
    EndAllSessions { user_id: UserId },
    Delete { id: UserId, expected: Option<i32>, now: Time },
}

#[derive(Clone, Debug)]
pub(crate) enum SessionCall {
    Create { session: Session, client: Client },
    List { user_id: UserId, after: Option<SessionId>, limit: u32, now: Time },
    Revoke { id: SessionId, user_id: Option<UserId>, now: Time },
    End { id: SessionId, now: Time },
    IsKnownAt { email_key: String, network: String },
    Refreshable { id: SessionId },
    Rotate { id: SessionId, generation: i32, rotated: Rotated, client: Client },
    RotateAgain { id: SessionId, generation: i32, graces: i32, end: Time },
    Sweep { now: Time },
}

#[derive(Clone, Debug)]
pub(crate) enum AttemptCall {
    Failures { account: AccountDigest },
    Claim { account: AccountDigest, seen: Failures, now: Time },
    Release { account: AccountDigest, seen: Failures },
    Add { account: Option<AccountDigest>, network: String, allowance: Allowance, now: Time },
    Clear { account: AccountDigest },
    Allowance { kind: AllowanceKind, network: String },
    Use { kind: AllowanceKind, network: String, allowance: Allowance, now: Time },
}

#[derive(Clone, Debug)]
pub(crate) enum KeptCall {
    Earlier { key: RequestKey, now: Time },
    PageTokenKey { fresh: [u8; 64] },
}

/// The result of a call.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    Done,
    Was(bool),
    Created(Created),
    User(Option<User>),
    Users(Vec<User>),
    Credentials(Option<(User, String)>),
    Changed(Result<User, Unchanged>),
    Deleted(Result<(), Unchanged>),
    Sessions(Vec<ListedSession>),
    Refreshable(Option<Box<Refreshable>>),
    Swept(u64),
    Failures(Option<Failures>),
    FullTime(Option<Time>),
    Used(Result<(), TimeDelta>),
    Earlier(Option<Earlier<UserId>>),
    Key(Vec<u8>),
}

impl Call {
    pub(crate) async fn ask(&self, store: &AuthStore) -> Result<Answer, StoreError> {
        match self {
            Self::Users(call) => call.ask(store).await,
            Self::Changes(call) => call.ask(store).await,
            Self::Sessions(call) => call.ask(store).await,
            Self::Attempts(call) => call.ask(store).await,
            Self::Kept(call) => call.ask(store).await,
        }
    }
}

impl UserCall {
    async fn ask(&self, store: &AuthStore) -> Result<Answer, StoreError> {
        Ok(match self {
            Self::Create { new, first, request } => {
                let first = first.as_ref().map(|first| FirstSession { session: &first.0, client: &first.1 });
                Answer::Created(store.create_user(new, first, request.as_ref(), &event()).await?)
            }
            Self::User { id } => Answer::User(store.user(*id).await?),
            Self::Users { ids } => {
                let mut users = store.users(ids).await?;
                users.sort_unstable_by_key(|user| user.id);
                Answer::Users(users)
            }
            Self::CredentialsOf { id } => {
                let found = store.proof_trial(*id, "").await?.found;
                Answer::Credentials(found.map(|found| (found.user, found.password_hash)))
            }
            Self::Credentials { email_key } => {
                let found = store.credentials(email_key).await?;
                Answer::Credentials(found.map(|found| (found.user, found.password_hash)))
            }
            Self::List { filter, after, limit } => Answer::Users(store.list_users(filter, *after, *limit).await?),
        })
    }
}

impl ChangeCall {
    async fn ask(&self, store: &AuthStore) -> Result<Answer, StoreError> {
        Ok(match self {
            Self::Update { id, change, proof, expected, now } => {
                Answer::Changed(store.update_user(*id, change, *proof, *expected, &event_at(*now)).await?)
            }
            Self::SetRoles { id, roles, expected, now } => Answer::Changed(
                store.set_roles(*id, roles, *expected, stamp(*now), &event()).await?.map(|changed| changed.user),
            ),
            Self::SetState { id, state, expected, now } => Answer::Changed(
                store.set_state(*id, *state, *expected, stamp(*now), &event()).await?.map(|changed| changed.user),
            ),
            Self::ChangePassword { generation, password_hash, session, client } => {
                let stamp = stamp(session.create_time);
                let changed =
                    store.change_password(*generation, password_hash, session, client, stamp, &event()).await?;
                Answer::User(changed.map(|changed| changed.user))
            }
            Self::EndAllSessions { user_id } => {
                let stamp = stamp(DateTime::UNIX_EPOCH);
                Answer::Was(store.end_all_sessions(*user_id, stamp, &event()).await?.is_some())
            }
            Self::Delete { id, expected, now } => {
                Answer::Deleted(store.delete_user(*id, *expected, stamp(*now), "erased", &event()).await?.map(drop))
            }
        })
    }
}

impl SessionCall {
    async fn ask(&self, store: &AuthStore) -> Result<Answer, StoreError> {
        Ok(match self {
            Self::Create { session, client } => Answer::Was(store.create_session(session, client, &event()).await?),
            Self::List { user_id, after, limit, now } => {
                Answer::Sessions(store.list_sessions(*user_id, *after, *limit, *now).await?)
            }
            Self::Revoke { id, user_id, now } => {
                Answer::Was(store.revoke_session(*id, *user_id, stamp(*now), &event()).await?.is_some())
            }
            Self::End { id, now } => {
                store.end_session(*id, stamp(*now), &event()).await?;
                Answer::Done
            }
            Self::IsKnownAt { email_key, network } => {
                Answer::Was(store.login_trial(email_key, network).await?.is_at_home)
            }
            Self::Refreshable { id } => Answer::Refreshable(store.refreshable(*id).await?.map(Box::new)),
            Self::Rotate { id, generation, rotated, client } => {
                Answer::Was(store.rotate(*id, *generation, rotated, client).await?)
            }
            Self::RotateAgain { id, generation, graces, end } => {
                Answer::Was(store.rotate_again(*id, *generation, *graces, *end).await?)
            }
            Self::Sweep { now } => Answer::Swept(store.sweep_sessions(*now).await?),
        })
    }
}

impl AttemptCall {
    async fn ask(&self, store: &AuthStore) -> Result<Answer, StoreError> {
        Ok(match self {
            Self::Failures { account } => Answer::Failures(store.failures(account).await?),
            Self::Claim { account, seen, now } => Answer::Was(store.claim_attempt(account, *seen, *now).await?),
            Self::Release { account, seen } => {
                store.release_attempt(account, *seen).await?;
                Answer::Done
            }
            Self::Add { account, network, allowance, now } => {
                store.add_failure(wrong(account.as_slice(), *allowance), network, *now).await?;
                Answer::Done
            }
            Self::Clear { account } => {
                store.clear_failures(account).await?;
                Answer::Done
            }
            Self::Allowance { kind, network } => Answer::FullTime(store.allowance(*kind, network).await?),
            Self::Use { kind, network, allowance, now } => {
                Answer::Used(store.use_allowance(*kind, network, *allowance, *now).await?)
            }
        })
    }
}

impl KeptCall {
    async fn ask(&self, store: &AuthStore) -> Result<Answer, StoreError> {
        Ok(match self {
            Self::Earlier { key, now } => Answer::Earlier(requests::find(store.db(), key, *now).await?),
            Self::PageTokenKey { fresh } => Answer::Key(secrets::page_token_key(store.db(), *fresh).await?.to_vec()),
        })
    }
}

/// Returns the stamp for a call's log entry. All calls share one fingerprint, because no answer contains it.
fn stamp(time: Time) -> Stamp {
    Stamp { fingerprint: EntryFingerprint([7; 16]), time }
}

/// Returns the event of a call. No answer contains it.
fn event() -> NewAuditEvent {
    event_at(DateTime::UNIX_EPOCH)
}

fn event_at(time: Time) -> NewAuditEvent {
    let id = AuditEventId::from_u128(u128::from_be_bytes(kit::random::bytes()));
    NewAuditEvent::new(id, time, AuditKind::UserCreated, Actor::System.into())
}

/// Returns a wrong password that locks no account.
fn wrong(accounts: &[AccountDigest], allowance: Allowance) -> WrongPassword {
    let limits = AttemptLimits {
        free_failures: i32::MAX,
        max_delay: TimeDelta::zero(),
        lock_after: i32::MAX,
        failures: allowance,
        sign_ups: allowance,
        leeway: TimeDelta::zero(),
    };
    WrongPassword { accounts: accounts.to_vec(), claimed: None, limits, failed: event(), locked: Some(event()) }
}
