//! The authorization matrix: for each method, the outcome for each caller. It follows the comments in `proto/`.

use super::row::Outcome::{
    ApiKeyNotFound, NotAllowed, NotPostOwner, Ok, PostNotFound, RefreshTokenInvalid, ResetCodeInvalid, SessionNotFound,
    UserDisabled, UserNotFound, WrongPostState,
};
use super::row::{Changes, Holders, Row};

// Outcomes for holders of good tokens: other, owner, editor, admin, service, API key with the role `admin`.
const EVERYBODY: Holders = [Ok; 6];
const USERS: Holders = [Ok, Ok, Ok, Ok, NotAllowed, NotAllowed];
const SELF_AND_ADMINS: Holders = [NotAllowed, Ok, NotAllowed, Ok, NotAllowed, Ok];
const SELF_AND_ADMIN_USERS: Holders = [NotAllowed, Ok, NotAllowed, Ok, NotAllowed, NotAllowed];
const ADMINS: Holders = [NotAllowed, NotAllowed, NotAllowed, Ok, NotAllowed, Ok];
const ADMINS_NOT_FOUND: Holders = [NotAllowed, NotAllowed, NotAllowed, UserNotFound, NotAllowed, UserNotFound];
const ADMIN_USERS: Holders = [NotAllowed, NotAllowed, NotAllowed, Ok, NotAllowed, NotAllowed];
const SERVICES: Holders = [NotAllowed, NotAllowed, NotAllowed, NotAllowed, Ok, NotAllowed];
const OWNER_AND_EDITORS: Holders = [NotPostOwner, Ok, Ok, NotPostOwner, NotPostOwner, NotPostOwner];
// Drafts: admins see them and change nothing.
const VIEWERS_OF_DRAFTS: Holders = [PostNotFound, Ok, Ok, Ok, PostNotFound, Ok];
const WRITERS_OF_DRAFTS: Holders = [PostNotFound, Ok, Ok, NotPostOwner, PostNotFound, NotPostOwner];

/// Returns every row for the default settings.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows = vec![create_user()];
    rows.extend(
        [
            tokens(),
            users(),
            callers(),
            admins(),
            locked_out(),
            absent(),
            sessions(),
            audit(),
            api_keys(),
            posts(Row::guarded),
        ]
        .into_iter()
        .flatten(),
    );
    rows
}

/// A row of a method that reads posts: guarded, or optional with public reads.
type Read = fn(&'static str, &'static str, Holders) -> Row;

/// Returns the rows of `PostService`.
pub(crate) fn posts(read: Read) -> Vec<Row> {
    const CREATE: &str = "gatepost.blog.v1.PostService/CreatePost";
    const GET: &str = "gatepost.blog.v1.PostService/GetPost";
    const BATCH: &str = "gatepost.blog.v1.PostService/BatchGetPosts";
    const LIST: &str = "gatepost.blog.v1.PostService/ListPosts";
    const TAGS: &str = "gatepost.blog.v1.PostService/ListTags";
    const UPDATE: &str = "gatepost.blog.v1.PostService/UpdatePost";
    const DELETE: &str = "gatepost.blog.v1.PostService/DeletePost";
    vec![
        Row::guarded(CREATE, r#"{"title":"Mine","content":"Text."}"#, USERS).showing("/post/ownerId", "$CALLER"),
        read(GET, r#"{"id":"$POST"}"#, EVERYBODY).showing("/post/ownerId", "$OWNER"),
        read(GET, r#"{"id":"$ABSENT"}"#, [PostNotFound; 6]),
        read(BATCH, r#"{"ids":["$POST","$ABSENT"]}"#, EVERYBODY)
            .showing("/posts/0/id", "$POST")
            .showing("/missingIds/0", "$ABSENT"),
        read(LIST, "{}", EVERYBODY).hiding("/posts/0/content").hiding("/posts/0/contentHtml"),
        read(LIST, r#"{"filter":{"ownerId":"$OWNER"},"orderBy":"title"}"#, EVERYBODY)
            .showing("/posts/0/ownerId", "$OWNER"),
        read(TAGS, "{}", EVERYBODY),
        Row::guarded(UPDATE, r#"{"id":"$POST","patch":{"title":"Again"},"etag":"$POST_ETAG"}"#, OWNER_AND_EDITORS)
            .showing("/post/title", "Again")
            .showing("/post/ownerId", "$OWNER")
            .changing(Changes::Owner),
        Row::guarded(UPDATE, r#"{"id":"$POST","patch":{"title":"Again"},"validateOnly":true}"#, OWNER_AND_EDITORS),
        Row::guarded(UPDATE, r#"{"id":"$ABSENT","patch":{"title":"Again"}}"#, [PostNotFound; 6]),
        Row::guarded(DELETE, r#"{"id":"$POST","etag":"$POST_ETAG"}"#, OWNER_AND_EDITORS).changing(Changes::Owner),
        Row::guarded(DELETE, r#"{"id":"$ABSENT"}"#, [PostNotFound; 6]),
        read(GET, r#"{"slug":"$POST_SLUG"}"#, EVERYBODY).showing("/post/id", "$POST"),
        read(GET, r#"{"slug":"no-such-slug"}"#, [PostNotFound; 6]),
        Row::guarded(UPDATE, r#"{"id":"$POST","patch":{"slug":"slug-$NUMBER"}}"#, OWNER_AND_EDITORS)
            .showing("/post/slug", "slug-$NUMBER")
            .changing(Changes::Owner),
    ]
    .into_iter()
    .chain(states(read))
    .collect()
}

/// Returns the rows about drafts and about the methods that change the state of a post.
fn states(read: Read) -> Vec<Row> {
    const GET: &str = "gatepost.blog.v1.PostService/GetPost";
    const UPDATE: &str = "gatepost.blog.v1.PostService/UpdatePost";
    const DELETE: &str = "gatepost.blog.v1.PostService/DeletePost";
    const PUBLISH: &str = "gatepost.blog.v1.PostService/PublishPost";
    const UNPUBLISH: &str = "gatepost.blog.v1.PostService/UnpublishPost";
    const PUBLISHED: Holders = [NotPostOwner, WrongPostState, WrongPostState, NotPostOwner, NotPostOwner, NotPostOwner];
    vec![
        read(GET, r#"{"id":"$DRAFT"}"#, VIEWERS_OF_DRAFTS).showing("/post/state", "POST_STATE_DRAFT"),
        read(GET, r#"{"slug":"$DRAFT_SLUG"}"#, VIEWERS_OF_DRAFTS).showing("/post/ownerId", "$OWNER"),
        Row::guarded(UPDATE, r#"{"id":"$DRAFT","patch":{"title":"Again"}}"#, WRITERS_OF_DRAFTS)
            .showing("/post/title", "Again")
            .changing(Changes::Owner),
        Row::guarded(DELETE, r#"{"id":"$DRAFT"}"#, WRITERS_OF_DRAFTS).changing(Changes::Owner),
        Row::guarded(PUBLISH, r#"{"id":"$DRAFT"}"#, WRITERS_OF_DRAFTS)
            .showing("/post/state", "POST_STATE_PUBLISHED")
            .changing(Changes::Owner),
        Row::guarded(PUBLISH, r#"{"id":"$DRAFT","publishTime":"2926-01-01T00:00:00Z"}"#, WRITERS_OF_DRAFTS)
            .showing("/post/state", "POST_STATE_SCHEDULED")
            .changing(Changes::Owner),
        Row::guarded(PUBLISH, r#"{"id":"$POST","etag":"$POST_ETAG"}"#, PUBLISHED),
        Row::guarded(PUBLISH, r#"{"id":"$ABSENT"}"#, [PostNotFound; 6]),
        Row::guarded(UNPUBLISH, r#"{"id":"$POST","etag":"$POST_ETAG"}"#, OWNER_AND_EDITORS)
            .showing("/post/state", "POST_STATE_DRAFT")
            .changing(Changes::Owner),
        Row::guarded(UNPUBLISH, r#"{"id":"$ABSENT"}"#, [PostNotFound; 6]),
    ]
}

const CREATE_USER: &str = "gatepost.auth.v1.UserService/CreateUser";
const NEW_USER: &str = r#"{"name":"New","email":"$NEW_EMAIL","password":"$NEW_PASSWORD"}"#;

fn create_user() -> Row {
    Row::public(CREATE_USER, NEW_USER).showing("/user/email", "$NEW_EMAIL")
}

/// Returns the row of `CreateUser` with closed registration, in which the admin does not get the new user's tokens.
pub(crate) fn create_user_closed() -> Row {
    Row::guarded(CREATE_USER, NEW_USER, ADMINS).showing("/user/email", "$NEW_EMAIL").hiding("/tokens")
}

/// Returns the rows of `AuthService` and `TokenService`.
fn tokens() -> Vec<Row> {
    const REFRESH_TOKEN: &str = "gatepost.auth.v1.AuthService/RefreshToken";
    vec![
        Row::public("gatepost.auth.v1.AuthService/Login", r#"{"email":"$OWNER_EMAIL","password":"$PASSWORD"}"#)
            .showing("/user/id", "$OWNER")
            .changing(Changes::Owner),
        Row::public(REFRESH_TOKEN, r#"{"refreshToken":"$OWNER_REFRESH_TOKEN"}"#).changing(Changes::Owner),
        Row::public(REFRESH_TOKEN, r#"{"refreshToken":"$OWNER_TOKEN"}"#).for_all(RefreshTokenInvalid),
        Row::guarded("gatepost.auth.v1.AuthService/Logout", "{}", USERS).changing(Changes::Caller),
        Row::public("gatepost.auth.v1.TokenService/VerifyToken", r#"{"token":"$OWNER_TOKEN"}"#)
            .showing("/state", "TOKEN_STATE_ACTIVE")
            .showing("/claims/subject", "$OWNER"),
        Row::public("gatepost.auth.v1.TokenService/ListSigningKeys", "{}").showing("/keys/0/algorithm", "EdDSA"),
        Row::guarded("gatepost.auth.v1.TokenService/WatchRevocations", r#"{"resume":{}}"#, SERVICES)
            .showing("/greeting/renewInterval", "0.500s"),
    ]
}

const GET_USER: &str = "gatepost.auth.v1.UserService/GetUser";
const BATCH_GET_USERS: &str = "gatepost.auth.v1.UserService/BatchGetUsers";
const LIST_USERS: &str = "gatepost.auth.v1.UserService/ListUsers";
const UPDATE_USER: &str = "gatepost.auth.v1.UserService/UpdateUser";
const DELETE_USER: &str = "gatepost.auth.v1.UserService/DeleteUser";
const SET_USER_ROLES: &str = "gatepost.auth.v1.UserService/SetUserRoles";
const DISABLE_USER: &str = "gatepost.auth.v1.UserService/DisableUser";
const ENABLE_USER: &str = "gatepost.auth.v1.UserService/EnableUser";
const RESET_PASSWORD: &str = "gatepost.auth.v1.UserService/ResetPassword";
const UNLOCK_USER: &str = "gatepost.auth.v1.UserService/UnlockUser";

/// Returns the rows of `UserService` methods that name another user.
fn users() -> Vec<Row> {
    const EMAIL: &str = r#"{"id":"$OWNER","patch":{"email":"$NEW_EMAIL"},"currentPassword":"$PASSWORD"}"#;
    vec![
        Row::guarded(GET_USER, r#"{"id":"$OWNER"}"#, EVERYBODY).showing("/user/id", "$OWNER"),
        Row::guarded(BATCH_GET_USERS, r#"{"ids":["$OWNER","$ABSENT"]}"#, EVERYBODY)
            .showing("/users/0/id", "$OWNER")
            .showing("/missingIds/0", "$ABSENT"),
        Row::guarded(LIST_USERS, r#"{"pageSize":1000}"#, EVERYBODY),
        Row::guarded(LIST_USERS, r#"{"filter":{"email":"$OWNER_EMAIL"}}"#, ADMINS).showing("/users/0/id", "$OWNER"),
        Row::guarded(UPDATE_USER, r#"{"id":"$OWNER","patch":{"name":"Grace"},"etag":"$OWNER_ETAG"}"#, SELF_AND_ADMINS)
            .showing("/user/name", "Grace")
            .changing(Changes::Owner),
        Row::guarded(UPDATE_USER, EMAIL, SELF_AND_ADMIN_USERS)
            .showing("/user/email", "$NEW_EMAIL")
            .changing(Changes::Owner),
        Row::guarded(DELETE_USER, r#"{"id":"$OWNER","etag":"$OWNER_ETAG"}"#, SELF_AND_ADMINS).changing(Changes::Owner),
    ]
}

/// Returns the rows of `UserService` methods about the caller, always or by `me`.
fn callers() -> Vec<Row> {
    const GET_ME: &str = "gatepost.auth.v1.UserService/GetMe";
    const CHANGE_PASSWORD: &str = "gatepost.auth.v1.UserService/ChangePassword";
    const PASSWORDS: &str = r#"{"currentPassword":"$PASSWORD","newPassword":"$NEW_PASSWORD"}"#;
    vec![
        Row::guarded(GET_ME, "{}", USERS).showing("/user/id", "$CALLER"),
        Row::guarded(GET_USER, r#"{"id":"me"}"#, USERS).showing("/user/id", "$CALLER"),
        Row::guarded(BATCH_GET_USERS, r#"{"ids":["me"]}"#, USERS).showing("/users/0/id", "$CALLER"),
        Row::guarded(UPDATE_USER, r#"{"id":"me","patch":{"name":"Grace"}}"#, USERS)
            .showing("/user/name", "Grace")
            .changing(Changes::Caller),
        Row::guarded(CHANGE_PASSWORD, PASSWORDS, USERS).changing(Changes::Caller),
        Row::guarded(DELETE_USER, r#"{"id":"me"}"#, USERS).changing(Changes::Caller),
        Row::guarded(SET_USER_ROLES, r#"{"id":"me","roles":["admin","keeper"]}"#, ADMIN_USERS)
            .showing("/user/roles/1", "keeper")
            .changing(Changes::Caller),
        Row::guarded(DISABLE_USER, r#"{"id":"me"}"#, ADMIN_USERS).changing(Changes::Caller),
        Row::guarded(ENABLE_USER, r#"{"id":"me"}"#, ADMIN_USERS).showing("/user/id", "$CALLER"),
    ]
}

/// Returns the rows of `UserService` methods for admins.
fn admins() -> Vec<Row> {
    const OF_DISABLED: Holders = [NotAllowed, UserDisabled, NotAllowed, Ok, NotAllowed, Ok];
    vec![
        Row::guarded(SET_USER_ROLES, r#"{"id":"$OWNER","roles":["editor"],"etag":"$OWNER_ETAG"}"#, ADMINS)
            .showing("/user/roles/0", "editor")
            .changing(Changes::Owner),
        Row::guarded(DISABLE_USER, r#"{"id":"$OWNER","etag":"$OWNER_ETAG"}"#, ADMINS)
            .showing("/user/state", "USER_STATE_DISABLED")
            .changing(Changes::Owner),
        Row::guarded(ENABLE_USER, r#"{"id":"$OWNER","etag":"$OWNER_ETAG"}"#, ADMINS)
            .showing("/user/state", "USER_STATE_ACTIVE"),
        Row::guarded(ENABLE_USER, r#"{"id":"$OWNER"}"#, OF_DISABLED)
            .of_a_disabled_owner()
            .showing("/user/state", "USER_STATE_ACTIVE")
            .changing(Changes::Owner),
    ]
}

/// Returns the rows of `UserService` methods that help a user who cannot log in.
fn locked_out() -> Vec<Row> {
    const COMPLETE: &str = "gatepost.auth.v1.UserService/CompletePasswordReset";
    vec![
        Row::guarded(RESET_PASSWORD, r#"{"id":"$OWNER"}"#, ADMINS).hiding("/tokens"),
        Row::guarded(RESET_PASSWORD, r#"{"id":"$OWNER","newPassword":"$NEW_PASSWORD"}"#, ADMINS)
            .hiding("/code")
            .changing(Changes::Owner),
        Row::guarded(RESET_PASSWORD, r#"{"id":"me"}"#, ADMIN_USERS),
        Row::public(COMPLETE, r#"{"code":"$OWNER_TOKEN","newPassword":"$NEW_PASSWORD"}"#).for_all(ResetCodeInvalid),
        Row::guarded(UNLOCK_USER, r#"{"id":"$OWNER"}"#, ADMINS),
        Row::guarded(UNLOCK_USER, r#"{"id":"me"}"#, ADMIN_USERS),
    ]
}

/// Returns the rows of `AuditService`.
fn audit() -> Vec<Row> {
    const LIST: &str = "gatepost.auth.v1.AuditService/ListAuditEvents";
    const WATCH: &str = "gatepost.auth.v1.AuditService/WatchAuditEvents";
    vec![
        Row::guarded(LIST, "{}", ADMINS),
        Row::guarded(LIST, r#"{"filter":{"subject":"$OWNER"},"pageSize":1000}"#, ADMINS)
            .showing("/events/0/subject", "$OWNER"),
        Row::guarded(WATCH, "{}", ADMINS),
    ]
}

/// Returns the rows of `ApiKeyService`. No API key can call it.
fn api_keys() -> Vec<Row> {
    const CREATE: &str = "gatepost.auth.v1.ApiKeyService/CreateApiKey";
    const GET: &str = "gatepost.auth.v1.ApiKeyService/GetApiKey";
    const LIST: &str = "gatepost.auth.v1.ApiKeyService/ListApiKeys";
    const UPDATE: &str = "gatepost.auth.v1.ApiKeyService/UpdateApiKey";
    const ROTATE: &str = "gatepost.auth.v1.ApiKeyService/RotateApiKey";
    const REVOKE: &str = "gatepost.auth.v1.ApiKeyService/RevokeApiKey";
    const NOT_FOUND: Holders = [NotAllowed, NotAllowed, NotAllowed, ApiKeyNotFound, NotAllowed, NotAllowed];
    vec![
        Row::guarded(CREATE, r#"{"name":"Export","roles":["admin","service"]}"#, ADMIN_USERS)
            .showing("/apiKey/roles/1", "service")
            .showing("/apiKey/state", "API_KEY_STATE_ACTIVE"),
        Row::guarded(GET, r#"{"id":"$API_KEY"}"#, ADMIN_USERS).showing("/apiKey/id", "$API_KEY").hiding("/secret"),
        Row::guarded(GET, r#"{"id":"$ABSENT"}"#, NOT_FOUND),
        Row::guarded(LIST, "{}", ADMIN_USERS).showing("/apiKeys/0/state", "API_KEY_STATE_ACTIVE"),
        Row::guarded(UPDATE, r#"{"id":"$API_KEY","patch":{"name":"Other","roles":["reader"]}}"#, ADMIN_USERS)
            .showing("/apiKey/name", "Other")
            .showing("/apiKey/roles/0", "reader")
            .changing(Changes::Owner),
        Row::guarded(UPDATE, r#"{"id":"$ABSENT","patch":{"name":"Other"}}"#, NOT_FOUND),
        Row::guarded(ROTATE, r#"{"id":"$API_KEY","overlap":"60s"}"#, ADMIN_USERS)
            .showing("/apiKey/id", "$API_KEY")
            .changing(Changes::Owner),
        Row::guarded(ROTATE, r#"{"id":"$ABSENT"}"#, NOT_FOUND),
        Row::guarded(REVOKE, r#"{"id":"$API_KEY"}"#, ADMIN_USERS)
            .showing("/apiKey/state", "API_KEY_STATE_REVOKED")
            .changing(Changes::Owner),
        Row::guarded(REVOKE, r#"{"id":"$ABSENT"}"#, NOT_FOUND),
    ]
}

/// Returns the rows about a missing user: existence is checked before ownership, and the policy before both.
fn absent() -> Vec<Row> {
    vec![
        Row::guarded(GET_USER, r#"{"id":"$ABSENT"}"#, [UserNotFound; 6]),
        Row::guarded(UPDATE_USER, r#"{"id":"$ABSENT","patch":{"name":"Grace"}}"#, [UserNotFound; 6]),
        Row::guarded(DELETE_USER, r#"{"id":"$ABSENT"}"#, [UserNotFound; 6]),
        Row::guarded(SET_USER_ROLES, r#"{"id":"$ABSENT","roles":["editor"]}"#, ADMINS_NOT_FOUND),
        Row::guarded(DISABLE_USER, r#"{"id":"$ABSENT"}"#, ADMINS_NOT_FOUND),
        Row::guarded(ENABLE_USER, r#"{"id":"$ABSENT"}"#, ADMINS_NOT_FOUND),
        Row::guarded(RESET_PASSWORD, r#"{"id":"$ABSENT"}"#, ADMINS_NOT_FOUND),
        Row::guarded(UNLOCK_USER, r#"{"id":"$ABSENT"}"#, ADMINS_NOT_FOUND),
    ]
}

/// Returns the rows of `SessionService`. Only its user and admins can tell a session from one that does not exist.
fn sessions() -> Vec<Row> {
    const LIST: &str = "gatepost.auth.v1.SessionService/ListSessions";
    const REVOKE: &str = "gatepost.auth.v1.SessionService/RevokeSession";
    const REVOKE_ALL: &str = "gatepost.auth.v1.SessionService/RevokeAllSessions";
    const UNSEEN: Holders = [SessionNotFound, Ok, SessionNotFound, Ok, SessionNotFound, Ok];
    vec![
        Row::guarded(LIST, r#"{"userId":"$OWNER"}"#, SELF_AND_ADMINS).showing("/sessions/0/id", "$SESSION"),
        Row::guarded(LIST, r#"{"userId":"me"}"#, USERS).showing("/sessions/0/id", "$CALLER_SESSION"),
        Row::guarded(LIST, "{}", USERS).showing("/sessions/0/id", "$CALLER_SESSION"),
        Row::guarded(LIST, r#"{"userId":"$ABSENT"}"#, [UserNotFound; 6]),
        Row::guarded(REVOKE, r#"{"id":"$SESSION"}"#, UNSEEN).changing(Changes::Owner),
        Row::guarded(REVOKE, r#"{"id":"$ABSENT"}"#, [SessionNotFound; 6]),
        Row::guarded(REVOKE_ALL, r#"{"userId":"$OWNER"}"#, SELF_AND_ADMINS).changing(Changes::Owner),
        Row::guarded(REVOKE_ALL, r#"{"userId":"me"}"#, USERS).changing(Changes::Caller),
        Row::guarded(REVOKE_ALL, r#"{"userId":"$ABSENT"}"#, [UserNotFound; 6]),
    ]
}
