//! Prepared statements that are lost: a trigger drops them at each write, as `DISCARD ALL` does, and the server refuses
//! their next use (26000).

use gatepost::api::auth::v1::{
    ChangePasswordRequest, LogoutRequest, RefreshTokenRequest, RevokeAllSessionsRequest, TokenState, UpdateUserRequest,
    UserPatch,
};

use super::support::{EMAIL, PASSWORD, start_at, with_token};

const FORGET: &str = "create function forget() returns trigger language plpgsql as $$ begin
        execute 'deallocate all';
        return null;
    end $$;
    create trigger forget after insert or update or delete on users execute function forget();
    create trigger forget after insert or update or delete on sessions execute function forget();
    create trigger forget after insert or update or delete on log_head execute function forget()";

#[tokio::test]
async fn calls_work_while_prepared_statements_vanish() {
    let Some(database) = testkit::postgres::database().await else { return };
    let service = start_at(&database.url).await;
    service.register(EMAIL).await.unwrap();
    database.run(FORGET).await;
    let mut password = PASSWORD.to_owned();
    for round in 0..3 {
        let tokens = service.login(EMAIL, &password).await.unwrap().tokens.unwrap();
        service.auth().logout(with_token(LogoutRequest {}, &tokens.access_token)).await.unwrap();
        assert_eq!(service.state(&tokens.access_token).await, TokenState::Revoked);
        let tokens = service.login(EMAIL, &password).await.unwrap().tokens.unwrap();
        let request = RefreshTokenRequest { refresh_token: tokens.refresh_token, ..RefreshTokenRequest::default() };
        let token = service.auth().refresh_token(request).await.unwrap().into_inner().tokens.unwrap().access_token;
        let patch = UserPatch { name: Some(format!("Ada {round}")), email: None };
        let update = UpdateUserRequest { id: "me".into(), patch: Some(patch), ..UpdateUserRequest::default() };
        service.users().update_user(with_token(update, &token)).await.unwrap();
        let next = format!("another battery horse staple {round}");
        let change = ChangePasswordRequest { current_password: password, new_password: next.clone() };
        let changed = service.users().change_password(with_token(change, &token)).await.unwrap().into_inner();
        password = next;
        let token = changed.tokens.unwrap().access_token;
        let all = RevokeAllSessionsRequest { user_id: "me".into() };
        service.sessions().revoke_all_sessions(with_token(all, &token)).await.unwrap();
        assert_eq!(service.state(&token).await, TokenState::Revoked);
    }
}
