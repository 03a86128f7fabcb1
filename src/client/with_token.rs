//! The client's side: adds the token to each call.

use tonic::service::Interceptor;
use tonic::{Request, Status};

use crate::Token;

/// A client-side interceptor that sends the metadata `api-token` with each call.
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
    /// Sends this token.
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
