//! Flags of the log and of the export of telemetry. Each service has them under its own names.

/// Defines the flags of the log and of telemetry: the name of the struct, and the prefix of the variables.
#[macro_export]
macro_rules! telemetry_flags {
    ($visible:vis struct $name:ident, $prefix:literal) => {
        /// Flags of the log and of telemetry.
        #[derive(Clone, Debug, clap::Args)]
        $visible struct $name {
            /// Form of the log's lines on standard error: text, or json for programs that collect them
            #[arg(long, env = concat!($prefix, "_LOG_FORMAT"), default_value = "text", hide_env_values = true,
                  hide_possible_values = true)]
            $visible log_format: $crate::output::LogFormat,
            /// Collector of spans and metrics over OTLP (gRPC): http://HOST:PORT, or https://HOST:PORT for TLS. Unset: none
            #[arg(long, env = concat!($prefix, "_OTLP_ENDPOINT"), value_parser = $crate::ServiceAddress::parse,
                  hide_env_values = true)]
            $visible otlp_endpoint: Option<$crate::ServiceAddress>,
            /// PEM file of the authorities that may issue the collector's certificate. Unset: the public authorities
            #[arg(long, env = concat!($prefix, "_OTLP_CA"), value_name = "FILE", hide_env_values = true)]
            $visible otlp_ca: Option<std::path::PathBuf>,
        }

        impl $name {
            /// Reads the settings of the collector; `None` without one.
            fn open(
                &self,
                insecure: $crate::config::InsecureSwitch,
            ) -> Result<Option<$crate::otlp::CollectorAddress>, $crate::config::ConfigError> {
                let (endpoint, authorities) = (self.otlp_endpoint.as_ref(), self.otlp_ca.as_ref());
                $crate::otlp::CollectorSettings { prefix: $prefix, endpoint, authorities, insecure }.open()
            }
        }
    };
}
