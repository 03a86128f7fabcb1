-- One row a session, however often it is refreshed. Nothing here can be presented: the digests are of secrets, and the salt
-- makes the next secret only of the one before it.
alter table sessions add column refresh_generation integer not null default 0;
alter table sessions add column refresh_salt blob not null default x'';
-- The SHA-256 of the last sixteen secrets, the current one first; empty: the session has no refresh token.
alter table sessions add column refresh_digests blob not null default x'';
-- Which of the last rotations had to be answered again: a bit each, the last one's first.
alter table sessions add column graces integer not null default 0;
-- Until when the current refresh token can be used.
alter table sessions add column idle_expire_time text not null default '1970-01-01T00:00:00+00:00';
-- When neither the refresh token nor the last access token is good any more.
alter table sessions add column over_time text not null default '1970-01-01T00:00:00+00:00';

update sessions set idle_expire_time = expire_time, over_time = expire_time;

create index sessions_by_over_time on sessions (over_time);
