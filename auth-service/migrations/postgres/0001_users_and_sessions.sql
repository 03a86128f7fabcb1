create table users (
    id uuid primary key,
    name text not null,
    email text not null,
    -- The canonical form of the email: what makes it unique.
    email_key text not null unique,
    -- A PHC string.
    password_hash text not null,
    -- Separated by one space, which no role contains.
    roles text not null,
    state text not null check (state in ('active', 'disabled')),
    -- Access tokens of an older generation are dead.
    generation integer not null,
    -- Sessions of an older generation are dead.
    sessions_since integer not null,
    revision integer not null,
    create_time timestamptz not null,
    update_time timestamptz not null
);

create table sessions (
    id uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    -- The user's generation, read together with the password hash that the login was checked against.
    generation integer not null,
    create_time timestamptz not null,
    -- The absolute end, whatever happens to the session meanwhile.
    expire_time timestamptz not null,
    -- When the session was ended before that.
    end_time timestamptz
);

create index sessions_by_user on sessions (user_id);
