//! HTML, excerpts, tags, covers and languages over the wire.

use std::time::Duration;

use blog_service::api::v1::{
    CreatePostRequest, ListPostsRequest, ListTagsRequest, Post, PostPatch, PostView, UpdatePostRequest,
};
use blog_service::domain;
use blog_service::store::BlogStore;
use prost_types::FieldMask;
use testkit::Outsider;
use tokio::time::timeout;
use tonic::{Code, Status};

use super::support::{ADA, BOB, Service, bad_fields, start};

fn request() -> CreatePostRequest {
    CreatePostRequest {
        title: "Hello".into(),
        content: "*First* post.".into(),
        tags: vec!["Rust".into(), "Hello World".into(), "rust".into()],
        cover_image_url: "HTTPS://Example.com/a.png".into(),
        language_code: "EN-gb".into(),
        ..CreatePostRequest::default()
    }
}

async fn create(service: &Service, request: CreatePostRequest) -> Result<Post, Status> {
    Ok(service.posts(ADA).create_post(request).await?.into_inner().post.unwrap())
}

async fn update(service: &Service, id: &str, patch: PostPatch, paths: &[&str]) -> Result<Post, Status> {
    let paths = FieldMask { paths: paths.iter().map(ToString::to_string).collect() };
    let update_mask = (!paths.paths.is_empty()).then_some(paths);
    let request = UpdatePostRequest { id: id.into(), patch: Some(patch), update_mask, ..UpdatePostRequest::default() };
    Ok(service.posts(ADA).update_post(request).await?.into_inner().post.unwrap())
}

#[tokio::test]
async fn post_has_canonical_details_in_both_views() {
    let service = start().await;
    let post = create(&service, request()).await.unwrap();
    assert_eq!((post.content_html.as_str(), post.excerpt.as_str()), ("<p><em>First</em> post.</p>\n", "First post."));
    assert_eq!(post.tags, ["rust", "hello-world"]);
    assert_eq!((post.cover_image_url.as_str(), post.language_code.as_str()), ("https://example.com/a.png", "en-GB"));
    assert_eq!(service.read(BOB, &post.id).await.unwrap(), post);
    for view in [PostView::Basic, PostView::Full] {
        let list = ListPostsRequest { view: view.into(), ..ListPostsRequest::default() };
        let listed = service.posts(BOB).list_posts(list).await.unwrap().into_inner().posts.remove(0);
        let basic = Post { content: String::new(), content_html: String::new(), ..post.clone() };
        assert_eq!(listed, if view == PostView::Full { post.clone() } else { basic });
    }
    let trial = CreatePostRequest { validate_only: true, excerpt: "Mine.".into(), ..request() };
    let shown = create(&service, trial).await.unwrap();
    assert_eq!((shown.id.as_str(), shown.excerpt.as_str(), shown.tags.len()), ("", "Mine.", 2));
}

#[tokio::test]
async fn given_excerpt_stays_and_made_one_follows() {
    let service = start().await;
    let post = create(&service, request()).await.unwrap();
    let content = |text: &str| PostPatch { content: Some(text.into()), ..PostPatch::default() };
    let excerpt = |text: &str| PostPatch { excerpt: Some(text.into()), ..PostPatch::default() };
    assert_eq!(update(&service, &post.id, content("Second."), &[]).await.unwrap().excerpt, "Second.");
    assert_eq!(update(&service, &post.id, excerpt("Mine."), &[]).await.unwrap().excerpt, "Mine.");
    assert_eq!(update(&service, &post.id, content("Third."), &[]).await.unwrap().excerpt, "Mine.");
    assert_eq!(update(&service, &post.id, excerpt(""), &[]).await.unwrap().excerpt, "Third.");
    assert_eq!(service.read(BOB, &post.id).await.unwrap().excerpt, "Third.");
}

#[tokio::test]
async fn details_are_changed_and_removed() {
    let service = start().await;
    let post = create(&service, request()).await.unwrap();
    let patch = PostPatch { tags: vec!["c++".into()], language_code: Some("de".into()), ..PostPatch::default() };
    let changed = update(&service, &post.id, patch, &[]).await.unwrap();
    assert_eq!((changed.tags, changed.language_code.as_str()), (vec!["c++".to_owned()], "de"));
    assert_eq!(changed.cover_image_url, post.cover_image_url);
    let paths = ["tags", "cover_image_url", "language_code"];
    let changed = update(&service, &post.id, PostPatch::default(), &paths).await.unwrap();
    assert_eq!((changed.tags.len(), changed.cover_image_url.as_str(), changed.language_code.as_str()), (0, "", ""));
    assert_eq!(service.read(BOB, &post.id).await.unwrap(), changed);
}

#[tokio::test]
async fn tags_are_listed_with_counts_in_pages() {
    let service = start().await;
    let tagged = |tags: &[&str], draft| CreatePostRequest {
        title: "Hello".into(),
        content: "Text.".into(),
        tags: tags.iter().map(ToString::to_string).collect(),
        draft,
        ..CreatePostRequest::default()
    };
    for (tags, draft) in [(&["b", "A"][..], false), (&["a", "c d"], false), (&["a", "draft"], true)] {
        create(&service, tagged(tags, draft)).await.unwrap();
    }
    let list = |page_size, page_token: &str| ListTagsRequest { page_size, page_token: page_token.into() };
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = service.posts(BOB).list_tags(list(2, &token)).await.unwrap().into_inner();
        seen.extend(page.tags.into_iter().map(|count| (count.tag, count.posts)));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, [("a".to_owned(), 2), ("b".to_owned(), 1), ("c-d".to_owned(), 1)]);
    let status = service.posts(BOB).list_tags(list(-1, "")).await.unwrap_err();
    assert_eq!(bad_fields(&status), ["page_size"]);
    let posts = ListPostsRequest { page_size: 1, ..ListPostsRequest::default() };
    let foreign = service.posts(BOB).list_posts(posts).await.unwrap().into_inner().next_page_token;
    for token in ["x", &foreign] {
        let status = service.posts(BOB).list_tags(list(1, token)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    }
}

/// C59: each field keeps its rule, also in a request that only validates.
#[tokio::test]
async fn bad_details_are_refused_by_name() {
    let service = start().await;
    let bad = CreatePostRequest {
        excerpt: "a\nb".into(),
        tags: vec!["ok".into(), "a,b".into()],
        cover_image_url: "javascript:a".into(),
        language_code: "en_US".into(),
        validate_only: true,
        ..request()
    };
    let fields = bad_fields(&create(&service, bad).await.unwrap_err());
    assert_eq!(fields, ["excerpt", "tags[1]", "cover_image_url", "language_code"]);
    let many = CreatePostRequest { tags: (0..17).map(|tag| tag.to_string()).collect(), ..request() };
    assert_eq!(bad_fields(&create(&service, many).await.unwrap_err()), ["tags"]);
    let post = create(&service, request()).await.unwrap();
    let patch = PostPatch { tags: vec![String::new()], cover_image_url: Some("/a".into()), ..PostPatch::default() };
    let fields = bad_fields(&update(&service, &post.id, patch, &[]).await.unwrap_err());
    assert_eq!(fields, ["patch.tags[0]", "patch.cover_image_url"]);
}

#[tokio::test]
async fn content_with_too_much_html_is_refused() {
    let service = start().await;
    let huge = || "&".repeat(1024 * 1024);
    for validate_only in [false, true] {
        let request = CreatePostRequest { content: huge(), validate_only, ..request() };
        assert_eq!(bad_fields(&create(&service, request).await.unwrap_err()), ["content"]);
    }
    let post = create(&service, request()).await.unwrap();
    let patch = PostPatch { content: Some(huge()), ..PostPatch::default() };
    assert_eq!(bad_fields(&update(&service, &post.id, patch, &[]).await.unwrap_err()), ["patch.content"]);
    assert_eq!(service.read(BOB, &post.id).await.unwrap(), post);
}

/// Waits until the database has the rendering that a read has made.
async fn stored(service: &Service, id: &str) -> domain::Post {
    let url = format!("sqlite:{}", service.database().display());
    let store = BlogStore::open_beside(&url.parse().unwrap()).await.unwrap();
    let found = timeout(Duration::from_secs(10), async {
        loop {
            let post = store.post(id.parse().unwrap(), domain::PostView::Full).await.unwrap().unwrap();
            if post.is_rendered {
                return post;
            }
        }
    });
    let found = found.await.expect("the rendering is stored within ten seconds");
    store.close().await;
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn outdated_html_is_rendered_at_the_read_and_stored() {
    let service = start().await;
    let post = create(&service, request()).await.unwrap();
    let mut outsider = Outsider::open(service.database()).await;
    outsider.run("update posts set html_version = 0, content_html = '<b>old</b>', made_excerpt = 'old'").await;
    outsider.close().await;
    assert_eq!(service.read(BOB, &post.id).await.unwrap(), post, "with its revision, its times and its etag");
    let stored = stored(&service, &post.id).await;
    assert_eq!((stored.content_html, stored.made_excerpt, stored.revision), (post.content_html, post.excerpt, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn read_succeeds_if_the_rendering_cannot_be_stored() {
    let service = start().await;
    let post = create(&service, request()).await.unwrap();
    let mut outsider = Outsider::open(service.database()).await;
    outsider.run("update posts set html_version = 0").await;
    outsider.run("create trigger refused before update on posts begin select raise(abort, 'refused'); end").await;
    outsider.close().await;
    for _ in 0..20 {
        assert_eq!(service.read(BOB, &post.id).await.unwrap(), post);
    }
}
