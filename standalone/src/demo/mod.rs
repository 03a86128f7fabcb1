//! `gatepost demo`: the whole story against real services, each step as a line to copy and its answer.

mod answer;
mod command;
mod error;
mod judge;
mod own;
mod play;
mod preflight;
mod print;
mod services;
mod step;
mod story;
mod sweep;
mod tally;
mod tell;
mod values;

use std::error::Error;

use clap::Args;
use kit::ServiceAddress;
use kit::config::{Environment, boolean, check_plaintext};
use kit::shutdown::Shutdown;

use self::print::Style;
use self::services::Services;
use self::tell::tell;

/// Whom the story is played against. Flags alone: nothing in the environment may change the story.
#[derive(Clone, Debug, Args)]
pub(crate) struct DemoFlags {
    /// A running auth service: http://HOST:PORT
    #[arg(long, value_name = "URL", requires = "blog_url", value_parser = ServiceAddress::parse)]
    auth_url: Option<ServiceAddress>,
    /// A running blog service that asks it: http://HOST:PORT
    #[arg(long, value_name = "URL", requires = "auth_url", value_parser = ServiceAddress::parse)]
    blog_url: Option<ServiceAddress>,
    /// Allow plaintext beyond loopback
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true",
          value_parser = boolean)]
    insecure: bool,
}

/// Plays the story against the services that the flags name, or against a pair of the demo's own.
pub(crate) async fn run(
    flags: DemoFlags,
    environment: Environment,
    shutdown: Shutdown,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let style = Style::of(environment)?;
    let (Some(auth), Some(blog)) = (flags.auth_url, flags.blog_url) else {
        return Box::pin(own::run(style, &shutdown)).await;
    };
    for (name, place) in [("--auth-url", &auth), ("--blog-url", &blog)] {
        check_plaintext(name, place.is_loopback(), flags.insecure, "--insecure")?;
    }
    Ok(tell(Services::new(auth, blog)?, print::RUNNING, style, &shutdown).await?)
}
