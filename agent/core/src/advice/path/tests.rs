use super::super::{build, fixtures, model::Meta};
use crate::{
    endpoint::{Endpoint, PathSilence},
    labels::{Role, Side},
};

fn advice(worked: Option<f64>, forgotten: f64) -> super::Advice {
    let path = Some(PathSilence { worked, forgotten, lost: 5 });
    let endpoint = Endpoint { path, ..fixtures::endpoint(Role::Client, "app") };
    let model = build(&[endpoint], &fixtures::products(), Meta::default());
    assert!(!model.endpoints[0].is_quiet());
    model.endpoints[0].advice.first().cloned().expect("requests were lost")
}

#[test]
fn the_pool_closes_before_the_path_forgets() {
    let both = advice(Some(2.0), 3.4);
    assert_eq!((both.side, both.value.as_deref()), (Side::Client, Some("1.60 s")));
    assert!(both.why.contains("between 2.00 s") && both.why.contains("3.40 s"), "{}", both.why);
    assert!(both.text.contains("below 1.60 s") && both.text.contains("keepalive"), "{}", both.text);
    // Nothing shorter is known to work.
    let one = advice(None, 3.4);
    assert!(one.why.contains("3.40 s or less") && one.text.contains("below 1.70 s"), "{one:?}");
    // Not all of them.
    let some = advice(Some(60.0), 3.4);
    assert!(some.why.contains("others worked after 60"), "{}", some.why);
}
