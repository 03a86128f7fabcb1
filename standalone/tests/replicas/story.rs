//! One user's calls from registration to logout. Each call goes to the replica that did not get the previous one.

use blog_service::api::v1::{
    CreatePostRequest, DeletePostRequest, GetPostRequest, UpdatePostRequest, get_post_request,
};
use gatepost::api::auth::v1::{
    ChangePasswordRequest, GetMeRequest, ListSessionsRequest, LoginRequest, LogoutRequest, TokenState,
};
use tonic::Code;

use super::pair::PASSWORD;
use super::world::{World, reason, with_deadline, with_token};

const EMAIL: &str = "ada@example.com";
const NEW_PASSWORD: &str = "wrong horse battery staple";

#[tokio::test(flavor = "multi_thread")]
async fn story_runs_through_both_replicas_by_turns() {
    let Some(world) = World::start().await else { return };
    let registered = world.register(0, EMAIL).await.unwrap();
    let (user, first) = (registered.user.unwrap(), registered.tokens.unwrap());
    for replica in [1, 0] {
        assert_eq!(
            world.state(replica, &first.access_token).await,
            TokenState::Active,
            "the replicas share their keys"
        );
    }
    let me = world.users_at(1).get_me(with_token(GetMeRequest {}, &first.access_token)).await.unwrap();
    assert_eq!(me.into_inner().user.unwrap().id, user.id);
    let second = world.refresh(0, &first.refresh_token).await.unwrap();
    let third = world.refresh(1, &second.refresh_token).await.unwrap();
    let token = &third.access_token;

    let request =
        CreatePostRequest { title: "Hello".into(), content: "First post.".into(), ..CreatePostRequest::default() };
    let post = world.posts_at(0).create_post(with_token(request, token)).await.unwrap().into_inner().post.unwrap();
    let wanted = Some(get_post_request::Post::Id(post.id.clone()));
    let request = GetPostRequest { post: wanted.clone(), ..GetPostRequest::default() };
    let read = world.posts_at(1).get_post(with_token(request.clone(), token)).await.unwrap().into_inner().post.unwrap();
    assert_eq!((&read.id, &read.owner_id), (&post.id, &user.id));
    let mut update = UpdatePostRequest { id: post.id.clone(), etag: read.etag, ..UpdatePostRequest::default() };
    update.patch.get_or_insert_default().title = Some("Hello again".into());
    world.posts_at(0).update_post(with_token(update, token)).await.unwrap();
    let read = world.posts_at(1).get_post(with_token(request.clone(), token)).await.unwrap().into_inner().post.unwrap();
    assert_eq!(read.title, "Hello again");
    let delete = DeletePostRequest { id: post.id, ..DeletePostRequest::default() };
    world.posts_at(0).delete_post(with_token(delete, token)).await.unwrap();
    let gone = world.posts_at(1).get_post(with_token(request, token)).await.unwrap_err();
    assert_eq!((gone.code(), reason(&gone).as_str()), (Code::NotFound, "POST_NOT_FOUND"));

    let change = ChangePasswordRequest { current_password: PASSWORD.into(), new_password: NEW_PASSWORD.into() };
    let changed = world.users_at(0).change_password(with_token(change, token)).await.unwrap().into_inner();
    let wrong = world.log_in(1, EMAIL).await.unwrap_err();
    assert_eq!(reason(&wrong), "INVALID_CREDENTIALS");
    let request = LoginRequest { email: EMAIL.into(), password: NEW_PASSWORD.into(), ..LoginRequest::default() };
    let login = world.login_at(0).login(with_deadline(request)).await.unwrap().into_inner().tokens.unwrap();
    let request = with_token(ListSessionsRequest::default(), &changed.tokens.unwrap().access_token);
    assert_eq!(world.sessions_at(1).list_sessions(request).await.unwrap().into_inner().sessions.len(), 2);
    world.login_at(1).logout(with_token(LogoutRequest {}, &login.access_token)).await.unwrap();
    world.stop();
}
