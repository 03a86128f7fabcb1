//! A revocation takes effect at once at its own replica, and soon at the other. The benchmark measures the delay.

use blog_service::api::v1::ListPostsRequest;
use gatepost::api::auth::v1::{
    ChangePasswordRequest, DeleteUserRequest, DisableUserRequest, GetMeRequest, LogoutRequest,
    RevokeAllSessionsRequest, RevokeSessionRequest, SetUserRolesRequest, TokenState, User,
};

use super::pair::PASSWORD;
use super::world::{ADMIN, World, reason, with_token};

/// All changes that end a token before it expires.
const WAYS: [&str; 8] =
    ["logout", "session", "all-sessions", "password", "role", "disabled", "deleted", "reused-refresh-token"];

/// A user with two sessions, and a token that will be revoked.
struct Victim {
    user: User,
    token: String,
    other: String,
    refresh_token: String,
}

impl World {
    async fn victim(&self, way: &str, admin: &str) -> Victim {
        let email = format!("{way}@example.com");
        let user = self.register(0, &email).await.unwrap().user.unwrap();
        let roles = vec!["editor".to_owned()];
        let request = SetUserRolesRequest { id: user.id.clone(), roles, etag: String::new() };
        self.users_at(0).set_user_roles(with_token(request, admin)).await.unwrap();
        let (one, other) = (self.log_in(0, &email).await.unwrap(), self.log_in(1, &email).await.unwrap());
        Victim { user, token: one.access_token, other: other.access_token, refresh_token: one.refresh_token }
    }

    /// Kills the victim's token at a replica.
    async fn kill(&self, replica: usize, way: &str, victim: &Victim, admin: &str) {
        let Victim { user, token, other, refresh_token } = victim;
        let id = user.id.clone();
        match way {
            "logout" => drop(self.login_at(replica).logout(with_token(LogoutRequest {}, token)).await.unwrap()),
            "session" => {
                let request = RevokeSessionRequest { id: session_of(token) };
                self.sessions_at(replica).revoke_session(with_token(request, other)).await.unwrap();
            }
            "all-sessions" => {
                let request = RevokeAllSessionsRequest { user_id: "me".into() };
                self.sessions_at(replica).revoke_all_sessions(with_token(request, other)).await.unwrap();
            }
            "password" => {
                let (current_password, new_password) = (PASSWORD.into(), "wrong horse battery staple".into());
                let request = ChangePasswordRequest { current_password, new_password };
                self.users_at(replica).change_password(with_token(request, other)).await.unwrap();
            }
            "role" => {
                let request = SetUserRolesRequest { id, roles: Vec::new(), etag: String::new() };
                self.users_at(replica).set_user_roles(with_token(request, admin)).await.unwrap();
            }
            "disabled" => {
                let request = DisableUserRequest { id, etag: String::new() };
                self.users_at(replica).disable_user(with_token(request, admin)).await.unwrap();
            }
            "deleted" => {
                let request = DeleteUserRequest { id, etag: String::new() };
                self.users_at(replica).delete_user(with_token(request, admin)).await.unwrap();
            }
            _ => {
                let second = self.refresh(replica, refresh_token).await.unwrap();
                self.refresh(replica, &second.refresh_token).await.unwrap();
                let reused = self.refresh(replica, refresh_token).await.unwrap_err();
                assert_eq!(reason(&reused), "REFRESH_TOKEN_REUSED");
            }
        }
    }
}

/// Returns the session of an access token.
fn session_of(token: &str) -> String {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).unwrap();
    let json = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
    serde_json::from_slice::<serde_json::Value>(&json).unwrap()["sid"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn token_killed_at_one_replica_dies_at_the_other() {
    let Some(mut world) = World::start().await else { return };
    let admin = world.log_in(0, ADMIN).await.unwrap().access_token;
    for (number, way) in WAYS.into_iter().enumerate() {
        let (here, there) = (number % 2, 1 - number % 2);
        let victim = world.victim(way, &admin).await;
        for replica in [here, there] {
            assert_eq!(world.state(replica, &victim.token).await, TokenState::Active, "{way}");
        }
        world.kill(here, way, &victim, &admin).await;
        let expected = match way {
            "disabled" => TokenState::UserDisabled,
            "deleted" => TokenState::UserDeleted,
            _ => TokenState::Revoked,
        };
        assert_eq!(world.state(here, &victim.token).await, expected, "{way}: dead at once at the replica of the call");
        // The loop never ends if the other replica does not learn of the revocation.
        while world.state(there, &victim.token).await == TokenState::Active {}
        assert_eq!(world.state(there, &victim.token).await, expected, "{way}");
        // Both guards refuse the token too: the auth service's own, and the one of its blog service.
        let refused = world.users_at(there).get_me(with_token(GetMeRequest {}, &victim.token)).await.unwrap_err();
        let posts = with_token(ListPostsRequest::default(), &victim.token);
        let at_the_blog = world.posts_at(there).list_posts(posts).await.unwrap_err();
        assert_eq!(reason(&refused), reason(&at_the_blog), "{way}");
        assert_eq!(format!("TOKEN_STATE_{}", reason(&refused).replace("TOKEN_", "")), expected.as_str_name(), "{way}");
    }
    let line = world.wait_for_line(1, "refresh_token_reused");
    assert!(line.contains("gatepost::audit") && line.contains("session=") && line.contains("peer="), "{line}");
    world.stop();
}
