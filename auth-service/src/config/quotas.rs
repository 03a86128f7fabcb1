//! Quotas: what one address and one user may have and do.

use clap::{Args, value_parser};

/// The quotas of addresses and users; 0 means without limit.
#[derive(Clone, Copy, Debug, Args)]
pub struct QuotaFlags {
    /// Logins that may succeed from one address in a minute, at each replica; 0: any number, as with --address-failures 0
    #[arg(long, env = "AUTH_ADDRESS_LOGINS_PER_MINUTE", default_value = "1200", hide_env_values = true)]
    pub address_logins_per_minute: u32,
    /// Refresh tokens that are none, or no longer any, from one address in a minute, at each replica; 0: any number, as with
    /// --address-failures 0
    #[arg(long, env = "AUTH_ADDRESS_BAD_REFRESHES_PER_MINUTE", default_value = "1200", hide_env_values = true)]
    pub address_bad_refreshes_per_minute: u32,
    /// Sessions that a user may have at once, up to 10000; the next login ends the one that was refreshed or begun the longest
    /// time ago. 0: any number
    #[arg(long, env = "AUTH_USER_SESSIONS", default_value = "1000", hide_env_values = true,
          value_parser = value_parser!(u32).range(0..=10_000))]
    pub user_sessions: u32,
}
