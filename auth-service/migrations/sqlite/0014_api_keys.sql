-- API keys: long-lived credentials of services. They belong to no user.
create table api_keys (
    id blob primary key not null,
    name text not null,
    -- Words separated by one space, as in `users`.
    roles text not null,
    -- Words separated by one space; empty for the default audiences.
    audiences text not null,
    revision integer not null,
    create_time text not null,
    update_time text not null,
    expire_time text,
    revoke_time text,
    -- The earlier of the two times above; null while the key lives on. The row is deleted some time after it.
    over_time text,
    last_used_time text
) strict;

create index api_keys_by_over_time on api_keys (over_time) where over_time is not null;

-- Secrets of API keys: the current one and a few earlier ones.
create table api_key_secrets (
    api_key_id blob not null references api_keys (id) on delete cascade,
    -- The revision of the key that the secret came with: the current secret has the greatest number.
    number integer not null,
    -- The SHA-256 of the whole text that callers send.
    digest blob not null,
    create_time text not null,
    -- Null for the current secret.
    expire_time text,
    primary key (api_key_id, number)
) strict, without rowid;
