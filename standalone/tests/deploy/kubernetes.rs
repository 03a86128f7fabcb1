//! The Kubernetes manifests. `scripts/manifests` renders them with kustomize and decodes them strictly into Kubernetes
//! types.

use std::fs;
use std::process::Command;

use serde_json::Value;
use testkit::http;

use super::pair::{folder, gatepost, tool};
use super::programs::deploy;

/// Seconds that running calls have once a service drains, and the margin before the node kills it.
const GRACE: u64 = 10;
const MARGIN: u64 = 5;

const SERVICES: [(&str, &str); 2] = [("auth-service", "AUTH"), ("blog-service", "BLOG")];

/// Returns the manifests below a folder; prints a note and returns `None` without the program.
fn manifests(folder: &str) -> Option<Vec<Value>> {
    let program = tool("GATEPOST_MANIFESTS", "skip");
    if program == "skip" {
        println!("skipped: GATEPOST_MANIFESTS names no program, so deploy/kubernetes was not rendered");
        return None;
    }
    let output = Command::new(program).arg(deploy(folder)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[track_caller]
fn find<'m>(manifests: &'m [Value], kind: &str, name: &str) -> &'m Value {
    let found: Vec<_> = manifests.iter().filter(|one| one["kind"] == kind && one["metadata"]["name"] == name).collect();
    assert_eq!(found.len(), 1, "{kind} {name}");
    found[0]
}

/// Returns the value of a container's variable.
fn variable<'m>(container: &'m Value, name: &str) -> Option<&'m str> {
    container["env"].as_array().unwrap().iter().find(|one| one["name"] == name)?["value"].as_str()
}

fn seconds(text: &str) -> u64 {
    text.strip_suffix('s').unwrap().parse().unwrap()
}

#[test]
fn replicas_have_time_to_drain_and_few_rights() {
    for folder in ["kubernetes/base", "kubernetes/example"] {
        let Some(manifests) = manifests(folder) else { return };
        for (name, prefix) in SERVICES {
            let deployment = &find(&manifests, "Deployment", name)["spec"];
            let pod = &deployment["template"]["spec"];
            let container = &pod["containers"][0];
            assert_eq!(deployment["replicas"], 2);
            let delay = seconds(variable(container, &format!("{prefix}_SHUTDOWN_DELAY")).unwrap());
            assert!(delay >= 3 && pod["terminationGracePeriodSeconds"].as_u64().unwrap() >= delay + GRACE + MARGIN);
            assert_eq!(pod["automountServiceAccountToken"], false);
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
            let rights = &container["securityContext"];
            assert_eq!(
                (&rights["readOnlyRootFilesystem"], &rights["allowPrivilegeEscalation"]),
                (&true.into(), &false.into())
            );
            assert_eq!(rights["capabilities"]["drop"][0], "ALL");
            assert!(container["resources"]["limits"]["memory"].is_string());
            let budget = find(&manifests, "PodDisruptionBudget", name);
            assert_eq!(budget["spec"]["selector"], deployment["selector"]);
            let policy = &find(&manifests, "NetworkPolicy", name)["spec"];
            assert_eq!(policy["podSelector"], deployment["selector"]);
            assert_eq!(policy["policyTypes"].as_array().unwrap().len(), 2);
            // Each secret is a file in a mounted volume.
            for one in container["env"].as_array().unwrap() {
                let (variable, value) = (one["name"].as_str().unwrap(), one["value"].as_str().unwrap());
                let is_secret =
                    variable.ends_with("_KEY") && !variable.ends_with("_TLS_KEY") && !variable.ends_with("_CLIENT_KEY");
                assert!(!is_secret && !variable.ends_with("PASSWORD"), "{variable} is in the manifest");
                assert!(!variable.ends_with("_FILE") || value.starts_with("/secrets/"), "{variable}");
            }
        }
    }
}

#[test]
fn ports_of_services_probes_and_policies_exist() {
    for (folder, scheme) in [("kubernetes/base", None), ("kubernetes/example", Some("HTTPS"))] {
        let Some(manifests) = manifests(folder) else { return };
        for (name, prefix) in SERVICES {
            let container = &find(&manifests, "Deployment", name)["spec"]["template"]["spec"]["containers"][0];
            let port = |port: &str| {
                let ports = container["ports"].as_array().unwrap().iter();
                ports
                    .filter(|one| one["name"] == port)
                    .map(|one| one["containerPort"].as_u64().unwrap())
                    .next()
                    .unwrap()
            };
            for (setting, port) in [("LISTEN", port("grpc")), ("OPS_LISTEN", port("operations"))] {
                let listen = variable(container, &format!("{prefix}_{setting}")).unwrap();
                assert_eq!(listen, format!("0.0.0.0:{port}"));
            }
            for (probe, path) in
                [("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")]
            {
                let get = &container[probe]["httpGet"];
                assert_eq!((get["path"].as_str(), get["port"].as_str()), (Some(path), Some("operations")), "{probe}");
                assert_eq!(get["scheme"].as_str(), scheme);
            }
            let service = &find(&manifests, "Service", name)["spec"];
            assert_eq!(service["ports"][0]["port"], port("grpc"));
            let policy = find(&manifests, "NetworkPolicy", name)["spec"].to_string();
            assert!(policy.contains(r#""port":"grpc""#) && policy.contains(r#""port":"operations""#));
        }
        let blog = &find(&manifests, "Deployment", "blog-service")["spec"]["template"]["spec"]["containers"][0];
        assert!(variable(blog, "BLOG_AUTH_URL").unwrap().ends_with("://auth-service-replicas:50051"));
        let replicas = &find(&manifests, "Service", "auth-service-replicas")["spec"];
        let service = &find(&manifests, "Service", "auth-service")["spec"];
        assert_eq!((&replicas["clusterIP"], &replicas["ports"]), (&"None".into(), &service["ports"]));
        assert_eq!(replicas["selector"], service["selector"]);
    }
}

/// The settings of the manifests start a service, with files and ports of this machine.
#[tokio::test(flavor = "multi_thread")]
async fn settings_of_the_manifests_start_ready_services() {
    let Some(manifests) = manifests("kubernetes/base") else { return };
    for (name, prefix) in SERVICES {
        let folder = folder();
        for (file, text) in [
            ("database-url", format!("sqlite:{}", folder.path().join("database.db").display())),
            ("master-key", "kTrnwqz5UFVmpOhbMAm+mjbavM99PHDXrZ78nEu+OIM=".to_owned()),
            ("service-key", "thicket-marimba-oblong-quince-42-umbel".to_owned()),
        ] {
            fs::write(folder.path().join(file), text).unwrap();
        }
        let container = &find(&manifests, "Deployment", name)["spec"]["template"]["spec"]["containers"][0];
        let mut command = gatepost();
        command.arg(prefix.to_lowercase());
        for one in container["env"].as_array().unwrap() {
            let (variable, value) = (one["name"].as_str().unwrap(), one["value"].as_str().unwrap());
            let secrets = format!("{}/", folder.path().display());
            let value = value.replace("/secrets/", &secrets).replace("auth-service-replicas:50051", "127.0.0.1:1");
            let value = if variable.ends_with("LISTEN") { "127.0.0.1:0".to_owned() } else { value };
            command.env(variable, value);
        }
        let service = super::process::Process::start(&mut command, std::process::Stdio::null());
        let ops = service.address(&format!("{name} operations on "));
        service.address(&format!("{name} listening on "));
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            let path = container[probe]["httpGet"]["path"].as_str().unwrap();
            while http::get(ops, path).await.status != 200 {}
        }
        // SIGINT: the delay of the manifests is for SIGTERM.
        service.signal(rustix::process::Signal::INT);
    }
}
