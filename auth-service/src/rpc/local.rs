//! The service guards itself, by the same layer as any other service, without a wire between.

use std::sync::Arc;

use gatepost::{Introspection, Token, Unavailable, Verify};
use tokio::time::Instant;

use super::introspect::{Worth, introspect};
use crate::convert;
use crate::state::State;

pub(crate) struct LocalVerifier(pub(crate) Arc<State>);

impl Verify for LocalVerifier {
    async fn verify(&self, token: &Token, _deadline: Instant) -> Result<Introspection, Unavailable> {
        let (worth, _) = introspect(&self.0, Some(token)).await.map_err(|_stale| Unavailable::Away)?;
        Ok(match worth {
            Worth::User(token) => Introspection::active(convert::identity(token.claims())),
            Worth::Service => Introspection::active(convert::service_identity(&self.0.audiences)),
            Worth::Nothing(denial) => Introspection::inactive(denial),
        })
    }
}
