//! `whoami`: the caller, as the service sees it.

use gatepost::api::auth::v1::{GetMeRequest, SubjectKind, User, VerifyTokenRequest};
use kit::cli::{CommandFailure, OutputFormat};
use serde::Serialize;
use tonic::Code;

use super::bearer::Bearer;
use super::client::Client;
use super::record::print_record;
use super::rows::time;

/// Caller, as the command prints it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Whoami {
    /// URL of the service or of the database.
    server: String,
    /// `user`, `service` or `operator`.
    kind: &'static str,
    id: String,
    email: String,
    name: String,
    roles: Vec<String>,
    /// End of the access token; unset for a stored login, whose token is renewed.
    expire_time: Option<String>,
}

impl Whoami {
    /// Returns a user as the caller.
    pub(super) fn user(server: &str, user: User) -> Self {
        let User { id, email, name, roles, .. } = user;
        Self { server: server.to_owned(), kind: "user", id, email, name, roles, expire_time: None }
    }

    fn other(server: &str, kind: &'static str, id: String) -> Self {
        let (email, name, roles) = Default::default();
        Self { server: server.to_owned(), kind, id, email, name, roles, expire_time: None }
    }
}

/// Prints the caller.
pub(super) async fn whoami(client: &Client, format: OutputFormat) -> Result<(), CommandFailure> {
    let place = client.place();
    if matches!(client.bearer(), Bearer::Operator) {
        return print_record(&Whoami::other(place, "operator", "operator".into()), format);
    }
    let me = client.try_call(GetMeRequest {}, async |services, request| services.users().get_me(request).await).await?;
    let found = match me {
        Ok(answer) => Whoami::user(place, answer.user.unwrap_or_default()),
        Err(status) if status.code() == Code::PermissionDenied => service(client).await?,
        Err(status) => return Err(client.failure(&status)),
    };
    print_record(&found, format)
}

/// Returns the service that the token or key names.
async fn service(client: &Client) -> Result<Whoami, CommandFailure> {
    let token = client.bearer().token().await?.map(|token| token.expose().to_owned()).unwrap_or_default();
    let request = VerifyTokenRequest { token };
    let answer = client.call(request, async |services, request| services.tokens().verify_token(request).await).await?;
    let claims = answer.claims.unwrap_or_default();
    let kind = if claims.subject_kind() == SubjectKind::Service { "service" } else { "user" };
    let found = Whoami::other(client.place(), kind, claims.subject);
    Ok(Whoami { roles: claims.roles, expire_time: claims.expire_time.map(time), ..found })
}
