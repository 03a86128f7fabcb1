//! A valid request of every method, which the abuse tests change.

use prost_reflect::MethodDescriptor;
use serde_json::{Value, json};

use super::cast::Guest;
use super::pair::PASSWORD;

/// A password that no user has, and that a new user may choose.
pub(super) const UNUSED: &str = "plover gantry umbel 42, the next one";

/// An id that no resource has.
pub(super) const ABSENT: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// The targets of a request, including those that it may end.
pub(super) struct Subjects<'a> {
    pub(super) guest: &'a Guest,
    /// A user who may be deleted.
    pub(super) user: &'a str,
    /// A session that may be ended.
    pub(super) session: &'a str,
    /// An API key that may be revoked.
    pub(super) api_key: &'a str,
    /// A post that may be deleted.
    pub(super) post: &'a str,
}

impl<'a> Subjects<'a> {
    /// Returns targets that the request does not end.
    pub(super) fn lasting(guest: &'a Guest) -> Self {
        Self { guest, user: ABSENT, session: ABSENT, api_key: ABSENT, post: ABSENT }
    }

    /// Returns targets that are all expendable.
    pub(super) fn doomed(guest: &'a Guest) -> Self {
        Self { guest, user: &guest.id, session: &guest.session, api_key: &guest.api_key, post: &guest.post }
    }
}

/// Returns `true` if each call of the method ends by itself. A stream of audit events does not end; it reads its filter
/// as the list of events does.
pub(super) fn ends(method: &MethodDescriptor) -> bool {
    method.name() != "WatchAuditEvents"
}

/// Returns the request as JSON. A new method needs one here.
pub(super) fn valid(method: &MethodDescriptor, subjects: &Subjects<'_>) -> Value {
    let Subjects { guest, user, session, api_key, post } = subjects;
    match method.name() {
        "Login" => json!({"email": guest.email, "password": PASSWORD}),
        // Well formed, but no session's token.
        "RefreshToken" => json!({"refreshToken": format!("gpr_{}", "A".repeat(64))}),
        "Logout" | "GetMe" | "ListSigningKeys" => json!({}),
        "VerifyToken" => json!({"token": guest.token}),
        "CreateUser" => {
            json!({"name": "Ada", "email": "ada@example.com", "password": PASSWORD, "requestId": ABSENT, "validateOnly": true})
        }
        "WatchRevocations" => json!({"resume": {}}),
        "ListAuditEvents" => json!({"filter": {"subject": guest.id}, "pageSize": 2}),
        "CreateApiKey" => json!({"name": "Export", "roles": ["editor"], "expireTime": "2100-01-01T00:00:00Z"}),
        "GetApiKey" => json!({"id": guest.api_key}),
        "UpdateApiKey" => json!({"id": guest.api_key, "patch": {"name": "Import"}}),
        "RotateApiKey" => json!({"id": api_key, "overlap": "60s"}),
        "RevokeApiKey" => json!({"id": api_key}),
        "GetUser" | "EnableUser" => json!({"id": guest.id}),
        "BatchGetUsers" => json!({"ids": [guest.id, ABSENT]}),
        "ListUsers" => json!({"pageSize": 2, "filter": {"state": "USER_STATE_ACTIVE"}}),
        "UpdateUser" => json!({"id": guest.id, "patch": {"name": "Ada L."}}),
        "ChangePassword" => json!({"currentPassword": "nobody's", "newPassword": UNUSED}),
        "DeleteUser" | "DisableUser" | "UnlockUser" => json!({"id": user}),
        "ResetPassword" => json!({"id": user, "newPassword": UNUSED}),
        // Well formed, but no code of a user.
        "CompletePasswordReset" => json!({"code": format!("gpc_{}", "A".repeat(43)), "newPassword": UNUSED}),
        "SetUserRoles" => json!({"id": guest.id, "roles": ["editor"]}),
        "ListSessions" => json!({"userId": guest.id, "pageSize": 2}),
        "RevokeSession" => json!({"id": session}),
        "RevokeAllSessions" => json!({"userId": user}),
        "CreatePost" => json!({"title": "Hello", "content": "First post."}),
        "GetPost" => json!({"id": guest.post}),
        "ListPosts" => {
            let filter = json!({"ownerId": guest.id, "tags": ["rust"], "tagMatch": "TAG_MATCH_ANY",
                "states": ["POST_STATE_PUBLISHED"], "publishedAfter": "2000-01-01T00:00:00Z"});
            json!({"pageSize": 2, "filter": filter, "orderBy": "title desc"})
        }
        "ListTags" | "ListApiKeys" => json!({"pageSize": 2}),
        "BatchGetPosts" => json!({"ids": [guest.post, ABSENT]}),
        "UpdatePost" => json!({"id": guest.post, "patch": {"title": "Hello again"}}),
        "DeletePost" | "UnpublishPost" => json!({"id": post}),
        "PublishPost" => json!({"id": post, "publishTime": "2100-01-01T00:00:00Z"}),
        other => panic!("{other} is new: write a valid request for it"),
    }
}
