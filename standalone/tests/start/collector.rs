//! Settings of the collector: refused with a sentence that names the setting.

use testkit::tls::Authority;

use super::pair::folder;
use super::service::{BOTH, Service, Which, file};

/// Starts the service with these settings, without their prefix.
fn start(which: Which, place: &std::path::Path, settings: &[(&str, &str)]) -> Service {
    let prefix = which.name().to_uppercase();
    let settings: Vec<_> = settings.iter().map(|(name, value)| (format!("{prefix}_{name}"), *value)).collect();
    let settings: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    Service::start_with(which, &file(&place.join(which.name())), &settings)
}

/// C65: spans leave the machine in plaintext only if the operator says so.
#[test]
fn collector_settings_need_each_other() {
    let (place, authority) = (folder(), Authority::new("authority"));
    let ca = authority.write(place.path(), "ca");
    let ca = ca.to_str().unwrap();
    for which in BOTH {
        for (settings, flag, problem) in [
            (&[("OTLP_ENDPOINT", "10.0.0.1:4317")][..], "otlp-endpoint", "write http://HOST:PORT"),
            (&[("OTLP_ENDPOINT", "http://192.0.2.1:4317")], "otlp-endpoint", "plaintext beyond loopback is refused"),
            (&[("OTLP_CA", ca)], "otlp-ca", "must be set with --otlp-endpoint ("),
            (&[("OTLP_CA", ca), ("OTLP_ENDPOINT", "http://127.0.0.1:4317")], "otlp-ca", "has no effect"),
            (&[("OTLP_CA", "absent.pem"), ("OTLP_ENDPOINT", "https://a:4317")], "otlp-ca", "absent.pem cannot be read"),
        ] {
            let why = start(which, place.path(), settings).refuses(2);
            let variable = format!("{}_{}", which.name().to_uppercase(), flag.to_uppercase().replace('-', "_"));
            assert!(why.starts_with(&format!("--{flag} ({variable}): ")) && why.contains(problem), "{why}");
        }
    }
}

/// A collector that is not there delays neither the start nor the stop.
#[test]
fn absent_collector_delays_no_start() {
    let place = folder();
    for which in BOTH {
        let mut service = start(which, place.path(), &[("OTLP_ENDPOINT", "http://127.0.0.1:1")]);
        service.serves();
        service.stop();
    }
}
