//! The front of the simulator: a listening socket that can really refuse connections, and open again on the same port.
//!
//! While it refuses, the port stays bound but nothing listens: the kernel answers with a reset, which is what a dead provider looks
//! like, and no other process can take the port meanwhile. It knows no HTTP.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

/// Connections that the kernel keeps waiting before it turns more away.
const BACKLOG: u32 = 1024;
/// How long to wait before the port is tried again, if it could not be opened.
const RETRY: Duration = Duration::from_millis(20);

/// How open connections part when the front shuts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parting {
    /// They are reset at once: an outage.
    Cut,
    /// They finish what they are answering: the last call before an outage was answered.
    Drain,
}

/// One port.
#[derive(Debug)]
pub(crate) struct Front {
    addr: SocketAddr,
    /// Sockets must be opened inside the runtime; faults may be switched from any thread.
    runtime: Handle,
    door: Mutex<Door>,
    changed: Notify,
    partings: watch::Sender<Option<Parting>>,
}

#[derive(Debug)]
struct Door {
    wanted_open: bool,
    socket: Socket,
}

#[derive(Debug)]
enum Socket {
    Listening(TcpListener),
    /// Bound, so that the port stays ours, but not listening. `None` if even that failed.
    Reserved(Option<TcpSocket>),
}

/// A connection, with the news of how to part.
pub(crate) type Visitor = (TcpStream, watch::Receiver<Option<Parting>>);

// === impl Front ===

impl Front {
    /// Listens. Must be called inside a runtime.
    ///
    /// # Errors
    /// What the operating system says when the address cannot be had.
    pub(crate) fn listen(addr: SocketAddr) -> io::Result<Front> {
        let listener = bind(addr)?.listen(BACKLOG)?;
        Ok(Front {
            addr: listener.local_addr()?,
            runtime: Handle::current(),
            door: Mutex::new(Door { wanted_open: true, socket: Socket::Listening(listener) }),
            changed: Notify::new(),
            partings: watch::Sender::new(None),
        })
    }

    /// Where it listens, or listened.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Refuses connections from now on; in force when this returns.
    pub(crate) fn shut(&self, parting: Parting) {
        let mut door = self.door();
        if door.wanted_open {
            door.wanted_open = false;
            self.settle(&mut door);
            self.partings.send_replace(Some(parting));
            self.changed.notify_one();
        }
    }

    /// Accepts connections from now on; in force when this returns, unless the port could not be had back at once.
    pub(crate) fn open(&self) {
        let mut door = self.door();
        if !door.wanted_open {
            door.wanted_open = true;
            self.settle(&mut door);
            self.changed.notify_one();
        }
    }

    /// The next connection.
    pub(crate) async fn accept(&self) -> Visitor {
        loop {
            let changed = self.changed.notified();
            tokio::select! {
                visitor = poll_fn(|cx| self.poll_accept(cx)) => match visitor {
                    Ok(visitor) => return visitor,
                    // Out of file descriptors, or the port could not be opened: both pass.
                    Err(_) => tokio::time::sleep(RETRY).await,
                },
                () = changed => {}
            }
        }
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Visitor>> {
        let mut door = self.door();
        if door.wanted_open && matches!(door.socket, Socket::Reserved(_)) {
            self.settle(&mut door);
        }
        match &door.socket {
            // Under the same lock as the partings, so that no connection misses its own.
            Socket::Listening(listener) => {
                listener.poll_accept(cx).map_ok(|(stream, _)| (stream, self.partings.subscribe()))
            }
            Socket::Reserved(_) if door.wanted_open => Poll::Ready(Err(io::ErrorKind::AddrInUse.into())),
            Socket::Reserved(_) => Poll::Pending,
        }
    }

    /// Brings the socket to what is wanted; leaves it reserved if that fails.
    fn settle(&self, door: &mut Door) {
        let _inside = self.runtime.enter();
        let had = std::mem::replace(&mut door.socket, Socket::Reserved(None));
        door.socket = match (had, door.wanted_open) {
            (Socket::Listening(listener), true) => Socket::Listening(listener),
            (Socket::Listening(listener), false) => {
                drop(listener);
                Socket::Reserved(bind(self.addr).ok())
            }
            (Socket::Reserved(socket), false) => Socket::Reserved(socket),
            (Socket::Reserved(socket), true) => {
                let socket = socket.map_or_else(|| bind(self.addr), Ok);
                socket.and_then(|socket| socket.listen(BACKLOG)).map_or(Socket::Reserved(None), Socket::Listening)
            }
        };
    }

    fn door(&self) -> MutexGuard<'_, Door> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bind(addr: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    Ok(socket)
}
