//! Introspection: one judgement for `VerifyToken` and for the service's own guard, without the database.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use gatepost::{InactiveReason, Token, TokenDigest};
use kit::Clock;
use subtle::ConstantTimeEq as _;

use crate::domain::{Cause, Era, Position};
use crate::tokens::{NEW_SECONDS, RememberingVerifier, TokenFault, VerifiedToken};
use crate::view::{Bearer, StaleView, View};

/// The parts that judge a token.
pub(crate) struct Introspector {
    pub(crate) verifier: RememberingVerifier,
    /// The digest of the services' key.
    pub(crate) service_key: Option<TokenDigest>,
    pub(crate) view: Arc<View>,
    pub(crate) clock: Clock,
}

/// The status of a token.
pub(crate) enum TokenStatus {
    /// A user's token that is good.
    User(Arc<VerifiedToken>),
    /// The service key.
    Service,
    /// No good token, and the reason.
    Inactive(InactiveReason),
}

impl Introspector {
    /// Judges a token by its signature, its times, and what has been revoked up to the position that is answered with it.
    pub(crate) async fn introspect(&self, token: Option<&Token>) -> Result<(TokenStatus, Position), StaleView> {
        // Before the signature: while nothing can be said, none is looked at.
        self.view.refresh().await?;
        let now = self.clock.now();
        let inactive = |denial| Ok((TokenStatus::Inactive(denial), self.view.position()?));
        // A text that is no token of any kind was not issued by this service.
        let Some(token) = token else { return inactive(InactiveReason::Invalid) };
        let digest = token.digest();
        if let Some(key) = &self.service_key
            && bool::from(digest.as_bytes().ct_eq(key.as_bytes()))
        {
            return Ok((TokenStatus::Service, self.view.position()?));
        }
        match self.verify(token, &digest, now).await? {
            Ok(verified) => self.judge(verified, now).await,
            Err(TokenFault::Invalid) => inactive(InactiveReason::Invalid),
            Err(TokenFault::Expired) => inactive(InactiveReason::Expired),
        }
    }

    /// Verifies a token, a second time where another replica may have made its key a moment ago.
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

    /// Judges a verified token by what has been revoked.
    async fn judge(
        &self,
        verified: Arc<VerifiedToken>,
        now: DateTime<Utc>,
    ) -> Result<(TokenStatus, Position), StaleView> {
        let claims = verified.claims();
        let era = Era::from_token_id(claims.jti);
        let bearer = Bearer {
            user: claims.sub,
            session: claims.sid,
            generation: claims.generation,
            key: verified.key_id(),
            issued: claims.iat,
            era,
        };
        let mut judged = self.view.judge(bearer)?;
        // Another replica may have begun the token's era a moment ago.
        let is_new = (now.timestamp() - claims.iat).abs() <= NEW_SECONDS;
        if judged.dead.is_some() && is_new && !self.view.horizon().knows_era(era) {
            self.view.poll_for_key().await?;
            judged = self.view.judge(bearer)?;
        }
        let status = match judged.dead {
            None => TokenStatus::User(verified),
            Some(Cause::Ended) => TokenStatus::Inactive(InactiveReason::Revoked),
            Some(Cause::Disabled) => TokenStatus::Inactive(InactiveReason::UserDisabled),
            Some(Cause::Deleted) => TokenStatus::Inactive(InactiveReason::UserDeleted),
        };
        Ok((status, judged.position))
    }
}
