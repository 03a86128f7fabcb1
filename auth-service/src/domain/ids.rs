//! Ids of users, sessions, access tokens, API keys and audit events.

use serde::{Deserialize, Serialize};

kit::id_type! {
    /// Id of a user.
    #[derive(Deserialize, Serialize)]
    #[serde(transparent)]
    pub struct UserId;
}

kit::id_type! {
    /// Id of a session.
    #[derive(Deserialize, Serialize)]
    #[serde(transparent)]
    pub struct SessionId;
}

kit::id_type! {
    /// Id of an access token (`jti`).
    #[derive(Deserialize, Serialize)]
    #[serde(transparent)]
    pub struct TokenId;
}

kit::id_type! {
    /// Id of an API key.
    pub struct ApiKeyId;
}

kit::id_type! {
    /// Id of an audit event.
    pub struct AuditEventId;
}
