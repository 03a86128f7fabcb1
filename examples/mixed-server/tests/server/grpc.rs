//! The guarded service and the open one.

use gatepost::{Identity, WithToken};
use mixed_server::api::depot_service_client::DepotServiceClient;
use mixed_server::api::{CountItemsRequest, GetItemRequest, PickItemsRequest, WatchItemRequest};
use tokio_stream::StreamExt as _;
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::support::{World, code};

fn lamp() -> GetItemRequest {
    GetItemRequest { item: "lamp".to_owned() }
}

#[test]
fn rule_contract_equals_the_crates_copy() {
    assert_eq!(include_str!("../../proto/gatepost/options/v1/rule.proto"), gatepost::api::options::RULE_PROTO);
}

#[tokio::test]
async fn optional_method_tells_anonymous_callers_less() {
    let world = World::start().await;
    let anonymous = DepotServiceClient::new(world.channel.clone()).get_item(lamp()).await.unwrap().into_inner();
    assert_eq!((anonymous.in_stock, anonymous.count), (true, None));
    let known = world.client(&world.visitor()).get_item(lamp()).await.unwrap().into_inner();
    assert_eq!(known.count, Some(5));
}

#[tokio::test]
async fn method_of_a_role_is_closed_to_others() {
    let world = World::start().await;
    let counts = || tokio_stream::iter([CountItemsRequest { item: "lamp".to_owned(), count: 7 }]);
    let refused = world.client(&world.visitor()).count_items(counts()).await;
    assert_eq!((code(&refused), world.stock.count("lamp")), (Code::PermissionDenied, 5));
    let counted = world.client(&world.keeper()).count_items(counts()).await.unwrap().into_inner();
    assert_eq!((counted.items, counted.counted_by.as_str(), world.stock.count("lamp")), (1, "ada", 7));
}

#[tokio::test]
async fn token_for_another_audience_is_refused() {
    let world = World::start().await;
    let token = world.auth.issue(Identity::user("ada").role("keeper").audience("mail"));
    assert_eq!(code(&world.client(&token).get_item(lamp()).await), Code::Unauthenticated);
}

#[tokio::test]
async fn revoked_token_is_refused() {
    let world = World::start().await;
    let token = world.keeper();
    let mut client = world.client(&token);
    assert_eq!(code(&client.get_item(lamp()).await), Code::Ok);
    world.auth.revoke(&token);
    assert_eq!(code(&client.get_item(lamp()).await), Code::Unauthenticated);
}

#[tokio::test]
async fn open_stream_ends_with_its_token() {
    let world = World::start().await;
    let token = world.visitor();
    let request = WatchItemRequest { item: "lamp".to_owned() };
    let mut counts = world.client(&token).watch_item(request).await.unwrap().into_inner();
    assert_eq!(counts.message().await.unwrap().unwrap().count, 5);
    world.stock.set("lamp".to_owned(), 6);
    assert_eq!(counts.message().await.unwrap().unwrap().count, 6);
    world.auth.revoke(&token);
    assert_eq!(counts.message().await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn bidirectional_stream_ends_when_stock_is_gone() {
    let world = World::start().await;
    world.stock.set("lamp".to_owned(), 1);
    let picks = tokio_stream::iter(vec![PickItemsRequest { item: "lamp".to_owned() }; 2]);
    let answers = world.client(&world.visitor()).pick_items(picks).await.unwrap().into_inner();
    let answers: Vec<_> = answers.collect().await;
    assert_eq!(answers[0].as_ref().unwrap().left, 0);
    assert_eq!(code(&answers[1]), Code::FailedPrecondition);
}

#[tokio::test]
async fn service_beside_the_guard_is_open() {
    let world = World::start().await;
    let checked = HealthClient::new(world.channel.clone()).check(HealthCheckRequest::default()).await;
    assert_eq!(code(&checked), Code::Ok);
    let token = gatepost::Token::parse("garbage").unwrap();
    let mut health = HealthClient::with_interceptor(world.channel.clone(), WithToken::new(&token));
    assert_eq!(code(&health.check(HealthCheckRequest::default()).await), Code::Ok);
}
