//! What a series shows: clusters that stand out from what surrounds them, or a band.

use super::{
    band::{Band, is_polled},
    bins::BINS,
    cluster::{Cluster, ENOUGH, faded, tolerance, whole},
    series::{CLUSTERS, Series},
};

/// A timer must stand out from what surrounds it within this many times its own width.
const AROUND: f32 = 10.0;

/// A timer that a series shows.
#[derive(Clone, Debug)]
pub(super) struct TimerShape {
    pub(super) seconds: f32,
    pub(super) least: f32,
    pub(super) most: f32,
    /// Standard deviation, seconds.
    pub(super) deviation: f32,
    pub(super) count: u32,
    pub(super) share: f32,
    pub(super) bins: Vec<u32>,
}

/// What a close is part of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TimerMatch {
    pub(super) least: f32,
    pub(super) most: f32,
    pub(super) deviation: f32,
    pub(super) count: u32,
    /// Spread as a timer that is polled, or as no timer at all.
    pub(super) wide: bool,
}

impl Series {
    /// The shortest timer that makes at least `share` of the newest closes, seconds.
    pub(super) fn shortest(&self, share: f32) -> Option<f32> {
        let mut shortest = None;
        self.strong(share, |seconds| shortest = Some(shortest.map_or(seconds, |known| seconds.min(known))));
        shortest
    }

    /// The longest.
    pub(super) fn longest(&self, share: f32) -> Option<f32> {
        let mut longest = None;
        self.strong(share, |seconds| longest = Some(longest.map_or(seconds, |known| seconds.max(known))));
        longest
    }

    fn strong(&self, at_least: f32, mut found: impl FnMut(f32)) {
        let enough = at_least * whole(self.total);
        let sharp = self.each_timer(|group| {
            if self.weight(group) >= enough {
                found(self.middle(group));
            }
        });
        if let Some(band) = self.visible_band(sharp) {
            found(band.seconds());
        }
    }

    /// Hands over the timers, shortest first, each with its clusters: those that touch are one, unless they spread
    /// wider than a timer jitters. Tells whether there is any.
    fn each_timer(&self, mut found: impl FnMut(&[&Cluster])) -> bool {
        let live = |cluster: &&Cluster| cluster.count >= ENOUGH && !cluster.is_over(self.total);
        let mut clusters = self.clusters.iter().flatten().filter(live);
        let Some(first) = clusters.next() else { return false };
        let (mut sorted, mut len) = ([first; CLUSTERS], 1);
        for cluster in clusters {
            sorted[len] = cluster;
            len += 1;
        }
        let sorted = &mut sorted[..len];
        sorted.sort_unstable_by(|one, other| one.mean.total_cmp(&other.mean));
        let mut any = false;
        for touching in sorted.chunk_by(|one, other| touch(one, other)) {
            let (least, most) = range(touching);
            let together = if is_polled(least, most) { 1 } else { touching.len() };
            for group in touching.chunks(together).filter(|group| self.stands_out(group)) {
                any = true;
                found(group);
            }
        }
        any
    }

    /// More closes than chance would put into so small a part of what is around it; and among much that is loose some
    /// three will agree whatever made them.
    fn stands_out(&self, group: &[&Cluster]) -> bool {
        let stray = self.stray_now();
        // Among several clusters there are more groups that chance may pick.
        let certain = 2.0 + group.len() as f32;
        self.weight(group) >= 1.5 + certain * self.by_chance(group, stray) + stray / 14.0
    }

    /// How many closes would be in a place as wide as the group if what is around it were spread evenly.
    fn by_chance(&self, group: &[&Cluster], stray: f32) -> f32 {
        let (low, high) = range(group);
        let width = (high - low).max(2.0 * tolerance(low.midpoint(high)));
        let (from, to) = (low - AROUND / 2.0 * width, high + AROUND / 2.0 * width);
        let (mut least, mut most) = (low, high);
        let mut occupy = |low: f32, high: f32| (least, most) = (least.min(low), most.max(high));
        let (mut kept, mut around) = (0.0, 0.0);
        for loose in self.loose.iter().filter(|loose| loose.at != 0) {
            let weight = faded(self.total - loose.at);
            kept += weight;
            if (from..=to).contains(&loose.seconds) {
                around += weight;
                occupy(loose.seconds, loose.seconds);
            }
        }
        // Loose values that are forgotten were spread as the newest ones are.
        around *= if kept > 0.0 { (stray / kept).max(1.0) } else { 1.0 };
        for other in self.clusters.iter().flatten() {
            let recent = other.recent(self.total);
            let is_own = group.iter().any(|own| std::ptr::eq(*own, other));
            if (from..=to).contains(&other.mean) && !is_own && recent > 0.5 {
                around += recent;
                occupy(other.least.max(from), other.most.min(to));
            }
        }
        around * width / (most - least - width).max(3.0 * width)
    }

    /// Closes of the group, the newest weighing most.
    fn weight(&self, group: &[&Cluster]) -> f32 {
        group.iter().map(|cluster| cluster.recent(self.total)).sum()
    }

    fn middle(&self, group: &[&Cluster]) -> f32 {
        let weighed = group.iter().map(|cluster| cluster.mean * cluster.recent(self.total));
        weighed.sum::<f32>() / self.weight(group)
    }

    fn visible_band(&self, sharp: bool) -> Option<&Band> {
        self.band.as_ref().filter(|band| !sharp && band.is_visible())
    }

    /// The timer that a close which was taken in is part of.
    pub(super) fn find(&self, seconds: f32) -> Option<TimerMatch> {
        let mut part = None;
        let nearest = self.nearest(seconds).and_then(|at| self.clusters[at].as_ref());
        let sharp = self.each_timer(|group| {
            if nearest.is_some_and(|nearest| group.iter().any(|cluster| std::ptr::eq(*cluster, nearest))) {
                let (least, most) = range(group);
                part = Some(TimerMatch {
                    least,
                    most,
                    deviation: deviation(group),
                    count: count(group),
                    wide: false,
                });
            }
        });
        let band = self.visible_band(sharp).filter(|band| band.holds(seconds));
        part.or(band.map(|band| TimerMatch {
            least: band.least,
            most: band.most,
            deviation: even(band.least, band.most),
            count: band.count,
            wide: is_polled(band.least, band.most),
        }))
    }

    /// The timers, shortest first.
    pub(super) fn shown(&self) -> Vec<TimerShape> {
        let mut all = Vec::new();
        let sharp = self.each_timer(|group| all.push(self.show(group)));
        all.extend(self.visible_band(sharp).map(show_band));
        all
    }

    fn show(&self, group: &[&Cluster]) -> TimerShape {
        let (least, most) = range(group);
        let mut bins = vec![0; if most > least { BINS } else { 1 }];
        for cluster in group {
            cluster.bins.pour(least, most, cluster.count, &mut bins);
        }
        TimerShape {
            seconds: self.middle(group),
            least,
            most,
            deviation: deviation(group),
            count: count(group),
            share: (self.weight(group) / whole(self.total)).min(1.0),
            bins,
        }
    }
}

fn show_band(band: &Band) -> TimerShape {
    TimerShape {
        seconds: band.seconds(),
        least: band.least,
        most: band.most,
        deviation: even(band.least, band.most),
        count: band.count,
        share: band.share(),
        bins: band.bins.between(band.least, band.most, band.count),
    }
}

fn range(group: &[&Cluster]) -> (f32, f32) {
    let start = (f32::INFINITY, 0.0_f32);
    group.iter().fold(start, |(least, most), one| (least.min(one.least), most.max(one.most)))
}

fn count(group: &[&Cluster]) -> u32 {
    group.iter().fold(0, |sum, cluster| sum.saturating_add(cluster.count))
}

fn deviation(group: &[&Cluster]) -> f32 {
    if let [cluster] = group {
        return cluster.deviation();
    }
    let (least, most) = range(group);
    even(least, most)
}

/// The deviation of what is spread evenly.
fn even(least: f32, most: f32) -> f32 {
    (most - least) / 12.0_f32.sqrt()
}

/// Nothing lies between them but what jitter leaves.
fn touch(one: &Cluster, other: &Cluster) -> bool {
    one.least.max(other.least) - one.most.min(other.most) <= tolerance(one.mean) / 2.0
}
