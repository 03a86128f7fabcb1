//! Tokens in both directions with an independent library: `PyJWT` reads ours, and the service reads those of `PyJWT`.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost::api::auth::v1::{ListSigningKeysRequest, TokenState, VerifyTokenRequest};
use serde_json::{Value, json};

use super::signers::{Signer, signers};
use super::support::{SECRET, Service, start_with};
use super::verify::part;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rpc/pyjwt.py");

#[expect(clippy::disallowed_methods, reason = "scripts/test names the interpreter in the environment")]
fn interpreter() -> String {
    let python = std::env::var("GATEPOST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let known = Command::new(&python).args(["-c", "import cryptography, jwt; jwt.PyJWK"]).output();
    assert!(
        known.is_ok_and(|output| output.status.success()),
        "PyJWT is missing: run scripts/test, or set GATEPOST_PYTHON to a Python that has scripts/requirements.txt"
    );
    python
}

/// Runs the script and returns its answers, one for each request. It blocks the test's own thread; the service must
/// have others.
fn python(asks: &[Value]) -> Vec<Value> {
    let mut command = Command::new(interpreter());
    // The script fetches from this machine only.
    command.env("no_proxy", "*");
    // PyJWT warns of short secrets; some tests check that the service refuses them.
    let mut run = command.args(["-W", "ignore", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    run.stdin.take().unwrap().write_all(json!(asks).to_string().as_bytes()).unwrap();
    let output = run.wait_with_output().unwrap();
    assert!(output.status.success(), "the script failed; its output is above");
    let answers: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answers.len(), asks.len());
    answers
}

/// Checks the service's introspections of tokens made by `PyJWT`.
async fn assert_states(service: &Service, made: &[(&str, Value, TokenState)]) {
    let asks: Vec<Value> = made.iter().map(|(_, ask, _)| with(ask, &json!({"do": "make"}))).collect();
    for ((id, ask, state), answer) in made.iter().zip(python(&asks)) {
        assert_eq!(service.state(answer["token"].as_str().unwrap()).await, *state, "{id} {ask}");
    }
}

/// Returns the request with further members.
fn with(ask: &Value, more: &Value) -> Value {
    let mut ask = ask.clone();
    ask.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ask
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// Starts a service at today's date, since `PyJWT` uses the machine's clock, and returns a token of it.
async fn today(signer: Signer) -> (Service, String) {
    let service = start_with(signer.settings()).await;
    let now = python(&[json!({"do": "now"})])[0]["now"].as_u64().unwrap();
    let start = u64::try_from(service.clock.now().timestamp()).unwrap();
    let passed = now.checked_sub(start).expect("the machine's clock is right");
    service.clock.advance(Duration::from_secs(passed));
    let token = service.token().await;
    (service, token)
}

/// Returns the members that tell `PyJWT` to use the public key as listed by the service.
async fn listed_key(service: &Service) -> Value {
    let keys = service.tokens().list_signing_keys(ListSigningKeysRequest {}).await.unwrap().into_inner().keys;
    json!({"jwk": keys[0].jwk_json, "algorithm": keys[0].algorithm})
}

/// Checks that `PyJWT` accepts our token, but not for another audience or from another issuer.
async fn assert_pyjwt_reads(service: &Service, token: &str, key: &Value) {
    // Changes a character in the middle of the signature, where each bit counts.
    let (head, tail) = token.split_at(token.len() - 9);
    let forged = format!("{head}{}{}", if tail.starts_with('A') { 'B' } else { 'A' }, &tail[1..]);
    let ask = with(&json!({"do": "read", "token": token, "audience": "gatepost", "issuer": "gatepost"}), key);
    let answers = python(&[
        ask.clone(),
        with(&ask, &json!({"audience": "other"})),
        with(&ask, &json!({"issuer": "other"})),
        with(&ask, &json!({"token": forged})),
    ]);
    let read = &answers[0];
    assert_eq!(read["header"], part(token, 0));
    assert_eq!(read["header"]["typ"], "at+jwt");
    assert_eq!(read["header"]["alg"], key["algorithm"]);
    let claims = &read["claims"];
    assert_eq!(*claims, part(token, 1));
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!("gatepost"), &json!("gatepost")));
    let answer = service.tokens().verify_token(VerifyTokenRequest { token: token.to_owned() }).await.unwrap();
    let ours = answer.into_inner().claims.unwrap();
    assert_eq!((json!(ours.subject), json!(ours.session_id)), (claims["sub"].clone(), claims["sid"].clone()));
    assert_eq!((json!(ours.key_id), json!(ours.token_id)), (read["header"]["kid"].clone(), claims["jti"].clone()));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 24 * 3600);
    let errors: Vec<_> = answers[1..].iter().map(|answer| answer["error"].as_str().unwrap()).collect();
    assert_eq!(errors, ["InvalidAudienceError", "InvalidIssuerError", "InvalidSignatureError"]);
}

/// Checks that `PyJWT`'s token of the same session is as good as ours, and no better.
async fn assert_service_verifies(service: &Service, token: &str, key: &Value) {
    let (header, claims) = (part(token, 0), part(token, 1));
    let now = claims["iat"].as_i64().unwrap();
    // A new id that ends in the era of the log, like the service's ids.
    let era = claims["jti"].as_str().unwrap()[28..].to_owned();
    let claims = with(&claims, &json!({"jti": format!("01890a5d-ac96-774b-bcce-b302{era}")}));
    let ask = with(&json!({"header": header, "claims": claims}), key);
    let changed = |part: &str, more: Value| with(&ask, &json!({part: with(&ask[part], &more)}));
    let made = [
        ("", ask.clone(), TokenState::Active),
        ("era", changed("claims", json!({"jti": "01890a5d-ac96-774b-bcce-b302099a8057"})), TokenState::Revoked),
        ("c6", changed("header", json!({"typ": "JWT"})), TokenState::Invalid),
        ("c4", changed("header", json!({"kid": "other"})), TokenState::Invalid),
        ("c3", changed("header", json!({"jku": "http://127.0.0.1:1/"})), TokenState::Invalid),
        ("c8", changed("claims", json!({"iss": "other"})), TokenState::Invalid),
        ("c9", changed("claims", json!({"aud": "other"})), TokenState::Invalid),
        ("c9", changed("claims", json!({"aud": ["gatepost"]})), TokenState::Invalid),
        ("c11", changed("claims", json!({"exp": now + 86_401})), TokenState::Invalid),
        ("c11", changed("claims", json!({"exp": now, "iat": now - 60})), TokenState::Expired),
        ("c12", changed("claims", json!({"nbf": now + 60})), TokenState::Invalid),
        ("c13", changed("claims", json!({"admin": true})), TokenState::Invalid),
    ];
    assert_states(service, &made).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hs256_works_both_ways_with_the_secret() {
    let [signer, ..] = signers();
    let (service, token) = today(signer).await;
    let key = json!({"secret": hex(SECRET.as_bytes()), "algorithm": "HS256"});
    assert_pyjwt_reads(&service, &token, &key).await;
    assert_service_verifies(&service, &token, &key).await;
    let ask = json!({"header": part(&token, 0), "claims": part(&token, 1)});
    let made = [
        ("c1", json!({"secret": hex(SECRET.as_bytes()), "algorithm": "HS512"})),
        ("c2", json!({"secret": hex(&SECRET.as_bytes()[1..]), "algorithm": "HS256"})),
    ];
    assert_states(&service, &made.map(|(id, key)| (id, with(&ask, &key), TokenState::Invalid))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn key_pairs_work_both_ways_with_set_and_file() {
    let [_, pairs @ ..] = signers();
    for signer in pairs {
        let (service, token) = today(signer).await;
        let listed = listed_key(&service).await;
        assert_eq!(listed["algorithm"], signer.algorithm().name());
        assert_pyjwt_reads(&service, &token, &listed).await;
        let held = json!({"pem_file": service.key_file(), "algorithm": signer.algorithm().name()});
        assert_service_verifies(&service, &token, &held).await;
        // The public key is known to everyone, so it must not work as a secret: neither its bytes nor its text.
        let jwk: Value = serde_json::from_str(listed["jwk"].as_str().unwrap()).unwrap();
        let ask = json!({"header": part(&token, 0), "claims": part(&token, 1), "algorithm": "HS256"});
        let texts = ["x", "y", "n"].into_iter().filter_map(|name| jwk[name].as_str());
        let made = texts.flat_map(|text| [URL_SAFE_NO_PAD.decode(text).unwrap(), text.as_bytes().to_vec()]);
        let made = made.map(|secret| ("c2", with(&ask, &json!({"secret": hex(&secret)})), TokenState::Invalid));
        assert_states(&service, &made.collect::<Vec<_>>()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn key_pairs_are_found_at_the_operations_port() {
    let [_, pairs @ ..] = signers();
    for signer in pairs {
        let (service, token) = today(signer).await;
        let configuration = format!("http://{}/.well-known/openid-configuration", service.ops);
        let ask = json!({"do": "discover", "configuration": configuration, "token": token});
        let found = python(&[ask]);
        assert_eq!(found[0]["claims"], part(&token, 1));
    }
}

/// C1: the same key under another algorithm is refused.
#[tokio::test(flavor = "multi_thread")]
async fn same_key_under_another_algorithm_is_refused() {
    let [.., rsa] = signers();
    let (service, token) = today(rsa).await;
    let ask = json!({"header": part(&token, 0), "claims": part(&token, 1), "pem_file": service.key_file()});
    let made = ["RS384", "RS512", "PS256", "PS384", "PS512"]
        .map(|algorithm| ("c1", with(&ask, &json!({"algorithm": algorithm})), TokenState::Invalid));
    assert_states(&service, &made).await;
}
