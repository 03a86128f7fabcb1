-- Sets that may grow, without a list of their values: a check would refuse a later version's row. The code reads them.
-- A check goes with its table only, so each of these small tables is made anew.
drop view current_log_head;

create table log_head_of_any_kind (
    id integer primary key not null check (id = 1),
    -- Another one after a restore, so that nobody takes this log for the one that it knew.
    log_id blob not null,
    revision integer not null,
    -- Random: tells this row from another of the same revision in a history that has been lost.
    mark blob not null,
    kind text not null,
    -- An id: of a session, a user or a key.
    subject text not null,
    -- Tokens of a user's older generations are dead; 0 for other kinds.
    generation integer not null,
    log_time text not null,
    -- Tokens that were issued until then are dead, whatever else is known of them.
    horizon text not null,
    -- The eras: see migration 10.
    era integer not null default 0,
    era_before integer not null default 0,
    era_before_until text not null default '1970-01-01T00:00:00+00:00'
) strict;

insert into log_head_of_any_kind (id, log_id, revision, mark, kind, subject, generation, log_time, horizon, era, era_before,
    era_before_until)
select id, log_id, revision, mark, kind, subject, generation, log_time, horizon, era, era_before, era_before_until
from log_head;

drop table log_head;
alter table log_head_of_any_kind rename to log_head;

create trigger log_head_is_written after update of revision on log_head begin
    insert into revocations (revision, mark, kind, subject, generation, log_time)
    values (new.revision, new.mark, new.kind, new.subject, new.generation, new.log_time);
end;

create view current_log_head as select id, log_id, revision, horizon, era, era_before, era_before_until from log_head;

create table allowances_of_any_kind (
    kind text not null,
    network text not null,
    full_time text not null,
    primary key (kind, network)
) strict, without rowid;

insert into allowances_of_any_kind (kind, network, full_time) select kind, network, full_time from allowances;
drop table allowances;
alter table allowances_of_any_kind rename to allowances;
create index allowances_by_time on allowances (full_time);

create table signing_keys_of_any_algorithm (
    -- One key follows another: of two replicas that make the next one, the first gets the number.
    number integer primary key not null,
    -- The `kid` of its tokens.
    id text not null unique,
    algorithm text not null,
    public_jwk text not null,
    -- The private key, sealed; null where it lies in a file beside the database, and once the key signs no more.
    sealed blob,
    create_time text not null,
    -- From when on it signs. Until then it is listed, so that everybody knows it before its first token.
    sign_time text not null,
    -- From when on the next one signs in its place.
    retire_time text,
    -- From when on all its tokens are dead.
    verify_until text,
    check ((retire_time is null) = (verify_until is null))
) strict;

insert into signing_keys_of_any_algorithm (number, id, algorithm, public_jwk, sealed, create_time, sign_time, retire_time,
    verify_until)
select number, id, algorithm, public_jwk, sealed, create_time, sign_time, retire_time, verify_until from signing_keys;
drop table signing_keys;
alter table signing_keys_of_any_algorithm rename to signing_keys;
