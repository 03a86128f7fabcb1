//! Ids of posts and of the users who write them.

kit::id_type! {
    /// Id of a post, a `UUIDv7`.
    pub struct PostId;
}

kit::id_type! {
    /// Id of a user of the auth service, who writes posts here.
    pub struct AuthorId;
}
