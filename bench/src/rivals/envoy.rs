//! Envoy in front of the Go pair, whose posts everyone may read: Envoy alone guards them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::task::block_in_place;
use tonic::async_trait;

use super::RivalSettings;
use super::pair::{Pair, PairReads, fill, first_token, reads, register, sessions};
use super::process::{RivalProcess, free_address, port};
use super::work::{RivalCall, RivalServer, RunningRival, Work};
use crate::Failure;
use crate::services::{addresses, channel};

/// Envoy's way to check a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum EnvoyFilter {
    /// Envoy checks the signature and the times by itself.
    Jwt,
    /// Envoy asks an authorizer at each call.
    ExtAuthz,
}

/// Envoy with a filter.
pub(super) struct Envoy {
    program: PathBuf,
    /// The folder with the Go pair and its authorizer.
    pair: PathBuf,
    filter: EnvoyFilter,
}

impl Envoy {
    /// Returns the Envoy in the first folder, in front of the Go pair in the second one.
    pub(super) fn new(folder: &Path, pair: PathBuf, filter: EnvoyFilter) -> Self {
        Self { program: folder.join("envoy"), pair, filter }
    }

    /// Starts the authorizer on the pair's data. Returns the process and its address.
    fn authorizer(&self, folder: &Path) -> Result<(RivalProcess, String), Failure> {
        let mut command = Command::new(self.pair.join("authorizer"));
        command.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(folder.join("pair"));
        let mut process = RivalProcess::spawn(command, &folder.join("authorizer.log"))?;
        let [address] = block_in_place(|| addresses(process.child(), ["authorizer"]))?;
        Ok((process, address))
    }
}

#[async_trait]
impl RivalServer for Envoy {
    async fn start(&self, folder: &Path) -> Result<RunningRival, Failure> {
        let (pair, [auth, blog]) = Pair::in_go(&self.pair).launch(&folder.join("pair"), PairReads::Public).await?;
        let (began, listen) = (Instant::now(), free_address()?);
        let (mut processes, mut clusters) = (Vec::new(), vec![cluster("blog", &blog)?]);
        let filter = match self.filter {
            EnvoyFilter::Jwt => jwt_authn(&std::fs::read_to_string(folder.join("pair/secret"))?),
            EnvoyFilter::ExtAuthz => {
                let (process, address) = self.authorizer(folder)?;
                processes.push(process);
                clusters.push(cluster("authorizer", &address)?);
                ext_authz()
            }
        };
        let config = folder.join("envoy.json");
        std::fs::write(&config, bootstrap(&listen, &filter, &clusters)?.to_string())?;
        let mut command = Command::new(&self.program);
        // Without a base id, several Envoys of a machine share memory.
        command.arg("-c").arg(&config).args(["--use-dynamic-base-id", "--log-level", "warning"]);
        let mut envoy = RivalProcess::spawn_quiet(command, &folder.join("envoy.log"))?;
        // A call without a token is refused as soon as Envoy serves.
        envoy.first_answer(|| refuses(&listen)).await?;
        processes.push(envoy);
        let addresses = vec![listen, auth, blog];
        Ok(RunningRival { processes, backends: vec![pair], addresses, took: began.elapsed() })
    }

    async fn prepare(&self, running: &RunningRival, settings: &RivalSettings) -> Result<Work, Failure> {
        let [envoy, auth, blog] = running.addresses.as_slice() else { return Err("Envoy has three addresses".into()) };
        let token = first_token(&register(auth, 1).await?).await?;
        let ids = fill(blog, &token, settings).await?;
        let mut work = Work::default();
        work.calls.insert(RivalCall::Read, reads(envoy, Some(&token), &ids).await?);
        work.calls.insert(RivalCall::PublicRead, reads(blog, None, &ids).await?);
        work.new_session = Some(sessions(auth, envoy, &ids));
        Ok(work)
    }
}

/// Succeeds if the server refuses a call without a token.
async fn refuses(address: &str) -> Result<(), Failure> {
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_client::HealthClient;
    match HealthClient::new(channel(address).await?).check(HealthCheckRequest::default()).await {
        Err(status) if status.code() == tonic::Code::Unauthenticated => Ok(()),
        Err(status) => Err(status.into()),
        Ok(_) => Err("Envoy admits a call without a token".into()),
    }
}

/// Returns the settings of `jwt_authn` for tokens that are signed with this secret, in the form of a JWK's field `k`.
fn jwt_authn(secret: &str) -> Value {
    let keys = json!({ "keys": [{ "kty": "oct", "alg": "HS256", "k": secret.trim() }] });
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": { "pair": {
                "issuer": "go-pair",
                "audiences": ["gatepost"],
                "from_headers": [{ "name": "api-token" }],
                "forward": true,
                "local_jwks": { "inline_string": keys.to_string() }
            } },
            "rules": [{ "match": { "prefix": "/" }, "requires": { "provider_name": "pair" } }]
        }
    })
}

/// Returns the settings of `ext_authz` with the authorizer's cluster.
fn ext_authz() -> Value {
    json!({
        "name": "envoy.filters.http.ext_authz",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
            "transport_api_version": "V3",
            "grpc_service": { "envoy_grpc": { "cluster_name": "authorizer" }, "timeout": "1s" }
        }
    })
}

/// Returns a cluster that speaks HTTP/2.
fn cluster(name: &str, address: &str) -> Result<Value, Failure> {
    Ok(json!({
        "name": name,
        "type": "STATIC",
        "typed_extension_protocol_options": { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": { "http2_protocol_options": {} }
        } },
        "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": [
            { "endpoint": { "address": socket(address)? } }
        ] }] }
    }))
}

fn socket(address: &str) -> Result<Value, Failure> {
    Ok(json!({ "socket_address": { "address": "127.0.0.1", "port_value": port(address)?.parse::<u16>()? } }))
}

/// Returns all settings: a listener with the filter in front of the blog.
fn bootstrap(listen: &str, filter: &Value, clusters: &[Value]) -> Result<Value, Failure> {
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" }
    });
    let hosts = json!({ "virtual_hosts": [{ "name": "blog", "domains": ["*"], "routes": [
        { "match": { "prefix": "/" }, "route": { "cluster": "blog" } }
    ] }] });
    let manager = json!({
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "grpc",
            "codec_type": "HTTP2",
            "route_config": hosts,
            "http_filters": [filter, router]
        }
    });
    Ok(json!({ "static_resources": {
        "listeners": [{ "name": "grpc", "address": socket(listen)?, "filter_chains": [{ "filters": [manager] }] }],
        "clusters": clusters
    } }))
}
