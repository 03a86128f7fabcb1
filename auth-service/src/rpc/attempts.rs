//! Who has been wrong too often waits: nothing is looked up or hashed for it, whether the account exists or not (C52).

use kit::Clock;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::domain::{AttemptLimits, Client, network};
use crate::error::Error;
use crate::state::State;
use crate::store::{Account, Kind, Store};

/// What a password is tried for.
pub(super) enum Tried<'a> {
    /// A login with this email, by its canonical form.
    Login(&'a str),
    /// An act of a user who is logged in.
    Proof(Uuid),
}

/// One password that is being tried.
pub(super) struct Attempt<'a> {
    store: &'a Store,
    clock: &'a Clock,
    limits: AttemptLimits,
    account: Account,
    network: String,
    /// Whether the account's count has it already.
    counted: bool,
}

impl<'a> Attempt<'a> {
    /// Lets the attempt go on, unless the account or the address must wait.
    pub(super) async fn begin(state: &'a State, tried: Tried<'_>, client: &Client) -> Result<Self, Error> {
        let (store, clock, limits) = (&state.store, &state.clock, state.attempts);
        let (network, now) = (network(&client.peer), clock.now());
        let full = store.allowance(Kind::Failure, &network).await?.unwrap_or(now);
        if let Some(wait) = limits.failures.wait(full, now) {
            return Err(Error::TooManyAttempts(wait));
        }
        let account = account(store, tried, &client.peer).await?;
        let mut attempt = Self { store, clock, limits, account, network, counted: false };
        while limits.free != 0
            && let Some(failures) = store.failures(&account).await?
        {
            if let Some(wait) = limits.wait(failures, now) {
                return Err(Error::TooManyAttempts(wait));
            }
            attempt.counted = store.claim_attempt(&account, failures, now).await?;
            // Another attempt came first: the count is looked at again.
            if attempt.counted {
                break;
            }
        }
        Ok(attempt)
    }

    /// The password was right: the account begins anew.
    pub(super) async fn succeeded(self) -> Result<(), Error> {
        if self.counted {
            self.store.clear_failures(&self.account).await?;
        }
        Ok(())
    }

    /// The password was wrong.
    pub(super) async fn failed(self) -> Result<(), Error> {
        let account = Some(&self.account).filter(|_| !self.counted && self.limits.free != 0);
        Ok(self.store.add_failure(account, &self.network, self.limits.failures, self.clock.now()).await?)
    }
}

/// Counts a registration, unless the address must wait.
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
async fn account(store: &Store, tried: Tried<'_>, peer: &str) -> Result<Account, Error> {
    let hash = Sha256::new();
    let hash = match tried {
        Tried::Login(email_key) if store.is_known_at(email_key, peer).await? => {
            hash.chain_update("known\0").chain_update(peer).chain_update("\0").chain_update(email_key)
        }
        Tried::Login(email_key) => hash.chain_update("login\0").chain_update(email_key),
        Tried::Proof(user) => hash.chain_update("proof\0").chain_update(user),
    };
    Ok(hash.finalize().into())
}
