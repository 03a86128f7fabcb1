//! `gatepost demo`: a story of calls to real services, each step as a command to copy and its answer.

mod answer;
mod command;
mod compare;
mod error;
mod own;
mod play;
mod preflight;
mod print;
mod run_story;
mod services;
mod step;
mod story;
mod sweep;
mod tally;
mod values;

use std::error::Error;

use clap::Args;
use kit::ServiceAddress;
use kit::config::{ConfigError, Environment, InsecureSwitch, boolean, check_plaintext};
use kit::shutdown::Shutdown;
use kit::tls::ClientTlsFlags;

use self::print::Style;
use self::run_story::run_story;
use self::services::DemoServices;

/// Services that the demo calls. The environment sets none of these flags, so that it cannot change the story.
#[derive(Clone, Debug, Args)]
pub(crate) struct DemoFlags {
    /// A running auth service: http://HOST:PORT, or https://HOST:PORT for TLS
    #[arg(long, value_name = "URL", requires = "blog_url", value_parser = ServiceAddress::parse)]
    auth_url: Option<ServiceAddress>,
    /// A running blog service that uses this auth service: http://HOST:PORT, or https://HOST:PORT for TLS
    #[arg(long, value_name = "URL", requires = "auth_url", value_parser = ServiceAddress::parse)]
    blog_url: Option<ServiceAddress>,
    /// Allow plaintext beyond loopback
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true",
          value_parser = boolean)]
    insecure: bool,
    /// TLS to the services
    #[command(flatten)]
    tls: ClientTlsFlags,
}

/// Runs the demo against the services in the flags, or against its own pair.
pub(crate) async fn run(
    flags: DemoFlags,
    environment: Environment,
    shutdown: Shutdown,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let style = Style::from_environment(environment)?;
    let (Some(auth), Some(blog)) = (flags.auth_url, flags.blog_url) else {
        return Box::pin(own::run(style, &shutdown)).await;
    };
    let switch = InsecureSwitch { name: "--insecure", is_on: flags.insecure };
    for (name, place) in [("--auth-url", &auth), ("--blog-url", &blog)] {
        check_plaintext(name, place.is_private(), switch)?;
    }
    if !flags.tls.is_empty() && !auth.is_tls() && !blog.is_tls() {
        return Err(ConfigError::setting("--ca, --client-cert and --server-name", "need https://HOST:PORT").into());
    }
    Ok(run_story(DemoServices::new(auth, blog, &flags.tls)?, print::RUNNING, style, &shutdown).await?)
}
