//! Which connections the HTTP tier leaves out, so that it keeps within what it may cost.
//!
//! Of each port so many of 256 buckets are left out, and a connection's ports say which bucket is its own: both of its
//! ends are in the same one, on whatever host, and it never changes.

/// Rows of the table: one for each upper byte of a port, and one that says whether anything is left out.
pub const ROWS: usize = 257;
/// The lower byte of a port is the place in its row.
pub const PORTS_EACH: usize = 256;
/// The row whose first byte is one of the following.
pub const MODE_ROW: u32 = 256;

/// Nothing is left out.
pub const ALL_FOLLOWED: u8 = 0;
/// What the rows of the ports say is left out.
pub const BY_PORT: u8 = 1;

/// How many of 256 buckets a connection's bucket must exceed, of both of its ports, is what the rows hold.
#[must_use]
#[inline]
pub const fn bucket(one: u32, other: u32) -> u8 {
    // Fibonacci hashing: ports of a client are handed out in steps of two (net/ipv4/inet_hashtables.c).
    ((one ^ other).wrapping_mul(0x9e37_79b1) >> 24) as u8
}

/// Row and place of a port.
#[must_use]
#[inline]
pub const fn place(port: u32) -> (u32, usize) {
    ((port >> 8) & 0xff, (port & 0xff) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_in_one_bucket_and_the_clients_of_a_port_in_all_of_them_alike() {
        let mut counts = [0_u32; 256];
        for client in (32_768_u32..60_999).step_by(2) {
            let bucket = bucket(8080, client);
            assert_eq!(bucket, super::bucket(client, 8080));
            counts[usize::from(bucket)] += 1;
        }
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        assert!(*least > 40 && *most < 70, "{least} to {most} of 55");
    }

    #[test]
    fn every_port_has_a_place_of_its_own() {
        assert_eq!(place(0), (0, 0));
        assert_eq!(place(8080), (31, 144));
        assert_eq!(place(65_535), (255, 255));
    }
}
