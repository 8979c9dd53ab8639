//! actix-server HOST:PORT HASTY

use std::{convert::Infallible, time::Duration};

use actix_web::{
    App, HttpResponse, HttpServer,
    rt::{
        System,
        time::{sleep, timeout},
    },
    web,
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

async fn wait(ms: web::Path<u64>) -> &'static str {
    sleep(Duration::from_millis(*ms)).await;
    "hello\n"
}

async fn drip(ms: web::Path<u64>) -> HttpResponse {
    let rest = async move {
        sleep(Duration::from_millis(*ms)).await;
        Bytes::from_static(b"lo\n")
    };
    let halves = stream::once(async { Bytes::from_static(b"hel") }).chain(stream::once(rest));
    HttpResponse::Ok().no_chunking(6).streaming(halves.map(Ok::<_, Infallible>))
}

async fn read(mut body: web::Payload, limit: web::Data<Duration>) -> HttpResponse {
    let whole = async {
        let mut size = 0;
        while let Some(some) = body.next().await {
            size += some?.len();
        }
        Ok::<_, actix_web::error::PayloadError>(size)
    };
    match timeout(**limit, whole).await {
        Ok(Ok(size)) => HttpResponse::Ok().body(format!("{size}\n")),
        Ok(Err(error)) => HttpResponse::BadRequest().force_close().body(error.to_string()),
        Err(_) => HttpResponse::RequestTimeout().force_close().body("too slow\n"),
    }
}

fn main() {
    let [at, hasty] = std::env::args().skip(1).collect::<Vec<_>>().try_into().expect("HOST:PORT HASTY");
    let limit = Duration::from_secs(if hasty == "1" { 2 } else { 600 });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(limit))
            .route("/", web::get().to(|| async { "hello\n" }))
            .route("/wait/{ms}", web::get().to(wait))
            .route("/drip/{ms}", web::get().to(drip))
            .route("/read", web::post().to(read))
            .route("/last", web::get().to(|| async { HttpResponse::Ok().force_close().body("hello\n") }))
    });
    let server =
        server.workers(1).keep_alive(limit).client_request_timeout(limit).client_disconnect_timeout(limit);
    let server = server.bind(at).expect("the address is free");
    System::new().block_on(server.run()).expect("the server runs");
}
