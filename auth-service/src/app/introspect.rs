//! Introspection of tokens for `VerifyToken` and for the service's own guard, without the database.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use gatepost::{InactiveReason, Token, TokenDigest};
use kit::Clock;
use subtle::ConstantTimeEq as _;

use crate::domain::{Cause, Era, Position};
use crate::tokens::{NEW_SECONDS, RememberingVerifier, TokenFault, VerifiedToken};
use crate::view::{Bearer, StaleView, View};

/// Parts that introspect a token.
pub(crate) struct Introspector {
    pub(crate) verifier: RememberingVerifier,
    /// Keys of services.
    pub(crate) service_keys: Vec<KnownService>,
    pub(crate) view: Arc<View>,
    pub(crate) clock: Clock,
}

/// Service with a key of the settings.
pub(crate) struct KnownService {
    /// Name of the service.
    pub(crate) name: Arc<str>,
    /// Digest of its key.
    pub(crate) digest: TokenDigest,
}

/// Result of an introspection, with the verified token of a user.
pub(crate) enum VerifiedBearer {
    /// An active token of a user.
    User(Arc<VerifiedToken>),
    /// A service key, with the name of its service.
    Service(Arc<str>),
    /// No active token, and the reason.
    Inactive(InactiveReason),
}

/// Answer to an introspection.
pub(crate) struct Introspected {
    pub(crate) bearer: VerifiedBearer,
    /// Position up to which all revocations are applied.
    pub(crate) position: Position,
}

impl Introspector {
    /// Checks the token's signature, its times, and all revocations up to the answer's position.
    pub(crate) async fn introspect(&self, token: Option<&Token>) -> Result<Introspected, StaleView> {
        // Before the signature check: a stale view refuses every token.
        self.view.refresh().await?;
        let now = self.clock.now();
        let answer = |bearer| Ok(Introspected { bearer, position: self.view.position()? });
        let inactive = |reason| answer(VerifiedBearer::Inactive(reason));
        // A malformed token was not issued by this service.
        let Some(token) = token else { return inactive(InactiveReason::Invalid) };
        let digest = token.digest();
        if let Some(name) = self.service(&digest) {
            return answer(VerifiedBearer::Service(name));
        }
        match self.verify(token, &digest, now).await? {
            Ok(verified) => self.check_revocation(verified, now).await,
            Err(TokenFault::Invalid) => inactive(InactiveReason::Invalid),
            Err(TokenFault::Expired) => inactive(InactiveReason::Expired),
        }
    }

    /// Returns the service with this key. Compares all keys, so that the time reveals nothing about them.
    fn service(&self, digest: &TokenDigest) -> Option<Arc<str>> {
        let is_same = |known: &&KnownService| bool::from(digest.as_bytes().ct_eq(known.digest.as_bytes()));
        self.service_keys.iter().filter(is_same).fold(None, |_, known| Some(Arc::clone(&known.name)))
    }

    /// Verifies a token. Verifies it again after a poll if another replica may have just created its key.
    async fn verify(
        &self,
        token: &Token,
        digest: &TokenDigest,
        now: DateTime<Utc>,
    ) -> Result<Result<Arc<VerifiedToken>, TokenFault>, StaleView> {
        let verified = self.verifier.verify(token, digest, now);
        if verified.is_ok() {
            return Ok(verified);
        }
        match self.verifier.lacks_key(token, now) {
            Some(key) if !self.view.has_killed(&key) => {
                self.view.poll_for_key().await?;
                Ok(self.verifier.verify(token, digest, now))
            }
            _ => Ok(verified),
        }
    }

    /// Checks if a verified token has been revoked.
    async fn check_revocation(
        &self,
        verified: Arc<VerifiedToken>,
        now: DateTime<Utc>,
    ) -> Result<Introspected, StaleView> {
        let claims = verified.claims();
        let era = Era::from_token_id(claims.jti);
        let facts = Bearer {
            user: claims.sub,
            session: claims.sid,
            generation: claims.generation,
            key: verified.key_id(),
            issued: claims.iat,
            era,
        };
        let mut check = self.view.check_revocation(facts)?;
        // Another replica may have just begun the token's era.
        let is_new = (now.timestamp() - claims.iat).abs() <= NEW_SECONDS;
        if check.dead.is_some() && is_new && !self.view.horizon().knows_era(era) {
            self.view.poll_for_key().await?;
            check = self.view.check_revocation(facts)?;
        }
        let bearer = match check.dead {
            None => VerifiedBearer::User(verified),
            Some(Cause::Ended) => VerifiedBearer::Inactive(InactiveReason::Revoked),
            Some(Cause::Disabled) => VerifiedBearer::Inactive(InactiveReason::UserDisabled),
            Some(Cause::Deleted) => VerifiedBearer::Inactive(InactiveReason::UserDeleted),
        };
        Ok(Introspected { bearer, position: check.position })
    }
}
