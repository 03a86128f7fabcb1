//! Reading users: public fields, fields for the user and for admins, and pages.

use std::time::Duration;

use gatepost::api::auth::v1::{
    BatchGetUsersRequest, BatchGetUsersResponse, GetUserRequest, ListUsersRequest, ListUsersResponse, User, UserFilter,
    UserState,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::support::{
    ADMIN, Account, SERVICE_KEY, Service, Settings, bad_fields, refused, start, start_with, with_token,
};

const ANY: UserState = UserState::Unspecified;
const ABSENT: &str = "01900000-0000-7000-8000-0000000000ff";

const BAD_TOKEN: &str =
    "page_token: must be the next_page_token of an answer to the same request, at most 24 hours old";

async fn get(service: &Service, token: &str, id: &str) -> Result<User, Status> {
    let request = GetUserRequest { id: id.into() };
    Ok(service.users().get_user(with_token(request, token)).await?.into_inner().user.unwrap())
}

async fn batch(service: &Service, token: &str, ids: &[&str]) -> Result<BatchGetUsersResponse, Status> {
    let request = BatchGetUsersRequest { ids: ids.iter().map(ToString::to_string).collect() };
    Ok(service.users().batch_get_users(with_token(request, token)).await?.into_inner())
}

async fn list(service: &Service, token: &str, request: ListUsersRequest) -> Result<ListUsersResponse, Status> {
    Ok(service.users().list_users(with_token(request, token)).await?.into_inner())
}

fn page(size: i32, token: &str) -> ListUsersRequest {
    ListUsersRequest { page_size: size, page_token: token.into(), filter: None }
}

fn filtered(filter: UserFilter) -> ListUsersRequest {
    ListUsersRequest { filter: Some(filter), ..ListUsersRequest::default() }
}

/// Returns the emails of the users that match the filter, newest first.
async fn emails(service: &Service, admin: &Account, filter: UserFilter) -> Vec<String> {
    let users = list(service, &admin.token, filtered(filter)).await.unwrap().users;
    users.into_iter().map(|user| user.email).collect()
}

#[tokio::test]
async fn email_and_roles_are_for_the_user_and_admins() {
    let service = start_with(Settings { admin: true, service_key: Some(SERVICE_KEY), ..Settings::default() }).await;
    let (admin, ada, bob) =
        (service.admin().await, service.account("ada@example.com").await, service.account("bob@example.com").await);
    let ada_now = service.set_roles(&admin, &ada.id, &["editor"]).await.unwrap();
    assert_eq!((ada_now.email.as_str(), ada_now.roles.as_slice()), ("ada@example.com", &["editor".to_owned()][..]));
    let outside = User { email: String::new(), roles: Vec::new(), ..ada_now.clone() };
    // The registration was the last login.
    let inside = User { last_login_time: ada_now.create_time, ..ada_now.clone() };
    for (token, wanted) in [(&ada.token, &ada_now), (&admin.token, &inside), (&bob.token, &outside)] {
        assert_eq!(&get(&service, token, &ada.id).await.unwrap(), wanted);
        assert_eq!(&batch(&service, token, &[&ada.id]).await.unwrap().users[0], wanted);
        let listed = list(&service, token, page(0, "")).await.unwrap().users;
        assert_eq!(listed.iter().find(|user| user.id == ada.id).unwrap(), wanted);
    }
    assert_eq!(get(&service, SERVICE_KEY, &ada.id).await.unwrap(), outside);
    assert_eq!(get(&service, &ada.token, "me").await.unwrap(), ada_now);
    let status = get(&service, SERVICE_KEY, "me").await.unwrap_err();
    refused(&status, Code::PermissionDenied, "NOT_ALLOWED", "permission denied");
}

#[tokio::test]
async fn missing_user_is_named() {
    let service = start().await;
    let ada = service.account("ada@example.com").await;
    let status = get(&service, &ada.token, ABSENT).await.unwrap_err();
    refused(&status, Code::NotFound, "USER_NOT_FOUND", "user not found");
    let resource = status.get_details_resource_info().unwrap();
    assert_eq!((resource.resource_type.as_str(), resource.resource_name.as_str()), ("gatepost.auth.v1.User", ABSENT));
    for bad in ["", "Me", "1 or 1=1", "ada@example.com"] {
        assert_eq!(bad_fields(&get(&service, &ada.token, bad).await.unwrap_err()), ["id"], "{bad}");
    }
}

#[tokio::test]
async fn batch_keeps_order_and_names_missing_users() {
    let service = start().await;
    let mut accounts = Vec::new();
    for number in 0..10 {
        accounts.push(service.account(&format!("user{number}@example.com")).await);
    }
    let token = &accounts[0].token;
    let mut ids: Vec<&str> = accounts.iter().rev().map(|account| account.id.as_str()).collect();
    ids.insert(3, ABSENT);
    let answer = batch(&service, token, &ids).await.unwrap();
    ids.remove(3);
    assert_eq!(answer.users.iter().map(|user| user.id.as_str()).collect::<Vec<_>>(), ids);
    assert_eq!(answer.missing_ids, [ABSENT]);
    assert_eq!(batch(&service, token, &["me"]).await.unwrap().users[0].id, accounts[0].id);
    assert_eq!(batch(&service, token, &[]).await.unwrap(), BatchGetUsersResponse::default());

    let many: Vec<String> = (0..101).map(|number| format!("01900000-0000-7000-8000-{number:012}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(batch(&service, token, &many[1..]).await.unwrap().missing_ids.len(), 100);
    for (bad, field) in
        [(&many[..], "ids"), (&[ids[0], ids[0]], "ids[1]"), (&["me", ids[9]], "ids[1]"), (&["x"], "ids[0]")]
    {
        assert_eq!(bad_fields(&batch(&service, token, bad).await.unwrap_err()), [field]);
    }
}

#[tokio::test]
async fn pages_of_users_are_newest_first_and_end() {
    let service = start().await;
    let mut names = Vec::new();
    let mut token = String::new();
    for number in 0..5 {
        let account = service.account(&format!("user{number}@example.com")).await;
        names.insert(0, account.id);
        token = account.token;
    }
    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        let answer = list(&service, &token, page(2, &next)).await.unwrap();
        assert!(answer.users.len() <= 2);
        seen.extend(answer.users.into_iter().map(|user| user.id));
        next = answer.next_page_token;
        if next.is_empty() {
            break;
        }
    }
    assert_eq!(seen, names);
    assert_eq!(list(&service, &token, page(i32::MAX, "")).await.unwrap().users.len(), 5);
}

/// C60: a page token is bound to its list and filter, for a day.
#[tokio::test]
async fn page_token_is_bound_to_list_filter_and_a_day() {
    let service = start_with(Settings { admin: true, ..Settings::default() }).await;
    let admin = service.admin().await;
    service.account("ada@example.com").await;
    assert_eq!(bad_fields(&list(&service, &admin.token, page(-1, "")).await.unwrap_err()), ["page_size"]);
    let next = list(&service, &admin.token, page(1, "")).await.unwrap().next_page_token;
    let active = UserFilter { state: UserState::Active.into(), ..UserFilter::default() };
    let foreign = ListUsersRequest { filter: Some(active), ..page(1, &next) };
    for request in [foreign, page(1, "x"), page(1, &next[1..]), page(1, &format!("{next}A"))] {
        let status = list(&service, &admin.token, request).await.unwrap_err();
        refused(&status, Code::InvalidArgument, "PAGE_TOKEN_INVALID", BAD_TOKEN);
    }
    service.clock.advance(Duration::from_secs(24 * 3600 - 1));
    assert!(list(&service, &admin.token, page(1, &next)).await.is_ok());
    service.clock.advance(Duration::from_secs(1));
    let admin = service.admin().await;
    let status = list(&service, &admin.token, page(1, &next)).await.unwrap_err();
    refused(&status, Code::InvalidArgument, "PAGE_TOKEN_INVALID", BAD_TOKEN);
}

#[tokio::test]
async fn admins_filter_by_email_role_and_state() {
    let service = start_with(Settings { admin: true, ..Settings::default() }).await;
    let admin = service.admin().await;
    let (ada, bob) = (service.account("Ada@example.com").await, service.account("bob@example.com").await);
    service.set_roles(&admin, &ada.id, &["a_b", "editor"]).await.unwrap();
    service.set_roles(&admin, &bob.id, &["axb"]).await.unwrap();
    let disable = gatepost::api::auth::v1::DisableUserRequest { id: bob.id.clone(), etag: String::new() };
    service.users().disable_user(with_token(disable, &admin.token)).await.unwrap();

    let by = |email: &str, role: &str, state: UserState| UserFilter {
        email: email.into(),
        role: role.into(),
        state: state.into(),
    };
    for (filter, wanted) in [
        (by("", "", ANY), vec!["bob@example.com", "Ada@example.com", ADMIN]),
        (by("ADA@EXAMPLE.COM", "", ANY), vec!["Ada@example.com"]),
        (by("eve@example.com", "", ANY), vec![]),
        (by("", "editor", ANY), vec!["Ada@example.com"]),
        (by("", "a_b", ANY), vec!["Ada@example.com"]),
        (by("", "edit", ANY), vec![]),
        (by("", "admin", ANY), vec![ADMIN]),
        (by("", "", UserState::Disabled), vec!["bob@example.com"]),
        (by("", "", UserState::Active), vec!["Ada@example.com", ADMIN]),
        (by("ada@example.com", "editor", UserState::Active), vec!["Ada@example.com"]),
        (by("ada@example.com", "admin", ANY), vec![]),
        (by("ada@example.com", "", UserState::Disabled), vec![]),
    ] {
        assert_eq!(emails(&service, &admin, filter.clone()).await, wanted, "{filter:?}");
    }
    let bad = UserFilter { email: "nobody".into(), role: "Not A Role".into(), state: 7 };
    let bad = ListUsersRequest { page_size: -1, ..filtered(bad) };
    let status = list(&service, &admin.token, bad).await.unwrap_err();
    assert_eq!(bad_fields(&status), ["page_size", "filter.state", "filter.role", "filter.email"]);
    let eve = service.account("eve@example.com").await;
    let status = list(&service, &eve.token, filtered(UserFilter::default())).await.unwrap_err();
    refused(&status, Code::PermissionDenied, "NOT_ALLOWED", "permission denied");
}
