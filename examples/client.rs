//! A client with a session: it logs in once, and the session attaches a valid token to each call.
//!
//! `examples/guarded_service.rs` explains how to start the servers.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a program that prints and reads its environment")]

use gatepost::TokenSource;
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{CreateUserRequest, LoginRequest, LogoutRequest, TokenPair};
use shop::shop_service_client::ShopServiceClient;
use shop::{ListGoodsRequest, OrderGoodRequest, SetPriceRequest};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

#[expect(
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    unreachable_pub,
    unused_qualifications,
    reason = "generated"
)]
mod shop {
    tonic::include_proto!("shop.v1");
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let variable = |name: &str, otherwise: &str| std::env::var(name).unwrap_or_else(|_| otherwise.to_owned());
    let auth = Channel::from_shared(variable("AUTH_URL", "http://127.0.0.1:50051"))?.connect_lazy();
    let shop = Channel::from_shared(variable("SHOP_URL", "http://127.0.0.1:50053"))?.connect_lazy();

    // All clients of a session share one source, which renews the token.
    let session = TokenSource::new(auth.clone(), log_in(auth.clone()).await?);
    let mut goods = ShopServiceClient::new(session.wrap(shop));

    let list = goods.list_goods(ListGoodsRequest {}).await?.into_inner();
    println!("there is {}", list.goods.join(", "));
    let order = goods.order_good(OrderGoodRequest { good: "lamp".into() }).await?.into_inner();
    println!("ordered: a {} for the user {}", order.good, order.buyer);
    let price = SetPriceRequest { good: "lamp".into(), cents: 1 };
    if let Err(status) = goods.set_price(price).await {
        println!("set the price: {}", reason(&status));
    }

    // Ends the session. As a rule guards learn of this at once. After 1.5 s none admits the token, even if a process fails.
    AuthServiceClient::new(session.wrap(auth)).logout(LogoutRequest {}).await?;
    let order = || OrderGoodRequest { good: "lamp".into() };
    let refused = loop {
        if let Err(status) = goods.order_good(order()).await {
            break status;
        }
    };
    println!("after the logout: {}", reason(&refused));
    if let Err(status) = goods.order_good(order()).await {
        println!("and from then on: {}: {}", reason(&status), status.message());
    }
    Ok(())
}

/// Logs in, or registers a new user. Returns the tokens of the session.
async fn log_in(auth: Channel) -> Result<TokenPair, Status> {
    let (email, password) = ("ada@example.com".to_owned(), "correct horse battery staple".to_owned());
    let login = LoginRequest { email: email.clone(), password: password.clone(), ..LoginRequest::default() };
    let tokens = match AuthServiceClient::new(auth.clone()).login(login).await {
        Err(status) if status.code() == Code::Unauthenticated => {
            let user = CreateUserRequest { name: "Ada".to_owned(), email, password, ..CreateUserRequest::default() };
            UserServiceClient::new(auth).create_user(user).await?.into_inner().tokens
        }
        login => login?.into_inner().tokens,
    };
    tokens.ok_or_else(|| Status::permission_denied("registration is closed: create the user first"))
}

/// Returns the machine-readable reason of a refused call.
fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}
