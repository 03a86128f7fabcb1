//! Settings as operators write them: secrets with a newline, misspelled names, and published examples in use.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use gatepost::api::auth::v1::LoginRequest;
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use kit::config::PUBLISHED_SECRETS;
use tonic::transport::Endpoint;

use super::pair::{fails, folder, gatepost};
use super::service::{BOTH, SEALED, Service, Which, command, file};

/// A password that meets the policy for an admin.
const PASSWORD: &str = "thicket marimba oblong 42";

const EMAIL: &str = "root@example.com";

/// Returns the lines of a service until it serves; then it is stopped.
fn said(which: Which, url: &str, settings: &[(&str, &str)]) -> Vec<String> {
    let mut service = Service::start_with(which, url, settings);
    let mut said = Vec::new();
    loop {
        said.push(service.wait_for_line(&[""]));
        let last = said.last().unwrap();
        assert!(!last.starts_with("gatepost: "), "the service does not serve: {last}");
        if last.contains("-service listening on ") {
            break;
        }
    }
    service.stop();
    said
}

/// Returns the number of warnings with all these parts.
fn warnings(said: &[String], parts: &[&str]) -> usize {
    said.iter().filter(|line| line.contains(" WARN ") && parts.iter().all(|part| line.contains(part))).count()
}

/// Returns the URL of a new database file in this folder.
fn fresh(folder: &Path) -> String {
    file(&folder.join(format!("{:08x}.db", u32::from_ne_bytes(kit::random::bytes()))))
}

#[tokio::test(flavor = "multi_thread")]
async fn first_admin_password_loses_one_newline() {
    let folder = folder();
    for newline in ["", "\n", "\r\n"] {
        let path = folder.path().join("password");
        fs::write(&path, format!("{PASSWORD}{newline}")).unwrap();
        let in_variable = ("AUTH_ADMIN_PASSWORD", format!("{PASSWORD}{newline}"));
        let in_file = ("AUTH_ADMIN_PASSWORD_FILE", format!("{}{newline}", path.display()));
        for (name, value) in [in_variable, in_file] {
            let settings = [("AUTH_ADMIN_EMAIL", EMAIL), (name, value.as_str())];
            let mut service = Service::start_with(Which::Auth, &fresh(folder.path()), &settings);
            let address = service.serves();
            let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
            let mut auth = AuthServiceClient::new(channel);
            let login = LoginRequest { email: EMAIL.into(), password: PASSWORD.into(), ..LoginRequest::default() };
            assert!(auth.login(login).await.is_ok(), "{name} {newline:?}");
            service.stop();
        }
    }
}

#[test]
fn hidden_characters_in_secrets_are_refused() {
    let folder = folder();
    let path = folder.path().join("secret");
    for (name, which) in [
        ("JWT_SECRET_KEY", Which::Auth),
        ("AUTH_MASTER_KEY", Which::Auth),
        ("AUTH_SERVICE_KEY", Which::Auth),
        ("AUTH_ADMIN_PASSWORD", Which::Auth),
        ("BLOG_SERVICE_KEY", Which::Blog),
    ] {
        for text in ["canary\n\n", "\u{feff}canary", "canary ", "\tcanary", "can\nary"] {
            fs::write(&path, text).unwrap();
            for (name, value) in [(name.to_owned(), text), (format!("{name}_FILE"), path.to_str().unwrap())] {
                let settings = [(name.as_str(), value), ("AUTH_ADMIN_EMAIL", EMAIL)];
                let why = Service::start_with(which, &fresh(folder.path()), &settings).refuses(2);
                assert!(why.starts_with(&name) && why.contains(" has a "), "{text:?}: {why}");
                assert!(!why.contains("canary"), "{why}");
            }
        }
    }
}

#[test]
fn database_url_from_environment_loses_one_newline() {
    let folder = folder();
    for which in BOTH {
        let name = format!("{}_DATABASE_URL", which.name().to_uppercase());
        let path = folder.path().join(which.name());
        let start = |value: &str| {
            let mut command = gatepost();
            command.args([which.name(), "--listen", "127.0.0.1:0"]).env(&name, value);
            Service::spawn(&mut command, Vec::new())
        };
        let mut service = start(&format!("{}\n", file(&path)));
        service.serves();
        service.stop();
        assert!(path.is_file(), "the file name has no newline");
        for value in [format!("{} ", file(&path)), format!("{}\n\n", file(&path)), format!("{}\u{feff}", file(&path))] {
            let why = start(&value).refuses(2);
            assert!(why.starts_with(&format!("--database-url ({name}): has a ")), "{why}");
        }
    }
}

#[test]
fn database_url_is_read_from_a_file() {
    let folder = folder();
    for which in BOTH {
        let name = format!("{}_DATABASE_URL_FILE", which.name().to_uppercase());
        let (path, url) = (folder.path().join(which.name()), folder.path().join("url"));
        let start = |further: &[(&str, &str)]| {
            let mut command = gatepost();
            command.args([which.name(), "--listen", "127.0.0.1:0"]).env(&name, &url).envs(further.iter().copied());
            Service::spawn(&mut command, vec!["canary".into()])
        };
        fs::write(&url, format!("{}\n", file(&path))).unwrap();
        let mut service = start(&[]);
        service.serves();
        service.stop();
        assert!(path.is_file());
        let plain = name.trim_end_matches("_FILE");
        let why = start(&[(plain, "sqlite:canary")]).refuses(2);
        assert_eq!(why, format!("{plain}: set either this or {name}, not both"));
        fs::write(&url, "postgres://ada:canary@h\n").unwrap();
        let why = start(&[]).refuses(2);
        assert!(why.starts_with(&format!("--database-url ({name}): name the database")), "{why}");
        fs::remove_file(&url).unwrap();
        assert!(start(&[]).refuses(2).starts_with(&format!("{name}: the file cannot be read")));
    }
}

#[test]
fn nearly_known_variable_stops_the_start() {
    let folder = folder();
    for (name, known) in [
        ("AUTH_REGISTRATON", "AUTH_REGISTRATION"),
        ("AUTH_REGISTRATION_FILE", "AUTH_REGISTRATION"),
        ("BLOG_PUBLIC_READ", "BLOG_PUBLIC_READS"),
        ("GATEPOST_DATADIR", "GATEPOST_DATA_DIR"),
        ("JWT_SECRET_KYE", "JWT_SECRET_KEY"),
    ] {
        let data = folder.path().join("data");
        for arguments in [&["--data-dir", data.to_str().unwrap()][..], &["auth"], &["blog"], &["keys", "list"]] {
            let (code, said) = fails(gatepost().args(arguments).env(name, "canary"));
            assert_eq!(code, Some(2), "{arguments:?}: {said}");
            assert!(said.starts_with(&format!("gatepost: {name}: is not a setting")) && said.contains(known), "{said}");
            assert!(!said.contains("canary") && said.trim().lines().count() == 1, "{said}");
        }
        assert!(!data.exists());
    }
}

#[test]
fn other_unknown_variables_warn_once_each() {
    let folder = folder();
    let links = ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_GRPC", "PORT_50051_TCP_ADDR", "PORT_50051_TCP_PORT"];
    let links: Vec<_> = links.iter().map(|link| (format!("AUTH_{link}"), "10.0.0.7")).collect();
    let strange = ["AUTH_COLOR", "BLOG_COLOR", "GATEPOST_TEST_POSTGRES", "GATEPOST_GRPCURL"];
    let port = [("AUTH_PORT", "tcp://10.0.0.7:50051"), ("GATEPOST_DATA_DIR", "elsewhere")];
    let settings = links.iter().map(|(name, value)| (name.as_str(), *value)).chain(port);
    let settings: Vec<_> = settings.chain(strange.map(|name| (name, "skip"))).collect();
    for which in BOTH {
        let said = said(which, &fresh(folder.path()), &settings);
        for name in strange {
            assert_eq!(warnings(&said, &[name, "is not a setting"]), 1, "{name}: {said:#?}");
        }
        assert_eq!(warnings(&said, &["is not a setting"]), strange.len(), "{said:#?}");
    }
}

#[test]
fn published_secrets_warn_and_need_the_switch() {
    let [_, auth_password, blog_password, master_key, service_key] = PUBLISHED_SECRETS;
    let folder = folder();
    for (which, name, value, switch) in [
        (Which::Auth, "AUTH_MASTER_KEY", master_key, "AUTH_INSECURE"),
        (Which::Auth, "AUTH_SERVICE_KEY", service_key, "AUTH_INSECURE"),
        (Which::Blog, "BLOG_SERVICE_KEY", service_key, "BLOG_INSECURE"),
    ] {
        let url = fresh(folder.path());
        let why = Service::start_with(which, &url, &[(name, value)]).refuses(2);
        assert!(why.starts_with(&format!("{name}: is published in .env.example")) && why.contains(switch), "{why}");
        // At each start.
        for _ in 0..2 {
            let said = said(which, &url, &[(name, value), (switch, "true")]);
            assert_eq!(warnings(&said, &[name, "is published in .env.example"]), 1, "{said:#?}");
        }
    }
    for (which, password) in [(Which::Auth, auth_password), (Which::Blog, blog_password)] {
        let url = "postgres://somebody@localhost/d";
        let hidden = vec![password.to_owned()];
        let why = Service::spawn(command(which, url).envs(SEALED).env("PGPASSWORD", password), hidden).refuses(2);
        assert!(why.contains("or PGPASSWORD: is published in .env.example"), "{why}");
    }
}

#[test]
fn patterned_secrets_are_refused() {
    let folder = folder();
    for (which, name) in
        [(Which::Auth, "JWT_SECRET_KEY"), (Which::Auth, "AUTH_SERVICE_KEY"), (Which::Blog, "BLOG_SERVICE_KEY")]
    {
        for value in [
            "a".repeat(40).as_str(),
            "0123456789abcdef0123456789abcdef",
            "qwertyuiopasdfghjklzxcvbnm123456",
            "secretsecretsecretsecretsecretse",
        ] {
            let why = Service::start_with(which, &fresh(folder.path()), &[(name, value)]).refuses(2);
            assert!(why.starts_with(&format!("{name}: is a pattern")), "{why}");
        }
    }
}

#[test]
fn closed_registration_without_admin_warns() {
    let folder = folder();
    let url = fresh(folder.path());
    let closed = [("AUTH_REGISTRATION", "closed"), ("AUTH_ADMIN_EMAIL", EMAIL), ("AUTH_ADMIN_PASSWORD", PASSWORD)];
    let part = &["AUTH_REGISTRATION=closed"][..];
    assert_eq!(warnings(&said(Which::Auth, &url, &closed[..1]), part), 1);
    assert_eq!(warnings(&said(Which::Auth, &url, &closed), part), 0);
    assert_eq!(warnings(&said(Which::Auth, &url, &closed[..1]), part), 0, "there is an admin");
    assert_eq!(warnings(&said(Which::Auth, &fresh(folder.path()), &[]), part), 0);
}

#[test]
fn plaintext_beyond_loopback_warns() {
    let folder = folder();
    for (which, switch) in [(Which::Auth, "AUTH_INSECURE"), (Which::Blog, "BLOG_INSECURE")] {
        let start = |listen: &str| {
            let url = fresh(folder.path());
            let mut command = gatepost();
            command.args([which.name(), "--listen", listen, "--database-url", &url]).env(switch, "true");
            let mut service = Service::spawn(&mut command, Vec::new());
            let line = service.wait_for_line(&["plaintext leaves this machine", "-service listening on "]);
            service.stop();
            line
        };
        assert!(start("0.0.0.0:0").contains(&format!("{switch} is true: it listens on 0.0.0.0:0")));
        assert!(start("127.0.0.1:0").contains("listening on"), "loopback alone is no reason to warn");
    }
}

#[test]
fn data_folder_open_to_others_warns() {
    let folder = folder();
    for which in BOTH {
        for (mode, count) in [(0o700, 0), (0o750, 1), (0o755, 1)] {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
            let said = said(which, &fresh(folder.path()), &[]);
            let mode = format!("(mode {mode:04o})");
            assert_eq!(warnings(&said, &["is open to other users", &mode]), count, "{said:#?}");
        }
    }
}

#[test]
fn settings_of_one_service_warn_in_the_pair() {
    let folder = folder();
    let mut command = gatepost();
    command.args(["--auth-listen", "127.0.0.1:0", "--blog-listen", "127.0.0.1:0", "--data-dir"]).arg(folder.path());
    let mut pair = Service::spawn(command.env("AUTH_DATABASE_URL", "postgres://h/d"), Vec::new());
    pair.wait_for_line(&["AUTH_DATABASE_URL has no effect on the pair"]);
    pair.serves();
    pair.stop();
}
