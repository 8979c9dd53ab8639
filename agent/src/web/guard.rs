//! Asks for a password before everything else that is answered.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{
    access::WebConfig,
    counts::Refusal,
    password::{Answer, Credentials},
};

const ASKS: HeaderValue = HeaderValue::from_static("Basic realm=\"whohungup\", charset=\"UTF-8\"");

pub(crate) async fn guard(State(web): State<Arc<WebConfig>>, request: Request, next: Next) -> Response {
    let Some(users) = web.current().users() else { return next.run(request).await };
    let answer = match credentials(request.headers()) {
        Some(credentials) => users.check(credentials).await,
        None => Answer::Wrong,
    };
    match answer {
        Answer::Right => next.run(request).await,
        Answer::Wrong => {
            web.counts().refuse(Refusal::Credentials);
            let text = "a user and a password of --web-config-file are needed\n";
            (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, ASKS)], text).into_response()
        }
        Answer::Busy => {
            web.counts().refuse(Refusal::Busy);
            let text = "too many passwords are being compared; try again\n";
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], text).into_response()
        }
    }
}

fn credentials(headers: &HeaderMap) -> Option<Credentials> {
    let (scheme, encoded) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let decoded = BASE64_STANDARD.decode(encoded.trim()).ok()?;
    let colon = decoded.iter().position(|&byte| byte == b':')?;
    let user = String::from_utf8(decoded[..colon].to_vec()).ok()?;
    Some(Credentials { user, password: decoded[colon + 1..].to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<(String, Vec<u8>)> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().expect("a value"));
        credentials(&headers).map(|Credentials { user, password }| (user, password))
    }

    #[test]
    fn a_password_may_have_colons_and_a_user_none() {
        let encoded = |text: &str| format!("basic {}", BASE64_STANDARD.encode(text));
        assert_eq!(read(&encoded("alice:a:b")), Some(("alice".to_owned(), b"a:b".to_vec())));
        assert_eq!(read(&encoded(":")), Some((String::new(), Vec::new())));
        for invalid in [encoded("alice"), "Bearer YTpi".to_owned(), "Basic".to_owned(), "Basic %".to_owned()]
        {
            assert_eq!(read(&invalid), None, "{invalid}");
        }
    }
}
