//! A pair for the demo alone: free ports, a folder that vanishes, and none of the environment's settings.

use std::error::Error;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::pin::pin;

use kit::ServiceAddress;
use kit::config::Environment;
use kit::shutdown::Shutdown;

use super::print::{self, Style};
use super::services::Services;
use super::tell::tell;
use crate::pair::{Pair, PairFlags, answers};

/// Tells the story to a pair that lives as long as the story does.
pub(super) async fn run(style: Style, shutdown: &Shutdown) -> Result<(), Box<dyn Error + Send + Sync>> {
    // It holds a signing key, and lies where each user of the machine may look.
    let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o700)).tempdir()?;
    let pair = Pair::bind(&PairFlags::free(folder.path()), Environment::unset()).await?;
    let (auth, blog) = (pair.auth_at(), pair.blog_at());
    let services = Services::new(ServiceAddress::from_socket(auth), ServiceAddress::from_socket(blog))?;
    // Ctrl-C ends the story, and the story's end the pair.
    let end = Shutdown::new();
    let mut serving = pin!(pair.serve(end.clone()));
    let story = async {
        tokio::join!(answers(auth), answers(blog));
        tell(services, print::OWN, style, shutdown).await
    };
    let told = tokio::select! {
        ended = &mut serving => {
            ended?;
            return Err("the demo's own services have ended before the story".into());
        }
        told = story => told,
    };
    end.cancel();
    serving.await?;
    folder.close()?;
    Ok(told?)
}
