//! Triggers in a PostgreSQL that count a start's statements and hold it up at each one that creates or fills a table.

use super::outsider::Outsider;

/// The text of a held-up step.
pub(super) const HELD: &str = "the drill holds this statement";

/// Counts each statement in a sequence, which no rollback resets, and holds up the one with the number in `drill.held`.
/// Each table gets a trigger for its writes, also the table of the migrator.
const DRILL: &str = "
create schema drill;
create sequence drill.steps;
create sequence drill.tables;
create table drill.held (step bigint not null);
create table drill.made (name text not null);
create function drill.step() returns void language plpgsql as $$ begin
    if nextval('drill.steps') = (select step from drill.held) then
        raise warning 'the drill holds this statement';
        -- Only the end of its client ends it.
        perform set_config('lock_timeout', '0', true);
        perform pg_advisory_xact_lock(4243);
    end if;
end $$;
create function drill.write() returns trigger language plpgsql as $$ begin
    perform drill.step();
    return null;
end $$;
create function drill.watch(name text) returns void language plpgsql as $$ begin
    execute format('create trigger drill before insert or update on %s for each statement execute function drill.write()', name);
end $$;
create function drill.ddl() returns event_trigger language plpgsql as $$ declare one record; begin
    for one in select object_identity from pg_event_trigger_ddl_commands() where command_tag = 'CREATE TABLE' loop
        perform nextval('drill.tables');
        insert into drill.made values (one.object_identity);
        perform drill.watch(one.object_identity);
    end loop;
    perform drill.step();
end $$;
select drill.watch(format('%I.%I', schemaname, tablename)) from pg_tables where schemaname = 'public';
create event trigger drill on ddl_command_end
    when tag in ('CREATE TABLE', 'CREATE INDEX', 'ALTER TABLE', 'DROP INDEX') execute function drill.ddl();
";

/// Installs the triggers; the outsider's connection holds the lock at which a statement waits.
pub(super) async fn count(outsider: &mut Outsider) {
    outsider.run(DRILL).await;
    outsider.run("select pg_advisory_lock(4243)").await;
}

/// Marks this step to be held up.
pub(super) async fn hold(outsider: &mut Outsider, step: usize) {
    outsider.run(&format!("insert into drill.held values ({step})")).await;
}

/// Releases the held-up step.
pub(super) async fn release(outsider: &mut Outsider) {
    outsider.run("select pg_advisory_unlock(4243)").await;
}

/// Checks that each existing table was created once.
pub(super) async fn check_kept_once(outsider: &mut Outsider) {
    let twice = "select name from drill.made group by name having count(*) > 1";
    assert_eq!(outsider.texts(twice).await, [""; 0], "created twice");
}

/// Checks that each table was created once, and that no process's attempt was rolled back.
pub(super) async fn check_made_once(outsider: &mut Outsider) {
    check_kept_once(outsider).await;
    let begun = "select (case when is_called then last_value else 0 end)::text from drill.tables";
    let made = "select count(*)::text from drill.made";
    assert_eq!(
        outsider.texts(begun).await,
        outsider.texts(made).await,
        "each table is created as often as its creation was begun"
    );
}
