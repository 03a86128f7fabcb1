"""Reads and makes tokens with PyJWT. Takes a JSON list of requests on standard input, prints the answers as JSON."""

import json
import sys
import time
import urllib.request

import jwt
from jwt.utils import base64url_decode


def key(ask):
    if "jwk" in ask:
        return jwt.PyJWK.from_json(ask["jwk"])
    if "pem_file" in ask:
        with open(ask["pem_file"], "rb") as file:
            return file.read()
    return bytes.fromhex(ask["secret"])


def read(ask):
    try:
        claims = jwt.decode(
            ask["token"],
            key(ask),
            algorithms=[ask["algorithm"]],
            audience=ask["audience"],
            issuer=ask["issuer"],
            options={"require": ["iss", "aud", "sub", "sid", "gen", "jti", "iat", "nbf", "exp", "roles"]},
        )
    except jwt.InvalidTokenError as error:
        return {"error": type(error).__name__}
    return {"header": jwt.get_unverified_header(ask["token"]), "claims": claims}


def make(ask):
    # A header's own `alg` would override the algorithm.
    header = {**ask["header"], "alg": ask["algorithm"]}
    while True:
        token = jwt.encode(ask["claims"], key(ask), algorithm=ask["algorithm"], headers=header)
        # This library accepts an ES256 signature and its twin; the service only the lesser of them.
        if ask["algorithm"] != "ES256" or base64url_decode(token.rsplit(".", 1)[1])[32] < 0x7F:
            return {"token": token}


def discover(ask):
    with urllib.request.urlopen(ask["configuration"], timeout=10) as answer:
        found = json.load(answer)
    key = jwt.PyJWKClient(found["jwks_uri"]).get_signing_key_from_jwt(ask["token"])
    algorithms = found["id_token_signing_alg_values_supported"]
    return {"claims": jwt.decode(ask["token"], key, algorithms, audience="gatepost", issuer=found["issuer"])}


def now(_):
    return {"now": int(time.time())}


DO = {"read": read, "make": make, "discover": discover, "now": now}
json.dump([DO[ask["do"]](ask) for ask in json.load(sys.stdin)], sys.stdout)
