//! The service's whole access table on one screen.

use gatepost::{Policy, Rule};
use kit::serve::Elsewhere;

/// The services behind the guard.
pub(crate) const SERVICES: [&str; 1] = ["gatepost.blog.v1.PostService"];

/// The service that others take this one for.
pub(crate) const ELSEWHERE: [Elsewhere; 1] =
    [Elsewhere { package: "gatepost.auth.v1", service: "auth-service", default_port: 50051, setting: "AUTH_LISTEN" }];

/// Who may call what. Whose posts a user may change is the handlers' affair.
pub(crate) fn policy(public_reads: bool) -> Policy {
    let read = if public_reads { Rule::Optional } else { Rule::Authenticated };
    Policy::closed()
        .with_health()
        .with_reflection()
        .rule("/gatepost.blog.v1.PostService/CreatePost", Rule::Authenticated)
        .rule("/gatepost.blog.v1.PostService/GetPost", read.clone())
        .rule("/gatepost.blog.v1.PostService/BatchGetPosts", read.clone())
        .rule("/gatepost.blog.v1.PostService/ListPosts", read)
        .rule("/gatepost.blog.v1.PostService/UpdatePost", Rule::Authenticated)
        .rule("/gatepost.blog.v1.PostService/DeletePost", Rule::Authenticated)
}

#[cfg(test)]
mod tests {
    use testkit::methods;

    use super::*;
    use crate::api::DESCRIPTOR_SET;

    #[test]
    fn c23_every_method_has_a_row_and_every_row_a_method() {
        for public_reads in [false, true] {
            assert_eq!(policy(public_reads).check(DESCRIPTOR_SET, &SERVICES), Ok(()));
        }
    }

    #[test]
    fn each_stream_that_a_token_opens_is_tried() {
        // The first one comes with a test of how it ends.
        let streams = methods(DESCRIPTOR_SET, "gatepost.blog.v1").into_iter().filter(|method| method.is_stream);
        assert_eq!(streams.map(|method| method.path).collect::<Vec<_>>(), [""; 0]);
    }
}
