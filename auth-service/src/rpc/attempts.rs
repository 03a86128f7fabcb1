//! Who has been wrong too often waits: nothing is looked up or hashed for it, whether the account exists or not (C52).

use chrono::{DateTime, Utc};
use kit::Clock;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::domain::{AttemptLimits, Client, Failures, network};
use crate::error::Error;
use crate::passwords::{HashError, Share};
use crate::state::State;
use crate::store::{Account, Kind, Store, StoreError};

/// What a password is tried for.
pub(super) enum Tried<'a> {
    /// A login with this email, by its canonical form.
    Login(&'a str),
    /// An act of a user who is logged in.
    Proof(Uuid),
}

/// One password that is being tried.
pub(super) struct Attempt {
    store: Store,
    clock: Clock,
    limits: AttemptLimits,
    account: Account,
    network: String,
    claim: Option<Claim>,
    _share: Option<Share>,
}

impl Attempt {
    /// Lets the attempt go on, unless the account or the address must wait.
    pub(super) async fn begin(state: &State, tried: Tried<'_>, client: &Client) -> Result<Self, Error> {
        let (store, limits, now) = (&state.store, state.attempts, state.clock.now());
        let network = network(&client.peer);
        let full = store.allowance(Kind::Failure, &network).await?.unwrap_or(now);
        if let Some(wait) = limits.failures.wait(full, now) {
            return Err(Error::TooManyAttempts(wait));
        }
        // Where all callers have one address, a proxy's, that has no share of its own.
        let share = match limits.failures.burst {
            0 => None,
            _ => Some(state.shares.take(&network).ok_or(Error::Hash(HashError::Overloaded))?),
        };
        let account = account(store, tried, &network).await?;
        let mut claim = None;
        // Another attempt may come first: then the count is looked at again.
        while claim.is_none()
            && limits.free != 0
            && let Some(failures) = store.failures(&account).await?
        {
            if let Some(wait) = limits.wait(failures, now) {
                return Err(Error::TooManyAttempts(wait));
            }
            claim = Claim::make(store, account, failures, now).await?;
        }
        let (store, clock) = (store.clone(), state.clock.clone());
        Ok(Self { store, clock, limits, account, network, claim, _share: share })
    }

    /// The password was right: the account begins anew.
    pub(super) async fn succeeded(mut self) -> Result<(), Error> {
        if self.claim.take().is_some_and(Claim::keep) {
            self.store.clear_failures(&self.account).await?;
        }
        Ok(())
    }

    /// The password was wrong.
    pub(super) async fn failed(mut self) -> Result<(), Error> {
        let is_counted = self.claim.take().is_some_and(Claim::keep);
        let account = Some(&self.account).filter(|_| !is_counted && self.limits.free != 0);
        Ok(self.store.add_failure(account, &self.network, self.limits.failures, self.clock.now()).await?)
    }
}

/// An attempt that has been counted ahead of its outcome.
struct Claim {
    store: Store,
    account: Account,
    /// What was known of the account before; `None` once the attempt is judged.
    seen: Option<Failures>,
}

impl Claim {
    /// Counts the attempt, unless another has come first. A task of its own ends what a caller who goes meanwhile has begun,
    /// and then gives it back.
    async fn make(store: &Store, account: Account, seen: Failures, now: DateTime<Utc>) -> Result<Option<Self>, Error> {
        let store = store.clone();
        let claimed = tokio::spawn(async move {
            let is_ours = store.claim_attempt(&account, seen, now).await?;
            Ok::<_, StoreError>(is_ours.then(|| Self { store, account, seen: Some(seen) }))
        });
        match claimed.await {
            Ok(claimed) => Ok(claimed?),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// The attempt has been judged: it counts.
    fn keep(mut self) -> bool {
        self.seen.take().is_some()
    }
}

/// An attempt that nobody has judged, since the queue was full, the caller's time was over or the caller had gone, does not
/// count.
impl Drop for Claim {
    fn drop(&mut self) {
        let Some(seen) = self.seen.take() else { return };
        let (store, account) = (self.store.clone(), self.account);
        tokio::spawn(async move {
            if store.release_attempt(&account, seen).await.is_err() {
                tracing::warn!("an attempt that nobody has judged stays counted");
            }
        });
    }
}

/// Counts a registration or a change of an email address, unless the caller's address must wait.
pub(super) async fn sign_up(state: &State, client: &Client) -> Result<(), Error> {
    if state.attempts.sign_ups.burst == 0 {
        return Ok(());
    }
    let network = network(&client.peer);
    let used = state.store.use_allowance(Kind::SignUp, &network, state.attempts.sign_ups, state.clock.now()).await?;
    used.map_err(Error::TooManyAttempts)
}

/// What the attempts are counted under. An address at which the user has been logged in counts apart, so that nobody
/// elsewhere can lock the user out (C53); a user who is logged in counts apart from logins.
async fn account(store: &Store, tried: Tried<'_>, network: &str) -> Result<Account, Error> {
    let hash = Sha256::new();
    let hash = match tried {
        Tried::Login(email_key) if store.is_known_at(email_key, network).await? => {
            hash.chain_update("known\0").chain_update(network).chain_update("\0").chain_update(email_key)
        }
        Tried::Login(email_key) => hash.chain_update("login\0").chain_update(email_key),
        Tried::Proof(user) => hash.chain_update("proof\0").chain_update(user),
    };
    Ok(hash.finalize().into())
}

/// All accounts that a user's wrong passwords are counted under; the networks are those that the user has logged in at.
pub(crate) fn accounts_of(email_key: &str, user: Uuid, networks: &[String]) -> Vec<Account> {
    let login = Sha256::new().chain_update("login\0").chain_update(email_key);
    let proof = Sha256::new().chain_update("proof\0").chain_update(user);
    let known = networks.iter().map(|network| {
        Sha256::new().chain_update("known\0").chain_update(network).chain_update("\0").chain_update(email_key)
    });
    [login, proof].into_iter().chain(known).map(|hash| hash.finalize().into()).collect()
}
