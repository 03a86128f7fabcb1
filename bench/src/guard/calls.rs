//! A guarded call with a known token, compared with the same call without a guard.

use bench::Failure;
use bench::drill::revocation::{RevocationRig, register};
use bench::guarded::{once, serve};
use gatepost::Rule;

use super::rows::Rows;
use bench::load::{ComparedFigures, compare, health, health_as};

pub(super) async fn run(rows: &mut Rows, rig: &RevocationRig) -> Result<(), Failure> {
    let session = register(&rig.auth.channel().await?, "caller@example.com").await?;
    let (open, guarded) = (rig.follower()?, rig.follower()?);
    once(&guarded, &session.token).await?;
    let open = serve(Rule::Public, open).await?;
    let guarded = serve(Rule::Authenticated, guarded).await?;
    let (open, guarded) = (open.channel().await?, guarded.channel().await?);
    let ComparedFigures { one: public, other: guarded_figures } =
        compare(health_as(&open, &session.token), health_as(&guarded, &session.token)).await?;
    rows.row("guarded / public, calls a second", &format!("{:.2}", guarded_figures.rate / public.rate), ">= 0.95");
    rows.row("guarded / public, p99", &format!("{:.2}", guarded_figures.p99 / public.p99), "<= 1.1");
    rows.line(format!(
        "  {:.0} and {:.0} calls/s, p99 {:.2} and {:.2} ms, a token of {} bytes in each",
        guarded_figures.rate,
        public.rate,
        guarded_figures.p99,
        public.p99,
        session.token.expose().len(),
    ));
    let ComparedFigures { one: bare, other: guarded } =
        compare(health(&open), health_as(&guarded, &session.token)).await?;
    rows.row("guarded / public without a token, calls a second", &format!("{:.2}", guarded.rate / bare.rate), "");
    Ok(())
}
