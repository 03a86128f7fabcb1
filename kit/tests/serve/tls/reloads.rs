//! Changed files: new connections get them, open ones go on, and bad files are ignored.

use std::fs;
use std::os::unix::fs::symlink;

use gatepost::tls::ClientTls;
use kit::Clock;
use kit::reload::reload;
use kit::serve::ServerLimits;
use kit::shutdown::Shutdown;
use kit::tls::{Certificates, ClientAuth, ServerTls, TlsFiles, TlsParts};
use testkit::tls::{Authority, date_time_ymd};

use super::super::support::start_with_tls;
use super::world::{SERVICE_ID, World, ask, call_as_service, channel, now};

#[tokio::test]
async fn new_connections_get_the_new_certificate() {
    let world = World::new();
    let tls = world.tls(None);
    let server = start_with_tls(ServerLimits::default(), tls.clone()).await;
    let old = channel(&server, world.client());
    ask(&old).await.unwrap();
    let next = Authority::new("next");
    let ca = next.write(world.folder.path(), "next-ca");
    next.issue(&["127.0.0.1"]).write(world.folder.path(), "server");
    tls.refresh(now());
    ask(&old).await.expect("an open connection goes on");
    ask(&channel(&server, ClientTls::builder().authorities(ca))).await.expect("the new certificate is served");
    ask(&channel(&server, world.client())).await.unwrap_err();
}

#[tokio::test]
async fn files_with_a_fault_keep_the_last_pair() {
    let world = World::new();
    let (tls, folder) = (world.tls(None), world.folder.path().to_owned());
    let server = start_with_tls(ServerLimits::default(), tls.clone()).await;
    let expired = world.authority.issue_with(&["127.0.0.1"], |params| params.not_after = date_time_ymd(2020, 1, 1));
    let other = world.authority.issue(&["127.0.0.1"]);
    let faults: [&dyn Fn(); 4] = [
        &|| drop(expired.write(&folder, "server")),
        // The certificate alone, as in the middle of a change.
        &|| fs::write(&world.server.certificate, &other.certificate).unwrap(),
        &|| fs::write(&world.server.certificate, "nonsense").unwrap(),
        &|| fs::remove_file(&world.server.certificate).unwrap(),
    ];
    for make in faults {
        make();
        tls.refresh(now());
        ask(&channel(&server, world.client())).await.expect("the last pair is served");
    }
    other.write(&folder, "server");
    tls.refresh(now());
    ask(&channel(&server, ClientTls::builder().server_certificate(&world.server.certificate)))
        .await
        .expect("the pair is whole again");
}

/// Kubernetes swaps the link `..data` to a new folder, and a SIGHUP may start the check early.
#[tokio::test]
async fn swapped_folder_is_read_on_sighup() {
    let world = World::new();
    let folder = world.folder.path();
    let data = folder.join("..data");
    for version in ["v1", "v2"] {
        fs::create_dir(folder.join(version)).unwrap();
        world.authority.issue(&["127.0.0.1"]).write(&folder.join(version), "tls");
    }
    symlink(folder.join("v1"), &data).unwrap();
    let (certificate, key) = (data.join("tls.crt"), data.join("tls.key"));
    let (client_authorities, client_auth, client_revocations) = (None, ClientAuth::Required, None);
    let files = TlsFiles { certificate, key, client_authorities, client_auth, client_revocations };
    let tls = ServerTls::open(files, now()).unwrap();
    let server = start_with_tls(ServerLimits::default(), tls.clone()).await;
    let (trigger, receiver) = reload();
    let (parts, stop) = (TlsParts { server: Some(tls), client: None }, Shutdown::new());
    let following = tokio::spawn(parts.follow(receiver, Clock::system(), stop.clone()));
    symlink(folder.join("v2"), folder.join("..next")).unwrap();
    fs::rename(folder.join("..next"), &data).unwrap();
    assert!(trigger.request());
    let pinned = |version: &str| ClientTls::builder().server_certificate(folder.join(version).join("tls.crt"));
    // The check takes a moment.
    while ask(&channel(&server, pinned("v2"))).await.is_err() {}
    ask(&channel(&server, pinned("v1"))).await.unwrap_err();
    stop.cancel();
    following.await.unwrap();
}

#[tokio::test]
async fn removed_authority_of_clients_is_no_longer_trusted() {
    let world = World::new();
    let tls = world.tls(Some(ClientAuth::Optional));
    let server = start_with_tls(ServerLimits::default(), tls.clone()).await;
    let client = world.client_named(&[SERVICE_ID]).build().unwrap();
    let url = format!("https://{}", server.address);
    call_as_service(&client.channel(&url).unwrap(), &[]).await.unwrap();
    let trusted = world.folder.path().join("servers.crt");
    fs::copy(&world.ca, &trusted).unwrap();
    Authority::new("next").write(world.folder.path(), "ca");
    tls.refresh(now());
    // The same client keeps its TLS sessions: a resumed session would not show the certificate again.
    let files = world.folder.path().join("client");
    let client =
        ClientTls::builder().authorities(trusted).certificate(files.with_extension("crt"), files.with_extension("key"));
    call_as_service(&channel(&server, client), &[]).await.unwrap_err();
}

#[tokio::test]
async fn client_reads_its_new_files_at_the_next_connection() {
    let world = World::new();
    let tls = world.tls(Some(ClientAuth::Optional));
    let client = world.client_named(&["a.org"]).build().unwrap();
    let connect = async || {
        let server = start_with_tls(ServerLimits::default(), tls.clone()).await;
        client.channel(&format!("https://{}", server.address)).unwrap()
    };
    call_as_service(&connect().await, &[]).await.unwrap_err();
    world.authority.issue(&[SERVICE_ID]).write(world.folder.path(), "client");
    call_as_service(&connect().await, &[]).await.expect("the new certificate names the service");
    fs::write(world.folder.path().join("client.key"), "nonsense").unwrap();
    call_as_service(&connect().await, &[]).await.expect("the last certificate stays");
}

#[test]
fn days_left_are_whole_and_may_be_negative() {
    let world = World::new();
    world
        .authority
        .issue_with(&["127.0.0.1"], |params| params.not_after = date_time_ymd(2100, 1, 31))
        .write(world.folder.path(), "server");
    let tls = TlsParts { server: Some(world.tls(None)), client: None };
    for (date, days, line) in [
        ("2100-01-01T00:00:00Z", 30, "\nTLS certificate (server): 30 days left"),
        ("2100-01-30T00:00:01Z", 0, "\nTLS certificate (server): 0 days left"),
        ("2100-01-31T00:00:01Z", -1, "\nTLS certificate (server): expired, renew it"),
    ] {
        let certificates = Certificates::new(tls.clone(), Clock::manual(date.parse().unwrap()));
        assert_eq!(certificates.days_left()[0].1, days, "{date}");
        assert_eq!(certificates.lines(), line, "{date}");
    }
}
