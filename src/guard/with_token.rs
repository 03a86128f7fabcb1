//! The client's side: adds the token to each call.

use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Request, Status};

use super::Token;

/// A client-side interceptor that sends the metadata `api-token` with each call.
///
/// ```
/// # use gatepost::{Token, WithToken};
/// # use gatepost::api::blog::v1::post_service_client::PostServiceClient;
/// # fn client(channel: tonic::transport::Channel, token: Token) {
/// let posts = PostServiceClient::with_interceptor(channel, WithToken::new(&token));
/// # }
/// ```
#[derive(Clone)]
pub struct WithToken(Option<MetadataValue<Ascii>>);

impl WithToken {
    /// Sends this token.
    pub fn new(token: &Token) -> Self {
        let value = MetadataValue::try_from(token.expose()).ok().map(|mut value: MetadataValue<Ascii>| {
            value.set_sensitive(true);
            value
        });
        Self(value)
    }
}

impl Interceptor for WithToken {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let value = self.0.clone().ok_or_else(|| Status::internal("the token is no metadata value"))?;
        request.metadata_mut().insert("api-token", value);
        Ok(request)
    }
}
