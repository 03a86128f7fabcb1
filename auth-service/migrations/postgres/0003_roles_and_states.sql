-- The words of users.roles, so that the users who have one are found without a look at the others.
create table user_roles (
    role text not null,
    user_id uuid not null references users (id) on delete cascade,
    primary key (role, user_id)
);

create index user_roles_by_user on user_roles (user_id);

insert into user_roles (role, user_id)
select word, users.id from users, unnest(string_to_array(users.roles, ' ')) word where users.roles <> '';

create index users_by_state on users (state, id);
