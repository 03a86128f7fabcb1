//! The examples of RFC 7515 appendices A.1 to A.3, with the thumbprints of their keys.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

use crate::keys::model::{Algorithm, Key, KeySet, VerifyingKey};
use crate::tokens::jws;

/// The claims that all three examples sign.
const PAYLOAD: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

/// Appendix A.1: the secret and its tag over a header that has line breaks in it.
const SECRET: &str = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
const HS256: (&str, &str) = ("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");

/// Appendix A.2, as PKCS#8.
const RSA: &str = concat!(
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCh+BYK4uPJtGXOjS1lYmM2K5J9vinh8CR3/BYlzJChNuOL2TSXxbbqY913EeZ8",
    "dCn5VrD7io8ImtxLaYk8wTM/U+3QGbh3hCUv7JFP5IV3aVlL6kKA0ywPVb9ilE8TA5a8bpvfbr3SvaNnjuygxmj3AbONv/s4yDQs4v5tJ/reSlpI",
    "dJed1LnPmt7Ex1sFhSwsD174pcF1A5L5ROjtZMEQxrZHYJqkeDrrnGya11UxMFBji4NmXG9veoKjlnAqH2QbgtPr8jkiGUkftoaHLFcW9Qr4NY2a",
    "i50Xw0Byj3+H2JoY2PyrZ62EWQwuz3WTOTY8BwNNb2BvniHgVFbK5emhAgMBAAECggEAEq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyW",
    "PEAeP88vLNO97IjlA7/GQ5sLKMgvfTeXZx9SE+7YwVol2NXOoAJe46sui395IW/GO+pWJ1O0BkTGoVEn2bKVRUCgu+GjBVaYLU6f3l9kJfFNS3E0",
    "QbVdxzubSu3Mkqzjkn439X0M/V51gfpRLI9JYanrC4D4qAdGcopV/0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl",
    "/x/jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR/RQyGWSeWjnczT0QU91p1DhOVRuOopznQKBgQDgHMQQ60imZV1URk0KpLttoLhyt3SmqdEf",
    "/kgHePDdtzEafpAu+cS191R2JiuoF2yzWXnwFDcqGigp5BNr0AHQfD8/Lk8l1Mk09jxxCfui5nYooNyac8YFjm3vItzVCVDnEd3BbVWG8qf6deqE",
    "lMGAg+C2V0L4oNXnP7LZcPAZRwKBgQC5A8R+CZW2MvRTLLHzwZkUXV866cff7tx6kqa0finGG0KgeqlaZPxgCZnFp7AeAcCMtiynVlJ7vMVgePsL",
    "q6XtON4tB5kP9jAPrq3rbAOal78eUH5OcED6eNuCV8ixEu1eWcPNCS/l1OW1EnXUEoEHKl54Xrrz2uNwkgMTP1FZ1wKBgAcCn1dwJKufzBWQxWQp",
    "1vsM5fggqPN1qGb5y0MAk3g7/Ls5bkUp5u9SN0Ai3Ya6hNnvWJMb7sXQX6U/zyO2M/hTip7tUeh7CXgwo59dkpN75gJLVds29+DAncu3KXU4f2Fa",
    "+7bLNrur53k8KwPOq2bbuTG69QtV7Jr5MR0AHWKNAoGBAIf/evpitUf+4JYbLpvNXWcY052Mpz22aR84mY3nh3F2LF2mjMJDpTg7FmuyPcVw6EcG",
    "yoAe9fa65iNqCq+jdw6PVNGo2hxfjSiZ8IIzHdsPXI89//pMjZcQK9r+CCoRjaZjOYiIDktVWZzmevJuv6WywUqd57LE3Zar3dLSIkx1AoGAIYd7",
    "DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd+DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd/QJQ3ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW",
    "0ITrJReOgo1cq9SbsxYawBgfp/gh6A5603k2+ZQwVK0JKSHuLFkuQ3U=",
);
const RS256: (&str, &str) = (
    "eyJhbGciOiJSUzI1NiJ9",
    concat!(
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t",
        "1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12j",
        "zDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQ",
        "Ge77Rw",
    ),
);

/// Appendix A.3, as PKCS#8.
const P256: &str = concat!(
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+YBIffH1136cspYG6+0iY7X1fCE9+E9LKhRANCAAR/zc4ncPbEXUGD",
    "y+5v20t7WAczNXvp7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt",
);
const ES256: (&str, &str) =
    ("eyJhbGciOiJFUzI1NiJ9", "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q");

fn key(document: &str) -> Key {
    Key::from_pkcs8(&STANDARD.decode(document).unwrap()).unwrap()
}

fn message((header, _): (&str, &str)) -> String {
    format!("{header}.{PAYLOAD}")
}

/// The public half alone verifies the example, and nothing that is not quite it.
fn verifies(example: (&str, &str), key: &VerifyingKey) {
    assert!(key.verifies(message(example).as_bytes(), example.1));
    assert!(!key.verifies(message(example).replacen("ey", "eY", 1).as_bytes(), example.1));
}

#[test]
fn hs256_verifies_the_rfc_tag() {
    let jwk = json!({"kty": "oct", "k": SECRET, "kid": "a.1", "alg": "HS256"}).to_string();
    verifies(HS256, &VerifyingKey::from_jwk(&jwk).ok().unwrap());
}

#[test]
fn rs256_makes_and_opens_the_rfc_signature() {
    let key = key(RSA);
    assert_eq!((key.algorithm(), key.id()), (Algorithm::Rs256, "IsUn6_e04MaShXFIISMp4kG62LWzMIPy_MvSA5pJgX8"));
    assert_eq!(key.sign(message(RS256).as_bytes()).unwrap(), RS256.1);
    verifies(RS256, &VerifyingKey::from_jwk(&key.public().unwrap().jwk).ok().unwrap());
    let jws = format!("{}.{}", message(RS256), RS256.1);
    assert_eq!(jws::open(&jws, &KeySet::new(key)).unwrap().payload, URL_SAFE_NO_PAD.decode(PAYLOAD).unwrap());
}

#[test]
fn es256_opens_the_rfc_signature_and_makes_others() {
    let key = key(P256);
    assert_eq!((key.algorithm(), key.id()), (Algorithm::Es256, "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"));
    let (first, second) = (key.sign(b"one text").unwrap(), key.sign(b"one text").unwrap());
    assert!(first != second && first.len() == 86 && second.len() == 86, "each has a random number in it");
    verifies(ES256, &VerifyingKey::from_jwk(&key.public().unwrap().jwk).ok().unwrap());
    let jws = format!("{}.{}", message(ES256), ES256.1);
    assert_eq!(jws::open(&jws, &KeySet::new(key)).unwrap().payload, URL_SAFE_NO_PAD.decode(PAYLOAD).unwrap());
}
