-- The changes of ../0003_roles_and_states.sql in steps, so that calls are served during the migration.

-- step
create table user_roles (
    role text not null,
    user_id uuid not null references users (id) on delete cascade,
    primary key (role, user_id)
);

create index user_roles_by_user on user_roles (user_id);

-- step: batches
with next as materialized (
    select id, roles from users where id > coalesce(nullif($1, ''), '00000000-0000-0000-0000-000000000000')::uuid
    order by id limit 2000 for key share
), written as (
    insert into user_roles (role, user_id)
    select word, next.id from next, unnest(string_to_array(next.roles, ' ')) word where next.roles <> ''
    on conflict do nothing
)
select (select id::text from next order by id desc limit 1);

-- step: concurrently
create index concurrently if not exists users_by_state on users (state, id);
