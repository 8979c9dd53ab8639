//! What the grid holds.

use super::*;

fn whole(requests: u32, seed: u64) -> Vec<Play> {
    plan(&Scope { requests, seed, hasty: false })
}

#[test]
fn the_same_seed_plans_the_same_and_another_does_not() {
    let told = |seed| format!("{:?}", whole(400, seed));
    assert_eq!(told(1), told(1));
    assert_ne!(told(1), told(2));
}

#[test]
fn every_wire_gets_the_whole_grid() {
    let plays = whole(3_000, 7);
    for wire in Wire::ALL {
        let ratios: Vec<f64> = plays
            .iter()
            .filter(|play| play.wire == wire)
            .filter(|play| matches!(play.moves, Move::Ask { .. }) && play.twist == Twist::None)
            .map(|play| play.gap.as_secs_f64() / play.timeout.as_secs_f64())
            .collect();
        for tenth in 5..15 {
            let low = f64::from(tenth) / 10.0;
            let here = ratios.iter().filter(|&&ratio| (low..low + 0.1).contains(&ratio)).count();
            assert!(here > 2, "{wire:?}: {here} gaps from {low} of the timeout");
        }
    }
}

#[test]
fn as_many_requests_as_asked_for_come_after_a_gap() {
    let plays = whole(2_000, 3);
    let asking = plays.iter().filter(|play| {
        play.twist == Twist::None && matches!(play.moves, Move::Ask { .. } | Move::AskAndClose)
    });
    assert!(asking.count() >= 2_000);
}
