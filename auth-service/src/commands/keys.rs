//! `gatepost keys`: what an operator does with the keys, beside services that run.

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand};
use kit::Clock;
use kit::config::{ConfigError, Environment, duration};

use super::clock::{check, measured};
use super::database::DatabaseFlags;
use crate::config::{SigningSettings, check_lead};
use crate::domain::{KeyState, SigningKeyRecord, signing_at};
use crate::keys::model::{KeyType, Pkcs8};
use crate::keys::rotation::{Keyring, KeyringError};
use crate::keys::storage::{KeyFile, KeySource, KeyStorage, generate};
use crate::store::Store;

const HELP: &str = "\
The services may run, and learn of it by themselves. AUTH_MASTER_KEY (or AUTH_MASTER_KEY_FILE) must be set as for the \
service. While JWT_SECRET_KEY signs, none of these keys does: another JWT_SECRET_KEY takes its place at a restart, and \
revokes the tokens of the one before.";

/// The keys of one auth service's database.
#[derive(Clone, Debug, Args)]
#[command(after_help = HELP)]
pub struct KeysCommand {
    #[command(flatten)]
    database: DatabaseFlags,
    #[command(subcommand)]
    action: KeysAction,
}

#[derive(Clone, Debug, Subcommand)]
enum KeysAction {
    /// Print the keys in the order in which they sign, a line each
    List,
    /// Let another key follow the last one: it is listed now, and signs once everybody has had the time to read it
    Rotate {
        /// For how long it is listed before it signs, 10s to 7d
        #[arg(long, env = "AUTH_SIGNING_KEY_LEAD", default_value = "10m", value_parser = duration,
              hide_env_values = true)]
        lead: Duration,
        /// What it signs by
        #[arg(long, env = "AUTH_SIGNING_ALGORITHM", default_value = "eddsa", hide_env_values = true)]
        algorithm: KeyType,
        /// A file with the key (PKCS#8 PEM, mode 0600) in place of a new one
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
    },
    /// Kill keys that others may have: their tokens are refused at once, and another key signs
    Retire {
        /// The key's id, as `list` prints it
        #[arg(value_name = "KID", allow_hyphen_values = true)]
        id: String,
        /// More keys' ids, each without a hyphen at its beginning, or behind `--`: none of them signs in between
        #[arg(value_name = "KID")]
        more: Vec<String>,
        /// What the key that takes its place signs by
        #[arg(long, env = "AUTH_SIGNING_ALGORITHM", default_value = "eddsa", hide_env_values = true)]
        algorithm: KeyType,
        /// The master key that the key was sealed with is lost: the next one is sealed with the one of now
        #[arg(long)]
        lost_master_key: bool,
    },
    /// Seal the private keys with `AUTH_MASTER_KEY` that are sealed with `AUTH_OLD_MASTER_KEY`; restart the services after it
    Reseal,
}

impl KeysCommand {
    /// Takes the pair's folder for the place of the database, if one is named.
    ///
    /// # Errors
    /// When a database is named as well.
    pub fn in_folder(self, folder: Option<PathBuf>) -> Result<Self, ConfigError> {
        Ok(Self { database: self.database.in_folder(folder)?, ..self })
    }

    /// Does it; what it came to goes to standard output.
    ///
    /// # Errors
    /// What to do.
    pub async fn run(self, environment: Environment, clock: Clock) -> Result<(), Box<dyn Error + Send + Sync>> {
        let Self { database, action } = self;
        let leeway = database.clock().leeway()?;
        let database_url = database.url()?;
        if let KeysAction::Rotate { lead, .. } = &action {
            check_lead("--lead (AUTH_SIGNING_KEY_LEAD)", *lead)?;
        }
        let settings = SigningSettings::read(environment)?;
        if settings.secret_key.is_some() {
            if !matches!(action, KeysAction::List) {
                return Err(SIGNED_BY_SECRET.into());
            }
            say("JWT_SECRET_KEY signs: none of these keys does while it is set.");
        }
        let file = database_url.path().map(KeyFile::beside);
        // What lists needs no private half.
        let storage = match (KeySource::choose(None, settings.master_key, file), &action) {
            (Ok(KeySource::Pairs(storage)), _) => Some(storage),
            (Err(error), KeysAction::Rotate { .. } | KeysAction::Retire { .. } | KeysAction::Reseal) => {
                return Err(error.into());
            }
            (Ok(KeySource::Secret(_)) | Err(_), _) => None,
        };
        let store = Store::open_beside(&database_url).await?;
        let done = Box::pin(act_checked(&store, &clock, leeway, storage, action, environment)).await;
        store.close().await;
        done
    }
}

/// Acts if the clock is right, or no time is written.
async fn act_checked(
    store: &Store,
    clock: &Clock,
    leeway: Option<TimeDelta>,
    storage: Option<KeyStorage>,
    action: KeysAction,
    environment: Environment,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let clock = measured(store, clock).await?;
    if let KeysAction::Rotate { .. } | KeysAction::Retire { .. } = action {
        check(&clock, leeway)?;
    }
    let Some(storage) = storage else { return Ok(list(store, clock.now()).await?) };
    let keyring = Keyring::new(store.clone(), clock.clone(), storage);
    act(&keyring, store, action, environment, &clock).await
}

const SIGNED_BY_SECRET: &str = "JWT_SECRET_KEY signs, and has no successor: set another one and restart the services, which \
     revokes the tokens of the one before; or unset it to work with the key pairs";

async fn act(
    keyring: &Keyring,
    store: &Store,
    action: KeysAction,
    environment: Environment,
    clock: &Clock,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    match action {
        KeysAction::List => list(store, clock.now()).await?,
        KeysAction::Rotate { lead, algorithm, from } => {
            let pkcs8 = match from {
                Some(path) => given(path)?,
                None => generate(algorithm).await?,
            };
            let next = keyring.rotate(pkcs8, clock.now() + lead).await?.ok_or(KeyringError::Outrun)?;
            tell(&next.id);
            // The key is there, whether the list can be read or not.
            let keys = keyring.list().await.unwrap_or_default();
            match signing_at(&keys, clock.now()) {
                Some(signing) if signing.id == next.id => say("It signs from now on, since no other key does."),
                _ => say(&format!("It is listed from now on, and signs from {} on.", time(Some(next.sign_time)))),
            }
        }
        KeysAction::Retire { id, more, algorithm, lost_master_key } => {
            let ids = [vec![id], more].concat();
            keyring.retire_all(&ids, generate(algorithm).await?, lost_master_key).await?;
            tell_retired(&ids, keyring.list().await.ok().as_deref(), clock.now());
            if let Err(error) = keyring.tidy().await {
                say(&format!("Its private half stays for now ({error}): the service takes it away."));
            }
        }
        KeysAction::Reseal => {
            let old = SigningSettings::master_key(environment, "AUTH_OLD_MASTER_KEY")?;
            let old = old.ok_or_else(|| {
                ConfigError::setting("AUTH_OLD_MASTER_KEY", "must be set to the master key of before")
            })?;
            let count = keyring.reseal(&old).await?;
            tell(&count.to_string());
            say(match count {
                0 => "All keys were sealed with this AUTH_MASTER_KEY already.",
                _ => "So many keys have been sealed anew: give the services this AUTH_MASTER_KEY and restart them.",
            });
        }
    }
    Ok(())
}

/// Says what has died, which key signs, and which one waits.
fn tell_retired(ids: &[String], keys: Option<&[SigningKeyRecord]>, now: DateTime<Utc>) {
    match ids {
        [id] => say(&format!("{id} is killed, and its tokens are refused.")),
        ids => say(&format!("{} are killed, and their tokens are refused.", ids.join(", "))),
    }
    let Some(keys) = keys else {
        return say("The database does not answer now: `gatepost keys list` shows the key that signs.");
    };
    let Some(signing) = signing_at(keys, now) else { return };
    tell(&signing.id);
    say(&format!("{} signs.", signing.id));
    if let Some(next) = keys.iter().find(|key| key.id != signing.id && key.state_at(now) == KeyState::Next) {
        say(&format!("{} is listed, and signs from {} on.", next.id, time(Some(next.sign_time))));
    }
}

async fn list(store: &Store, now: DateTime<Utc>) -> Result<(), KeyringError> {
    let keys: Vec<_> = store.signing_keys().await?.into_iter().map(|(record, _)| record).collect();
    let signing = signing_at(&keys, now).map(|record| record.id.clone());
    tell(&row(["KID", "ALGORITHM", "STATE", "SIGNS FROM", "SIGNS UNTIL", "VERIFIES UNTIL"]));
    for key in &keys {
        let state = state(key, signing.as_deref(), now);
        // A key that signs before its time, since the clock here is behind, shows no time that is wrong.
        let from = Some(key.sign_time).filter(|from| state != "signing" || *from <= now);
        let times = [from, key.retire_time, key.verify_until].map(time);
        tell(&row([&key.id, &key.algorithm, state, &times[0], &times[1], &times[2]]));
    }
    Ok(())
}

/// What the key does.
fn state(key: &SigningKeyRecord, signing: Option<&str>, now: DateTime<Utc>) -> &'static str {
    match key.state_at(now) {
        _ if signing == Some(key.id.as_str()) => "signing",
        KeyState::Next => "next",
        KeyState::Signing | KeyState::Retired => "retired",
        KeyState::Over => "over",
    }
}

fn row(columns: [&str; 6]) -> String {
    let [id, algorithm, state, from, until, over] = columns;
    format!("{id:<44}{algorithm:<11}{state:<9}{from:<22}{until:<22}{over}").trim_end().to_owned()
}

fn time(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| time.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// The one key of a file.
fn given(path: PathBuf) -> Result<Pkcs8, Box<dyn Error + Send + Sync>> {
    let mut keys = KeyFile::new(path).read()?;
    match (keys.pop(), keys.is_empty()) {
        (Some(one), true) => Ok(one.pkcs8),
        _ => Err(ConfigError::setting("--from", "must name a file that is there and holds one key").into()),
    }
}

/// What scripts read.
fn tell(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// What people read; that nobody does is no reason to end.
fn say(text: &str) {
    kit::output::err(text);
}
