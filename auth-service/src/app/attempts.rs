//! Limits guesses: an account or an address with too many wrong passwords must wait, and its passwords are not hashed.
//! Unknown accounts are limited like known ones (C52).

use chrono::{DateTime, Utc};
use kit::Clock;
use kit::shutdown::Shutdown;

use super::accounts::{AttemptAccounts, PasswordPurpose};
use super::attempt_claim::AttemptClaim;
use super::refusal_delay::RefusalDelay;
use crate::audit::AuditSource;
use crate::domain::{
    AttemptLimits, AuditContext, AuditKind, Client, Failures, NewAuditEvent, Password, User, UserState, network,
};
use crate::error::AuthError;
use crate::passwords::{Guess, Guesses, HashError, Hasher};
use crate::store::{AccountDigest, AllowanceKind, AuthStore, Credentials, WrongPassword};

/// Parts that check passwords and count attempts.
#[derive(Clone)]
pub(crate) struct Attempts {
    pub(crate) store: AuthStore,
    pub(crate) hasher: Hasher,
    /// Password checks under way, by account.
    pub(crate) guesses: Guesses,
    pub(crate) refusals: RefusalDelay,
    pub(crate) limits: AttemptLimits,
    pub(crate) clock: Clock,
    pub(crate) audit: AuditSource,
}

/// Check of one password.
struct Attempt {
    parts: Attempts,
    accounts: AttemptAccounts,
    network: String,
    found: Option<Credentials>,
    turn: AttemptTurn,
    context: AuditContext,
    /// Kind of the event of a failure.
    failure: AuditKind,
}

/// Permission to check the password of an attempt.
#[derive(Default)]
struct AttemptTurn {
    /// Slots for concurrent guesses, one for each account that counts this attempt, held until a failure is counted.
    _guesses: [Option<Guess>; 2],
    claim: Option<AttemptClaim>,
    /// Set if guesses from other networks block this caller: the password is hashed and then refused, even if it is
    /// right.
    is_void: bool,
}

impl Attempts {
    /// Returns the user if the password is right. Fails if the account or the caller's address must wait.
    pub(super) async fn check(
        &self,
        purpose: PasswordPurpose<'_>,
        context: &AuditContext,
        password: Password,
    ) -> Result<User, AuthError> {
        let checked = async { self.begin(purpose, context).await?.check_password(password).await };
        self.refusals.pace(checked.await).await
    }

    /// Hashes a new password for this client.
    pub(super) async fn hash(&self, client: &Client, password: Password) -> Result<String, AuthError> {
        let network = network(&client.peer);
        let hashed = self.hasher.hash(self.line(&network), password).await;
        self.refusals.pace(hashed.map_err(AuthError::from)).await
    }

    /// Counts a registration or a change of an email address. Fails if the caller's address must wait.
    pub(crate) async fn sign_up(&self, client: &Client) -> Result<(), AuthError> {
        let allowance = self.limits.sign_ups;
        if allowance.burst == 0 {
            return Ok(());
        }
        let network = network(&client.peer);
        let used = self.store.use_allowance(AllowanceKind::SignUp, &network, allowance, self.clock.earliest()).await?;
        self.refusals.pace(used.map_err(AuthError::TooManyAttempts)).await
    }

    /// Fails if the caller's address has failed too often.
    pub(super) async fn check_address(&self, client: &Client) -> Result<(), AuthError> {
        let allowance = self.limits.failures;
        let full = self.store.allowance(AllowanceKind::Failure, &network(&client.peer)).await?;
        let wait = full.and_then(|full| allowance.wait(full, self.clock.earliest()));
        wait.map_or(Ok(()), |wait| Err(AuthError::TooManyAttempts(wait)))
    }

    /// Counts a failure of the caller's address, but of no account, and records the event.
    pub(super) async fn count_failure(&self, failed: NewAuditEvent) -> Result<(), AuthError> {
        let (network, accounts) = (network(&failed.context.client.peer), Vec::new());
        let wrong = WrongPassword { accounts, claimed: None, limits: self.limits, failed, locked: None };
        Ok(self.store.add_failure(wrong, &network, self.clock.earliest()).await?)
    }

    /// Returns the line of the hashing queue for callers of this network. All callers share one line if addresses have no
    /// limits, for example behind an untrusted proxy.
    fn line<'a>(&self, network: &'a str) -> Option<&'a str> {
        Some(network).filter(|_| self.limits.failures.burst != 0)
    }

    /// Looks up the account. Fails if the hashing queue has no room, or if the address or the account must wait.
    async fn begin(&self, purpose: PasswordPurpose<'_>, context: &AuditContext) -> Result<Attempt, AuthError> {
        let (limits, now) = (self.limits, self.clock.earliest());
        let network = network(&context.client.peer);
        let failure = match purpose {
            PasswordPurpose::Login(_) => AuditKind::LoginFailed,
            PasswordPurpose::Proof(_) => AuditKind::PasswordCheckFailed,
        };
        // A refusal for lack of room reads no database, so that it costs little.
        self.hasher.check_room(self.line(&network))?;
        let (accounts, trial) = AttemptAccounts::find(&self.store, purpose, &network).await?;
        if let Some(wait) = trial.full_time.and_then(|full| limits.failures.wait(full, now)) {
            return Err(AuthError::TooManyAttempts(wait));
        }
        let turn = if limits.free_failures == 0 { AttemptTurn::default() } else { self.turn(&accounts, now).await? };
        let (parts, context) = (self.clone(), context.clone());
        Ok(Attempt { parts, accounts, network, found: trial.found, turn, context, failure })
    }

    /// Takes the slots of a guess, then reads the failures of the accounts that count it. A guess counts its failure
    /// before it frees its slots, so the read misses at most the failures of the few guesses that hold a slot.
    async fn turn(&self, accounts: &AttemptAccounts, now: DateTime<Utc>) -> Result<AttemptTurn, AuthError> {
        let guess = self.guesses.take(accounts.answering).ok_or(AuthError::Hash(HashError::Overloaded))?;
        let elsewhere = accounts.elsewhere.and_then(|account| self.guesses.take(account));
        let other = accounts.elsewhere.unwrap_or(accounts.answering);
        let [failed, failed_elsewhere] = self.store.failures_of([&accounts.answering, &other]).await?;
        let claim = self.claim(accounts.answering, failed, now).await?;
        let is_barred = || failed_elsewhere.is_some_and(|failures| self.limits.wait(failures, now).is_some());
        let is_void = accounts.elsewhere.is_some() && !accounts.is_at_home && (elsewhere.is_none() || is_barred());
        Ok(AttemptTurn { _guesses: [Some(guess), elsewhere], claim, is_void })
    }

    /// Counts an attempt of an account that has failed before. Fails if the account must wait.
    async fn claim(
        &self,
        account: AccountDigest,
        mut failed: Option<Failures>,
        now: DateTime<Utc>,
    ) -> Result<Option<AttemptClaim>, AuthError> {
        while let Some(failures) = failed {
            if let Some(wait) = self.limits.wait(failures, now) {
                return Err(AuthError::TooManyAttempts(wait));
            }
            if let Some(claim) = AttemptClaim::make(&self.store, account, failures, now).await? {
                return Ok(Some(claim));
            }
            // Another attempt was counted first.
            failed = self.store.failures(&account).await?;
        }
        Ok(None)
    }
}

impl Attempt {
    /// Returns the user if the password is right. A known, an unknown and a disabled user cost the same work and get the same
    /// answer (C51).
    ///
    /// An attempt counts once its password has been hashed, even if the caller has gone by then. Otherwise a caller
    /// could get free guesses by resetting the stream.
    async fn check_password(self, password: Password) -> Result<User, AuthError> {
        let gone = Shutdown::new();
        let is_gone = gone.clone();
        let checking = tokio::spawn(async move { self.check_to_the_end(&is_gone, password).await });
        let _gone = gone.drop_guard();
        match checking.await {
            Ok(checked) => checked,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// Checks the password and counts the attempt, even after the caller has gone.
    async fn check_to_the_end(mut self, gone: &Shutdown, password: Password) -> Result<User, AuthError> {
        let found = self.found.take();
        let hash = found.as_ref().map(|found| found.password_hash.clone());
        let line = self.parts.line(&self.network);
        let is_right = self.parts.hasher.verify(line, gone, password, hash).await?;
        let reason = match &found {
            None => "unknown_user",
            Some(_) if !is_right => "wrong_password",
            Some(found) if found.user.state != UserState::Active => "disabled_user",
            Some(_) if self.turn.is_void => "barred",
            Some(found) => {
                let user = found.user.clone();
                self.succeeded().await?;
                return Ok(user);
            }
        };
        let event = |kind| {
            let event = self.parts.audit.event(kind, &self.context);
            found.as_ref().map_or(event.clone(), |found| event.about_user(found.user.id))
        };
        let (failed, locked) = (event(self.failure).with("reason", reason), event(AuditKind::AccountLocked));
        self.failed(failed, locked).await?;
        Err(AuthError::InvalidCredentials)
    }

    /// Clears the failures of the account after a right password.
    async fn succeeded(mut self) -> Result<(), AuthError> {
        if self.turn.claim.take().and_then(AttemptClaim::keep).is_some() {
            self.parts.store.clear_failures(&self.accounts.answering).await?;
        }
        Ok(())
    }

    /// Counts a wrong password, and records the events.
    async fn failed(mut self, failed: NewAuditEvent, locked: NewAuditEvent) -> Result<(), AuthError> {
        let claimed = self.turn.claim.take().and_then(AttemptClaim::keep);
        let answering = Some(self.accounts.answering).filter(|_| claimed.is_none());
        let accounts = answering.into_iter().chain(self.accounts.elsewhere);
        let Attempts { store, limits, clock, .. } = &self.parts;
        let accounts = accounts.filter(|_| limits.free_failures != 0).collect();
        let wrong = WrongPassword { accounts, claimed, limits: *limits, failed, locked: Some(locked) };
        Ok(store.add_failure(wrong, &self.network, clock.earliest()).await?)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::domain::Allowance;
    use crate::store::DatabaseUrl;

    const ACCOUNT: AccountDigest = [7; 32];

    /// Attempts on an empty database. No password is hashed.
    struct AttemptTest {
        attempts: Attempts,
        _folder: tempfile::TempDir,
    }

    impl AttemptTest {
        async fn new() -> Self {
            let folder = testkit::folder();
            let store = AuthStore::open(&DatabaseUrl::Sqlite(folder.path().join("auth.db"))).await.unwrap();
            let (hasher, guesses, refusals) = (Hasher::without_threads(), Guesses::default(), RefusalDelay::new(16));
            let (failures, minute) = (Allowance { burst: 50, per_minute: 20 }, TimeDelta::minutes(1));
            let (sign_ups, max_delay, leeway) = (failures, minute, minute);
            let limits = AttemptLimits { free_failures: 4, max_delay, lock_after: 100, failures, sign_ups, leeway };
            let clock = Clock::system();
            let audit = AuditSource::new(clock.clone());
            let attempts = Attempts { store, hasher, guesses, refusals, limits, clock, audit };
            Self { attempts, _folder: folder }
        }
    }

    fn password() -> Password {
        Password::new("correct password".into())
    }

    #[tokio::test]
    async fn refusal_for_lack_of_room_reads_no_database() {
        let test = AttemptTest::new().await;
        let (attempts, context) = (&test.attempts, AuditContext::default());
        let login = || attempts.check(PasswordPurpose::Login("ada@example.com"), &context, password());
        attempts.store.close().await;
        assert!(matches!(login().await, Err(AuthError::Store(_))), "a login with room reads the database");
        let mut waiting = Vec::new();
        while attempts.hasher.check_room(attempts.line(&network(&context.client.peer))).is_ok() {
            let mut asked = Box::pin(attempts.hash(&context.client, password()));
            assert!(futures_util::poll!(&mut asked).is_pending());
            waiting.push(asked);
        }
        assert!(matches!(login().await, Err(AuthError::Hash(HashError::Overloaded))));
    }

    #[tokio::test]
    async fn each_network_has_its_line_unless_addresses_have_no_limits() {
        let mut test = AttemptTest::new().await;
        assert_eq!(test.attempts.line("192.0.2.0/24"), Some("192.0.2.0/24"));
        test.attempts.limits.failures.burst = 0;
        assert_eq!(test.attempts.line("192.0.2.0/24"), None);
    }

    #[tokio::test]
    async fn claim_without_an_outcome_is_released() {
        let test = AttemptTest::new().await;
        let (store, limits, now) = (&test.attempts.store, test.attempts.limits, test.attempts.clock.earliest());
        let failed = test.attempts.audit.event(AuditKind::LoginFailed, AuditContext::default());
        let wrong = WrongPassword { accounts: vec![ACCOUNT], claimed: None, limits, failed, locked: None };
        store.add_failure(wrong, "192.0.2.0/24", now).await.unwrap();
        let seen = store.failures(&ACCOUNT).await.unwrap().unwrap();
        let claim = AttemptClaim::make(store, ACCOUNT, seen, now).await.unwrap();
        assert_eq!(store.failures(&ACCOUNT).await.unwrap().unwrap().count, seen.count + 1);
        drop(claim);
        let released = async { while store.failures(&ACCOUNT).await.unwrap() != Some(seen) {} };
        tokio::time::timeout(std::time::Duration::from_secs(10), released).await.expect("the claim stays counted");
    }
}
