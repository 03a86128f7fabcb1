//! An interceptor that attaches a fixed token.

use tonic::service::Interceptor;
use tonic::{Request, Status};

use crate::Token;

/// A client interceptor that adds the metadata `api-token` to each call.
///
/// ```
/// # use gatepost::{Token, WithToken};
/// # use gatepost::api::auth::v1::user_service_client::UserServiceClient;
/// # fn client(channel: tonic::transport::Channel, token: Token) {
/// let users = UserServiceClient::with_interceptor(channel, WithToken::new(&token));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct WithToken(Token);

impl WithToken {
    /// Creates an interceptor for this token.
    pub fn new(token: &Token) -> Self {
        Self(token.clone())
    }
}

impl Interceptor for WithToken {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        self.0.send_in(request.metadata_mut().as_mut());
        Ok(request)
    }
}
