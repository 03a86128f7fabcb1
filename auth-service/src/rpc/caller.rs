//! Reads the caller of a request, and the users that the request names.

use std::borrow::Cow;

use gatepost::{Identity, Rejection};
use tonic::Request;

use crate::app::{Caller, OperatorCall};
use crate::domain::UserId;
use crate::error::AuthError;

/// Word that stands for the caller in place of a user's id.
const ME: &str = "me";

/// Returns the caller of a method that requires a token, or the operator of a command in this process.
pub(super) fn caller<T>(request: &Request<T>) -> Result<Caller, AuthError> {
    if let Some(operator) = request.extensions().get::<OperatorCall>() {
        return Ok(Caller::operator(*operator));
    }
    Caller::new(Identity::find(request).ok_or(AuthError::Refused(Rejection::TokenMissing))?)
}

/// Parses a user id; `me` means the caller.
pub(super) fn user_id(caller: Caller, field: impl Into<Cow<'static, str>>, text: &str) -> Result<UserId, AuthError> {
    if text == ME {
        return caller.user();
    }
    text.parse().map_err(|_| AuthError::violation(field, "must be a UUID, or `me` for the caller"))
}
