-- One-time codes with which users set a new password, issued by admins: at most one for each user.
create table password_resets (
    user_id blob primary key not null references users (id) on delete cascade,
    -- The SHA-256 of the code.
    digest blob not null unique,
    -- The user's generation at the issue: what ends the user's sessions ends the code, too.
    generation integer not null,
    expire_time text not null
) strict;

create index password_resets_by_time on password_resets (expire_time);

-- The start of the newest session; null before the first one, and for logins before this migration.
alter table users add column last_login_time text;
