//! The Python client compresses its requests and gets compressed answers: the bytes between client and server are counted.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::{JoinSet, spawn_blocking};

use super::support::{Outcome, Pair, folder, tool};

const STORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/python/story.py");

/// Length of the long post in the client's story.
const CONTENT_BYTES: u64 = 130_000;

/// A relay that counts the bytes of both directions.
struct CountingRelay {
    address: String,
    links: Arc<Mutex<JoinSet<()>>>,
    sent: Arc<AtomicU64>,
    received: Arc<AtomicU64>,
    _accepting: JoinSet<()>,
}

impl CountingRelay {
    /// Starts a relay to this address.
    async fn start(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (links, mut accepting) = (Arc::<Mutex<JoinSet<()>>>::default(), JoinSet::new());
        let [sent, received] = [0; 2].map(|_| Arc::<AtomicU64>::default());
        let (shared, up, down) = (Arc::clone(&links), Arc::clone(&sent), Arc::clone(&received));
        accepting.spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let (target, up, down) = (target.clone(), Arc::clone(&up), Arc::clone(&down));
                shared.lock().await.spawn(async move {
                    let mut server = TcpStream::connect(target).await.unwrap();
                    let (to_server, to_client) = copy_bidirectional(&mut client, &mut server).await.unwrap();
                    up.fetch_add(to_server, Relaxed);
                    down.fetch_add(to_client, Relaxed);
                });
            }
        });
        Self { address, links, sent, received, _accepting: accepting }
    }

    /// Waits for the end of all connections. Returns the bytes to the server and to the client.
    async fn counts(self) -> [u64; 2] {
        let mut links = self.links.lock().await;
        while let Some(ended) = links.join_next().await {
            ended.unwrap();
        }
        [&self.sent, &self.received].map(|count| count.load(Relaxed))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn python_sends_and_reads_gzip() -> Outcome {
    let folder = folder();
    let pair = Pair::start(folder.path(), &[]);
    for is_compressed in [true, false] {
        let relay = CountingRelay::start(pair.blog.clone()).await;
        let mut story = Command::new(tool("GATEPOST_PYTHON", "python3"));
        story.arg(STORY).args(is_compressed.then_some("--gzip")).args([&pair.auth, &relay.address]);
        let output = spawn_blocking(move || story.output()).await??;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let [sent, received] = relay.counts().await;
        // The library always accepts compressed answers.
        assert!(received < CONTENT_BYTES, "{received} bytes of answers");
        assert_eq!(sent < CONTENT_BYTES, is_compressed, "{sent} bytes of requests");
    }
    pair.stop();
    Ok(())
}
