//! A fragment in the path, which only a client that writes its own bytes can send, changes nothing.

use gatepost::Policy;

use crate::support::{CHECK, Frames, TELL, World};

#[tokio::test]
async fn c23_a_fragment_neither_opens_a_closed_method_nor_closes_a_public_one() {
    let world = World::start(Policy::closed().with_health()).await;
    for path in [TELL.to_owned(), format!("{TELL}#a"), format!("{TELL}#{CHECK}"), format!("{TELL}?x#{CHECK}")] {
        assert_eq!(Frames::of_call(world.server.addr, &path).await, Frames::refusal(), "{path}");
    }
    assert_eq!(world.server.inside.paths(), [""; 0]);
    for path in [CHECK.to_owned(), format!("{CHECK}#a"), format!("{CHECK}#{TELL}"), format!("{CHECK}?x#{TELL}")] {
        assert_eq!(Frames::of_call(world.server.addr, &path).await, Frames::answer(), "{path}");
    }
    assert_eq!(world.server.inside.paths(), [CHECK; 4]);
}
