//! Chooses the accounts under which an attempt is counted.
//!
//! A network in which users have been logged in counts each email apart from all other networks, so that guesses from
//! elsewhere lock no user out of it (C53). It does so for every email alike, whether an account has it or not: the answers
//! tell nothing about who uses the network. What fails there counts elsewhere, too.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::error::Error;
use crate::store::{AccountDigest, Store, Trial};

/// The purpose for which a password is tried.
pub(super) enum Tried<'a> {
    /// A login with this email, by its canonical form.
    Login(&'a str),
    /// A call of a user who is logged in.
    Proof(Uuid),
}

/// The accounts under which an attempt is counted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Accounts {
    /// The account whose failures decide the answer.
    pub(super) answering: AccountDigest,
    /// The account of the same email in all networks that are not known, if another one answers. It counts what fails.
    pub(super) elsewhere: Option<AccountDigest>,
    /// Set if the user has been logged in in this network. If not, the failures elsewhere decide, unseen, whether the right
    /// password is taken.
    pub(super) is_at_home: bool,
}

impl Accounts {
    /// Returns the accounts of an attempt from this network, and what is looked up for it.
    pub(super) async fn find(store: &Store, tried: Tried<'_>, network: &str) -> Result<(Self, Trial), Error> {
        let email_key = match tried {
            Tried::Login(email_key) => email_key,
            // A user who is logged in counts apart from logins: a stolen token does not help to guess.
            Tried::Proof(user) => {
                let trial = store.proof_trial(user, network).await?;
                return Ok((Self::one(digest(&[b"proof", user.as_bytes()])), trial));
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

/// Returns all accounts that count a user's wrong passwords; `networks` are those in which the user has been logged in.
pub(crate) fn accounts_of(email_key: &str, user: Uuid, networks: &[String]) -> Vec<AccountDigest> {
    let [login, proof] =
        [[&b"login"[..], email_key.as_bytes()], [&b"proof"[..], user.as_bytes()]].map(|parts| digest(&parts));
    let known = networks.iter().map(|network| digest(&[b"known", network.as_bytes(), email_key.as_bytes()]));
    [login, proof].into_iter().chain(known).collect()
}

/// Hashes the parts, of which none contains a zero byte but the last.
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
