//! A gRPC server that ends connections because the client pings too often.

use super::{
    Case, called,
    model::{Advice, Urgency},
    races::blank,
};
use crate::{
    format::{capitalized, counted},
    labels::Side,
};

pub(super) fn too_many(case: Case<'_>) -> Option<Advice> {
    let count = case.endpoint.too_many_pings;
    if count == 0 {
        return None;
    }
    let program = case.program(Side::Client);
    Some(Advice {
        setting: Some("keepalive_time".to_owned()),
        why: format!(
            "The server ended {} with GOAWAY ENHANCE_YOUR_CALM, \"too_many_pings\": the client's keepalive pings come more \
             often than the server allows. Open streams fail with it.",
            counted(count, "connection")
        ),
        text: format!(
            "{}: raise the HTTP/2 `keepalive_time` above the server's minimum, which is 5 minutes unless it is set, and send \
             no pings without calls (`keepalive_permit_without_calls`). Or lower the server's minimum: \
             `grpc.http2.min_ping_interval_without_data_ms`, in Go `keepalive.EnforcementPolicy`, in Java \
             `permitKeepAliveTime`.",
            capitalized(&called(Side::Client, program.as_deref()))
        ),
        ..blank(Side::Client, program, Urgency::Now)
    })
}

#[cfg(test)]
mod tests {
    use super::super::{build, fixtures, model::Meta};
    use crate::{endpoint::Endpoint, labels::Role};

    #[test]
    fn the_clients_pings_are_what_to_change() {
        let endpoint = Endpoint { too_many_pings: 8, ..fixtures::endpoint(Role::Server, "app") };
        let model = build(&[endpoint], &fixtures::products(), Meta::default());
        let advice = &model.endpoints[0].advice[0];
        assert!(advice.why.starts_with("The server ended 8 connections"), "{advice:?}");
        assert!(advice.text.contains("`keepalive_time`") && advice.text.contains("minimum"), "{advice:?}");
    }
}
