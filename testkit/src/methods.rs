//! All RPCs of a contract, read from its descriptors, so that tests of all RPCs include new ones.

use prost::Message as _;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet};

/// An RPC.
#[derive(Clone, Debug)]
pub struct Method {
    /// Path on the wire, `/package.Service/Method`.
    pub path: String,
    /// Set if either side may send more than one message.
    pub is_stream: bool,
    /// Numbers of the request's string fields.
    pub strings: Vec<u32>,
}

/// Returns the RPCs of all services of this package in a descriptor set, in the contract's order.
///
/// # Panics
/// Panics if the package has no RPC, because a test would check nothing.
#[expect(clippy::expect_used, reason = "the descriptors are our own build's")]
pub fn methods(descriptors: &[u8], package: &str) -> Vec<Method> {
    let set = FileDescriptorSet::decode(descriptors).expect("the descriptors are readable");
    let messages: Vec<_> = set
        .file
        .iter()
        .flat_map(|file| {
            file.message_type.iter().map(|message| (format!(".{}.{}", file.package(), message.name()), message))
        })
        .collect();
    let strings_of = |name: &str| {
        let (_, message) = messages.iter().find(|(known, _)| known == name).expect("a request of ours");
        strings(message)
    };
    let services = set.file.iter().filter(|file| file.package() == package).flat_map(|file| &file.service);
    let found: Vec<_> = services
        .flat_map(|service| {
            service.method.iter().map(move |method| Method {
                path: format!("/{package}.{}/{}", service.name(), method.name()),
                is_stream: method.client_streaming() || method.server_streaming(),
                strings: strings_of(method.input_type()),
            })
        })
        .collect();
    assert!(!found.is_empty(), "{package} has no methods");
    found
}

fn strings(message: &DescriptorProto) -> Vec<u32> {
    let strings = message.field.iter().filter(|field| field.r#type() == Type::String);
    strings.filter_map(|field| u32::try_from(field.number()).ok()).collect()
}
