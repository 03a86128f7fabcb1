//! The services that `bench load` starts itself: a pair, and a second pair whose posts everyone may read.

use std::path::Path;

use super::accounts::UNLIMITED_SETTINGS;
use super::{Account, LoadSettings, posts};
use crate::callgrind::{self, CallgrindProcess};
use crate::services::{Services, channels};
use crate::{Failure, services};

/// A pair with users and posts.
pub(super) struct OwnPair {
    pub(super) pair: Services,
    /// Set if Callgrind runs the pair.
    pub(super) callgrind: Option<CallgrindProcess>,
    pub(super) accounts: Vec<Account>,
    pub(super) ids: Vec<String>,
}

/// Program `gatepost`, and how it runs.
#[derive(Clone, Copy)]
pub(super) enum Launch<'p> {
    Alone(&'p Path),
    Callgrind(&'p Path),
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
        launch: Launch<'_>,
        folder: &Path,
        reads: Reads,
        settings: &LoadSettings,
    ) -> Result<Self, Failure> {
        let public = if reads == Reads::Public { "true" } else { "false" };
        std::fs::create_dir(folder)?;
        let program = match launch {
            Launch::Alone(program) => services::command(program, &folder.join("log"))?,
            Launch::Callgrind(program) => callgrind::command(program, folder)?,
        };
        let pair = Services::pair_by(program, folder, |command| {
            command.envs(UNLIMITED_SETTINGS).env("BLOG_PUBLIC_READS", public)
        });
        let pair = pair.await?;
        // The second pair only needs an author.
        let users = if reads == Reads::Public { 1 } else { settings.users };
        let accounts = Account::register(&channels(pair.auth_address(), settings.connections).await?, users).await?;
        let author = accounts.first().ok_or("no user")?.access_token().await?;
        let author = posts::post_caller(&pair.blog, &author);
        posts::create_posts(&author, settings.posts).await?;
        let ids = posts::newest_posts(&author, settings.posts).await?;
        let callgrind = match launch {
            Launch::Alone(_) => None,
            Launch::Callgrind(_) => Some(CallgrindProcess::begin(pair.first_process()?, folder)?),
        };
        Ok(Self { pair, callgrind, accounts, ids })
    }
}
