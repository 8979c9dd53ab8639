//! Every segment of the plays' own connections, by a packet socket: what the wire shows, whatever either end says.

use std::{
    collections::HashMap,
    io::{ErrorKind, Read as _},
    net::SocketAddr,
    os::fd::AsRawFd as _,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use super::{conversation::Conversation, segment::Segment};

/// For emptying the queue at the end.
const AT_MOST: Duration = Duration::from_secs(5);
/// Headers, with any options.
const KEPT_BYTES: u32 = 128;
const QUEUE_BYTES: usize = 64 << 20;
/// Until what was sent has been taken out of the queue.
const LINGER: Duration = Duration::from_millis(200);
/// include/uapi/linux/if_packet.h
const PACKET_STATISTICS: libc::c_int = 6;
/// cBPF's `return constant` (include/uapi/linux/bpf_common.h): keep this much of each packet.
const RETURN: u16 = 0x06;

/// The connections to capture, by the client's address.
#[derive(Debug, Clone, Default)]
pub(super) struct Watched(Arc<Mutex<HashMap<SocketAddr, Conversation>>>);

impl Watched {
    /// To be called before the client connects.
    pub(super) fn add(&self, client: SocketAddr) {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watched.insert(client, Conversation::new(client));
    }

    /// What was captured of a connection, which is forgotten.
    pub(super) fn take(&self, client: SocketAddr) -> Option<Conversation> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&client)
    }

    fn note(&self, segment: Segment) {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for end in [segment.from, segment.to] {
            if let Some(conversation) = watched.get_mut(&end) {
                conversation.push(segment);
                return;
            }
        }
    }
}

/// A running capture of one network namespace.
#[derive(Debug)]
pub(super) struct Capture {
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<Result<u64>>,
}

impl Capture {
    /// Starts it on a thread that `enter` moves to where it has to look.
    pub(super) fn start(
        watched: Watched,
        enter: impl FnOnce() -> Result<()> + Send + 'static,
    ) -> Result<Self> {
        let stop = Arc::<AtomicBool>::default();
        let (ready, is_ready) = mpsc::channel();
        let thread = thread::Builder::new().name("capture".to_owned()).spawn({
            let stop = Arc::clone(&stop);
            move || {
                let socket = enter().and_then(|()| open());
                let opened = socket.as_ref().map(|_| ()).map_err(|error| anyhow!("{error:#}"));
                // The starter waits for it.
                let _sent = ready.send(opened);
                follow(&socket?, &watched, &stop)
            }
        })?;
        is_ready.recv().context("start a capture")??;
        Ok(Self { stop, thread })
    }

    /// Ends it; returns how many packets the kernel had to leave out.
    pub(super) fn finish(self) -> Result<u64> {
        thread::sleep(LINGER);
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_panic| anyhow!("the capture panicked"))?
    }
}

fn open() -> Result<Socket> {
    let all = i32::from((libc::ETH_P_ALL as u16).to_be());
    let socket = Socket::new(Domain::PACKET, Type::DGRAM, Some(Protocol::from(all)))
        .context("open a packet socket (needs root)")?;
    rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, QUEUE_BYTES)
        .context("enlarge a packet socket's queue")?;
    socket.attach_filter(&[SockFilter::new(RETURN, 0, 0, KEPT_BYTES)]).context("cut packets short")?;
    socket.set_read_timeout(Some(LINGER / 2)).context("set a read time-out")?;
    Ok(socket)
}

fn follow(mut socket: &Socket, watched: &Watched, stop: &AtomicBool) -> Result<u64> {
    let mut packet = [0; KEPT_BYTES as usize];
    let mut stopped = None;
    loop {
        if stop.load(Ordering::Relaxed) && stopped.get_or_insert_with(Instant::now).elapsed() > AT_MOST {
            // Somebody else's packets never end.
            return dropped(socket);
        }
        match socket.read(&mut packet) {
            Ok(size) => {
                if let Some(segment) = Segment::parse(&packet[..size]) {
                    watched.note(segment);
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                if stop.load(Ordering::Relaxed) {
                    return dropped(socket);
                }
            }
            // A device that went down.
            Err(error) if error.raw_os_error() == Some(libc::ENETDOWN) => {}
            Err(error) => return Err(error).context("read captured packets"),
        }
    }
}

fn dropped(socket: &Socket) -> Result<u64> {
    let mut stats = libc::tpacket_stats { tp_packets: 0, tp_drops: 0 };
    let mut size = size_of::<libc::tpacket_stats>() as libc::socklen_t;
    // SAFETY: the option fills in a tpacket_stats of the size given; both outlive the call.
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            PACKET_STATISTICS,
            (&raw mut stats).cast(),
            &raw mut size,
        )
    };
    if outcome < 0 {
        return Err(std::io::Error::last_os_error()).context("read the capture's counters");
    }
    Ok(u64::from(stats.tp_drops))
}
