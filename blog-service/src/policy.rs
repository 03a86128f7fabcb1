//! Access table of the service.

use gatepost::{Policy, Rule};
use kit::serve::Elsewhere;

/// Services behind the guard.
pub(crate) const SERVICES: [&str; 1] = ["gatepost.blog.v1.PostService"];

/// The other service of the pair: callers may confuse the two ports.
pub(crate) const ELSEWHERE: [Elsewhere; 1] =
    [Elsewhere { package: "gatepost.auth.v1", service: "auth-service", default_port: 50051, setting: "AUTH_LISTEN" }];

/// Returns the rule of each method. The handlers check the ownership of posts.
pub(crate) fn policy(public_reads: bool) -> Policy {
    let read = if public_reads { Rule::Optional } else { Rule::Authenticated };
    Policy::closed()
        .with_health()
        .with_reflection()
        .rule("/gatepost.blog.v1.PostService/CreatePost", Rule::Authenticated)
        .rule("/gatepost.blog.v1.PostService/GetPost", read.clone())
        .rule("/gatepost.blog.v1.PostService/BatchGetPosts", read.clone())
        .rule("/gatepost.blog.v1.PostService/ListPosts", read.clone())
        .rule("/gatepost.blog.v1.PostService/ListTags", read)
        .rule("/gatepost.blog.v1.PostService/UpdatePost", Rule::Authenticated)
        .rule("/gatepost.blog.v1.PostService/DeletePost", Rule::Authenticated)
        .rule("/gatepost.blog.v1.PostService/PublishPost", Rule::Authenticated)
        .rule("/gatepost.blog.v1.PostService/UnpublishPost", Rule::Authenticated)
}

#[cfg(test)]
mod tests {
    use testkit::methods;

    use super::*;
    use crate::api::DESCRIPTOR_SET;

    /// C23: every method has a rule, and every rule a method.
    #[test]
    fn methods_and_rules_match() {
        for public_reads in [false, true] {
            assert_eq!(policy(public_reads).check(DESCRIPTOR_SET, &SERVICES), Ok(()));
        }
    }

    #[test]
    fn service_has_no_streams() {
        // The first stream needs a test of its end.
        let streams = methods(DESCRIPTOR_SET, "gatepost.blog.v1").into_iter().filter(|method| method.is_stream);
        assert_eq!(streams.map(|method| method.path).collect::<Vec<_>>(), [""; 0]);
    }
}
