//! Segments as captured, and what they prove.

use super::*;

fn client() -> SocketAddr {
    "127.0.0.2:4000".parse().unwrap()
}

fn server() -> SocketAddr {
    "127.0.0.1:80".parse().unwrap()
}

/// A segment; `seq` and `ack` count from the SYNs, which wrap on purpose.
fn segment(by_client: bool, seq: u32, ack: u32, len: u32) -> Segment {
    let (client_origin, server_origin) = (u32::MAX - 5, 77_u32);
    let (own, other) =
        if by_client { (client_origin, server_origin) } else { (server_origin, client_origin) };
    Segment {
        from: if by_client { client() } else { server() },
        to: if by_client { server() } else { client() },
        seq: own.wrapping_add(1).wrapping_add(seq),
        ack: Some(other.wrapping_add(1).wrapping_add(ack)),
        len,
        syn: false,
        fin: false,
        rst: false,
    }
}

fn begun() -> Conversation {
    let mut conversation = Conversation::new(client());
    conversation.push(Segment { syn: true, ack: None, ..segment(true, u32::MAX, 0, 0) });
    conversation.push(Segment { syn: true, ..segment(false, u32::MAX, 0, 0) });
    conversation
}

#[test]
fn positions_count_from_the_syn_across_the_wrap() {
    let mut conversation = begun();
    conversation.push(segment(true, 0, 0, 100));
    conversation.push(segment(false, 0, 100, 50));
    conversation.push(Segment { fin: true, ..segment(false, 50, 100, 0) });
    conversation.push(segment(true, 100, 51, 30));

    assert!(conversation.is_whole());
    assert_eq!(conversation.fin(false), Some(Mark { at: 50, acks: 100 }));
    assert_eq!(conversation.brings(100), Some(Mark { at: 100, acks: 51 }));
    assert_eq!(conversation.brings(0), Some(Mark { at: 0, acks: 0 }));
    assert_eq!((conversation.brings(130), conversation.fin(true)), (None, None));
}

#[test]
fn a_fin_with_the_last_bytes_stands_behind_them() {
    let mut conversation = begun();
    conversation.push(Segment { fin: true, ..segment(true, 0, 0, 40) });

    assert_eq!(conversation.fin(true), Some(Mark { at: 40, acks: 0 }));
}

#[test]
fn the_first_transmission_of_a_request_decides() {
    let mut conversation = begun();
    conversation.push(segment(true, 10, 5, 20));
    conversation.push(segment(true, 10, 6, 20));

    assert_eq!(conversation.brings(15).map(|mark| mark.acks), Some(5));
}

#[test]
fn a_reset_that_answers_what_came_after_the_fin_is_not_the_first_step() {
    let mut conversation = begun();
    conversation.push(Segment { fin: true, ..segment(false, 0, 0, 0) });
    conversation.push(Segment { rst: true, ack: None, ..segment(false, 1, 0, 0) });

    assert!(!conversation.resets_first(false));
    assert_eq!(conversation.rst(false), Some(Mark { at: 1, acks: 0 }));

    let mut conversation = begun();
    conversation.push(Segment { rst: true, ..segment(false, 0, 30, 0) });
    assert!(conversation.resets_first(false));
}

#[test]
fn without_both_syns_or_with_too_many_segments_it_is_not_whole() {
    assert!(!Conversation::new(client()).is_whole());
    let mut conversation = begun();
    for _ in 0..MAX_SEGMENTS {
        conversation.push(segment(true, 0, 0, 1));
    }
    assert!(!conversation.is_whole());
}
