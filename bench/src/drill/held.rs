//! What the databases hold at the end, against what was said of it.

use std::path::Path;

use super::{Broken, Client, Report};
use crate::Failure;

/// Adds whether the pair holds what its client was told.
pub(super) async fn writes(report: &mut Report, client: &Client) -> Result<(), Failure> {
    report.broken.extend(client.posts.judge(&client.all_posts().await?));
    report.broken.extend(client.users.judge(&client.all_users().await?));
    for (what, journal) in [("posts", &client.posts), ("users", &client.users)] {
        let (acknowledged, refused, unknown) = journal.counts();
        report.row(what, format!("{acknowledged} acknowledged, {refused} refused, {unknown} not answered"));
    }
    Ok(())
}

/// The same, and whether the files are whole.
pub(super) async fn files(report: &mut Report, client: &Client, folder: &Path) -> Result<(), Failure> {
    for name in ["auth.db", "blog.db"] {
        let damages = testkit::sqlite::damages(folder.join("data").join(name)).await?;
        report
            .broken
            .extend(damages.into_iter().map(|damage| Broken::new("the files are whole", format!("{name}: {damage}"))));
    }
    writes(report, client).await
}
