//! Observes the calls that the guard refuses.

use std::sync::Arc;

use gatepost::status::reason_name;
use gatepost::{RejectedCall, Rejection, Token};
use kit::Clock;
use kit::peer::CallerResolver;
use kit::serve::ServerMetrics;

use crate::app::{Denial, DenialClass, Denials};
use crate::convert;
use crate::domain::Actor;

/// Returns the function that samples refused calls.
pub(crate) fn observe(
    denials: Arc<Denials>,
    callers: CallerResolver,
    methods: ServerMetrics,
    clock: Clock,
) -> impl Fn(&RejectedCall<'_>) + Send + Sync {
    move |call| {
        let class = match call.rejection {
            Rejection::NotAllowed => DenialClass::Role,
            // The service's own failure: it says nothing about the caller.
            Rejection::AuthUnavailable | Rejection::Deadline => return,
            _ => DenialClass::Token,
        };
        let Some(left_out) = denials.permit(class, clock.now()) else { return };
        let peer = call.peer.map(|peer| callers.address(peer.ip(), call.headers).to_string());
        denials.queue(Denial {
            context: convert::of_headers(Actor::Anonymous, peer.unwrap_or_default(), call.headers),
            token: Token::from_headers(call.headers).ok(),
            method: methods.known_method(call.path).to_owned(),
            reason: reason_name(call.rejection.reason()),
            class,
            left_out,
        });
    }
}
