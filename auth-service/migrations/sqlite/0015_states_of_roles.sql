-- The state of each role's user, so that users with a role and a state are found without a look at the others. Triggers
-- copy it from `users.state`, so that writers need not know the column.
alter table user_roles add column state text not null default 'active';

update user_roles set state = users.state from users where users.id = user_roles.user_id and users.state <> 'active';

create index user_roles_by_state on user_roles (role, state, user_id);

create trigger user_role_is_inserted after insert on user_roles begin
    update user_roles set state = (select state from users where id = new.user_id)
    where role = new.role and user_id = new.user_id
    and exists (select 1 from users where id = new.user_id and state <> new.state);
end;

create trigger user_state_is_changed after update of state on users when new.state <> old.state begin
    update user_roles set state = new.state where user_id = new.id;
end;
