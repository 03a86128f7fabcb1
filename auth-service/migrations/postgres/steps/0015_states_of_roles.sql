-- The changes of ../0015_states_of_roles.sql in steps, so that calls are served during the migration.

-- step
alter table user_roles add column state text not null default 'active';

create function copy_state_to_role() returns trigger language plpgsql as $$
begin
    new.state := coalesce((select state from users where id = new.user_id), new.state);
    return new;
end
$$;

create trigger user_role_is_inserted before insert on user_roles
for each row execute function copy_state_to_role();

create function copy_state_to_roles() returns trigger language plpgsql as $$
begin
    update user_roles set state = new.state where user_id = new.id;
    return null;
end
$$;

create trigger user_state_is_changed after update of state on users
for each row when (new.state <> old.state) execute function copy_state_to_roles();

-- step: batches
with next as materialized (
    select id, state from users where id > coalesce(nullif($1, ''), '00000000-0000-0000-0000-000000000000')::uuid
    order by id limit 2000 for share
), written as (
    update user_roles r set state = next.state from next where r.user_id = next.id and r.state <> next.state
)
select (select id::text from next order by id desc limit 1);

-- step: concurrently
create index concurrently if not exists user_roles_by_state on user_roles (role, state, user_id);
