//! Serves all routes on one port.
//!
//! `AUTH_SERVICE_KEY` is the auth service's key. `AUTH_URL` is its address, by default `http://127.0.0.1:50051`. With the
//! PEM file `AUTH_CA_FILE` the address is `https://HOST:PORT`. `LISTEN` is this server's address, by default
//! `127.0.0.1:50054`.

use std::error::Error;
use std::net::SocketAddr;
use std::{env, fs};

use axum::serve::ListenerExt as _;
use gatepost::{AuthService, Token};
use mixed_server::stock::Stock;
use mixed_server::{auth, server};
use tokio::net::TcpListener;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Writes the log to standard output: warnings of the guard, and `INFO` of all others.
fn start_log() {
    let levels = Targets::new().with_default(Level::INFO).with_target("gatepost", Level::WARN);
    tracing_subscriber::registry().with(tracing_subscriber::fmt::layer()).with(levels).init();
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    start_log();
    let variable = |name: &str, otherwise: &str| env::var(name).unwrap_or_else(|_| otherwise.to_owned());
    let key = Token::parse(&variable("AUTH_SERVICE_KEY", ""))?;
    let url = variable("AUTH_URL", "http://127.0.0.1:50051");
    let auth = match env::var("AUTH_CA_FILE") {
        Ok(file) => auth::with_tls(url, &key, &fs::read(file)?)?,
        Err(_) => AuthService::builder(url).service_key(&key).build()?,
    };

    let listener = TcpListener::bind(variable("LISTEN", "127.0.0.1:50054")).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    // Without TCP_NODELAY an answer may be delayed by 40 ms.
    let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
    let routes = server::routes(Stock::default(), auth)?;
    axum::serve(listener, routes.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
