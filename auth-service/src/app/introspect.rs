//! Introspection of tokens for `VerifyToken` and for the service's own guard, without the database.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use gatepost::{InactiveReason, Token, TokenDigest};
use kit::Clock;
use subtle::ConstantTimeEq as _;

use super::ApiKeyUses;
use crate::domain::{ApiKey, ApiKeyDigest, ApiKeyId, Cause, Era, Position, SecretCheck};
use crate::tokens::{ApiKeySecretText, NEW_SECONDS, RememberingVerifier, TokenFault, VerifiedToken};
use crate::view::{Bearer, StaleView, View};

/// Parts that introspect a token.
pub(crate) struct Introspector {
    pub(crate) verifier: RememberingVerifier,
    /// Keys of services.
    pub(crate) service_keys: Vec<KnownService>,
    pub(crate) view: Arc<View>,
    /// Uses of API keys, for the sweeper.
    pub(crate) uses: ApiKeyUses,
    pub(crate) clock: Clock,
}

/// Service with a key of the settings.
pub(crate) struct KnownService {
    /// Name of the service.
    pub(crate) name: Arc<str>,
    /// Digest of its key.
    pub(crate) digest: TokenDigest,
}

/// API key whose secret was presented.
pub(crate) struct VerifiedApiKey {
    pub(crate) key: Arc<ApiKey>,
    /// End of the key or of this secret, if there is one.
    pub(crate) end: Option<DateTime<Utc>>,
}

/// Result of an introspection, with the verified token of a user.
pub(crate) enum VerifiedBearer {
    /// An active token of a user.
    User(Arc<VerifiedToken>),
    /// A service key, with the name of its service.
    Service(Arc<str>),
    /// An active API key.
    ApiKey(VerifiedApiKey),
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
        if let Some(id) = ApiKeySecretText::key_id(token.expose()) {
            return self.check_api_key(id, &digest, now).await;
        }
        match self.verify(token, &digest, now).await? {
            Ok(verified) => self.check_revocation(verified, now).await,
            Err(TokenFault::Invalid) => inactive(InactiveReason::Invalid),
            Err(TokenFault::Expired) => inactive(InactiveReason::Expired),
        }
    }

    /// Returns the service with this key. Compares all keys, so that the time tells nothing about them.
    fn service(&self, digest: &TokenDigest) -> Option<Arc<str>> {
        let is_same = |known: &&KnownService| bool::from(digest.as_bytes().ct_eq(known.digest.as_bytes()));
        self.service_keys.iter().filter(is_same).fold(None, |_, known| Some(Arc::clone(&known.name)))
    }

    /// Checks the secret of an API key. Checks it again after a poll if another replica may have just written it.
    ///
    /// Anyone can write such texts, so the polls have the limits of those for unknown signing keys.
    async fn check_api_key(
        &self,
        id: ApiKeyId,
        digest: &TokenDigest,
        now: DateTime<Utc>,
    ) -> Result<Introspected, StaleView> {
        let digest = ApiKeyDigest(*digest.as_bytes());
        // Before the key, which may then be newer than the position and never older.
        let mut position = self.view.position()?;
        let mut key = self.view.api_key(id);
        if may_be_newer(id, key.as_deref(), &digest, now) {
            self.view.poll_for_key().await?;
            position = self.view.position()?;
            key = self.view.api_key(id);
        }
        let bearer = match key.map(|key| (key.check(&digest, now), key)) {
            None | Some((SecretCheck::Unknown, _)) => VerifiedBearer::Inactive(InactiveReason::Invalid),
            Some((SecretCheck::Expired, _)) => VerifiedBearer::Inactive(InactiveReason::Expired),
            Some((SecretCheck::Revoked, _)) => VerifiedBearer::Inactive(InactiveReason::Revoked),
            Some((SecretCheck::Valid(end), key)) => {
                self.uses.record(id);
                VerifiedBearer::ApiKey(VerifiedApiKey { key, end })
            }
        };
        Ok(Introspected { bearer, position })
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

/// Returns true if the view may lack this secret: the key may have been created at another replica a moment ago, or a
/// known key may have a new secret. The id of a key tells when it was created.
fn may_be_newer(id: ApiKeyId, known: Option<&ApiKey>, digest: &ApiKeyDigest, now: DateTime<Utc>) -> bool {
    if let Some(key) = known {
        return key.revoke_time.is_none() && key.check(digest, now) == SecretCheck::Unknown;
    }
    let created = id.as_uuid().get_timestamp().and_then(|time| i64::try_from(time.to_unix().0).ok());
    created.is_some_and(|created| (now.timestamp() - created).abs() <= NEW_SECONDS)
}
