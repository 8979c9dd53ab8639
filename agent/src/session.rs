//! Probes and tracker together: records in, settled closes out.

use std::{
    collections::BTreeMap,
    sync::mpsc::Receiver,
    thread,
    time::{Duration, Instant},
};

use whohungup_ebpf::{
    decode::decode,
    event::{FormerListener, Transition},
};

use crate::{
    clock::{monotonic_ns, tick_seconds, wall_ahead_ns},
    container::{HostRoot, sees_host_pids},
    degraded::{Reason, StartupWarning},
    owners::Owners,
    peak::Peak,
    privileges::{Privileges, give_up_after},
    proc_access,
    refusals::Refusals,
    workloads::{KubernetesHealth, KubernetesOptions, NameSources, Resolver},
};
use whohungup_bpf::{
    CounterTotals, DEFAULT_RING_BYTES, Events, Found, LoadOptions, ProbeError, Probes, SocketDump, Tier,
    one_line, scan,
};
use whohungup_core::{
    close::{ClosedConnection, EvidenceDetail, LateRequests, Options},
    connection::{Limits, ListenerEnded, Progressed, Stopping, Tracker, Unreachable},
    identity::Ends,
};

mod coverage;

pub use coverage::share_read;

/// How often the ring is emptied; it holds far more than comes in between.
pub const POLL_INTERVAL: Duration = Duration::from_millis(25);
/// After lost records the table is compared with the sockets that exist, this often at most.
const RECONCILE_INTERVAL: Duration = Duration::from_secs(10);
/// The age of a long-lived connection, where nothing else is said.
const LONG_LIVED: Duration = Duration::from_mins(10);
/// Without a known loss it is compared this often: a kernel may leave out a program's run and not say so.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);
/// The two clock readings that tell the length of a tick lie this far apart.
const CALIBRATION: Duration = Duration::from_millis(100);
/// BPF_RINGBUF_HDR_SZ, include/uapi/linux/bpf.h.
const RING_HEADER: u64 = 8;
/// See [`Session::scan_for_retries`].
const RETRY_SCAN_SHARE: u32 = 20;
/// Records taken in before the clock is looked at again.
const BATCH: usize = 4096;
/// When records come faster than they are taken in, a turn ends after this all the same: whoever asks is to be answered.
const LONGEST_TURN: Duration = Duration::from_millis(250);
/// Bytes of the smallest record in the ring, at least.
const LEAST_RECORD: u32 = 32;

#[derive(Clone, Debug)]
pub struct SessionOptions {
    pub load: LoadOptions,
    pub limits: Limits,
    pub judge: Options,
    pub workload_names: NameSources,
    /// Of use with [`NameSources::Api`] alone.
    pub kubernetes: Option<KubernetesOptions>,
    pub host_root: HostRoot,
    /// From which age on a connection counts in the keepalive audit.
    pub long_lived: Duration,
    pub privileges: Privileges,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            load: LoadOptions { tier: Tier::Http, ring_bytes: DEFAULT_RING_BYTES, openssl: false },
            limits: Limits::default(),
            judge: Options::default(),
            workload_names: NameSources::Files,
            kubernetes: None,
            host_root: HostRoot::find(None),
            long_lived: LONG_LIVED,
            privileges: Privileges::Kept,
        }
    }
}

/// What a session hands over, in the order in which it happened.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "moved once, from the tracker to who takes it")]
pub enum Record {
    /// A connection ended, and its verdict is settled.
    Close(ClosedConnection),
    /// Requests that were counted on an open connection.
    Requests(Progressed),
    /// A process got a signal that ends processes, or stopped listening.
    Stopping(Stopping),
    /// So many connects were refused in all since the listener ended there.
    Refused(FormerListener, u64),
}

/// A running observation of the whole host.
#[derive(Debug)]
pub struct Session {
    probes: Probes,
    events: Events,
    /// OpenSSL libraries in use, when they are followed.
    libraries: Option<Receiver<Found>>,
    tracker: Tracker,
    resolver: Resolver,
    malformed: u64,
    ring_peak: Peak,
    /// Time between two calls of [`Self::poll`], ns.
    poll_interval: Peak,
    polled_ns: u64,
    /// The newest turn ended before everything was taken in.
    is_behind: bool,
    /// Records that fit into the ring.
    most_in_ring: usize,
    /// Whether the newest comparison with the sockets that exist failed.
    reconcile_failed: bool,
    reconciled_at_lost: u64,
    looked_for_losses: Instant,
    reconciled: Instant,
    refusals: Refusals,
    /// Of each port's connections so many of 256 buckets are not read.
    left_out: BTreeMap<u16, u8>,
    is_paused: bool,
    /// What the newest walk over the sockets found, until it is taken.
    walked: Option<SocketDump>,
    /// Not before this are sockets asked again for requests that were sent again.
    next_retry_scan: Instant,
    /// What could not be had at the start; empty when all is well.
    warnings: Vec<StartupWarning>,
}

impl Session {
    /// Loads and attaches the probes, then adopts the sockets that exist.
    ///
    /// # Errors
    /// When the kernel or the privileges do not allow it.
    pub fn start(options: SessionOptions) -> Result<Self, ProbeError> {
        let mut probes = Probes::load(options.load)?;
        let events = probes.take_events()?;
        let before = probes.dump_sockets()?.clock;
        // Before the probes are attached: reading /proc takes long, and the ring would fill meanwhile.
        let (began, mut owners) = (Instant::now(), Owners::read());
        thread::sleep(CALIBRATION.saturating_sub(began.elapsed()));
        probes.attach()?;
        let dump = match options.privileges {
            Privileges::Kept => probes.dump_sockets()?,
            // Of what is done later a walk over the sockets asks for most.
            Privileges::Dropped => give_up_after(options.load.openssl, || probes.dump_sockets())?,
        };
        let readings = before.zip(dump.clock).and_then(|(a, b)| {
            tick_seconds((a.header.ktime_ns, a.jiffies64), (b.header.ktime_ns, b.jiffies64))
        });
        let mut warnings: Vec<StartupWarning> = dump
            .failed
            .iter()
            .map(|(netns, cause)| {
                format!("sockets of network namespace {netns} were not adopted: {}", one_line(&**cause))
            })
            .map(|text| StartupWarning::new(Reason::Namespaces, text))
            .collect();
        let tick = readings.unwrap_or_else(|| {
            let text = "the kernel's clock tick could not be measured; 4 ms assumed";
            warnings.push(StartupWarning::new(Reason::ClockTick, text));
            0.004
        });
        if probes.is_http_partial() {
            let text = "HTTP is read only of connections below the agent's own cgroup: the host's root of cgroup2 was not found; mount the host's /sys/fs/cgroup, or run with the host's process ids (--pid host, hostPID)";
            warnings.push(StartupWarning::new(Reason::CgroupScope, text));
        }
        warnings.extend(proc_access::warning(dump.processes, owners.access()));
        let libraries = options.load.openssl.then(scan).transpose().unwrap_or_else(|error| {
            let text = format!("OpenSSL libraries that come into use later are not followed: {error}");
            warnings.push(StartupWarning::new(Reason::TlsLibraries, text));
            None
        });
        let layout = probes.layout();
        let late_requests = match (layout.reads_segments, layout.reset_reason) {
            (true, _) => LateRequests::Seen,
            (false, true) => LateRequests::AtTimeWait,
            (false, false) => LateRequests::Unseen,
        };
        let mut session = Self {
            libraries,
            tracker: Tracker::new(options.limits, Options { late_requests, ..options.judge }, tick),
            resolver: Resolver::new(options.workload_names, options.host_root, options.kubernetes),
            probes,
            events,
            malformed: 0,
            ring_peak: Peak::default(),
            poll_interval: Peak::default(),
            polled_ns: monotonic_ns(),
            is_behind: false,
            most_in_ring: (options.load.ring_bytes / LEAST_RECORD) as usize,
            reconcile_failed: false,
            reconciled_at_lost: 0,
            looked_for_losses: Instant::now(),
            reconciled: Instant::now(),
            refusals: Refusals::default(),
            left_out: BTreeMap::new(),
            is_paused: false,
            walked: None,
            next_retry_scan: Instant::now(),
            warnings,
        };
        // What opened or closed during the walk is known from records by now.
        session.drain(session.most_in_ring);
        session.find_newer_owners(&dump.sockets, &mut owners);
        session.tracker.adopt(&dump.sockets, |netns, ends| owners.of(netns, ends));
        session.resolver.answer(session.tracker.workloads());
        session.walked = Some(dump);
        Ok(session)
    }

    /// Gives back what a peak has left empty.
    pub fn release_memory(&mut self) {
        self.tracker.release_memory();
    }

    /// Reads /proc once more where a socket was made between the first reading and the walk over the sockets.
    fn find_newer_owners(&mut self, sockets: &[Transition], owners: &mut Owners) {
        let is_newer = |socket: &Transition| {
            socket.has_socket != 0 && owners.is_newer(socket.netns, Ends::new(&socket.endpoints))
        };
        if !sockets.iter().any(is_newer) {
            return;
        }
        let newer = thread::spawn(Owners::read);
        while !newer.is_finished() {
            // It takes long: the ring must not fill meanwhile.
            self.drain(self.most_in_ring);
            thread::sleep(POLL_INTERVAL);
        }
        owners.extend(newer.join().unwrap_or_default());
    }

    /// Takes in what has come, and hands requests and settled closes to `sink`. Returns the records taken in.
    pub fn poll(&mut self, mut sink: impl FnMut(Record)) -> usize {
        self.events.forward_log();
        self.note_interval();
        self.tracker.set_wall_ahead(wall_ahead_ns());
        if self.looked_for_losses.elapsed() >= RECONCILE_INTERVAL {
            self.looked_for_losses = Instant::now();
            let reconciled = self.reconcile();
            self.reconcile_failed = reconciled.is_err();
            match reconciled {
                Ok(0) => {}
                Ok(gone) => tracing::warn!(gone, "connections ended unseen"),
                Err(error) => {
                    tracing::warn!(error = one_line(&error), "socket reconciliation failed");
                }
            }
        }
        if let Some(found) = self.libraries.as_ref().and_then(|libraries| libraries.try_recv().ok())
            && let Err(error) = self.probes.follow_libraries(&found)
        {
            tracing::warn!(error = one_line(&error), "failed to detach OpenSSL uprobes");
        }
        let (began, mut taken) = (Instant::now(), 0);
        loop {
            let now = monotonic_ns();
            let batch = self.drain(BATCH);
            self.resolver.answer(self.tracker.workloads());
            taken += batch;
            self.tracker.take_progress().map(Record::Requests).for_each(&mut sink);
            self.take_stopping(&mut sink);
            if batch < BATCH {
                self.scan_for_retries(now);
                self.tracker.settle(now, |closed| sink(Record::Close(closed)));
                self.is_behind = false;
                return taken;
            }
            // Under load: settle by the clock of before, and go on.
            let before = now.saturating_sub(POLL_INTERVAL.as_nanos() as u64);
            self.tracker.settle(before, |closed| sink(Record::Close(closed)));
            if began.elapsed() >= LONGEST_TURN {
                self.is_behind = true;
                return taken;
            }
        }
    }

    /// More has come than the newest turn could take in: the next one is due at once.
    pub fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Hands over what stops, and counts who is refused then.
    fn take_stopping(&mut self, mut sink: impl FnMut(Record)) {
        let now = Instant::now();
        for stopping in self.tracker.take_stopping() {
            if let Stopping::Listener(ListenerEnded { netns, address, replaced: false, .. }) = &stopping {
                self.refusals.begin(
                    &mut self.probes,
                    FormerListener { netns: *netns, port: address.port().into() },
                    now,
                );
            }
            sink(Record::Stopping(stopping));
        }
        for (listener, count) in self.refusals.counted(&mut self.probes, now) {
            sink(Record::Refused(listener, count));
        }
    }

    /// Looks whether requests that were lost have been sent again. A look walks every socket of a namespace: it takes no
    /// more than one part in [`RETRY_SCAN_SHARE`] of the time.
    fn scan_for_retries(&mut self, now_ns: u64) {
        let began = Instant::now();
        if began < self.next_retry_scan {
            return;
        }
        let queries = self.tracker.retry_queries(now_ns);
        if queries.is_empty() {
            return;
        }
        match self.probes.scan_for_retries(&queries) {
            Ok(answers) => self.tracker.found(&answers),
            Err(error) => tracing::warn!(error = one_line(&error), "requests sent again are not looked for"),
        }
        self.next_retry_scan = Instant::now() + began.elapsed() * RETRY_SCAN_SHARE;
    }

    /// The last turn: settles every pending close at once, as nothing more will be seen.
    pub fn finish(&mut self, mut sink: impl FnMut(Record)) {
        self.drain(self.most_in_ring);
        self.resolver.answer(self.tracker.workloads());
        self.tracker.take_progress().map(Record::Requests).for_each(&mut sink);
        self.refusals.read_at_once();
        self.take_stopping(&mut sink);
        self.tracker.settle_all(|closed| sink(Record::Close(closed)));
    }

    /// If records were lost or runs left out since the last call, or a minute has passed, walks the sockets and ends
    /// the connections that are no more. Returns how many of them had ended unseen.
    ///
    /// # Errors
    /// When the walk fails.
    pub fn reconcile(&mut self) -> Result<u64, ProbeError> {
        let lost = self.probes.counters()?.lost() + self.probes.missed_runs();
        if lost == self.reconciled_at_lost && self.reconciled.elapsed() < SWEEP_INTERVAL {
            return Ok(0);
        }
        self.reconciled_at_lost = lost;
        self.reconciled = Instant::now();
        let dumped_ns = monotonic_ns();
        let dump = self.probes.dump_sockets()?;
        self.drain(self.most_in_ring);
        self.tracker.set_unreachable(if dump.is_complete() && sees_host_pids() {
            let failed = dump.failed.iter().filter_map(|(netns, _)| u32::try_from(*netns).ok());
            Unreachable::These(failed.collect())
        } else {
            Unreachable::Others
        });
        let unseen = self.tracker.reconcile(&dump.sockets, &dump.namespaces, dumped_ns);
        self.walked = Some(dump);
        Ok(unseen)
    }

    /// What a walk over the sockets has found since the last call.
    pub fn take_walk(&mut self) -> Option<SocketDump> {
        self.walked.take()
    }

    /// Of which closes the evidence is put into words from now on.
    pub fn set_evidence_detail(&mut self, tell: EvidenceDetail) {
        self.tracker.set_evidence_detail(tell);
    }

    /// Within which time after the response a client's close is `completed`, from now on.
    pub fn set_idle_threshold(&mut self, threshold: Duration) {
        self.tracker.set_idle_threshold(threshold.as_secs_f64());
    }

    pub fn probes(&self) -> &Probes {
        &self.probes
    }

    pub fn probes_mut(&mut self) -> &mut Probes {
        &mut self.probes
    }

    pub fn tracker(&self) -> &Tracker {
        &self.tracker
    }

    /// Records that could not be decoded.
    pub fn malformed(&self) -> u64 {
        self.malformed
    }

    /// Most bytes taken out of the ring in one go within the last minutes: how full it has been.
    pub fn ring_peak(&mut self) -> u64 {
        self.ring_peak.get(monotonic_ns())
    }

    /// The longest time between two calls of [`Self::poll`] within the last minutes.
    pub fn longest_poll_interval(&mut self) -> Duration {
        Duration::from_nanos(self.poll_interval.get(monotonic_ns()))
    }

    /// Cgroups of sockets whose path was not found.
    pub fn cgroups_unresolved(&self) -> u64 {
        self.resolver.unresolved()
    }

    /// How the Kubernetes API is doing; `None` where it is not asked.
    pub fn kubernetes(&self) -> Option<KubernetesHealth> {
        self.resolver.kubernetes()
    }

    pub fn warnings(&self) -> &[StartupWarning] {
        &self.warnings
    }

    /// The newest comparison of the table with the sockets that exist could not be made.
    pub fn has_failed_to_reconcile(&self) -> bool {
        self.reconcile_failed
    }

    /// The probes' counters; zeros when they cannot be read.
    pub fn counters(&self) -> CounterTotals {
        self.probes.counters().unwrap_or_else(|error| {
            tracing::warn!(error = one_line(&error), "counters cannot be read");
            CounterTotals::default()
        })
    }

    fn note_interval(&mut self) {
        let now_ns = monotonic_ns();
        self.poll_interval.note(now_ns.saturating_sub(self.polled_ns), now_ns);
        self.polled_ns = now_ns;
    }

    fn drain(&mut self, most: usize) -> usize {
        let Self { events, tracker, malformed, ring_peak, .. } = self;
        let mut bytes = 0;
        let taken = events.drain(most, |record| {
            bytes += record.len() as u64 + RING_HEADER;
            // A transition and the exchange of the same socket come in one piece.
            let mut rest = record;
            while !rest.is_empty() {
                match decode(rest) {
                    Ok((record, used)) => {
                        tracker.apply(&record);
                        rest = &rest[used..];
                    }
                    Err(error) => {
                        *malformed += 1;
                        tracing::error!(%error, "the probes sent a record that cannot be read");
                        break;
                    }
                }
            }
        });
        ring_peak.note(bytes, monotonic_ns());
        taken
    }
}
