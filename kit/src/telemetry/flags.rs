//! Flags of the log. Each service has them under its own names.

/// Defines the flags of the log: the name of the struct, and the prefix of the variables.
#[macro_export]
macro_rules! telemetry_flags {
    ($visible:vis struct $name:ident, $prefix:literal) => {
        /// Flags of the log.
        #[derive(Clone, Debug, clap::Args)]
        $visible struct $name {
            /// Form of the log's lines on standard error: text, or json for programs that collect them
            #[arg(long, env = concat!($prefix, "_LOG_FORMAT"), default_value = "text", hide_env_values = true,
                  hide_possible_values = true)]
            $visible log_format: $crate::output::LogFormat,
        }
    };
}
