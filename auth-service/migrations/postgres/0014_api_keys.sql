-- API keys: long-lived credentials of services. They belong to no user.
create table api_keys (
    id uuid primary key not null,
    name text not null,
    -- Words separated by one space, as in `users`.
    roles text not null,
    -- Words separated by one space; empty for the default audiences.
    audiences text not null,
    revision integer not null,
    create_time timestamptz not null,
    update_time timestamptz not null,
    expire_time timestamptz,
    revoke_time timestamptz,
    -- The earlier of the two times above; null while the key lives on. The row is deleted some time after it.
    over_time timestamptz,
    last_used_time timestamptz
);

create index api_keys_by_over_time on api_keys (over_time) where over_time is not null;

-- Secrets of API keys: the current one and a few earlier ones.
create table api_key_secrets (
    api_key_id uuid not null references api_keys (id) on delete cascade,
    -- The revision of the key that the secret came with: the current secret has the greatest number.
    number integer not null,
    -- The SHA-256 of the whole text that callers send.
    digest bytea not null,
    create_time timestamptz not null,
    -- Null for the current secret.
    expire_time timestamptz,
    primary key (api_key_id, number)
);
