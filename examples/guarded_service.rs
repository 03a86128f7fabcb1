//! A service of your own behind the guard.
//!
//! ```sh
//! export AUTH_SERVICE_KEY=$(openssl rand -hex 32)  # the secret that both services share
//! cargo run &                                      # the auth service, on 127.0.0.1:50051
//! cargo run -p examples --bin guarded_service      # this service, on 127.0.0.1:50053
//! cargo run -p examples --bin client               # a client of this service
//! ```

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a program that prints and reads its environment")]

use gatepost::{AuthService, GuardLayer, Identity, Policy, Rule, Token};
use shop::shop_service_server::{ShopService, ShopServiceServer};
use shop::{
    ListGoodsRequest, ListGoodsResponse, OrderGoodRequest, OrderGoodResponse, SetPriceRequest, SetPriceResponse,
};
use tonic::transport::server::{TcpConnectInfo, TcpIncoming};
use tonic::{Request, Response, Status};

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

/// Returns the access policy. A method without a row needs a token.
fn policy() -> Policy {
    Policy::closed()
        .rule("/shop.v1.ShopService/ListGoods", Rule::Optional)
        .rule("/shop.v1.ShopService/SetPrice", Rule::role("seller"))
}

struct Shop;

#[tonic::async_trait]
impl ShopService for Shop {
    async fn list_goods(&self, _: Request<ListGoodsRequest>) -> Result<Response<ListGoodsResponse>, Status> {
        Ok(Response::new(ListGoodsResponse { goods: vec!["lamp".into()] }))
    }

    async fn order_good(&self, request: Request<OrderGoodRequest>) -> Result<Response<OrderGoodResponse>, Status> {
        let buyer = Identity::from_request(&request)?.subject.clone();
        Ok(Response::new(OrderGoodResponse { buyer, good: request.into_inner().good }))
    }

    async fn set_price(&self, _: Request<SetPriceRequest>) -> Result<Response<SetPriceResponse>, Status> {
        Ok(Response::new(SetPriceResponse {}))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let variable = |name: &str, otherwise: &str| std::env::var(name).unwrap_or_else(|_| otherwise.to_owned());
    let key = Token::parse(&variable("AUTH_SERVICE_KEY", ""))
        .map_err(|fault| format!("set AUTH_SERVICE_KEY to the auth service's: {fault}"))?;
    let auth = AuthService::builder(variable("AUTH_URL", "http://127.0.0.1:50051")).service_key(&key).build()?;
    // Limits each peer: a flood of bad tokens from one does not block the requests of others.
    let guard = GuardLayer::new(policy(), auth)?
        .audience("gatepost")
        .peers(|extensions| extensions.get::<TcpConnectInfo>()?.remote_addr());

    let listener = tokio::net::TcpListener::bind(variable("SHOP_LISTEN", "127.0.0.1:50053")).await?;
    println!("shop listening on {}", listener.local_addr()?);
    let server = tonic::transport::Server::builder().layer(guard).add_service(ShopServiceServer::new(Shop));
    // Without TCP_NODELAY an answer may be delayed by 40 ms. `serve` sets it itself.
    Ok(server.serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true))).await?)
}
