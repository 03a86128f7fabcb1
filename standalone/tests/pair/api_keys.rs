//! API keys: the commands of docs/operations/api-keys.md, word for word, and a service that calls the blog with a key.

use std::fs;

use blog_service::api::v1::post_service_client::PostServiceClient;
use blog_service::api::v1::{CreatePostRequest, ListPostsRequest, PostPatch, UpdatePostRequest};
use gatepost::api::auth::v1::api_key_service_client::ApiKeyServiceClient;
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::{
    ApiKeyPatch, CreateApiKeyRequest, LoginRequest, RevokeApiKeyRequest, RotateApiKeyRequest, UpdateApiKeyRequest,
};
use gatepost::{Token, WithToken};
use prost_types::FieldMask;
use tonic::Status;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic_types::StatusExt as _;

use super::page::Page;
use super::story::channel;
use super::support::{Outcome, PASSWORD, Pair, folder};

const PAGE: &str = include_str!("../../../docs/operations/api-keys.md");
const ADMIN: [(&str, &str); 2] = [("AUTH_ADMIN_EMAIL", "root@example.com"), ("AUTH_ADMIN_PASSWORD", PASSWORD)];

#[test]
fn documented_commands_manage_a_key() {
    let folder = folder();
    let pair = Pair::start(folder.path(), &ADMIN);
    let Some(page) = Page::new(PAGE, &pair) else { return };
    let create = page.block("Create a key", 0);
    let mut script = create.clone();
    // Each section continues with the key of the sections before it.
    let run = |script: &str| {
        let output = page.shell(script).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && err.is_empty(), "{out}\n{err}");
        out.into_owned()
    };
    let mut further = |block: String| {
        script = format!("{script}\n{block}");
        run(&script)
    };
    further(page.block("Use it", 0));
    let listed = further(page.block("Use it", 1));
    assert!(listed.contains("API_KEY_STATE_ACTIVE") && listed.contains("nightly export"), "{listed}");
    let changed = further(page.block("Change it", 0));
    assert!(changed.contains("\"auditor\"") && changed.contains("\"name\": \"export\""), "{changed}");
    let last = changed.rsplit("\"apiKey\"").next().unwrap();
    assert!(!last.contains("expireTime"), "the expiry is removed: {last}");
    let use_it = page.block("Use it", 0);
    for index in [0, 1] {
        further(format!("{}\n{use_it}", page.block("Rotate its secret", index)));
    }
    let revoked = further(page.block("Revoke it", 0));
    assert!(revoked.contains("API_KEY_STATE_REVOKED"), "{revoked}");

    let secret = run(&format!("{create}\nprintf %s \"$API_KEY\""));
    let found = folder.path().join("sources");
    fs::create_dir(&found).unwrap();
    fs::write(found.join("job.env"), format!("A=1\nKEY={secret}\n")).unwrap();
    let output = page.shell(&page.block("Find leaked keys", 0)).current_dir(&found).output().unwrap();
    let id = &secret[..35];
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("./job.env:2:{id}\n"));
    pair.stop();
}

/// Returns the reason of a refusal.
fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// Returns a client of the blog with this token.
fn blog(pair: &Pair, token: &str) -> PostServiceClient<InterceptedService<Channel, WithToken>> {
    PostServiceClient::with_interceptor(channel(&pair.blog), WithToken::new(&Token::parse(token).unwrap()))
}

/// Calls the blog until it refuses the key, and returns the reason. The loop never ends if the guard does not learn of
/// the end of the key.
async fn refused(pair: &Pair, key: &str) -> String {
    let mut posts = blog(pair, key);
    loop {
        if let Err(status) = posts.list_posts(ListPostsRequest::default()).await {
            return reason(&status);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn service_calls_the_blog_until_its_key_ends() -> Outcome {
    let folder = folder();
    let pair = Pair::start(folder.path(), &ADMIN);
    let login = LoginRequest { email: ADMIN[0].1.into(), password: PASSWORD.into(), ..LoginRequest::default() };
    let tokens = AuthServiceClient::new(channel(&pair.auth)).login(login).await?.into_inner().tokens.unwrap();
    let post = CreatePostRequest { title: "Hello".into(), content: "Text.".into(), ..CreatePostRequest::default() };
    let post = blog(&pair, &tokens.access_token).create_post(post).await?.into_inner().post.unwrap();
    let admin = WithToken::new(&Token::parse(&tokens.access_token)?);
    let mut keys = ApiKeyServiceClient::with_interceptor(channel(&pair.auth), admin);
    let request = CreateApiKeyRequest { name: "Export".into(), ..CreateApiKeyRequest::default() };
    let created = keys.create_api_key(request).await?.into_inner();
    let (id, first) = (created.api_key.unwrap().id, created.secret);

    let mut posts = blog(&pair, &first);
    assert_eq!(posts.list_posts(ListPostsRequest::default()).await?.into_inner().posts.len(), 1);
    let own = CreatePostRequest { title: "Mine".into(), content: "Text.".into(), ..CreatePostRequest::default() };
    assert_eq!(reason(&posts.create_post(own).await.unwrap_err()), "NOT_ALLOWED", "a service owns no post");
    let edit = |title: &str| UpdatePostRequest {
        id: post.id.clone(),
        patch: Some(PostPatch { title: Some(title.into()), ..PostPatch::default() }),
        ..UpdatePostRequest::default()
    };
    assert_eq!(reason(&posts.update_post(edit("One")).await.unwrap_err()), "NOT_POST_OWNER");
    // New roles replace the cached ones, in both directions. Each loop ends with the entry of the change.
    let with_roles = |roles: &[&str]| UpdateApiKeyRequest {
        id: id.clone(),
        patch: Some(ApiKeyPatch { roles: roles.iter().map(ToString::to_string).collect(), ..ApiKeyPatch::default() }),
        update_mask: Some(FieldMask { paths: vec!["roles".into()] }),
        etag: String::new(),
    };
    keys.update_api_key(with_roles(&["editor"])).await?;
    while posts.update_post(edit("Two")).await.is_err() {}
    keys.update_api_key(with_roles(&[])).await?;
    while posts.update_post(edit("Three")).await.is_ok() {}
    assert_eq!(reason(&posts.update_post(edit("Four")).await.unwrap_err()), "NOT_POST_OWNER");

    let overlap = Some(prost_types::Duration::default());
    let request = RotateApiKeyRequest { id: id.clone(), overlap, etag: String::new() };
    let second = keys.rotate_api_key(request).await?.into_inner().secret;
    blog(&pair, &second).list_posts(ListPostsRequest::default()).await?;
    assert_eq!(refused(&pair, &first).await, "TOKEN_EXPIRED");
    keys.revoke_api_key(RevokeApiKeyRequest { id, etag: String::new() }).await?;
    assert_eq!(refused(&pair, &second).await, "TOKEN_REVOKED");
    pair.stop();
    Ok(())
}
