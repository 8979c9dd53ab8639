use super::*;

fn counts(hour: &Minutes<1>, now: u64) -> Vec<u32> {
    hour.up_to(now).map(|[count]| count).collect()
}

#[test]
fn each_minute_keeps_its_count_for_an_hour() {
    let mut hour = Minutes::<1>::new(100);
    hour.add(100, 0, 2);
    hour.add(101, 0, 3);
    hour.add(100, 0, 1);
    let now = counts(&hour, 101);
    assert_eq!((now.len(), &now[59..], hour.sum(101, 0)), (MINUTES, &[3, 3][..], 6));
    assert_eq!(counts(&hour, 160)[..2], [3, 3]);
    assert_eq!((hour.sum(160, 0), hour.sum(161, 0), hour.sum(162, 0)), (6, 3, 0));
    assert_eq!(hour.sum(10_000, 0), 0, "long after the last");
}

#[test]
fn minutes_without_a_close_are_empty_and_not_what_was_there_an_hour_before() {
    let mut hour = Minutes::<1>::new(0);
    (0..61).for_each(|minute| hour.add(minute, 0, 1));
    hour.add(70, 0, 5);
    let now = counts(&hour, 70);
    assert_eq!(now[..51], [1; 51]);
    assert_eq!(now[51..], [0, 0, 0, 0, 0, 0, 0, 0, 0, 5]);
    hour.add(1_000_000, 0, 1);
    assert_eq!(hour.sum(1_000_000, 0), 1);
}

#[test]
fn what_comes_more_than_an_hour_late_is_not_counted() {
    let mut hour = Minutes::<1>::new(200);
    hour.add(200, 0, 1);
    hour.add(139, 0, 7);
    assert_eq!(hour.sum(200, 0), 1);
    hour.add(140, 0, 7);
    assert_eq!(hour.sum(200, 0), 8);
}
