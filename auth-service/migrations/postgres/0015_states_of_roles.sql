-- The state of each role's user, so that users with a role and a state are found without a look at the others. Triggers
-- copy it from `users.state`, so that writers need not know the column.

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

update user_roles set state = users.state from users where users.id = user_roles.user_id and users.state <> 'active';

create index user_roles_by_state on user_roles (role, state, user_id);
