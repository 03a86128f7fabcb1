//! Limits guesses: an account or an address with too many wrong passwords must wait, and nothing is hashed for it, whether
//! the account exists or not (C52).

use kit::Clock;
use kit::shutdown::Shutdown;

use super::accounts::{Accounts, Tried};
use super::claim::Claim;
use crate::domain::{AttemptLimits, Client, Password, User, UserState, network};
use crate::error::Error;
use crate::passwords::{Guess, HashError, Hasher};
use crate::state::State;
use crate::store::{Account, Credentials, Kind, Store};

/// One password that is being tried.
pub(super) struct Attempt {
    store: Store,
    hasher: Hasher,
    clock: Clock,
    limits: AttemptLimits,
    accounts: Accounts,
    network: String,
    found: Option<Credentials>,
    claim: Option<Claim>,
    /// Set while guesses from elsewhere bar this caller: the password is checked, and wrong whatever it is.
    is_void: bool,
    _guesses: [Option<Guess>; 2],
}

impl Attempt {
    /// Lets the attempt go on, unless the account or the address must wait.
    pub(super) async fn begin(state: &State, tried: Tried<'_>, client: &Client) -> Result<Self, Error> {
        let (store, limits, now) = (&state.store, state.attempts, state.clock.earliest());
        let network = network(&client.peer);
        let (accounts, trial) = Accounts::find(store, tried, &network).await?;
        if let Some(full) = trial.full_time
            && let Some(wait) = limits.failures.wait(full, now)
        {
            return Err(Error::TooManyAttempts(wait));
        }
        let (mut guess, mut elsewhere, mut claim, mut is_void) = (None, None, None, false);
        if limits.free != 0 {
            guess = Some(state.guesses.take(accounts.answering).ok_or(Error::Hash(HashError::Overloaded))?);
            elsewhere = accounts.elsewhere.and_then(|account| state.guesses.take(account));
            // After the guesses are taken: what fails before counts.
            let other = accounts.elsewhere.unwrap_or(accounts.answering);
            let [mut failed, failed_elsewhere] = store.failures_of([&accounts.answering, &other]).await?;
            while claim.is_none()
                && let Some(failures) = failed
            {
                if let Some(wait) = limits.wait(failures, now) {
                    return Err(Error::TooManyAttempts(wait));
                }
                claim = Claim::make(store, accounts.answering, failures, now).await?;
                if claim.is_none() {
                    // Another attempt has come first.
                    failed = store.failures(&accounts.answering).await?;
                }
            }
            if accounts.elsewhere.is_some() {
                let is_barred = failed_elsewhere.is_some_and(|failures| limits.wait(failures, now).is_some());
                is_void = !accounts.is_at_home && (elsewhere.is_none() || is_barred);
            }
        }
        let (store, hasher, clock) = (store.clone(), state.hasher.clone(), state.clock.clone());
        let (guesses, found) = ([guess, elsewhere], trial.found);
        Ok(Self { store, hasher, clock, limits, accounts, network, found, claim, is_void, _guesses: guesses })
    }

    /// Returns the user whose password this is. A known, an unknown and a disabled user cost the same work and get the same
    /// answer (C51).
    ///
    /// An attempt counts once its password has been hashed, also if its caller has gone meanwhile: a caller who resets the
    /// stream must not get a guess for nothing.
    pub(super) async fn judge(self, password: Password) -> Result<User, Error> {
        let gone = Shutdown::new();
        let is_gone = gone.clone();
        let judging = tokio::spawn(async move { self.judge_to_the_end(&is_gone, password).await });
        let _gone = gone.drop_guard();
        match judging.await {
            Ok(judged) => judged,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    async fn judge_to_the_end(mut self, gone: &Shutdown, password: Password) -> Result<User, Error> {
        let found = self.found.take();
        let hash = found.as_ref().map(|found| found.password_hash.clone());
        let line = line(self.limits, &self.network);
        let is_right = self.hasher.verify(line, gone, password, hash).await? && !self.is_void;
        if let Some(found) = found.filter(|found| is_right && found.user.state == UserState::Active) {
            self.succeeded().await?;
            return Ok(found.user);
        }
        self.failed().await?;
        Err(Error::InvalidCredentials)
    }

    /// The password was right: the account begins anew.
    async fn succeeded(mut self) -> Result<(), Error> {
        if self.claim.take().is_some_and(Claim::keep) {
            self.store.clear_failures(&self.accounts.answering).await?;
        }
        Ok(())
    }

    /// The password was wrong.
    async fn failed(mut self) -> Result<(), Error> {
        let is_counted = self.claim.take().is_some_and(Claim::keep);
        let answering = Some(self.accounts.answering).filter(|_| !is_counted);
        let counted: Vec<Account> = answering.into_iter().chain(self.accounts.elsewhere).collect();
        let counted = if self.limits.free == 0 { &[][..] } else { &counted };
        Ok(self.store.add_failure(counted, &self.network, self.limits.failures, self.clock.earliest()).await?)
    }
}

/// The line of the hashing queue for callers of this network. Where addresses have no limits, as behind a proxy that is not
/// trusted, all callers share one.
pub(super) fn line(limits: AttemptLimits, network: &str) -> Option<&str> {
    Some(network).filter(|_| limits.failures.burst != 0)
}

/// Counts a registration or a change of an email address, unless the caller's address must wait.
pub(super) async fn sign_up(state: &State, client: &Client) -> Result<(), Error> {
    if state.attempts.sign_ups.burst == 0 {
        return Ok(());
    }
    let network = network(&client.peer);
    let used =
        state.store.use_allowance(Kind::SignUp, &network, state.attempts.sign_ups, state.clock.earliest()).await?;
    used.map_err(Error::TooManyAttempts)
}
