//! Users write posts, read them in pages, and change only their own.

use tonic::Code;

use super::super::step::DemoStep;
use super::super::step::Want::{Is, Set, Unset};

pub(super) const STEPS: &[DemoStep] = &[
    DemoStep::new(
        "Ada writes a post at the blog service. The request has an id, so that it can be repeated.",
        "gatepost.blog.v1.PostService/CreatePost",
    )
    .token("$TOKEN")
    .request(r#"{"title":"Hello","content":"My first post.","request_id":"{request_id}"}"#)
    .answers(&[("/post/ownerId", Is("$ADA")), ("/post/title", Is("Hello")), ("/post/revision", Is("1"))])
    .keeps("POST", "/post/id"),
    DemoStep::new(
        "If the answer is lost, the same request returns the same post and creates no second one.",
        "gatepost.blog.v1.PostService/CreatePost",
    )
    .token("$TOKEN")
    .request(r#"{"title":"Hello","content":"My first post.","request_id":"{request_id}"}"#)
    .answers(&[("/post/id", Is("$POST"))]),
    DemoStep::new("She writes a second post.", "gatepost.blog.v1.PostService/CreatePost")
        .token("$TOKEN")
        .request(r#"{"title":"Hello again","content":"My second post.","draft":true}"#)
        .answers(&[("/post/title", Is("Hello again")), ("/post/state", Is("POST_STATE_DRAFT"))])
        .keeps("SECOND_POST", "/post/id"),
    DemoStep::new("It is a draft, which does not exist for Grace.", "gatepost.blog.v1.PostService/GetPost")
        .token("$GRACE")
        .request(r#"{"id":"$SECOND_POST"}"#)
        .refuses(Code::NotFound, "POST_NOT_FOUND", "post not found"),
    DemoStep::new("Ada publishes it. Its slug was made from the title.", "gatepost.blog.v1.PostService/PublishPost")
        .token("$TOKEN")
        .request(r#"{"id":"$SECOND_POST"}"#)
        .answers(&[("/post/state", Is("POST_STATE_PUBLISHED")), ("/post/publishTime", Set)])
        .keeps("SLUG", "/post/slug"),
    DemoStep::new("Now Grace reads it, by its slug.", "gatepost.blog.v1.PostService/GetPost")
        .token("$GRACE")
        .request(r#"{"slug":"$SLUG"}"#)
        .answers(&[("/post/id", Is("$SECOND_POST")), ("/post/content", Is("My second post."))]),
    DemoStep::new(
        "She adds tags and markup. Readers get the text as sanitized HTML: a handler is left out.",
        UPDATE,
    )
    .token("$TOKEN")
    .request(
        r#"{"id":"$SECOND_POST","patch":{"content":"My *second* post, <b onclick='alert(1)'>bold</b>.","tags":["Rust","Hello World"]}}"#,
    )
    .answers(&[
        ("/post/contentHtml", Is("<p>My <em>second</em> post, <b>bold</b>.</p>\n")),
        ("/post/tags/0", Is("rust")),
        ("/post/tags/1", Is("hello-world")),
    ]),
    DemoStep::new("The tags of published posts are counted.", "gatepost.blog.v1.PostService/ListTags")
        .token("$GRACE")
        .request("{}")
        .answers(&[("/tags/0/tag", Is("hello-world")), ("/tags/1/tag", Is("rust")), ("/tags/1/posts", Is("1"))]),
    DemoStep::new(
        "Posts are listed newest first, here one per page and without their contents.",
        "gatepost.blog.v1.PostService/ListPosts",
    )
    .token("$GRACE")
    .request(r#"{"page_size":1}"#)
    .answers(&[("/posts/0/id", Set), ("/posts/0/content", Unset), ("/posts/1", Unset)])
    .keeps("PAGE", "/nextPageToken"),
    DemoStep::new("The page token asks for the next page.", "gatepost.blog.v1.PostService/ListPosts")
        .token("$GRACE")
        .request(r#"{"page_size":1,"page_token":"$PAGE"}"#)
        .answers(&[("/posts/0/id", Set), ("/posts/1", Unset)]),
    DemoStep::new("Posts with a tag are listed by their titles.", "gatepost.blog.v1.PostService/ListPosts")
        .token("$GRACE")
        .request(r#"{"filter":{"tags":["rust"]},"order_by":"title"}"#)
        .answers(&[("/posts/0/tags/0", Is("rust")), ("/posts/1", Unset), ("/nextPageToken", Unset)]),
    DemoStep::new(
        "Grace reads Ada's post; the etag names the version that she reads.",
        "gatepost.blog.v1.PostService/GetPost",
    )
    .token("$GRACE")
    .request(r#"{"id":"$POST"}"#)
    .answers(&[("/post/content", Is("My first post.")), ("/post/ownerId", Is("$ADA"))])
    .keeps("ETAG", "/post/etag"),
    DemoStep::new("Grace cannot change it.", "gatepost.blog.v1.PostService/UpdatePost")
        .token("$GRACE")
        .request(r#"{"id":"$POST","patch":{"title":"Mine"}}"#)
        .refuses(Code::PermissionDenied, "NOT_POST_OWNER", "permission denied"),
    DemoStep::new("She cannot delete it, either.", "gatepost.blog.v1.PostService/DeletePost")
        .token("$GRACE")
        .request(r#"{"id":"$POST"}"#)
        .refuses(Code::PermissionDenied, "NOT_POST_OWNER", "permission denied"),
    DemoStep::new("Not even Ada can give it away: an update cannot change the owner.", UPDATE)
        .token("$TOKEN")
        .request(r#"{"id":"$POST","patch":{"title":"Yours"},"update_mask":{"paths":["owner_id"]}}"#)
        .refuses(Code::InvalidArgument, "INVALID_FIELDS", "update_mask"),
    DemoStep::new("She changes the title, on condition that the post still has the version of the etag.", UPDATE)
        .token("$TOKEN")
        .request(r#"{"id":"$POST","patch":{"title":"Hello, world"},"etag":"$ETAG"}"#)
        .answers(&[
            ("/post/title", Is("Hello, world")),
            ("/post/content", Is("My first post.")),
            ("/post/revision", Is("2")),
        ]),
    DemoStep::new("The same etag is stale now, so that no update overwrites an unseen change.", UPDATE)
        .token("$TOKEN")
        .request(r#"{"id":"$POST","patch":{"title":"Hello, moon"},"etag":"$ETAG"}"#)
        .refuses(Code::Aborted, "ETAG_MISMATCH", "etag:"),
];

const UPDATE: &str = "gatepost.blog.v1.PostService/UpdatePost";
