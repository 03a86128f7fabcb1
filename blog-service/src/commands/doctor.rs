//! `doctor`: checks of the blog service and of its way to the auth service, while it runs or not. Nothing is changed.

use std::time::Duration;

use db::{DatabaseCheck, check_unopened};
use gatepost::{AuthService, Token};
use kit::cli::{
    CheckReport, check_certificates, check_config_file, check_descriptors, check_exposed, check_running,
    check_secret_files, quietly, within,
};
use kit::config::Invocation;
use kit::healthcheck::{Unhealthy, check_at};
use kit::tls::TlsParts;
use kit::{Clock, ServiceAddress};

use crate::config::{BlogConfig, BlogFlags, PUBLIC_READS};
use crate::secrets::SECRETS;
use crate::store::{BlogStore, SCHEMA};

/// Variable of a URL that may be in a file.
const DATABASE_URL: &str = "BLOG_DATABASE_URL";

/// Pause between two looks at the feed of revocations.
const FEED_LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Auth service of the blog service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthPeer {
    /// Another process, which is asked.
    Remote,
    /// The same process, with a service key of its own.
    Inner,
}

/// Checks the settings, the database, the auth service and the running service.
pub async fn check_blog(
    report: &mut CheckReport,
    flags: BlogFlags,
    invocation: &Invocation,
    clock: &Clock,
    auth: AuthPeer,
) {
    let config = match quietly(|| BlogConfig::new(flags.clone(), invocation.environment, clock.clone())) {
        Ok(config) => {
            report.ok("settings", "all are valid");
            config.published.iter().for_each(|published| report.warn("published secret", published));
            check_certificates(report, config.tls.clone(), clock);
            Some(config)
        }
        Err(error) => {
            report.fail("settings", invocation.located(error).to_string());
            // The certificates are named even if another setting is wrong.
            if let Ok(server) = flags.tls.open(clock) {
                check_certificates(report, TlsParts { server, client: None }, clock);
            }
            None
        }
    };
    let names = SECRETS.iter().map(|secret| secret.name).chain([DATABASE_URL]);
    check_config_file(report, invocation.environment);
    check_secret_files(report, invocation.environment, names.map(str::to_owned));
    check_exposed(report, flags.insecure_switch(), &flags.exposed());
    if flags.public_reads {
        report.warn("public reads", PUBLIC_READS);
    }
    check_descriptors(report, &flags.limits.settings().limits(0));
    check_running(report, flags.listen, flags.tls.tls_cert.as_deref()).await;
    Box::pin(check_database(report, &flags, clock)).await;
    if let Some(config) = config.filter(|_| auth == AuthPeer::Remote) {
        check_auth(report, &config).await;
    }
}

async fn check_database(report: &mut CheckReport, flags: &BlogFlags, clock: &Clock) {
    let url = &flags.database_url;
    match within(Box::pin(BlogStore::open_beside(url))).await {
        Some(Ok(store)) => {
            let clock = clock.apart();
            let migrations = &SCHEMA.migrations;
            DatabaseCheck { url, db: store.db(), migrations, clock: &clock, leeway: None }.run(report).await;
            // A database that hangs keeps its connections.
            within(store.close()).await;
        }
        Some(Err(error)) => check_unopened(report, url, Some(&error)),
        None => check_unopened(report, url, None),
    }
}

/// Asks each auth service for its health, then opens the feed of revocations with the service key.
async fn check_auth(report: &mut CheckReport, config: &BlogConfig) {
    const CHECK: &str = "auth service";
    const FEED: &str = "service key";
    for place in &config.flags.auth_url {
        if let Err(error) = check_at(place, config.tls.client.clone()).await {
            return report.fail(
                CHECK,
                match error {
                    Unhealthy::Silent(url) => {
                        format!(
                            "nothing answers at {url}: start the auth service, or correct --auth-url (BLOG_AUTH_URL)"
                        )
                    }
                    error => format!("{error}; it is --auth-url (BLOG_AUTH_URL)"),
                },
            );
        }
        report.ok(CHECK, format!("{} serves", place.url()));
    }
    let has_certificate = config.flags.auth_tls.auth_client_cert.is_some();
    if config.service_key.is_none() && !has_certificate {
        let hint =
            "set BLOG_SERVICE_KEY to the auth service's AUTH_SERVICE_KEY: without it each call asks the auth service";
        return report.warn(FEED, hint);
    }
    match is_fed(config, config.service_key.as_ref()).await {
        Ok(true) => report.ok(FEED, "accepted: the auth service reports its revocations"),
        Ok(false) => report.fail(
            FEED,
            "not accepted, or the feed of revocations does not begin: BLOG_SERVICE_KEY must be the auth service's \
             AUTH_SERVICE_KEY, or AUTH_TLS_SERVICES must list the client certificate",
        ),
        Err(error) => report.fail(FEED, error.to_string()),
    }
}

/// Returns true if the auth service opens a feed for this guard in time.
async fn is_fed(config: &BlogConfig, service_key: Option<&Token>) -> Result<bool, gatepost::BuildError> {
    let mut urls = config.flags.auth_url.iter().map(ServiceAddress::url);
    let mut builder = AuthService::builder(urls.next().unwrap_or_default());
    for url in urls {
        builder = builder.endpoint(url);
    }
    if let Some(tls) = &config.tls.client {
        builder = builder.tls(tls.clone());
    }
    if let Some(key) = service_key {
        builder = builder.service_key(key);
    }
    let auth = builder.build()?;
    let metrics = auth.metrics();
    let mut looks = tokio::time::interval(FEED_LOOK_INTERVAL);
    let fed = within(async {
        while !metrics.read().is_fed {
            looks.tick().await;
        }
    });
    Ok(fed.await.is_some())
}
