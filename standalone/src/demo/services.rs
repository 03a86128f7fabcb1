//! The two services as the story calls them: any method by its name, JSON in and out.

use std::time::Duration;

use gatepost_server::dynamic::{self, Contract};
use kit::ServiceAddress;
use serde_json::Value;
use tonic::Status;
use tonic::transport::{Channel, Endpoint, Error};

/// Longer than any deadline of the services: an answer that takes longer does not come.
const PATIENCE: Duration = Duration::from_secs(10);

/// A service and the way to it.
pub(super) struct Service {
    pub(super) place: ServiceAddress,
    pub(super) channel: Channel,
}

/// Both services and their contract.
pub(super) struct Services {
    pub(super) auth: Service,
    pub(super) blog: Service,
    contract: Contract,
}

/// The descriptors of both services.
pub(super) const CONTRACTS: [&[u8]; 2] = [gatepost::api::DESCRIPTOR_SET, blog_service::api::DESCRIPTOR_SET];

/// An answer, as text in the order of the contract's fields and as a tree to look into.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) json: Value,
}

impl Services {
    /// Connects at the first call.
    pub(super) fn new(auth: ServiceAddress, blog: ServiceAddress) -> Result<Self, Error> {
        Ok(Self { auth: Service::new(auth)?, blog: Service::new(blog)?, contract: Contract::new(&CONTRACTS) })
    }

    /// The service that serves this method.
    pub(super) fn of(&self, method: &str) -> &Service {
        if method.starts_with("gatepost.blog.") { &self.blog } else { &self.auth }
    }

    /// Calls a method.
    pub(super) async fn call(&self, method: &str, token: Option<&str>, request: &str) -> Result<Answer, Status> {
        let found = self.contract.method(method).ok_or_else(|| Status::internal("the contract has no such method"))?;
        let message = serde_json::from_str(request).and_then(|json| dynamic::request(&found, &canonical(json)));
        let message = message.map_err(|error| Status::internal(format!("the request cannot be written: {error}")))?;
        let call = dynamic::call(&self.of(method).channel, &found, token, message);
        let late = |_| Status::deadline_exceeded(format!("no answer within {PATIENCE:?}"));
        let answer = tokio::time::timeout(PATIENCE, call).await.map_err(late)??;
        let unreadable = |error: serde_json::Error| Status::internal(format!("the answer has no JSON form: {error}"));
        Ok(Answer {
            text: serde_json::to_string_pretty(&answer).map_err(unreadable)?,
            json: dynamic::json(&answer).map_err(unreadable)?,
        })
    }
}

impl Service {
    fn new(place: ServiceAddress) -> Result<Self, Error> {
        let channel = Endpoint::from_shared(place.url())?.connect_timeout(PATIENCE).connect_lazy();
        Ok(Self { place, channel })
    }
}

/// grpcurl reads a mask as the message that it is, `{"paths":["owner_id"]}`, and the canonical mapping as the string
/// `"ownerId"`: the story is written for grpcurl.
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
    fn a_mask_is_written_for_grpcurl_and_sent_as_the_mapping_has_it() {
        let written = json!({"id": "1", "update_mask": {"paths": ["owner_id", "title"]}});
        assert_eq!(canonical(written), json!({"id": "1", "update_mask": "ownerId,title"}));
        assert_eq!(canonical(json!({"id": "1"})), json!({"id": "1"}));
    }
}
