-- The key pairs that sign access tokens, in the order in which they sign. No private key lies here unsealed.
create table signing_keys (
    -- One key follows another: of two replicas that make the next one, the first gets the number.
    number integer primary key,
    -- The `kid` of its tokens.
    id text not null unique,
    algorithm text not null check (algorithm in ('EdDSA', 'ES256', 'RS256')),
    public_jwk text not null,
    -- The private key, sealed; null where it lies in a file beside the database, and once the key signs no more.
    sealed bytea,
    create_time timestamptz not null,
    -- From when on it signs. Until then it is listed, so that everybody knows it before its first token.
    sign_time timestamptz not null,
    -- From when on the next one signs in its place.
    retire_time timestamptz,
    -- From when on all its tokens are dead.
    verify_until timestamptz,
    check ((retire_time is null) = (verify_until is null))
);
