//! A way to a server that can be cut.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::Server;

/// Passes on what is said on a socket of its own.
pub(crate) struct Proxy {
    folder: tempfile::TempDir,
    open: Arc<Mutex<Vec<UnixStream>>>,
    is_closed: Arc<AtomicBool>,
    trips: Arc<AtomicUsize>,
    /// Whether those who pass now are heard no more.
    is_silent: Arc<Mutex<Arc<AtomicBool>>>,
}

impl Proxy {
    pub(crate) fn start(server: &Server) -> Self {
        Self::far_away(server, Duration::ZERO)
    }

    /// The same where every word takes this long, there and back.
    pub(crate) fn far_away(server: &Server, delay: Duration) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("tc-px-")
            .tempdir_in("/tmp")
            .expect("a folder");
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).expect("a socket");
        let target = server.socket_dir().join(".s.PGSQL.5432");
        let open = Arc::<Mutex<Vec<UnixStream>>>::default();
        let known = Arc::clone(&open);
        let is_closed = Arc::<AtomicBool>::default();
        let closed = Arc::clone(&is_closed);
        let trips = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&trips);
        let is_silent = Arc::<Mutex<Arc<AtomicBool>>>::default();
        let silent = Arc::clone(&is_silent);
        // Ends with the process of the tests.
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if closed.load(Ordering::SeqCst) {
                    continue;
                }
                let silent = Arc::clone(&silent.lock().expect("no panic"));
                connect(client, &target, &known, delay, &counted, silent).ok();
            }
        });
        Self {
            folder,
            open,
            is_closed,
            trips,
            is_silent,
        }
    }

    /// Swallows what those say who have passed, and what is said to them, as a firewall does that has forgotten them. New
    /// ones pass.
    pub(crate) fn fall_silent(&self) {
        let now = std::mem::take(&mut *self.is_silent.lock().expect("no panic"));
        now.store(true, Ordering::SeqCst);
    }

    /// How often somebody has spoken after the server had: the round trips until now.
    pub(crate) fn trips(&self) -> usize {
        self.trips.load(Ordering::SeqCst)
    }

    /// The URL of a database by this way.
    pub(crate) fn url(&self, database: &str) -> String {
        let host = self.folder.path().display();
        format!("postgresql://tenantctl@/{database}?host={host}")
    }

    /// Lets nobody pass any more. Those who have passed stay.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
    }

    /// Cuts every connection there is. New ones pass.
    pub(crate) fn cut(&self) {
        for stream in self.open.lock().expect("no panic").drain(..) {
            stream.shutdown(Shutdown::Both).ok();
        }
    }
}

fn connect(
    client: UnixStream,
    target: &PathBuf,
    open: &Mutex<Vec<UnixStream>>,
    delay: Duration,
    trips: &Arc<AtomicUsize>,
    is_silent: Arc<AtomicBool>,
) -> io::Result<()> {
    let server = UnixStream::connect(target)?;
    let mut known = open.lock().expect("no panic");
    known.extend([client.try_clone()?, server.try_clone()?]);
    let (from_client, from_server) = (client.try_clone()?, server.try_clone()?);
    let server_has_spoken = Arc::<AtomicBool>::default();
    let (has_spoken, trips) = (Arc::clone(&server_has_spoken), Arc::clone(trips));
    let silent = Arc::clone(&is_silent);
    let asks = move || {
        if has_spoken.swap(false, Ordering::SeqCst) {
            trips.fetch_add(1, Ordering::SeqCst);
        }
        !silent.load(Ordering::SeqCst)
    };
    let answers = move || {
        server_has_spoken.store(true, Ordering::SeqCst);
        !is_silent.load(Ordering::SeqCst)
    };
    std::thread::spawn(move || pass(from_client, server, delay, asks));
    std::thread::spawn(move || pass(from_server, client, delay, answers));
    Ok(())
}

fn pass(mut from: UnixStream, mut to: UnixStream, delay: Duration, is_heard: impl Fn() -> bool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if !is_heard() {
            continue;
        }
        std::thread::sleep(delay);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    from.shutdown(Shutdown::Both).ok();
    to.shutdown(Shutdown::Both).ok();
}
