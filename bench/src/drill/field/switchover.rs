//! Switchover: a primary and its standby switch roles under reads and writes of both services.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use testkit::postgres::PostgresServer;
use testkit::proxy::Proxy;
use tokio::time::{Instant, sleep, timeout};
use tonic::Code;

use super::balancer::{Balancer, is_primary};
use crate::Failure;
use crate::drill::outage::{check, outages_of};
use crate::drill::postgres::database;
use crate::drill::{
    Broken, DRILL_SETTINGS, DrillCallers, DrillClient, Operation, Outage, Random, RecordedCall, Report, held,
};
use crate::services::Services;

/// The longest time until each kind of call succeeds, counted from the moment when the address leads to the primary.
const RECOVERY_TIME: Duration = Duration::from_secs(2);

/// Time limit of a round.
const ROUND_TIMEOUT: Duration = Duration::from_secs(30);

/// Pause between two checks of a state without an event.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Number of consecutive connections that must lead to the primary.
const PRIMARY_STREAK: usize = 4;

/// The one address of the services' databases.
enum DatabaseAddress {
    /// An address that moves at once. Open connections stay with the old server.
    Moved(Proxy),
    /// A balancer that finds the primary by itself.
    Balanced(Balancer),
}

impl DatabaseAddress {
    fn name(&self) -> &'static str {
        match self {
            Self::Moved(_) => "moved address",
            Self::Balanced(_) => "HAProxy",
        }
    }

    fn address(&self) -> SocketAddr {
        match self {
            Self::Moved(proxy) => proxy.address(),
            Self::Balanced(balancer) => balancer.address,
        }
    }
}

/// Switches over this many times for each kind of address.
///
/// # Errors
/// Fails if the servers or the services do not start.
pub(super) async fn run(program: &Path, rounds: usize, seed: u64) -> Result<Report, Failure> {
    let mut report = Report::default();
    for balanced in [false, true] {
        let one = Arc::new(PostgresServer::start().await?);
        let databases = [database(&one).await?, database(&one).await?];
        let two = Arc::new(one.start_standby().await?);
        let target = if balanced {
            let Some(balancer) = Balancer::start([&one, &two]).await? else {
                report.row("switchover by HAProxy", "not run: haproxy is not installed");
                continue;
            };
            DatabaseAddress::Balanced(balancer)
        } else {
            DatabaseAddress::Moved(Proxy::to_socket(one.socket()))
        };
        match Box::pin(switch(program, &target, [one, two], &databases, rounds, seed)).await {
            Ok(Report { lines, broken }) => {
                report.lines.extend(lines);
                report.broken.extend(broken);
            }
            Err(error) => {
                let found = format!("{}: {error}", target.name());
                report.broken.push(Broken::new("the services survive the switchovers", found));
            }
        }
    }
    Ok(report)
}

/// Switches over this many times under load, and reports the calls.
async fn switch(
    program: &Path,
    target: &DatabaseAddress,
    [mut primary, mut standby]: [Arc<PostgresServer>; 2],
    databases: &[String; 2],
    rounds: usize,
    seed: u64,
) -> Result<Report, Failure> {
    leads_to_primary(target, &primary).await?;
    let [auth, blog] = databases.each_ref().map(|name| primary.url_at(target.address(), name));
    let folder = tempfile::tempdir()?;
    let services =
        Services::on_postgres(program, folder.path(), [&auth, &blog], |command| command.envs(DRILL_SETTINGS)).await?;
    let client = DrillClient::register(&services, seed).await?;
    let callers = DrillCallers::mix(&client);
    let (mut random, mut outages, mut report) = (Random::new(seed), Vec::new(), Report::default());
    report.row("switchover: address, switchovers", format!("{}, {rounds}", target.name()));
    for _ in 0..rounds {
        sleep(random.millis(1_000, 2_000)).await;
        let at = change_places(&primary, &standby).await?;
        std::mem::swap(&mut primary, &mut standby);
        if let DatabaseAddress::Moved(proxy) = target {
            // For a while the address leads to the old primary, which takes no writes.
            sleep(random.millis(500, 2_000)).await;
            proxy.lead_to_socket(primary.socket());
        }
        let back = leads_to_primary(target, &primary).await?;
        let outage = Outage { fault: target.name().to_owned(), at, back };
        let back = client.history.all(&Operation::ALL, outage.back, |answer| answer.code == Code::Ok);
        let is_back = timeout(ROUND_TIMEOUT, back).await.is_ok();
        outages.push(outage);
        if !is_back {
            let found = format!("{}: not within {} s", target.name(), ROUND_TIMEOUT.as_secs());
            report.broken.push(Broken::new("every kind of call succeeds after a switchover", found));
            break;
        }
    }
    callers.stop().await?;
    add_figures(&mut report, &client.history.calls().clone(), &outages);
    match held::writes(&mut report, &client).await {
        Ok(()) => services.stop()?,
        Err(error) => report.broken.push(Broken::new("the services can be read at the end", error.to_string())),
    }
    Ok(report)
}

/// Stops the primary, promotes the standby, and makes a standby of the old primary. Returns the time of the stop.
async fn change_places(primary: &PostgresServer, standby: &PostgresServer) -> Result<Instant, Failure> {
    repeats(primary).await?;
    let at = Instant::now();
    // A server that stops cleanly has sent all acknowledged commits.
    primary.stop_fast().await?;
    standby.promote().await?;
    primary.stand_by(standby)?;
    primary.start_again().await?;
    Ok(at)
}

/// Adds the figures of the callers.
fn add_figures(report: &mut Report, calls: &[RecordedCall], outages: &[Outage]) {
    check(report, calls, outages, &Operation::ALL, RECOVERY_TIME);
    let worst = outages_of(calls);
    for (kind, writes) in [("reads", false), ("writes", true)] {
        let worst = worst.by_kind().filter(|(operation, _)| operation.writes() == writes).map(|(_, worst)| worst).max();
        let worst = worst.unwrap_or_default().as_millis();
        report.row(&format!("switchover: worst outage of a client, {kind}"), format!("{worst} ms"));
    }
    let down = outages.iter().map(|outage| outage.back - outage.at).collect();
    report.times("switchover: part of it until the address leads to the new primary", down);
}

/// Waits until the address leads to the primary, and returns the time of the first such connection.
async fn leads_to_primary(target: &DatabaseAddress, primary: &PostgresServer) -> Result<Instant, Failure> {
    let DatabaseAddress::Balanced(_) = target else { return Ok(Instant::now()) };
    let url = primary.url_at(target.address(), "postgres");
    let leads = async {
        loop {
            let (mut since, mut streak) = (Instant::now(), 0);
            // A balancer that has not checked its servers yet forwards to them in turns.
            while is_primary(&url).await {
                streak += 1;
                if streak == 1 {
                    since = Instant::now();
                } else if streak == PRIMARY_STREAK {
                    return since;
                }
            }
            sleep(POLL_INTERVAL).await;
        }
    };
    Ok(timeout(ROUND_TIMEOUT, leads).await.map_err(|_| "the balancer does not lead to the primary")?)
}

/// Waits until the standby replicates the primary.
async fn repeats(primary: &PostgresServer) -> Result<(), Failure> {
    const STREAMING_STANDBYS_SQL: &str = "select count(*) from pg_stat_replication where state = 'streaming'";
    let mut connection = PgConnection::connect(&primary.url("postgres")).await?;
    let streams = async {
        while sqlx::query_scalar::<_, i64>(STREAMING_STANDBYS_SQL).fetch_one(&mut connection).await? == 0 {
            sleep(POLL_INTERVAL).await;
        }
        Ok::<_, sqlx::Error>(())
    };
    timeout(ROUND_TIMEOUT, streams).await.map_err(|_| "the standby does not follow")??;
    Ok(connection.close().await?)
}
