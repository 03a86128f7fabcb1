//! Quotas of addresses and users.

use clap::{Args, value_parser};

/// Flags of the quotas of addresses and users; 0 means no limit.
#[derive(Clone, Copy, Debug, Args)]
pub struct QuotaFlags {
    /// Successful logins of one address per minute and replica; 0: no limit, as with --address-failures 0
    #[arg(long, env = "AUTH_ADDRESS_LOGINS_PER_MINUTE", default_value = "1200", hide_env_values = true)]
    pub address_logins_per_minute: u32,
    /// Invalid refresh tokens of one address per minute and replica; 0: no limit, as with --address-failures 0
    #[arg(long, env = "AUTH_ADDRESS_BAD_REFRESHES_PER_MINUTE", default_value = "1200", hide_env_values = true)]
    pub address_bad_refreshes_per_minute: u32,
    /// Sessions of a user at once, up to 10000; the next login ends the least recently used one. 0: no limit
    #[arg(long, env = "AUTH_USER_SESSIONS", default_value = "1000", hide_env_values = true,
          value_parser = value_parser!(u32).range(0..=10_000))]
    pub user_sessions: u32,
}
