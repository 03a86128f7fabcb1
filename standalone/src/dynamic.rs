//! Calls of any unary method of the contract by name, with JSON in and out, like grpcurl.

use prost::Message as _;
use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor, MethodDescriptor};
use serde_json::Value;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Request, Status};

/// A contract, read from its descriptors.
#[derive(Clone, Debug)]
pub struct Contract {
    pool: DescriptorPool,
}

impl Contract {
    /// Reads the contracts in these descriptor sets, which may share files.
    ///
    /// # Panics
    /// Panics if a set is unreadable, which a compiled-in set never is.
    #[expect(clippy::expect_used, reason = "the build script has written the descriptors")]
    pub fn new(descriptors: &[&[u8]]) -> Self {
        let mut pool = DescriptorPool::new();
        for set in descriptors {
            pool.decode_file_descriptor_set(*set).expect("the descriptors are readable");
        }
        Self { pool }
    }

    /// Returns all methods of Gatepost's services, in the contract's order.
    pub fn methods(&self) -> Vec<MethodDescriptor> {
        let services = self.pool.services().filter(|service| service.package_name().starts_with("gatepost."));
        services.flat_map(|service| service.methods().collect::<Vec<_>>()).collect()
    }

    /// Returns the method of this name, `package.Service/Method`.
    pub fn method(&self, name: &str) -> Option<MethodDescriptor> {
        let (service, method) = name.split_once('/')?;
        self.pool.get_service_by_name(service)?.methods().find(|found| found.name() == method)
    }

    /// Returns the message type of this full name.
    pub fn message(&self, name: &str) -> Option<MessageDescriptor> {
        self.pool.get_message_by_name(name)
    }
}

/// Returns a method's name in the form of grpcurl, `package.Service/Method`.
pub fn name(method: &MethodDescriptor) -> String {
    format!("{}/{}", method.parent_service().full_name(), method.name())
}

/// Reads the method's request from JSON (the canonical mapping of proto3).
///
/// # Errors
/// Fails if the JSON is not such a message or has an unknown field.
pub fn request(method: &MethodDescriptor, json: &Value) -> Result<DynamicMessage, serde_json::Error> {
    DynamicMessage::deserialize_with_options(method.input(), json.clone(), &DeserializeOptions::new())
}

/// Returns the message as JSON.
///
/// # Errors
/// Fails if a value has no JSON form.
pub fn json(message: &DynamicMessage) -> Result<Value, serde_json::Error> {
    serde_json::to_value(message)
}

/// Calls a unary method, with the token, if any, as `api-token`.
///
/// # Errors
/// Returns the status of a failed call.
pub async fn call(
    channel: &Channel,
    method: &MethodDescriptor,
    token: Option<&str>,
    message: DynamicMessage,
) -> Result<DynamicMessage, Status> {
    let mut request = Request::new(message);
    if let Some(token) = token {
        let mut value: MetadataValue<Ascii> =
            token.parse().map_err(|_| Status::invalid_argument("the token is not a valid metadata value"))?;
        value.set_sensitive(true);
        request.metadata_mut().insert("api-token", value);
    }
    let path =
        format!("/{}", name(method)).parse().map_err(|_| Status::internal("the method's name is no valid path"))?;
    let mut grpc = tonic::client::Grpc::new(channel.clone());
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let answer = grpc.unary(request, path, DynamicCodec { output: method.output() }).await?;
    Ok(answer.into_inner())
}

/// Encodes any message, and decodes messages of one type.
struct DynamicCodec {
    output: MessageDescriptor,
}

impl Codec for DynamicCodec {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = DynamicEncoder;
    type Decoder = DynamicDecoder;

    fn encoder(&mut self) -> Self::Encoder {
        DynamicEncoder
    }

    fn decoder(&mut self) -> Self::Decoder {
        DynamicDecoder { output: self.output.clone() }
    }
}

struct DynamicEncoder;

impl Encoder for DynamicEncoder {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, message: DynamicMessage, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        message.encode(buffer).map_err(|error| Status::internal(error.to_string()))
    }
}

struct DynamicDecoder {
    output: MessageDescriptor,
}

impl Decoder for DynamicDecoder {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        let message = DynamicMessage::decode(self.output.clone(), buffer);
        message.map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn listed_methods_are_found_by_name() {
        let contract = Contract::new(&[gatepost::api::DESCRIPTOR_SET]);
        let methods = contract.methods();
        assert!(methods.len() > 15, "{}", methods.len());
        for method in methods {
            assert_eq!(contract.method(&name(&method)).unwrap(), method);
        }
        assert!(contract.method("gatepost.auth.v1.AuthService/LogIn").is_none());
        assert!(contract.method("Login").is_none());
    }

    #[test]
    fn json_is_read_strictly_and_written_back() {
        let method =
            Contract::new(&[gatepost::api::DESCRIPTOR_SET]).method("gatepost.auth.v1.UserService/UpdateUser").unwrap();
        let said = json!({"id": "me", "patch": {"name": "Ada"}, "updateMask": "name"});
        assert_eq!(json(&request(&method, &said).unwrap()).unwrap(), said);
        assert!(request(&method, &json!({"id": "me", "nmae": "Ada"})).is_err());
    }
}
