//! Access over TCP with TLS and a password.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Command, Stdio};

use tokio::time::{sleep, timeout};

use super::super::error::{PostgresError, failed};
use super::super::{admin, processes};
use super::{PostgresServer, START_TIMEOUT};
use crate::apart::apart;

/// Program that creates the key and the certificate.
const OPENSSL: &str = "openssl";

/// Access rules: no password over the socket; TLS and SCRAM over TCP.
const ACCESS_RULES: &str = "local all all trust\nhostssl all all 127.0.0.0/8 scram-sha-256\n";

/// Arguments for a self-signed certificate with a key of the usual size.
const OPENSSL_ARGUMENTS: &str =
    "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=throw-away -keyout server.key -out server.crt";

/// Statement that fails until new connections may use TLS.
const TLS_IS_ON_SQL: &str = "select 1 / (current_setting('ssl') = 'on')::int";

impl PostgresServer {
    /// Returns true if this machine has `openssl`, which [`Self::encrypt`] needs.
    pub fn can_encrypt() -> bool {
        let version = Command::new(OPENSSL).arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    }

    /// Requires TLS and this password of `postgres` for new TCP connections. The server must listen on TCP by its setting
    /// `listen_addresses`.
    pub async fn encrypt(&self, password: &str) -> Result<(), PostgresError> {
        let data = self.0.data();
        certify(Path::new(&data))?;
        let (url, password) = (self.url("postgres"), password.to_owned());
        apart(async move {
            for statement in [
                format!("alter user postgres password '{password}'"),
                "alter system set ssl = on".to_owned(),
                "select pg_reload_conf()".to_owned(),
            ] {
                admin::execute(&url, statement).await.map_err(failed("require TLS"))?;
            }
            let on = async {
                while admin::execute(&url, TLS_IS_ON_SQL.to_owned()).await.is_err() {
                    sleep(processes::POLL_INTERVAL).await;
                }
            };
            timeout(START_TIMEOUT, on).await.map_err(failed("require TLS"))
        })
        .await
    }
}

/// Writes key, certificate and access rules into the server's folder, owned by the server's user.
fn certify(data: &Path) -> Result<(), PostgresError> {
    let mut command = Command::new(OPENSSL);
    command.args(OPENSSL_ARGUMENTS.split(' ')).current_dir(data).stdout(Stdio::null()).stderr(Stdio::null());
    if !command.status().map_err(failed("create a certificate with openssl"))?.success() {
        return Err(failed("create a certificate")("openssl has failed"));
    }
    let owned = || {
        fs::write(data.join("pg_hba.conf"), ACCESS_RULES)?;
        let owner = fs::metadata(data)?;
        for name in ["server.crt", "server.key"] {
            let file = data.join(name);
            fs::set_permissions(&file, Permissions::from_mode(0o600))?;
            chown(&file, Some(owner.uid()), Some(owner.gid()))?;
        }
        Ok::<_, std::io::Error>(())
    };
    owned().map_err(failed("create a certificate"))
}
