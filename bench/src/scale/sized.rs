//! The services on databases of one size: filled, started, and called with random keys.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use gatepost::Token;
use gatepost::api::auth::v1::LoginRequest;
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use kit::page::PageTokens;
use tokio::time::Instant;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::ScaleSettings;
use super::databases::{ADMIN_EMAIL, ScaleDatabases, ScaleHost, USER_PASSWORD};
use super::report::SizeFacts;
use crate::Failure;
use crate::fill::{self, FilledDatabase, SqlDialect};
use crate::load::{Account, Choices};
use crate::services::{Services, channels};

/// Connections to each service.
const CONNECTION_COUNT: usize = 2;

/// Accounts for tokens and refreshes: one for each of the most callers.
const ACCOUNT_COUNT: u64 = 8;

/// Number of times that a login before the measurement is tried.
const LOGIN_ATTEMPT_COUNT: usize = 12;

/// Databases with this many users and posts.
pub(super) struct SizedData {
    pub(super) rows: u64,
    pub(super) databases: ScaleDatabases,
    pub(super) facts: SizeFacts,
}

/// Services on databases of one size.
pub(super) struct SizedServices {
    pub(super) services: Services,
    pub(super) auth: Vec<Channel>,
    pub(super) blog: Vec<Channel>,
    /// Token of the admin.
    pub(super) admin: Token,
    /// Sessions of random users.
    pub(super) accounts: Vec<Account>,
    /// Tokens of these sessions.
    pub(super) tokens: Vec<String>,
    /// Key of the blog's page tokens.
    pub(super) page_tokens: PageTokens,
    pub(super) keys: Arc<RowKeys>,
}

/// Random numbers of rows.
pub(super) struct RowKeys {
    rows: u64,
    choices: Choices,
}

impl SizedData {
    /// Creates and fills the databases in this new folder.
    pub(super) async fn fill(host: &ScaleHost, program: &Path, folder: &Path, rows: u64) -> Result<Self, Failure> {
        let begun = Instant::now();
        let databases = host.databases(folder).await?;
        databases.create(program).await?;
        let dialect = databases.auth.dialect();
        let mut statements = fill::users(dialect, rows, ADMIN_EMAIL);
        statements.extend(fill::sessions(dialect, rows));
        databases.auth.run(&statements).await?;
        databases.blog.run(&[fill::posts(dialect, rows, rows)]).await?;
        databases.auth.settle().await?;
        databases.blog.settle().await?;
        let bytes = databases.bytes().await?;
        let facts = SizeFacts { rows, bytes, fill_seconds: begun.elapsed().as_secs_f64() };
        Ok(Self { rows, databases, facts })
    }

    /// Starts the services, and logs random users in. `change` may change the services' commands.
    pub(super) async fn start(
        &self,
        program: &Path,
        settings: &ScaleSettings,
        change: impl Fn(&mut Command) -> &mut Command,
    ) -> Result<SizedServices, Failure> {
        let page_tokens = PageTokens::new(&page_token_key(&self.databases.blog).await?);
        let services = self.databases.start(program, change).await?;
        let auth = channels(services.auth_address(), CONNECTION_COUNT).await?;
        let blog = channels(services.blog_address(), CONNECTION_COUNT).await?;
        let admin = patiently(async || admin_token(&services.auth).await).await?;
        let keys = Arc::new(RowKeys::new(self.rows, settings.seed));
        let (mut accounts, mut tokens) = (Vec::new(), Vec::new());
        for (_, channel) in (0..ACCOUNT_COUNT).zip(auth.iter().cycle()) {
            let email = fill::user_email(keys.active_user());
            let log_in = async || Account::log_in(std::slice::from_ref(channel), &email, USER_PASSWORD, 1).await;
            let session = patiently(log_in).await?;
            for account in &session {
                tokens.push(account.access_token().await?.expose().to_owned());
            }
            accounts.extend(session);
        }
        Ok(SizedServices { services, auth, blog, admin, accounts, tokens, page_tokens, keys })
    }
}

/// Logs in again while the deadline passes: passwords are hashed at the lowest priority, and other programs may keep the
/// cores busy.
pub(super) async fn patiently<T>(log_in: impl AsyncFn() -> Result<T, Failure>) -> Result<T, Failure> {
    let is_late = |failure: &Failure| {
        failure.downcast_ref::<Status>().is_some_and(|status| status.code() == Code::DeadlineExceeded)
    };
    for _ in 1..LOGIN_ATTEMPT_COUNT {
        match log_in().await {
            Err(failure) if is_late(&failure) => {}
            ended => return ended,
        }
    }
    log_in().await
}

/// Logs the admin in.
pub(super) async fn admin_token(auth: &Channel) -> Result<Token, Failure> {
    let login = LoginRequest { email: ADMIN_EMAIL.into(), password: USER_PASSWORD.into(), ..LoginRequest::default() };
    let answer = AuthServiceClient::new(auth.clone()).login(login).await?.into_inner();
    Ok(Token::parse(&answer.tokens.ok_or("no tokens")?.access_token)?)
}

/// Reads the key of the blog's page tokens, so that a run can ask for a deep page without the pages before it.
async fn page_token_key(blog: &FilledDatabase) -> Result<[u8; 64], Failure> {
    let hex = match blog.dialect() {
        SqlDialect::Sqlite => "hex(value)",
        SqlDialect::Postgres => "encode(value, 'hex')",
    };
    let text = blog.text(&format!("select {hex} from secrets where name = 'page-token-key'")).await?;
    let mut key = [0; 64];
    for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits)?, 16)?;
    }
    Ok(key)
}

impl RowKeys {
    /// Returns random keys of a table with this many rows.
    pub(super) fn new(rows: u64, seed: u64) -> Self {
        Self { rows, choices: Choices::new(seed) }
    }

    /// Returns the number of rows.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Returns the number of any row.
    pub(super) fn any(&self) -> u64 {
        self.choices.random().number() % self.rows + 1
    }

    /// Returns the number of a user who may log in.
    pub(super) fn active_user(&self) -> u64 {
        let mut random = self.choices.random();
        loop {
            let number = random.number() % self.rows + 1;
            if fill::is_active_user(number) {
                return number;
            }
        }
    }

    /// Returns the number of a row in the older half, with a whole page of older rows if there are enough.
    pub(super) fn deep(&self, page: u64) -> u64 {
        let half = (self.rows / 2).max(1);
        let first = (page + 1).min(half);
        first + self.choices.random().number() % (half - first + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_within_the_table() {
        for rows in [10, 101, 1_000] {
            let keys = RowKeys::new(rows, 1);
            for _ in 0..1_000 {
                assert!((1..=rows).contains(&keys.any()));
                assert!(fill::is_active_user(keys.active_user()));
                let deep = keys.deep(50);
                assert!((1..=rows / 2).contains(&deep) && (deep > 50 || rows < 102), "{deep} of {rows}");
            }
        }
    }
}
