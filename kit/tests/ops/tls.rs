//! The operations port with TLS: served without a client certificate, with the days left in `/readyz`.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kit::Clock;
use kit::ops::{Metrics, OpsLimits};
use kit::tls::{Certificates, ClientAuth, ServerTls, TlsFiles, TlsParts};
use testkit::http::get_by_tls;
use testkit::tls::{Authority, date_time_ymd};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use super::support::open_with_tls;

#[tokio::test]
async fn days_left_are_shown_over_https() {
    let (folder, authority) = (testkit::folder(), Authority::new("authority"));
    let ca = authority.write(folder.path(), "ca");
    let issued = authority.issue_with(&["localhost"], |params| params.not_after = date_time_ymd(2100, 1, 31));
    let files = issued.write(folder.path(), "server");
    let files = TlsFiles {
        certificate: files.certificate,
        key: files.key,
        client_authorities: Some(ca.clone()),
        client_auth: ClientAuth::Required,
        client_revocations: None,
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

    let response = get_by_tls(port.address, &ca, "/readyz").await;
    assert_eq!(response.status, 200);
    assert_eq!(response.body, "ready\nTLS certificate (server): 30 days left\n");
    let response = get_by_tls(port.address, &ca, "/metrics").await.body;
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
    let (client_authorities, client_auth, client_revocations) = (None, ClientAuth::Required, None);
    let (certificate, key) = (files.certificate, files.key);
    let files = TlsFiles { certificate, key, client_authorities, client_auth, client_revocations };
    let tls = ServerTls::open(files, Duration::from_secs(2_000_000_000)).unwrap();
    let limits = OpsLimits { head: Duration::from_millis(50), ..OpsLimits::default() };
    let port = open_with_tls(limits, Some(tls)).await;
    let mut silent = TcpStream::connect(port.address).await.unwrap();
    let _ = silent.read_to_end(&mut Vec::new()).await;
}
