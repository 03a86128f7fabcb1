//! Flags of a server's limits. Each service has them under its own names.

use super::ServerLimits;

/// Limits of a server that operators set.
#[derive(Clone, Copy, Debug)]
pub struct LimitSettings {
    /// Connections at once; `None` means the default, within a smaller part of the process's descriptors.
    pub max_connections: Option<u32>,
    /// Connections of one address at once; 0 sets no limit.
    pub address_connections: u32,
    /// Calls that run at once.
    pub max_calls: u32,
    /// MiB of answers that wait for their readers.
    pub answer_mib: u32,
}

/// Divisor of the process's descriptors if an operator has set the number of connections.
const CHOSEN_DIVISOR: usize = 2;

impl LimitSettings {
    /// Returns the limits of a server whose messages have at most this number of bytes.
    pub fn limits(self, message: usize) -> ServerLimits {
        let count = |number| usize::try_from(number).unwrap_or(usize::MAX);
        let mut limits = ServerLimits { message, running_calls: count(self.max_calls), ..ServerLimits::default() };
        if let Some(most) = self.max_connections {
            (limits.connections, limits.descriptor_divisor) = (count(most), CHOSEN_DIVISOR);
        }
        limits.address_connections = Some(count(self.address_connections)).filter(|most| *most > 0);
        limits.answer_memory.process = count(self.answer_mib).saturating_mul(1024 * 1024);
        limits
    }
}

/// Defines the flags of a server's limits: the name of the struct, and the prefix of the variables.
#[macro_export]
macro_rules! limit_flags {
    ($visible:vis struct $name:ident, $prefix:literal) => {
        /// Flags of the limits of connections, calls and memory.
        #[derive(Clone, Debug, clap::Args)]
        $visible struct $name {
            /// Connections at once, 16 to 1000000, and at most half of the process's descriptors (`ulimit -n`). Unset:
            /// 4096, and at most a quarter of the descriptors
            #[arg(long, env = concat!($prefix, "_MAX_CONNECTIONS"), hide_env_values = true,
                  value_parser = clap::value_parser!(u32).range(16..=1_000_000))]
            $visible max_connections: Option<u32>,
            /// Connections at once of one address, or of one IPv6 network of 64 bits; 0: no limit. Behind a proxy without
            /// the PROXY protocol all callers have its address
            #[arg(long, env = concat!($prefix, "_ADDRESS_CONNECTIONS"), default_value = "0", hide_env_values = true)]
            $visible address_connections: u32,
            /// Addresses and networks of operators and health checks, comma separated; 32 connections are reserved for
            /// them
            #[arg(long, env = concat!($prefix, "_OPERATOR_NETWORKS"), default_value = "127.0.0.0/8,::1",
                  hide_env_values = true, value_parser = $crate::peer::networks)]
            $visible operator_networks: $crate::peer::Networks,
            /// Calls that run at once, 16 to 100000; more are refused with `RESOURCE_EXHAUSTED`. Health and `VerifyToken`
            /// have 512 calls each of their own
            #[arg(long, env = concat!($prefix, "_MAX_CALLS"), default_value = "2048", hide_env_values = true,
                  value_parser = clap::value_parser!(u32).range(16..=100_000))]
            $visible max_calls: u32,
            /// MiB of answers that wait for their readers, 13 to 4096
            #[arg(long, env = concat!($prefix, "_ANSWER_MIB"), default_value = "13", hide_env_values = true,
                  value_parser = clap::value_parser!(u32).range(13..=4096))]
            $visible answer_mib: u32,
        }

        impl $name {
            /// Returns the limits that these flags set.
            $visible fn settings(&self) -> $crate::serve::LimitSettings {
                $crate::serve::LimitSettings {
                    max_connections: self.max_connections,
                    address_connections: self.address_connections,
                    max_calls: self.max_calls,
                    answer_mib: self.answer_mib,
                }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser};

    use super::*;

    limit_flags!(struct TestLimitFlags, "KIT_TEST");

    #[derive(Parser)]
    struct TestFlags {
        #[command(flatten)]
        limits: TestLimitFlags,
    }

    fn limits(args: &[&str]) -> ServerLimits {
        let flags = TestFlags::try_parse_from([&["prog"], args].concat()).unwrap();
        flags.limits.settings().limits(7)
    }

    #[test]
    fn defaults_of_the_flags_are_those_of_the_server() {
        let (ours, theirs) = (limits(&[]), ServerLimits::default());
        assert_eq!(format!("{ours:?}"), format!("{:?}", ServerLimits { message: 7, ..theirs }));
        let command = TestFlags::command();
        let names: Vec<_> = command.get_arguments().filter_map(|arg| arg.get_env()?.to_str()).collect();
        assert!(names.contains(&"KIT_TEST_MAX_CALLS") && names.iter().all(|name| name.starts_with("KIT_TEST_")));
    }

    #[test]
    fn each_flag_sets_its_limit() {
        let set = limits(&["--max-connections=100", "--address-connections=5", "--max-calls=16", "--answer-mib=64"]);
        assert_eq!((set.connections, set.descriptor_divisor, set.address_connections), (100, 2, Some(5)));
        assert_eq!((set.running_calls, set.answer_memory.process), (16, 64 * 1024 * 1024));
        assert!(TestFlags::try_parse_from(["prog", "--max-connections=15"]).is_err());
    }
}
