//! Compares the final content of the databases with the answers.

use std::path::Path;

use super::{Broken, DrillClient, FateCounts, Report};
use crate::Failure;

/// Adds the differences between the pair's content and its client's journal.
pub(super) async fn writes(report: &mut Report, client: &DrillClient) -> Result<(), Failure> {
    report.broken.extend(client.posts.check(&client.all_posts().await?));
    report.broken.extend(client.users.check(&client.all_users().await?));
    counts(report, client);
    Ok(())
}

/// Adds the numbers of writes by their fate.
pub(super) fn counts(report: &mut Report, client: &DrillClient) {
    for (what, journal) in [("posts", &client.posts), ("users", &client.users)] {
        let FateCounts { acknowledged, refused, unknown } = journal.counts();
        report.row(what, format!("{acknowledged} acknowledged, {refused} refused, {unknown} not answered"));
    }
}

/// Adds the same differences, and each damage that SQLite finds in the files.
pub(super) async fn files(report: &mut Report, client: &DrillClient, folder: &Path) -> Result<(), Failure> {
    for name in ["auth.db", "blog.db"] {
        let damages = testkit::sqlite::damages(folder.join("data").join(name)).await?;
        report
            .broken
            .extend(damages.into_iter().map(|damage| Broken::new("the files are intact", format!("{name}: {damage}"))));
    }
    writes(report, client).await
}
