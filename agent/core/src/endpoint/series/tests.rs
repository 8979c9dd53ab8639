//! Timers among noise, timers that change, and timers that are polled.

use fastrand::Rng;

use super::*;

const SEEDS: u64 = 200;

fn fed(values: impl IntoIterator<Item = f32>) -> Series {
    let mut series = Series::new();
    for value in values {
        add(&mut series, value);
    }
    series
}

/// Takes in a close a while after the one before.
fn add(series: &mut Series, seconds: f32) -> Option<TimerMatch> {
    series.add(seconds, u64::from(series.total()) * 10_000_000)
}

/// Seconds of all timers that are shown.
fn shown(series: &Series) -> Vec<f32> {
    series.shown().iter().map(|shown| shown.seconds).collect()
}

fn shows(series: &Series, seconds: f32) -> bool {
    shown(series).iter().any(|shown| (shown - seconds).abs() <= seconds * 0.02)
}

/// Evenly spread over the logarithm: as many between 0.1 and 1 as between 10 and 100.
fn noise(rng: &mut Rng) -> f32 {
    0.1 * 1000.0_f32.powf(rng.f32())
}

/// A timer that fires up to `jitter` seconds late.
fn late(rng: &mut Rng, seconds: f32, jitter: f32) -> f32 {
    seconds + jitter * rng.f32()
}

#[test]
fn the_third_close_after_the_same_time_makes_a_timer() {
    let mut series = Series::new();
    assert_eq!((add(&mut series, 5.002), add(&mut series, 4.998)), (None, None));
    let part = add(&mut series, 5.0).expect("a timer");
    assert_eq!((part.least, part.most, part.count, part.wide), (4.998, 5.002, 3, false));
    let all = series.shown();
    let [only] = &all[..] else { panic!("{all:?}") };
    assert!((only.seconds - 5.0).abs() < 1e-4 && only.share > 0.999, "{only:?}");
    assert_eq!(only.bins.iter().sum::<u32>(), 3);
}

#[test]
fn times_that_differ_by_more_than_a_hundredth_are_no_timer() {
    assert!(shown(&fed([5.0, 5.2, 5.4])).is_empty());
    assert!(shown(&fed([0.50, 0.53, 0.56])).is_empty(), "20 ms below 2 s");
    assert!(shows(&fed([0.500, 0.518, 0.509]), 0.509));
}

#[test]
fn a_timer_shows_among_twice_as_much_noise() {
    let mut missed = 0;
    for seed in 0..SEEDS {
        let mut rng = Rng::with_seed(seed);
        let series = fed((0..300).map(|_| match rng.u8(0..3) {
            0 => late(&mut rng, 5.0, 0.012),
            _ => noise(&mut rng),
        }));
        missed += u32::from(!shows(&series, 5.006));
    }
    assert_eq!(missed, 0, "of {SEEDS}");
}

#[test]
fn noise_alone_is_hardly_ever_a_timer() {
    let (mut wrong, mut looked) = (0, 0);
    for seed in 0..SEEDS {
        let mut rng = Rng::with_seed(seed);
        let (spread, mut series) = (seed % 3, Series::new());
        for at in 1..=400 {
            add(
                &mut series,
                match spread {
                    0 => noise(&mut rng),
                    1 => 0.1 + 10.0 * rng.f32(),
                    _ => 0.1 - 3.0 * (1.0 - rng.f32()).ln(),
                },
            );
            if at % 20 == 0 {
                looked += 1;
                wrong += u32::from(!shown(&series).is_empty());
            }
        }
    }
    assert!(f64::from(wrong) <= 0.01 * f64::from(looked), "{wrong} of {looked}");
}

#[test]
fn noise_does_not_push_out_a_timer() {
    for seed in 0..SEEDS {
        let mut rng = Rng::with_seed(seed);
        let mut series = fed((0..40).map(|_| late(&mut rng, 60.0, 0.05)));
        for at in 0..2000 {
            let value = if at % 4 == 0 { late(&mut rng, 60.0, 0.05) } else { noise(&mut rng) };
            add(&mut series, value);
        }
        let all = series.shown();
        let kept = all.iter().find(|shown| (shown.seconds - 60.0).abs() < 0.1);
        assert!(kept.is_some_and(|kept| kept.count >= 540), "seed {seed}: {all:?}");
    }
}

#[test]
fn a_timer_that_is_changed_shows_within_twenty_closes_and_the_old_one_goes() {
    for seed in 0..SEEDS {
        let mut rng = Rng::with_seed(seed);
        let mut series = fed((0..5000).map(|_| late(&mut rng, 5.0, 0.01)));
        for _ in 0..20 {
            add(&mut series, late(&mut rng, 75.0, 0.01));
        }
        let all = shown(&series);
        assert!(matches!(all[..], [only] if (only - 75.0).abs() < 0.1), "seed {seed}: {all:?}");
    }
}

#[test]
fn a_timer_that_is_changed_shows_among_noise_too() {
    let mut missed = 0;
    for seed in 0..SEEDS {
        let mut rng = Rng::with_seed(seed);
        let mut with = |seconds: f32, closes: usize, series: &mut Series| {
            for _ in 0..closes {
                let value = if rng.u8(0..5) == 0 { noise(&mut rng) } else { late(&mut rng, seconds, 0.01) };
                add(series, value);
            }
        };
        let mut series = Series::new();
        with(30.0, 1000, &mut series);
        with(4.0, 20, &mut series);
        missed += u32::from(!shows(&series, 4.0));
    }
    assert_eq!(missed, 0, "of {SEEDS}");
}

#[test]
fn two_timers_on_one_port_both_show_with_their_shares() {
    for seed in 0..SEEDS {
        let mut rng = Rng::with_seed(seed);
        let series = fed((0..400).map(|_| match rng.u8(0..4) {
            0 => late(&mut rng, 6.0, 0.01),
            _ => late(&mut rng, 5.0, 0.01),
        }));
        let all = series.shown();
        let [five, six] = &all[..] else { panic!("seed {seed}: {all:?}") };
        assert!((five.seconds - 5.0).abs() < 0.02 && (six.seconds - 6.0).abs() < 0.02);
        assert!((0.5..0.95).contains(&five.share) && (0.05..0.5).contains(&six.share), "{all:?}");
        assert_eq!(five.count + six.count, 400);
    }
}

#[test]
fn a_polled_timer_shows_as_a_band_that_begins_where_it_is_set() {
    for (set, poll) in [(5.0, 1.0), (120.0, 30.0), (30.0, 10.0), (60.0, 30.0), (4.5, 0.5)] {
        let (mut wrong, mut sharp) = (0, 0);
        for seed in 0..SEEDS {
            let mut rng = Rng::with_seed(seed);
            let mut series = Series::new();
            for closes in 1..=60 {
                add(&mut series, late(&mut rng, set, poll));
                let all = series.shown();
                sharp += u32::from(closes >= 8 && !matches!(&all[..], [one] if one.most > one.least * 1.02));
            }
            let all = series.shown();
            let [band] = &all[..] else {
                wrong += 1;
                continue;
            };
            let is_right = band.seconds >= set && band.seconds < set + 0.2 * poll && band.most <= set + poll;
            wrong += u32::from(!is_right || band.count < 55);
        }
        assert!(wrong <= 6, "{wrong} of {SEEDS} for {set} to {}", set + poll);
        assert!(sharp <= 53 * 6, "{sharp} of {} sharp for {set} to {}", 53 * SEEDS, set + poll);
    }
}

#[test]
fn a_band_is_reported_after_eight_closes_and_follows_a_change() {
    let band = |from: f32, closes: usize| (0..closes).map(move |at| from + 0.1 * ((at * 7) % 10) as f32);
    assert!(shown(&fed(band(5.0, 7))).is_empty());
    assert_eq!(shown(&fed(band(5.0, 8))), [5.0]);
    let changed = fed(band(5.0, 500).chain(band(20.0, 20)));
    let all = changed.shown();
    assert!(matches!(&all[..], [only] if only.least >= 20.0), "{all:?}");
}

#[test]
fn a_jittering_timer_is_one_timer() {
    for seed in 0..SEEDS {
        let mut rng = Rng::with_seed(seed);
        // A deviation of 0.5 %: what is outside the hundredth must not become a second timer.
        let around = |rng: &mut Rng| (0..12).map(|_| rng.f32()).sum::<f32>() - 6.0;
        let series = fed((0..500).map(|_| 20.0 + 0.1 * around(&mut rng)));
        let all = series.shown();
        let [only] = &all[..] else { panic!("seed {seed}: {all:?}") };
        assert!((only.seconds - 20.0).abs() < 0.1 && only.share > 0.75, "seed {seed}: {only:?}");
    }
}

#[test]
fn numbers_at_their_ends_break_nothing() {
    let mut series = fed([0.1, f32::MAX / 4.0, 1e-9, 2_678_400.0, 2_678_400.0, 2_678_400.0]);
    series.total = u32::MAX - 2;
    for _ in 0..8 {
        add(&mut series, 2_678_400.0);
        add(&mut series, 0.1);
    }
    for shown in series.shown() {
        assert!(shown.seconds.is_finite() && shown.share.is_finite() && shown.deviation.is_finite());
    }
}

#[test]
fn a_band_shows_when_many_end_at_each_of_a_few_looks_but_not_when_all_end_at_one() {
    // Ten seconds apart, each ends the four that fell due since, the longest idle first.
    let after = |looks: u64| {
        let mut series = Series::new();
        for look in 0..looks {
            for seconds in [39.0, 36.5, 33.0, 30.5] {
                series.add(seconds + 0.4 * look as f32, look * 10_000_000_000 + 1_000_000_000);
            }
        }
        series
    };
    assert!(shown(&after(2)).is_empty());
    assert_eq!(shown(&after(3)), [30.5]);
}
