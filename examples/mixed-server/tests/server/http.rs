//! The HTTP routes beside the guard.

use gatepost::Identity;

use crate::support::World;

#[tokio::test]
async fn open_route_needs_no_token_and_unknown_path_is_404() {
    let world = World::start().await;
    assert_eq!(world.get("/about", None).await, (200, "a depot".to_owned()));
    assert_eq!(world.get("/nothing", None).await.0, 404);
}

#[tokio::test]
async fn handler_checks_token_role_and_audience() {
    let world = World::start().await;
    let other = world.auth.issue(Identity::user("ada").role("keeper").audience("mail"));
    assert_eq!(world.get("/stock/lamp", None).await.0, 401);
    assert_eq!(world.get("/stock/lamp", Some(&other)).await.0, 401);
    assert_eq!(world.get("/stock/lamp", Some(&world.visitor())).await.0, 403);
    assert_eq!(world.get("/stock/lamp", Some(&world.keeper())).await, (200, "5".to_owned()));
}

#[tokio::test]
async fn handler_learns_of_revocations_and_outages() {
    let world = World::start().await;
    let (token, other) = (world.keeper(), world.keeper());
    assert_eq!(world.get("/stock/lamp", Some(&token)).await.0, 200);
    world.auth.revoke(&token);
    assert_eq!(world.get("/stock/lamp", Some(&token)).await.0, 401);
    world.auth.away(true);
    assert_eq!(world.get("/stock/lamp", Some(&other)).await.0, 503);
}
