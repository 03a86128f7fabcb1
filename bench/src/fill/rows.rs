//! Statements that insert rows. Each row depends on its number alone, so a caller can name every key.

use blog_service::domain::Rendering;

use super::SqlDialect;

/// Period of the users' kinds. Of so many users in a row, the last has the role `editor`, and the first is disabled.
pub const USER_PERIOD: u64 = 10;

/// Number of the user with many ended sessions.
pub const MANY_SESSIONS_USER: u64 = 2;

/// Largest number of ended sessions, and of live sessions of other users.
pub const SESSION_LIMIT: u64 = 500_000;

/// Number of live sessions of the user with many ended ones.
const LIVE_SESSIONS_OF_USER: u64 = 20;

/// Lifetimes of sessions from now on, in seconds: none is swept while it is measured.
const LIVE_SECONDS: i64 = 7 * 86_400;

/// Seconds since an ended session was over.
const OVER_SECONDS: i64 = 3_600;

/// Tag of a tenth of the posts.
pub const POST_TAG: &str = "gate";

/// One of this many posts has the tag.
const TAG_PERIOD: u64 = 10;

/// A text of about 120 bytes, the content of a post after its first words.
const POST_TEXT: &str = "The gate stood open until the keeper came back with the key, and then each of the three \
     travelers had to say a name.";

const SESSION_COLUMNS: &str = "id, user_id, generation, create_time, expire_time, end_time, peer, user_agent, network, \
     refresh_digests, idle_expire_time, over_time";

/// Returns the email of the user with this number.
pub fn user_email(number: u64) -> String {
    format!("user{number}@example.com")
}

/// Returns true if the user with this number may log in.
pub fn is_active_user(number: u64) -> bool {
    number % USER_PERIOD != 1
}

/// Returns the statements that add this many users. They have the password of the user with the email `model`.
pub fn users(dialect: SqlDialect, count: u64, model: &str) -> Vec<String> {
    let (id, time) = (dialect.id("n"), dialect.row_time("n"));
    let users = format!(
        "{}insert into users (id, name, email, email_key, password_hash, roles, state, generation, sessions_since, \
         revision, create_time, update_time) \
         select {id}, 'User ' || n, 'user' || n || '@example.com', 'user' || n || '@example.com', \
         (select password_hash from users where email_key = '{model}'), \
         case when n % {USER_PERIOD} = 0 then 'editor' else '' end, \
         case when n % {USER_PERIOD} = 1 then 'disabled' else 'active' end, 1, 1, 1, {time}, {time} from numbers",
        dialect.numbers(1, count)
    );
    let roles = format!(
        "{}insert into user_roles (role, user_id) select 'editor', {} from numbers",
        dialect.numbers(1, count / USER_PERIOD),
        dialect.id(&format!("(n * {USER_PERIOD})"))
    );
    vec![users, roles]
}

/// Returns the statements that add sessions for this many users. Half as many ended sessions belong to
/// [`MANY_SESSIONS_USER`], who also has 20 live ones. As many other users have one live session each. Both kinds have at
/// most [`SESSION_LIMIT`] rows.
pub fn sessions(dialect: SqlDialect, users: u64) -> Vec<String> {
    let count = (users / 2).min(SESSION_LIMIT);
    let user = dialect.id(&MANY_SESSIONS_USER.to_string());
    let ended = session_rows(dialect, &dialect.numbers(1, count), &user, SessionEnd::Ended);
    let others = dialect.numbers(count + 1, count * 2);
    let others = session_rows(dialect, &others, &dialect.id(&format!("(n - {count})")), SessionEnd::Live);
    let live = dialect.numbers(count * 2 + 1, count * 2 + LIVE_SESSIONS_OF_USER);
    vec![ended, others, session_rows(dialect, &live, &user, SessionEnd::Live)]
}

/// Returns the statement that adds this many sessions whose tokens have expired: a sweep deletes them. They belong to the
/// first users.
pub fn over_sessions(dialect: SqlDialect, count: u64, users: u64) -> String {
    let owner = dialect.id(&format!("(n % {users} + 1)"));
    session_rows(dialect, &dialect.numbers(1, count), &owner, SessionEnd::Over)
}

/// State of inserted sessions.
#[derive(Clone, Copy)]
enum SessionEnd {
    Live,
    Ended,
    Over,
}

fn session_rows(dialect: SqlDialect, numbers: &str, user: &str, end: SessionEnd) -> String {
    let (id, begun) = (dialect.id("n"), dialect.row_time("n"));
    let over = dialect.from_now(if matches!(end, SessionEnd::Over) { -OVER_SECONDS } else { LIVE_SECONDS });
    let end = if matches!(end, SessionEnd::Ended) { dialect.from_now(-OVER_SECONDS) } else { "null".to_owned() };
    // 250 x 250 networks: as many as the services keep apart for that many users.
    let peer = "'198.' || (n / 62500 % 250) || '.' || (n / 250 % 250) || '.' || (n % 250)";
    format!(
        "{numbers}insert into sessions ({SESSION_COLUMNS}) \
         select {id}, {user}, 1, {begun}, {over}, {end}, {peer}, 'grpc-client/1.0', {peer}, {}, {over}, {over} from numbers",
        dialect.random_bytes()
    )
}

/// Returns the statements that add this many sessions, and half as many users, to the first version of the tables.
pub fn old_sessions(dialect: SqlDialect, count: u64) -> Vec<String> {
    let time = dialect.row_time("n");
    let owners = format!(
        "{}insert into users (id, name, email, email_key, password_hash, roles, state, generation, sessions_since, \
         revision, create_time, update_time) \
         select {}, 'User', 'user' || n || '@example.com', 'user' || n || '@example.com', '-', \
         case when n % 2 = 0 then 'editor' else '' end, 'active', 1, 1, 1, {time}, {time} from numbers",
        dialect.numbers(1, count.div_ceil(2)),
        dialect.id("n")
    );
    let rows = format!(
        "{}insert into sessions (id, user_id, generation, create_time, expire_time) \
         select {}, {}, 1, {time}, {} from numbers",
        dialect.numbers(1, count),
        dialect.id("n"),
        dialect.id("((n + 1) / 2)"),
        dialect.from_now(LIVE_SECONDS)
    );
    vec![owners, rows]
}

/// Returns the statement that adds this many posts, written by the first users. Their HTML is current, so that reads render
/// nothing. A tenth of them has [`POST_TAG`].
pub fn posts(dialect: SqlDialect, count: u64, users: u64) -> String {
    let (id, time) = (dialect.id("n"), dialect.row_time("n"));
    format!(
        "{}insert into posts (id, owner_id, title, content, made_excerpt, content_html, html_version, html_revision, \
         revision, tags, create_time, update_time, publish_time) \
         select {id}, {}, 'The gate, part ' || n, 'Part ' || n || '. {POST_TEXT}', \
         'Part ' || n || '. {POST_TEXT}', '<p>Part ' || n || '. {POST_TEXT}</p>', {}, 1, 1, \
         case when n % {TAG_PERIOD} = 0 then '{POST_TAG}' else '' end, {time}, {time}, {time} from numbers",
        dialect.numbers(1, count),
        dialect.id(&format!("(n % {users} + 1)")),
        Rendering::VERSION,
    )
}

/// Returns the statements that add this many revocations of sessions that do not exist.
pub fn revocations(dialect: SqlDialect, count: u64) -> Vec<String> {
    let (bytes, id, now) = (dialect.random_bytes(), dialect.random_id_text(), dialect.from_now(0));
    let entries = format!(
        "{}insert into revocations (revision, mark, kind, subject, generation, log_time) \
         select h.revision + n, {bytes}, 'session', {id}, 0, {now} from numbers, log_head h",
        dialect.numbers(1, count.saturating_sub(1))
    );
    // The trigger writes the last entry.
    let last = format!(
        "update log_head set mark = {bytes}, kind = 'session', subject = {id}, log_time = {now}, \
         revision = revision + {count}"
    );
    vec![entries, last]
}
