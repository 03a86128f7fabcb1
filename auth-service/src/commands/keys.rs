//! `gatepost keys`: lists and changes the signing keys. The services may keep running.

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
use crate::store::AuthStore;

const HELP: &str = "\
The services may keep running; they apply a change by themselves. AUTH_MASTER_KEY (or AUTH_MASTER_KEY_FILE) must be set as \
for the service. While JWT_SECRET_KEY is set, it signs instead of these keys. To replace it, set another one and restart the \
services: this revokes the tokens of the old one.";

/// List or change the signing keys in the database of the auth service
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
    /// Print the keys in the order in which they sign, one per line
    List,
    /// Add the next key: it is listed now, and signs after the lead, when all verifiers have read it
    Rotate {
        /// Time for which the key is listed before it signs, 10s to 7d
        #[arg(long, env = "AUTH_SIGNING_KEY_LEAD", default_value = "10m", value_parser = duration,
              hide_env_values = true)]
        lead: Duration,
        /// Algorithm of the key
        #[arg(long, env = "AUTH_SIGNING_ALGORITHM", default_value = "eddsa", hide_env_values = true)]
        algorithm: KeyType,
        /// File with the key (PKCS#8 PEM, mode 0600) to use in place of a new one
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
    },
    /// Kill leaked keys: their tokens are refused at once, and another key signs
    Retire {
        /// Id of the key, as `list` prints it
        #[arg(value_name = "KID", allow_hyphen_values = true)]
        id: String,
        /// Ids of more keys to kill in the same step; an id that begins with a hyphen must follow `--`
        #[arg(value_name = "KID")]
        more: Vec<String>,
        /// Algorithm of the replacement key
        #[arg(long, env = "AUTH_SIGNING_ALGORITHM", default_value = "eddsa", hide_env_values = true)]
        algorithm: KeyType,
        /// Proceed although the key's master key is lost: the replacement is sealed with the present `AUTH_MASTER_KEY`
        #[arg(long)]
        lost_master_key: bool,
    },
    /// Reseal the private keys from `AUTH_OLD_MASTER_KEY` to `AUTH_MASTER_KEY`; then restart the services
    Reseal,
}

impl KeysCommand {
    /// Runs the command. Prints the result to standard output.
    ///
    /// # Errors
    /// The error says what to do.
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
            say("JWT_SECRET_KEY signs while it is set; these key pairs do not.");
        }
        let file = database_url.path().map(KeyFile::beside);
        // The list needs no private halves.
        let storage = match (KeySource::choose(None, settings.master_key, file), &action) {
            (Ok(KeySource::Pairs(storage)), _) => Some(storage),
            (Err(error), KeysAction::Rotate { .. } | KeysAction::Retire { .. } | KeysAction::Reseal) => {
                return Err(error.into());
            }
            (Ok(KeySource::Secret(_)) | Err(_), _) => None,
        };
        let store = AuthStore::open_beside(&database_url).await?;
        let done = Box::pin(act_checked(&store, &clock, leeway, storage, action, environment)).await;
        store.close().await;
        done
    }
}

/// Runs the action. First checks the clock, if the action writes times.
async fn act_checked(
    store: &AuthStore,
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
    let keyring = Keyring::new(store.clone(), clock.clone(), storage).by_operator();
    act(&keyring, store, action, environment, &clock).await
}

const SIGNED_BY_SECRET: &str = "JWT_SECRET_KEY signs, and has no successor: set another one and restart the services, which \
     revokes the tokens of the old one; or unset it to work with the key pairs";

async fn act(
    keyring: &Keyring,
    store: &AuthStore,
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
            let next = keyring.rotate(pkcs8, clock.now() + lead).await?.ok_or(KeyringError::Conflict)?;
            tell(&next.id);
            // The key exists already, even if the list cannot be read.
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
                say(&format!("The private half stays for now ({error}): the service deletes it later."));
            }
        }
        KeysAction::Reseal => {
            let old = SigningSettings::master_key(environment, "AUTH_OLD_MASTER_KEY")?;
            let old = old
                .ok_or_else(|| ConfigError::setting("AUTH_OLD_MASTER_KEY", "must be set to the previous master key"))?;
            let count = keyring.reseal(&old).await?;
            tell(&count.to_string());
            say(match count {
                0 => "All keys were sealed with this AUTH_MASTER_KEY already.",
                _ => "This number of keys was resealed: give the services this AUTH_MASTER_KEY and restart them.",
            });
        }
    }
    Ok(())
}

/// Prints the killed keys, the signing key and the next key.
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

async fn list(store: &AuthStore, now: DateTime<Utc>) -> Result<(), KeyringError> {
    let keys: Vec<_> = store.signing_keys().await?.into_iter().map(|row| row.record).collect();
    let signing = signing_at(&keys, now).map(|record| record.id.clone());
    tell(&row(["KID", "ALGORITHM", "STATE", "SIGNS FROM", "SIGNS UNTIL", "VERIFIES UNTIL"]));
    for key in &keys {
        let state = state(key, signing.as_deref(), now);
        // If this clock is behind, the signing key's time is in the future: print no wrong time.
        let from = Some(key.sign_time).filter(|from| state != "signing" || *from <= now);
        let times = [from, key.retire_time, key.verify_until].map(time);
        tell(&row([&key.id, &key.algorithm, state, &times[0], &times[1], &times[2]]));
    }
    Ok(())
}

/// Returns the word for the key's state.
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

/// Reads the only key of a file.
fn given(path: PathBuf) -> Result<Pkcs8, Box<dyn Error + Send + Sync>> {
    let mut keys = KeyFile::new(path).read()?;
    match (keys.pop(), keys.is_empty()) {
        (Some(one), true) => Ok(one.pkcs8),
        _ => Err(ConfigError::setting("--from", "must name an existing file that holds one key").into()),
    }
}

/// Prints a line for scripts to standard output.
fn tell(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints a sentence for people to standard error. A closed output is not a failure.
fn say(text: &str) {
    kit::output::err(text);
}
