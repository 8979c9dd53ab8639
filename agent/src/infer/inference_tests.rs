//! Whole reports in, endpoints out.

use super::*;

#[test]
fn a_tick_that_is_none_is_replaced_by_the_usual_one() {
    for tick in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
        assert!((Inference::new(InferLimits::default(), tick).tick - USUAL_TICK).abs() < f64::EPSILON);
    }
}
