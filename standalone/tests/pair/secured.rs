//! Pair whose ports require client certificates.

use std::path::{Path, PathBuf};
use std::process::Command;

use gatepost::tls::ClientTls;
use tempfile::TempDir;
use testkit::tls::{Authority, CertificateFiles};

use super::demo::demo;
use super::support::{Pair, folder};

/// Name in the blog service's client certificate. Both services identify the certificate by this name.
pub(super) const BLOG_ID: &str = "spiffe://example.org/blog";

/// A pair with TLS.
pub(super) struct SecuredPair {
    pub(super) pair: Pair,
    pub(super) folder: TempDir,
    pub(super) authority: Authority,
    pub(super) ca: PathBuf,
    /// A certificate that names no service.
    pub(super) client: CertificateFiles,
    /// The blog service's certificate.
    pub(super) blog: CertificateFiles,
}

impl SecuredPair {
    /// Starts a pair whose ports require client certificates. The certificate names `localhost` alone.
    pub(super) fn start(further: &[(&str, &str)]) -> Self {
        let (folder, authority) = (folder(), Authority::new("authority"));
        let ca = authority.write(folder.path(), "ca");
        let server = authority.issue(&["localhost"]).write(folder.path(), "server");
        let client = authority.issue(&["client.example.org"]).write(folder.path(), "client");
        let blog = authority.issue(&[BLOG_ID]).write(folder.path(), "blog");
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let services = format!("{BLOG_ID}=blog");
        let mut settings = Vec::new();
        for service in ["AUTH", "BLOG"] {
            settings.push((format!("{service}_TLS_CERT"), text(&server.certificate)));
            settings.push((format!("{service}_TLS_KEY"), text(&server.key)));
            settings.push((format!("{service}_TLS_CLIENT_CA"), text(&ca)));
            settings.push((format!("{service}_TLS_SERVICES"), services.clone()));
        }
        settings.push(("BLOG_AUTH_CLIENT_CERT".into(), text(&blog.certificate)));
        settings.push(("BLOG_AUTH_CLIENT_KEY".into(), text(&blog.key)));
        let settings = settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let settings: Vec<_> = settings.chain(further.iter().copied()).collect();
        let pair = Pair::start(&folder.path().join("data"), &settings);
        Self { pair, folder, authority, ca, client, blog }
    }

    /// Returns the address of a service under the certificate's name.
    pub(super) fn named(address: &str) -> String {
        address.replace("127.0.0.1", "localhost")
    }

    /// Returns a client with this certificate.
    pub(super) fn client(&self, files: &CertificateFiles) -> ClientTls {
        ClientTls::builder().authorities(&self.ca).certificate(&files.certificate, &files.key).build().unwrap()
    }

    /// Adds the TLS flags of our commands.
    pub(super) fn with_flags<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.arg("--ca").arg(&self.ca);
        command.arg("--client-cert").arg(&self.client.certificate).arg("--client-key").arg(&self.client.key)
    }

    pub(super) fn demo(&self) -> Command {
        let mut command = demo();
        let [auth, blog] =
            [&self.pair.auth, &self.pair.blog].map(|address| format!("https://{}", Self::named(address)));
        command.args(["--auth-url", &auth, "--blog-url", &blog]);
        command
    }
}
