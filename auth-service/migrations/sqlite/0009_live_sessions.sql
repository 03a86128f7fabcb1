-- A user's live sessions, so that they are found without a look at those that have ended, however many these are: alone
-- (`end_time`), or with all of an older generation.
create index if not exists sessions_live_by_user on sessions (user_id, end_time, generation);
