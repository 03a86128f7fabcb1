//! Hostile HTTP/2 frames for a few seconds, without checks of times.

use bench::Failure;
use bench::drill::field::http2::Http2Attack;
use bench::drill::field::{Row, Scale};
use bench::services::beside;

use super::turn::turn;

/// The most memory that a short attack may cost in MiB, with a margin for the growth of a new process.
const MEMORY: f64 = 64.0;

#[tokio::test(flavor = "multi_thread")]
async fn hostile_frames_stop_no_good_caller() -> Result<(), Failure> {
    let _turn = turn().await;
    for attack in [Http2Attack::StreamFlood, Http2Attack::Ping, Http2Attack::ZipBomb] {
        let (row, _) = attack.run(&beside()?, Scale::short()).await?;
        let Row { name, attacked, ended, .. } = &row;
        assert_eq!(*ended, None, "{name}");
        assert_eq!((attacked.errors, &attacked.first), (0, &None), "{name}: of {} calls", attacked.calls);
        assert!(attacked.calls > 0 && row.more() < MEMORY, "{name}: {:.1} MiB more", row.more());
    }
    Ok(())
}
