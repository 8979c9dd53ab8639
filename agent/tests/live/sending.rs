//! Whatever call sends the bytes, and however they are cut, they are seen.

use std::{
    fs::File,
    io::{IoSlice, Write as _},
    net::TcpStream,
    os::fd::AsRawFd as _,
    thread,
    time::{Duration, Instant},
};

use rustix::pipe::{SpliceFlags, pipe, splice};

use crate::{
    agent,
    gate::require,
    peer::{Dialled, read_request, read_response},
};

/// Longer than a segment, and than what GSO puts into one.
const BODY: usize = 300_000;
const IDLE: Duration = Duration::from_millis(300);

fn head(length: usize) -> String {
    format!("HTTP/1.1 200 OK\r\nServer: test\r\nContent-Length: {length}\r\n\r\n")
}

/// Head and body in several pieces of one `writev`.
fn by_writev(server: &mut TcpStream) {
    let (head, body) = (head(BODY), vec![b'x'; BODY]);
    let (start, rest) = head.as_bytes().split_at(20);
    let mut pieces =
        [IoSlice::new(start), IoSlice::new(rest), IoSlice::new(&body[..7]), IoSlice::new(&body[7..])];
    let mut pieces = pieces.as_mut_slice();
    while !pieces.is_empty() {
        let written = server.write_vectored(pieces).expect("writev");
        IoSlice::advance_slices(&mut pieces, written);
    }
}

fn file() -> File {
    let mut file = tempfile::tempfile().expect("temporary file");
    file.write_all(&vec![b'x'; BODY]).expect("write");
    file
}

fn by_sendfile(server: &mut TcpStream) {
    server.write_all(head(BODY).as_bytes()).expect("write");
    let (file, mut offset) = (file(), 0);
    while offset < BODY as u64 {
        let left = BODY - offset as usize;
        rustix::fs::sendfile(&*server, &file, Some(&mut offset), left).expect("sendfile");
    }
}

fn by_splice(server: &mut TcpStream) {
    server.write_all(head(BODY).as_bytes()).expect("write");
    let (file, (from, to), mut offset) = (file(), pipe().expect("pipe"), 0);
    while offset < BODY as u64 {
        let mut held =
            splice(&file, Some(&mut offset), &to, None, BODY, SpliceFlags::empty()).expect("into the pipe");
        while held > 0 {
            held -= splice(&from, None, &*server, None, held, SpliceFlags::empty()).expect("out of it");
        }
    }
}

fn by_io_uring(server: &mut TcpStream) {
    let mut ring = io_uring::IoUring::new(2).expect("an io_uring");
    let message = [head(BODY).as_bytes(), &vec![b'x'; BODY]].concat();
    let mut sent = 0;
    while sent < message.len() {
        let rest = &message[sent..];
        let operation = io_uring::opcode::Send::new(
            io_uring::types::Fd(server.as_raw_fd()),
            rest.as_ptr(),
            rest.len() as u32,
        );
        // SAFETY: `message` outlives the operation, which is waited for below.
        unsafe { ring.submission().push(&operation.build()) }.expect("room in the queue");
        ring.submit_and_wait(1).expect("submit");
        let result = ring.completion().next().expect("a completion").result();
        assert!(result > 0, "send: {}", std::io::Error::from_raw_os_error(-result));
        sent += result as usize;
    }
}

#[test]
fn writev_sendfile_splice_and_io_uring_are_followed_alike() {
    require!();
    let (listener, agent) = agent::watched();
    let Dialled { mut client, mut server } = Dialled::to(&listener);
    let ways: [fn(&mut TcpStream); 4] = [by_writev, by_sendfile, by_splice, by_io_uring];
    for answer in ways {
        let asked =
            [IoSlice::new(b"GET / HT"), IoSlice::new(b"TP/1.1\r\nHost:"), IoSlice::new(b" test\r\n\r\n")];
        let length: usize = asked.iter().map(|piece| piece.len()).sum();
        assert_eq!(client.write_vectored(&asked).expect("writev"), length);
        thread::scope(|scope| {
            scope.spawn(|| {
                read_request(&mut server);
                answer(&mut server);
            });
            read_response(&mut client);
        });
    }
    let answered = Instant::now();
    thread::sleep(IDLE);
    let idle = answered.elapsed().as_secs_f64();
    drop(server);
    thread::sleep(Duration::from_millis(50));
    drop(client);
    for close in agent.closes(2) {
        close.says("verdict=server-idle phase=idle basis=http confidence=exact code=SI requests=4");
        close.was_idle_for(idle);
    }
}
