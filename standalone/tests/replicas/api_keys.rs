//! An API key that is created, rotated or revoked at one replica is known at the other.

use blog_service::api::v1::ListPostsRequest;
use gatepost::api::auth::v1::{CreateApiKeyRequest, RevokeApiKeyRequest, RotateApiKeyRequest, TokenState};

use super::world::{ADMIN, World, reason, with_token};

#[tokio::test(flavor = "multi_thread")]
async fn key_of_one_replica_is_known_at_the_other() {
    let Some(world) = World::start().await else { return };
    let admin = world.log_in(0, ADMIN).await.unwrap().access_token;
    for here in [0, 1] {
        let there = 1 - here;
        let request = CreateApiKeyRequest { name: "Export".into(), ..CreateApiKeyRequest::default() };
        let created = world.api_keys_at(here).create_api_key(with_token(request, &admin)).await.unwrap().into_inner();
        let (key, first) = (created.api_key.unwrap(), created.secret);
        // No replica refuses a key because its own poll of the log is a moment old.
        for replica in [there, here] {
            assert_eq!(world.state(replica, &first).await, TokenState::Active);
            let posts = with_token(ListPostsRequest::default(), &first);
            world.posts_at(replica).list_posts(posts).await.unwrap();
        }
        let overlap = Some(prost_types::Duration::default());
        let request = RotateApiKeyRequest { id: key.id.clone(), overlap, etag: String::new() };
        let rotated = world.api_keys_at(there).rotate_api_key(with_token(request, &admin)).await.unwrap().into_inner();
        for replica in [here, there] {
            assert_eq!(world.state(replica, &rotated.secret).await, TokenState::Active, "the new secret at once");
            // The loop never ends if the replica does not learn of the rotation.
            while world.state(replica, &first).await == TokenState::Active {}
            assert_eq!(world.state(replica, &first).await, TokenState::Expired);
        }
        let request = RevokeApiKeyRequest { id: key.id, etag: String::new() };
        world.api_keys_at(here).revoke_api_key(with_token(request, &admin)).await.unwrap();
        assert_eq!(world.state(here, &rotated.secret).await, TokenState::Revoked, "at once at the replica of the call");
        while world.state(there, &rotated.secret).await == TokenState::Active {}
        for replica in [here, there] {
            assert_eq!(world.state(replica, &rotated.secret).await, TokenState::Revoked);
            let refused = loop {
                let posts = with_token(ListPostsRequest::default(), &rotated.secret);
                if let Err(status) = world.posts_at(replica).list_posts(posts).await {
                    break status;
                }
            };
            assert_eq!(reason(&refused), "TOKEN_REVOKED");
        }
    }
    world.stop();
}
