//! The service guards itself, by the same layer as any other service, without a wire between.

use std::sync::Arc;

use gatepost::{Token, Unavailable, Verdict, Verify};
use tokio::time::Instant;

use crate::app::State;
use crate::app::introspect::{TokenStatus, introspect};
use crate::convert;

pub(crate) struct LocalVerifier(pub(crate) Arc<State>);

impl Verify for LocalVerifier {
    async fn verify(&self, token: &Token, _deadline: Instant) -> Result<Verdict, Unavailable> {
        let (worth, _) = introspect(&self.0, Some(token)).await.map_err(|_stale| Unavailable::Away)?;
        Ok(match worth {
            TokenStatus::User(token) => Verdict::valid(convert::identity(token.claims())),
            TokenStatus::Service => Verdict::valid(convert::service_identity(&self.0.audiences)),
            TokenStatus::Inactive(denial) => Verdict::denied(denial),
        })
    }
}
