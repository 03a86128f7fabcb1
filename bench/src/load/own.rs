//! The services that `bench load` starts itself: a pair, and a second pair whose posts everyone may read.

use std::path::Path;

use super::accounts::UNLIMITED_SETTINGS;
use super::{Account, LoadSettings, posts};
use crate::Failure;
use crate::services::{Services, channels};

/// A pair with users and posts.
pub(super) struct OwnPair {
    pub(super) pair: Services,
    pub(super) accounts: Vec<Account>,
    pub(super) ids: Vec<String>,
}

/// Reads that need a token, and reads that need none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    Guarded,
    Public,
}

impl OwnPair {
    /// Starts the pair in this new folder, registers the users, and creates posts.
    pub(super) async fn start(
        program: &Path,
        folder: &Path,
        reads: Reads,
        settings: &LoadSettings,
    ) -> Result<Self, Failure> {
        let public = if reads == Reads::Public { "true" } else { "false" };
        std::fs::create_dir(folder)?;
        let pair = Services::pair(program, folder, |command| {
            command.envs(UNLIMITED_SETTINGS).env("BLOG_PUBLIC_READS", public)
        });
        let pair = pair.await?;
        // The second pair only needs an author.
        let users = if reads == Reads::Public { 1 } else { settings.users };
        let accounts = Account::register(&channels(pair.auth_address(), settings.connections).await?, users).await?;
        let author = accounts.first().ok_or("no user")?.access_token().await?;
        let author = posts::caller(&pair.blog, &author);
        posts::create_posts(&author, settings.posts).await?;
        let ids = posts::newest_posts(&author, settings.posts).await?;
        Ok(Self { pair, accounts, ids })
    }
}
