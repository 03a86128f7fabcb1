//! The service guards itself, by the same layer as any other service, without a wire between.

use std::sync::Arc;

use gatepost::{Introspection, Token, Unavailable, Verify};
use tokio::time::Instant;

use crate::app::{App, VerifiedBearer};
use crate::convert;

pub(crate) struct LocalVerifier(pub(crate) Arc<App>);

impl Verify for LocalVerifier {
    async fn verify(&self, token: &Token, _deadline: Instant) -> Result<Introspection, Unavailable> {
        let (status, _) = self.0.introspector.introspect(Some(token)).await.map_err(|_stale| Unavailable::Away)?;
        Ok(match status {
            VerifiedBearer::User(token) => Introspection::active(convert::identity(token.claims())),
            VerifiedBearer::Service => Introspection::active(convert::service_identity(&self.0.audiences)),
            VerifiedBearer::Inactive(denial) => Introspection::inactive(denial),
        })
    }
}
