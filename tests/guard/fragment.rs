//! A fragment in the path, which no HTTP library would send.

use gatepost::Policy;

use crate::support::{CHECK, Frames, SHOW, World};

/// C23: a fragment neither opens a closed method nor closes a public one.
#[tokio::test]
async fn fragment_changes_no_rule() {
    let world = World::start(Policy::closed().with_health()).await;
    for path in [SHOW.to_owned(), format!("{SHOW}#a"), format!("{SHOW}#{CHECK}"), format!("{SHOW}?x#{CHECK}")] {
        assert_eq!(Frames::of_call(world.server.addr, &path).await, Frames::refusal(), "{path}");
    }
    assert_eq!(world.server.inside.paths(), [""; 0]);
    for path in [CHECK.to_owned(), format!("{CHECK}#a"), format!("{CHECK}#{SHOW}"), format!("{CHECK}?x#{SHOW}")] {
        assert_eq!(Frames::of_call(world.server.addr, &path).await, Frames::answer(), "{path}");
    }
    assert_eq!(world.server.inside.paths(), [CHECK; 4]);
}
