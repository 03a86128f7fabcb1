//! Slow readers: callers request pages of 3 MiB and do not read the answers.

use std::path::Path;
use std::time::Duration;

use blog_service::api::v1::{ListPostsRequest, PostView};
use prost::Message as _;

use super::Scale;
use super::attack::{Attack, Stream, framed};
use super::row::Row;
use super::run::measure;
use super::world::World;
use crate::Failure;

/// Connections, and streams of each.
const CONNECTIONS: usize = 17;
const STREAMS: usize = 100;

/// Connections of the short form: their pages still have 100 MiB together.
const FEWEST: usize = 3;

/// Pause between two requests. If all came at once, most answers would wait for the database and take no memory.
const RAMP: Duration = Duration::from_millis(30);

/// Number of posts, and bytes of each: a page of them has 3 MiB.
const POSTS: (usize, usize) = (32, 100 * 1024);

/// Window of a stream: only one byte of each answer fits.
const WINDOW: u32 = 1;

pub(super) async fn run(program: &Path, scale: Scale) -> Result<Vec<Row>, Failure> {
    let world = World::start(program, |command| command).await?;
    world.fill(POSTS.0, POSTS.1).await?;
    let request = ListPostsRequest { view: PostView::Full.into(), ..ListPostsRequest::default() };
    let stream = Stream {
        token: Some(world.token.expose().to_owned()),
        window: WINDOW,
        pause: Duration::from_millis(100),
        ramp: RAMP,
        ..Stream::of("/gatepost.blog.v1.PostService/ListPosts", framed(&request.encode_to_vec()))
    };
    let (good, at) = (world.good().await?, world.services.blog_address().to_owned());
    let size = [scale.of(CONNECTIONS).max(FEWEST), scale.of(STREAMS)];
    let attack = || Attack::streams("pages asked for", &at, size, &stream);
    Ok(vec![measure("slow-readers", &world.services, &good, scale, attack).await?])
}
