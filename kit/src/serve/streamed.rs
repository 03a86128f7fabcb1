//! Methods with streamed requests. Their clients may wait for the answer's headers before they send a message.

use std::collections::HashSet;

use prost::{DecodeError, Message as _};
use prost_types::FileDescriptorSet;

/// Paths of the methods.
#[derive(Debug)]
pub(super) struct Streamed(HashSet<String>);

impl Streamed {
    /// Finds the methods in encoded descriptor sets.
    ///
    /// # Errors
    /// Fails if a set does not decode.
    pub(super) fn from_descriptors(sets: &[&[u8]]) -> Result<Self, DecodeError> {
        let mut paths = HashSet::new();
        for set in sets {
            for file in FileDescriptorSet::decode(*set)?.file {
                for service in &file.service {
                    let streamed = service.method.iter().filter(|method| method.client_streaming());
                    paths.extend(
                        streamed.map(|method| format!("/{}.{}/{}", file.package(), service.name(), method.name())),
                    );
                }
            }
        }
        Ok(Self(paths))
    }

    /// Returns true if the method's requests are streams.
    pub(super) fn has(&self, path: &str) -> bool {
        self.0.contains(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feed_is_streamed_and_verification_is_not() {
        let streamed = Streamed::from_descriptors(&[gatepost::api::DESCRIPTOR_SET]).unwrap();
        assert!(streamed.has("/gatepost.auth.v1.TokenService/WatchRevocations"));
        assert!(!streamed.has("/gatepost.auth.v1.TokenService/VerifyToken"));
        assert!(Streamed::from_descriptors(&[b"no descriptors"]).is_err());
    }
}
