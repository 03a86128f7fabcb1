//! Chooses the accounts that count an attempt.
//!
//! A network in which users have logged in has its own count for each email (C53). So guesses from elsewhere lock no
//! user out of this network. The rule holds for every email, with or without an account, so the answers do not reveal
//! the users of the network. A failure in the network also counts elsewhere.

use sha2::{Digest as _, Sha256};

use crate::domain::UserId;
use crate::error::AuthError;
use crate::store::{AccountDigest, AuthStore, Trial};

/// Purpose of a password check.
pub(super) enum PasswordPurpose<'a> {
    /// A login with this email, in its canonical form.
    Login(&'a str),
    /// A call of this logged-in user, who proves the password.
    Proof(UserId),
}

/// Accounts that count an attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AttemptAccounts {
    /// Account that decides the answer by its failures.
    pub(super) answering: AccountDigest,
    /// Account of the email in all unknown networks, if `answering` is another one. It counts the failure too.
    pub(super) elsewhere: Option<AccountDigest>,
    /// Set if the user has logged in from this network. Otherwise a right password is accepted only if the account is
    /// not locked elsewhere.
    pub(super) is_at_home: bool,
}

impl AttemptAccounts {
    /// Returns the accounts of an attempt from this network, and the rows that were read for it.
    pub(super) async fn find(
        store: &AuthStore,
        purpose: PasswordPurpose<'_>,
        network: &str,
    ) -> Result<(Self, Trial), AuthError> {
        let email_key = match purpose {
            PasswordPurpose::Login(email_key) => email_key,
            // Separate from the account of logins: a stolen token gives no extra guesses.
            PasswordPurpose::Proof(user) => {
                let trial = store.proof_trial(user, network).await?;
                return Ok((Self::one(digest(&[b"proof", user.as_uuid().as_bytes()])), trial));
            }
        };
        let trial = store.login_trial(email_key, network).await?;
        let elsewhere = digest(&[b"login", email_key.as_bytes()]);
        if !trial.is_network_known {
            return Ok((Self::one(elsewhere), trial));
        }
        let answering = digest(&[b"known", network.as_bytes(), email_key.as_bytes()]);
        Ok((Self { answering, elsewhere: Some(elsewhere), is_at_home: trial.is_at_home }, trial))
    }

    fn one(answering: AccountDigest) -> Self {
        Self { answering, elsewhere: None, is_at_home: false }
    }
}

/// Returns all accounts that count a user's wrong passwords. `networks` are the networks from which the user has logged in.
pub(crate) fn failure_accounts(email_key: &str, user: UserId, networks: &[String]) -> Vec<AccountDigest> {
    let [login, proof] =
        [[&b"login"[..], email_key.as_bytes()], [&b"proof"[..], user.as_uuid().as_bytes()]].map(|parts| digest(&parts));
    let known = networks.iter().map(|network| digest(&[b"known", network.as_bytes(), email_key.as_bytes()]));
    [login, proof].into_iter().chain(known).collect()
}

/// Hashes the parts, separated by zero bytes. Only the last part may contain a zero byte.
fn digest(parts: &[&[u8]]) -> AccountDigest {
    let mut hash = Sha256::new();
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            hash.update(b"\0");
        }
        hash.update(part);
    }
    hash.finalize().into()
}
