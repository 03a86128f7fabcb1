//! The operations port with TLS: served without a client certificate, with the days left in `/readyz`.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kit::Clock;
use kit::ops::{Metrics, OpsLimits};
use kit::tls::{Certificates, ClientAuth, ServerTls, TlsFiles, TlsParts};
use testkit::tls::{Authority, date_time_ymd};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::support::{OpsPort, open_with_tls};

/// Returns the whole response to a GET.
async fn get(port: &OpsPort, path: &str, config: &Arc<ClientConfig>) -> String {
    let stream = TcpStream::connect(port.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::clone(config)).connect(name, stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response
}

#[tokio::test]
async fn days_left_are_told_over_https() {
    let (folder, authority) = (testkit::folder(), Authority::new("authority"));
    let ca = authority.write(folder.path(), "ca");
    let issued = authority.issue_with(&["localhost"], |params| params.not_after = date_time_ymd(2100, 1, 31));
    let files = issued.write(folder.path(), "server");
    let files = TlsFiles {
        certificate: files.certificate,
        key: files.key,
        client_authorities: Some(ca.clone()),
        client_auth: ClientAuth::Required,
    };
    #[expect(clippy::disallowed_methods, reason = "the certificate is made for the real time")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let tls = ServerTls::open(files, now).unwrap();
    let port = open_with_tls(OpsLimits::default(), Some(tls.clone())).await;
    let clock = Clock::manual("2100-01-01T00:00:00Z".parse().unwrap());
    let certificates = Certificates::new(TlsParts { server: Some(tls), client: None }, clock);
    let mut metrics = Metrics::default();
    metrics.show_certificates(certificates.clone());
    port.endpoints.show(vec![Arc::new(metrics).endpoint()], Box::new(|| Box::pin(async { Ok(()) })));
    port.endpoints.watch_certificates(certificates);

    let mut roots = RootCertStore::empty();
    for certificate in gatepost::tls::PemFile::read(&ca).unwrap().certificates().unwrap() {
        roots.add(certificate).unwrap();
    }
    let versions = ClientConfig::builder_with_provider(gatepost::tls::provider()).with_safe_default_protocol_versions();
    let mut config = versions.unwrap().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let config = Arc::new(config);
    let response = get(&port, "/readyz", &config).await;
    assert!(response.starts_with("HTTP/1.1 200 OK"), "{response}");
    assert!(response.ends_with("\r\n\r\nready\nTLS certificate (server): 30 days left\n"), "{response}");
    let response = get(&port, "/metrics", &config).await;
    for line in
        ["gatepost_tls_certificate_days_left{certificate=\"server\"} 30\n", "gatepost_tls_handshakes_failed_total 0"]
    {
        assert!(response.contains(line), "{response}");
    }
}

#[tokio::test]
async fn silent_client_of_https_is_closed() {
    let (folder, authority) = (testkit::folder(), Authority::new("authority"));
    let files = authority.issue(&["localhost"]).write(folder.path(), "server");
    let (client_authorities, client_auth) = (None, ClientAuth::Required);
    let files = TlsFiles { certificate: files.certificate, key: files.key, client_authorities, client_auth };
    let tls = ServerTls::open(files, Duration::from_secs(2_000_000_000)).unwrap();
    let limits = OpsLimits { head: Duration::from_millis(50), ..OpsLimits::default() };
    let port = open_with_tls(limits, Some(tls)).await;
    let mut silent = TcpStream::connect(port.address).await.unwrap();
    let _ = silent.read_to_end(&mut Vec::new()).await;
}
