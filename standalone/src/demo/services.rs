//! Client of both services: calls any method by name, with JSON in and out.

use std::error::Error;
use std::time::Duration;

use gatepost::tls::ClientTls;
use gatepost_server::dynamic::{self, Contract};
use kit::ServiceAddress;
use kit::tls::ClientTlsFlags;
use serde_json::Value;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

/// Time limit of a call, longer than all deadlines of the services.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// A service and its channel.
pub(super) struct DemoService {
    pub(super) place: ServiceAddress,
    pub(super) channel: Channel,
    /// TLS of the channel, if the URL begins with `https`.
    pub(super) tls: Option<ClientTls>,
    /// Flags of grpcurl for this service.
    pub(super) flags: String,
}

/// Both services and their contract.
pub(super) struct DemoServices {
    pub(super) auth: DemoService,
    pub(super) blog: DemoService,
    contract: Contract,
}

/// Descriptors of both services.
pub(super) const CONTRACTS: [&[u8]; 2] = [gatepost::api::DESCRIPTOR_SET, blog_service::api::DESCRIPTOR_SET];

/// An answer, as text in the contract's order of fields and as JSON.
#[derive(Debug)]
pub(super) struct DemoAnswer {
    pub(super) text: String,
    pub(super) json: Value,
}

impl DemoServices {
    /// Returns a client that connects at the first call.
    pub(super) fn new(
        auth: ServiceAddress,
        blog: ServiceAddress,
        tls: &ClientTlsFlags,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let (auth, blog) = (DemoService::new(auth, tls)?, DemoService::new(blog, tls)?);
        Ok(Self { auth, blog, contract: Contract::new(&CONTRACTS) })
    }

    /// Returns the service that serves this method.
    pub(super) fn serving(&self, method: &str) -> &DemoService {
        if method.starts_with("gatepost.blog.") { &self.blog } else { &self.auth }
    }

    /// Calls a method.
    pub(super) async fn call(&self, method: &str, token: Option<&str>, request: &str) -> Result<DemoAnswer, Status> {
        let found = self.contract.method(method).ok_or_else(|| Status::internal("the contract has no such method"))?;
        let message = serde_json::from_str(request).and_then(|json| dynamic::request(&found, &canonical(json)));
        let message = message.map_err(|error| Status::internal(format!("the request cannot be written: {error}")))?;
        let call = dynamic::call(&self.serving(method).channel, &found, token, message);
        let late = |_| Status::deadline_exceeded(format!("no answer within {CALL_TIMEOUT:?}"));
        let answer = tokio::time::timeout(CALL_TIMEOUT, call).await.map_err(late)??;
        let unreadable = |error: serde_json::Error| Status::internal(format!("the answer has no JSON form: {error}"));
        Ok(DemoAnswer {
            text: serde_json::to_string_pretty(&answer).map_err(unreadable)?,
            json: dynamic::json(&answer).map_err(unreadable)?,
        })
    }
}

impl DemoService {
    fn new(place: ServiceAddress, tls: &ClientTlsFlags) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let url = place.url();
        if place.is_tls() {
            let (flags, tls) = (tls.grpcurl(), tls.open(None)?);
            let channel = tls.channel_with(&url, |endpoint| endpoint.connect_timeout(CALL_TIMEOUT))?;
            return Ok(Self { place, channel, tls: Some(tls), flags });
        }
        let channel = Endpoint::from_shared(url)?.connect_timeout(CALL_TIMEOUT).connect_lazy();
        Ok(Self { place, channel, tls: None, flags: "-plaintext".to_owned() })
    }
}

/// Converts a request for grpcurl to the canonical mapping: a mask `{"paths":["owner_id"]}` becomes `"ownerId"`.
pub(super) fn canonical(mut request: Value) -> Value {
    if let Some(mask) = request.get_mut("update_mask")
        && let Some(paths) = mask.get("paths").and_then(Value::as_array)
    {
        let paths: Vec<_> = paths.iter().filter_map(Value::as_str).map(camel).collect();
        *mask = paths.join(",").into();
    }
    request
}

fn camel(path: &str) -> String {
    let mut words = path.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |path, word| {
        let (start, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
        path + &start.to_uppercase() + rest
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn mask_of_grpcurl_becomes_canonical() {
        let written = json!({"id": "1", "update_mask": {"paths": ["owner_id", "title"]}});
        assert_eq!(canonical(written), json!({"id": "1", "update_mask": "ownerId,title"}));
        assert_eq!(canonical(json!({"id": "1"})), json!({"id": "1"}));
    }
}
