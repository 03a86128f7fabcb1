create table posts (
    -- A UUIDv7: its order is the order of creation, which is how posts are listed.
    id uuid primary key,
    owner_id uuid not null,
    title text not null,
    revision integer not null,
    create_time timestamptz not null,
    update_time timestamptz not null,
    content text not null
);

create table secrets (
    name text primary key,
    value bytea not null
);
