-- The era of the log, 32 bits: each token's id ends in the one that it was issued in, and tokens of another one are dead. 0: none,
-- as in logs of earlier versions, whose tokens' ids end in any bits.
alter table log_head add column era integer not null default 0;
-- The era before, whose tokens are good if they say that they were issued until this time; the epoch: none of them is.
alter table log_head add column era_before integer not null default 0;
alter table log_head add column era_before_until text not null default '1970-01-01T00:00:00+00:00';

drop view current_log_head;
create view current_log_head as select id, log_id, revision, horizon, era, era_before, era_before_until from log_head;
