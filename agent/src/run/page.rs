//! `/`: the page, in the binary. It loads nothing from anywhere else.

use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};

const INDEX: &str = include_str!("page/index.html");
/// Name, content type, content.
const FILES: [(&str, &str, &str); 12] = [
    ("style.css", CSS, include_str!("page/style.css")),
    ("main.js", JS, include_str!("page/main.js")),
    ("dom.js", JS, include_str!("page/dom.js")),
    ("words.js", JS, include_str!("page/words.js")),
    ("filter.js", JS, include_str!("page/filter.js")),
    ("charts.js", JS, include_str!("page/charts.js")),
    ("endpoints.js", JS, include_str!("page/endpoints.js")),
    ("services.js", JS, include_str!("page/services.js")),
    ("idle.js", JS, include_str!("page/idle.js")),
    ("map.js", JS, include_str!("page/map.js")),
    ("closes.js", JS, include_str!("page/closes.js")),
    ("shutdowns.js", JS, include_str!("page/shutdowns.js")),
];
const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
/// Scripts and styles from here only, none inline; strings never become markup or code.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

pub(super) async fn index() -> Response {
    file(HTML, INDEX)
}

pub(super) async fn asset(Path(name): Path<String>) -> Response {
    let found = FILES.iter().find(|(known, _, _)| *known == name);
    found.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |(_, kind, content)| file(kind, content))
}

fn file(kind: &'static str, content: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, content).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_loaded_from_elsewhere_and_nothing_is_inline() {
        for (name, _, content) in FILES.iter().chain([&("index.html", HTML, INDEX)]) {
            for foreign in [
                "http://",
                "https://",
                "//cdn",
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "eval(",
                "document.write",
            ] {
                let found = content
                    .lines()
                    .find(|line| line.contains(foreign) && !line.contains("www.w3.org/2000/svg"));
                assert_eq!(found, None, "{name}");
            }
        }
        assert!(!INDEX.contains("<style") && !INDEX.contains("onclick") && !INDEX.contains(" style="));
        let scripts: Vec<_> = INDEX.match_indices("<script").collect();
        assert!(scripts.len() == 1 && INDEX.contains("<script type=\"module\" src=\"/page/main.js\">"));
    }
}
