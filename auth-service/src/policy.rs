//! The service's whole access table on one screen.

use gatepost::{Policy, Rule};

use crate::config::Registration;
use crate::domain::Role;

/// The services behind the guard.
pub(crate) const SERVICES: [&str; 3] =
    ["gatepost.auth.v1.AuthService", "gatepost.auth.v1.TokenService", "gatepost.auth.v1.UserService"];

/// Who may call what.
pub(crate) fn policy(registration: Registration) -> Policy {
    let create_user = match registration {
        Registration::Open => Rule::Public,
        Registration::Closed => Rule::role(Role::ADMIN),
    };
    Policy::closed()
        .with_health()
        .with_reflection()
        .rule("/gatepost.auth.v1.AuthService/Login", Rule::Public)
        .rule("/gatepost.auth.v1.AuthService/Logout", Rule::Authenticated)
        .rule("/gatepost.auth.v1.TokenService/VerifyToken", Rule::Public)
        .rule("/gatepost.auth.v1.TokenService/ListSigningKeys", Rule::Public)
        .rule("/gatepost.auth.v1.UserService/CreateUser", create_user)
        .rule("/gatepost.auth.v1.UserService/GetMe", Rule::Authenticated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c23_every_method_has_a_row_and_every_row_a_method() {
        for registration in [Registration::Open, Registration::Closed] {
            assert_eq!(policy(registration).check(gatepost::api::DESCRIPTOR_SET, &SERVICES), Ok(()));
        }
    }
}
