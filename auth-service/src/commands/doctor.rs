//! `doctor`: checks of the auth service, whether it runs or not. They change nothing.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use db::{DatabaseCheck, StoreError, check_unopened};
use kit::Clock;
use kit::cli::{
    CheckReport, check_certificates, check_config_file, check_descriptors, check_exposed, check_running,
    check_secret_files, quietly, within,
};
use kit::config::Invocation;
use kit::tls::TlsParts;

use super::admins::has_admin;
use crate::config::{AuthConfig, AuthFlags, Registration, SECRETS, SigningSettings};
use crate::domain::{SigningKeyRecord, signing_at};
use crate::keys::storage::{KeyFile, KeySource};
use crate::store::{AuthStore, SCHEMA};

/// Variable of the database URL, which may be in a file.
const DATABASE_URL: &str = "AUTH_DATABASE_URL";

/// Checks the settings, the database, the keys, the accounts and the running service.
pub async fn check_auth(report: &mut CheckReport, flags: AuthFlags, invocation: &Invocation, clock: &Clock) {
    check_settings(report, &flags, invocation, clock);
    check_running(report, flags.listen, flags.tls.tls_cert.as_deref()).await;
    let url = &flags.database_url;
    match within(Box::pin(AuthStore::open_beside(url))).await {
        Some(Ok(store)) => {
            Box::pin(check_store(report, &store, &flags, invocation, clock)).await;
            // A database that hangs keeps its connections.
            within(store.close()).await;
        }
        Some(Err(error)) => {
            check_unopened(report, url, Some(&error));
            url.path().into_iter().for_each(|path| check_lost(report, path));
        }
        None => check_unopened(report, url, None),
    }
}

fn check_settings(report: &mut CheckReport, flags: &AuthFlags, invocation: &Invocation, clock: &Clock) {
    match quietly(|| AuthConfig::new(flags.clone(), invocation.environment, clock.clone())) {
        Ok(config) => {
            report.ok("settings", "all are valid");
            config.published.iter().for_each(|published| report.warn("published secret", published));
            check_certificates(report, config.tls, clock);
        }
        Err(error) => {
            report.fail("settings", invocation.located(error).to_string());
            // The certificates are named even if another setting is wrong.
            if let Ok(server) = flags.tls.open(clock) {
                check_certificates(report, TlsParts { server, client: None }, clock);
            }
        }
    }
    let names = SECRETS.iter().map(|secret| secret.name).chain([DATABASE_URL]);
    check_config_file(report, invocation.environment);
    check_secret_files(report, invocation.environment, names.map(str::to_owned));
    check_exposed(report, flags.insecure_switch(), &flags.exposed());
    check_descriptors(report, &flags.limits.settings().limits(0));
    match flags.registration {
        Registration::Open => report.ok("registration", "open: everyone may register (AUTH_REGISTRATION)"),
        Registration::Closed => report.ok("registration", "closed: only admins create users (AUTH_REGISTRATION)"),
    }
}

/// Reports a key file without its database.
fn check_lost(report: &mut CheckReport, database: &Path) {
    let keys = KeyFile::beside(database);
    if !database.exists() && keys.path().exists() {
        let (database, keys) = (database.display(), keys.path().display());
        report.fail("keys", format!("{keys} exists without {database}: put the database back, or restore a backup"));
    }
}

async fn check_store(
    report: &mut CheckReport,
    store: &AuthStore,
    flags: &AuthFlags,
    invocation: &Invocation,
    clock: &Clock,
) {
    let clock = clock.apart();
    let check = DatabaseCheck {
        url: &flags.database_url,
        db: store.db(),
        migrations: &SCHEMA.migrations,
        clock: &clock,
        leeway: Some(flags.clock.leeway()),
    };
    if !check.run(report).await {
        return;
    }
    check_keys(report, store, flags, invocation, clock.now()).await;
    match (within(has_admin(store)).await, flags.registration) {
        (Some(Ok(true)), _) => report.ok("admin", "an active user is an admin"),
        (Some(Ok(false)), Registration::Open) => report.warn("admin", NO_ADMIN),
        (Some(Ok(false)), Registration::Closed) => {
            report.fail("admin", format!("registration is closed, and {NO_ADMIN}"));
        }
        (Some(Err(error)), _) => report.fail("admin", error.to_string()),
        (None, _) => report.fail("admin", "the database has not answered within 5 s"),
    }
}

const NO_ADMIN: &str = "no active user is an admin: run `gatepost admin create EMAIL`, or set AUTH_ADMIN_EMAIL and \
     AUTH_ADMIN_PASSWORD";

/// Checks the keys that sign: their private halves, their age and the access rights of their file.
async fn check_keys(
    report: &mut CheckReport,
    store: &AuthStore,
    flags: &AuthFlags,
    invocation: &Invocation,
    now: DateTime<Utc>,
) {
    const CHECK: &str = "keys";
    // A fault of these settings is reported with the others.
    let Ok(SigningSettings { secret_key, master_key }) = SigningSettings::read(invocation.environment) else { return };
    let file = flags.database_url.path().map(KeyFile::beside);
    let storage = match KeySource::choose(secret_key, master_key, file) {
        Ok(KeySource::Secret(_)) => return report.ok(CHECK, "JWT_SECRET_KEY signs, by HS256"),
        Ok(KeySource::Pairs(storage)) => storage,
        Err(error) => return report.fail(CHECK, error.to_string()),
    };
    let rows = match within(store.signing_keys()).await {
        Some(Ok(rows)) => rows,
        Some(Err(error)) => return report.fail(CHECK, StoreError::to_string(&error)),
        None => return report.fail(CHECK, "the database has not answered within 5 s"),
    };
    let records: Vec<_> = rows.iter().map(|row| row.record.clone()).collect();
    let Some(signing) = signing_at(&records, now) else {
        return report.warn(CHECK, "none yet: the first start makes one");
    };
    let sealed = rows.iter().find(|row| row.record.id == signing.id).and_then(|row| row.sealed.as_deref());
    match storage.check(&signing.id, sealed) {
        Ok(()) => check_age(report, signing, flags, now, storage.name()),
        Err(error) => report.fail(CHECK, error.to_string()),
    }
}

fn check_age(report: &mut CheckReport, signing: &SigningKeyRecord, flags: &AuthFlags, now: DateTime<Utc>, place: &str) {
    let age = (now - signing.sign_time).max(TimeDelta::zero());
    let days = age.num_days();
    let facts =
        format!("{} ({}) has signed for {days} days; its private half is {place}", signing.id, signing.algorithm);
    let schedule = flags.keys.rotation();
    let due = schedule.max_age.and_then(|most| TimeDelta::from_std(most + schedule.lead).ok());
    match due {
        Some(due) if age > due => report.warn(
            "keys",
            format!(
                "{facts}; it is older than --signing-key-max-age: start the service, which rotates it, or see its log"
            ),
        ),
        _ => report.ok("keys", facts),
    }
}
