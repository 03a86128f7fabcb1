//! A log of a million revocations on a database that is 10 ms away. The drill measures the time of a start, and of the
//! outage after a loss.

use std::path::Path;
use std::time::Duration;

use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::{LoginRequest, TokenState, VerifyTokenRequest};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use testkit::postgres::PostgresServer;
use testkit::proxy::Proxy;
use tokio::time::{Instant, sleep};
use tonic::transport::Channel;

use crate::Failure;
use crate::drill::{ADMIN_EMAIL, Broken, DRILL_PASSWORD, DRILL_SETTINGS, Report};
use crate::fill::{self, FilledDatabase};
use crate::services::Services;

/// The time to the database, each way.
const ONE_WAY_DELAY: Duration = Duration::from_millis(5);

/// The longest time for a start, and for the outage.
const MAX_RECOVERY_TIME: Duration = Duration::from_secs(5);

/// The pause between two requests during the outage.
const REQUEST_PAUSE: Duration = Duration::from_millis(5);

/// Runs the scenario on a server of its own, with this many revocations.
///
/// # Errors
/// Fails if there is no PostgreSQL, or the services do not start.
pub(super) async fn run(program: &Path, revocations: usize) -> Result<Report, Failure> {
    let server = PostgresServer::start().await?;
    let proxy = Proxy::to_socket(server.socket());
    let databases = [name(&server).await?, name(&server).await?];
    let [auth, blog] = databases.each_ref().map(|name| server.url_at(proxy.address(), name));
    let folder = tempfile::tempdir()?;
    Services::on_postgres(program, folder.path(), [&auth, &blog], |command| command.envs(DRILL_SETTINGS))
        .await?
        .stop()?;
    let direct = server.url(&databases[0]);
    let database = FilledDatabase::Postgres(direct.clone());
    database.run(&fill::revocations(database.dialect(), u64::try_from(revocations)?)).await?;
    let mut report = Report::default();
    for each_way in [Duration::ZERO, ONE_WAY_DELAY] {
        proxy.latency(each_way);
        let services =
            Services::on_postgres(program, folder.path(), [&auth, &blog], |command| command.envs(DRILL_SETTINGS))
                .await?;
        let outage = outage(&services.auth, &direct).await?;
        report.lines.push(format!(
            "{revocations} revocations, {} ms to the database and back: a start takes {} ms, an outage after a loss {} ms",
            each_way.as_millis() * 2,
            services.start.as_millis(),
            outage.as_millis()
        ));
        for (what, took) in [("a start", services.start), ("an outage after a loss", outage)] {
            if took > MAX_RECOVERY_TIME {
                report.broken.push(Broken::new("a long log is read within 5 s", format!("{what}: {took:?}")));
            }
        }
        services.stop()?;
    }
    Ok(report)
}

/// Replaces the log's last row, as a failover to an older copy does.
const LOSE_LAST_ROW_SQL: &str = "update revocations set mark = decode(md5(random()::text), 'hex') \
     where revision = (select revision from log_head)";

/// Loses a row, and waits until the loss is noticed. Returns the time from that moment until a new token is good.
async fn outage(auth: &Channel, database: &str) -> Result<Duration, Failure> {
    let token = login(auth).await?;
    run_sql(database, LOSE_LAST_ROW_SQL).await?;
    let mut noticed = None;
    let give_up = Instant::now() + Duration::from_mins(1);
    while Instant::now() < give_up {
        let is_good = state(auth, &token).await.is_some_and(|state| state == TokenState::Active);
        if !is_good {
            noticed.get_or_insert(Instant::now());
        }
        if let Some(noticed) = noticed
            && let Ok(token) = login(auth).await
            && state(auth, &token).await == Some(TokenState::Active)
        {
            return Ok(noticed.elapsed());
        }
        sleep(REQUEST_PAUSE).await;
    }
    Err("the outage has not ended within a minute".into())
}

async fn login(auth: &Channel) -> Result<String, Failure> {
    let login = LoginRequest { email: ADMIN_EMAIL.into(), password: DRILL_PASSWORD.into(), ..LoginRequest::default() };
    let answer = AuthServiceClient::new(auth.clone()).login(login).await?.into_inner();
    Ok(answer.tokens.ok_or("no tokens")?.access_token)
}

/// Returns the state of the token; `None` while the service cannot say.
async fn state(auth: &Channel, token: &str) -> Option<TokenState> {
    let request = VerifyTokenRequest { token: token.to_owned() };
    let answer = TokenServiceClient::new(auth.clone()).verify_token(request).await.ok()?;
    Some(answer.into_inner().state())
}

async fn name(server: &PostgresServer) -> Result<String, Failure> {
    let url = server.create_database().await?;
    let name = url.split('?').next().and_then(|before| before.rsplit('/').next());
    Ok(name.ok_or("a URL without a database")?.to_owned())
}

async fn run_sql(url: &str, sql: &str) -> Result<(), Failure> {
    let mut connection = PgConnection::connect(url).await?;
    connection.execute(AssertSqlSafe(sql.to_owned())).await?;
    Ok(connection.close().await?)
}
