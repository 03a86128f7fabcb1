//! The verifier of the service's own guard, which introspects tokens in the same process.

use std::sync::Arc;

use gatepost::{Introspection, Token, Unavailable, Verify};
use tokio::time::Instant;

use crate::app::{App, VerifiedBearer};
use crate::convert;

/// Verifier that calls the introspection use case directly.
pub(crate) struct LocalVerifier(pub(crate) Arc<App>);

impl Verify for LocalVerifier {
    async fn verify(&self, token: &Token, _deadline: Instant) -> Result<Introspection, Unavailable> {
        let introspected = self.0.introspector.introspect(Some(token)).await.map_err(|_stale| Unavailable::Away)?;
        Ok(match introspected.bearer {
            VerifiedBearer::User(token) => Introspection::active(convert::identity(token.claims())),
            VerifiedBearer::Service(name) => Introspection::active(convert::service_identity(&name, &self.0.audiences)),
            VerifiedBearer::ApiKey(verified) => {
                Introspection::active(convert::api_key_identity(&verified, &self.0.audiences))
            }
            VerifiedBearer::Inactive(reason) => Introspection::inactive(reason),
        })
    }
}
