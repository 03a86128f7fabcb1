//! The demo's own pair: free ports, a temporary folder, and no settings of the environment.

use std::error::Error;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::pin::pin;

use kit::ServiceAddress;
use kit::config::Environment;
use kit::lifecycle::Lifecycle;
use kit::reload::Reload;
use kit::shutdown::Shutdown;
use kit::telemetry::LogControl;
use kit::tls::ClientTlsFlags;

use super::print::{self, Style};
use super::run_story::run_story;
use super::services::DemoServices;
use crate::pair::{Pair, PairFlags};

/// Runs the demo against a pair that ends with it.
pub(super) async fn run(style: Style, shutdown: &Shutdown) -> Result<(), Box<dyn Error + Send + Sync>> {
    // The folder holds a signing key, and its parent is readable by all users of the machine.
    let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o700)).tempdir()?;
    let pair = Pair::bind(
        &PairFlags::on_free_ports(folder.path()),
        Environment::unset(),
        Reload::default(),
        &LogControl::default(),
    )
    .await?;
    let (auth, blog) = (pair.auth_at(), pair.blog_at());
    let [auth_url, blog_url] = [&auth, &blog].map(|place| ServiceAddress::from_socket(place.address));
    let services = DemoServices::new(auth_url, blog_url, &ClientTlsFlags::default())?;
    // Ctrl-C ends the demo, and the end of the demo ends the pair.
    let life = Lifecycle::from(Shutdown::new());
    let mut serving = pin!(pair.serve(life.clone(), life.behind()));
    let story = async {
        tokio::join!(auth.wait_until_answering(), blog.wait_until_answering());
        run_story(services, print::OWN, style, shutdown).await
    };
    let result = tokio::select! {
        ended = &mut serving => {
            ended?;
            return Err("the demo's own services have ended before the story".into());
        }
        result = story => result,
    };
    life.stop();
    serving.await?;
    folder.close()?;
    Ok(result?)
}
