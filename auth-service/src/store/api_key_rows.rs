//! Rows of API keys with their secrets, as several statements read them.

use db::{FileRow, FileRowError, ReadRow};
use sqlx::FromRow;
use uuid::Uuid;

use super::{StoreError, Time};
use crate::domain::{ApiKey, ApiKeyDigest, ApiKeyId, ApiKeySecret, Roles};

/// Row of an API key, joined with one of its secrets.
#[derive(FromRow)]
pub(super) struct ApiKeyRow {
    id: ApiKeyId,
    name: String,
    roles: String,
    audiences: String,
    revision: i32,
    create_time: Time,
    update_time: Time,
    expire_time: Option<Time>,
    revoke_time: Option<Time>,
    last_used_time: Option<Time>,
    number: i32,
    digest: Vec<u8>,
    secret_create_time: Time,
    secret_expire_time: Option<Time>,
}

impl ReadRow for ApiKeyRow {
    fn from_file(row: &FileRow<'_>) -> Result<Self, FileRowError> {
        Ok(Self {
            id: row.get::<_, Uuid>("id")?.into(),
            name: row.get("name")?,
            roles: row.get("roles")?,
            audiences: row.get("audiences")?,
            revision: row.get("revision")?,
            create_time: row.get("create_time")?,
            update_time: row.get("update_time")?,
            expire_time: row.get("expire_time")?,
            revoke_time: row.get("revoke_time")?,
            last_used_time: row.get("last_used_time")?,
            number: row.get("number")?,
            digest: row.get("digest")?,
            secret_create_time: row.get("secret_create_time")?,
            secret_expire_time: row.get("secret_expire_time")?,
        })
    }
}

/// Groups rows, which are ordered by key, with the newest secret first.
pub(super) fn keys(rows: Vec<ApiKeyRow>) -> Result<Vec<ApiKey>, StoreError> {
    let mut keys: Vec<ApiKey> = Vec::new();
    for row in rows {
        let secret = row.secret()?;
        match keys.last_mut().filter(|key| key.id == row.id) {
            Some(key) => key.secrets.push(secret),
            None => keys.push(ApiKey { secrets: vec![secret], ..row.into() }),
        }
    }
    Ok(keys)
}

impl ApiKeyRow {
    fn secret(&self) -> Result<ApiKeySecret, sqlx::Error> {
        let digest: Result<[u8; 32], _> = self.digest.as_slice().try_into();
        let digest = digest.map_err(|_| sqlx::Error::Decode("the digest of an API key has a wrong length".into()))?;
        Ok(ApiKeySecret {
            number: self.number,
            digest: ApiKeyDigest(digest),
            create_time: self.secret_create_time,
            expire_time: self.secret_expire_time,
        })
    }
}

impl From<ApiKeyRow> for ApiKey {
    /// Returns the key without its secrets.
    fn from(row: ApiKeyRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            roles: Roles::from_text(&row.roles),
            audiences: row.audiences.split_whitespace().map(str::to_owned).collect(),
            revision: row.revision,
            create_time: row.create_time,
            update_time: row.update_time,
            expire_time: row.expire_time,
            revoke_time: row.revoke_time,
            last_used_time: row.last_used_time,
            secrets: Vec::new(),
        }
    }
}
