//! `cargo run --example receiver`, with WEBHOOK_SECRET and PORT; the crates are actix-web 4, serde_json and
//! standardwebhooks.

#![allow(clippy::print_stdout, reason = "it shows what came")]

use std::{env, error::Error};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use standardwebhooks::Webhook;

async fn receive(request: HttpRequest, body: web::Bytes, webhook: web::Data<Webhook>) -> HttpResponse {
    // The two libraries are of different generations of the crate `http`.
    let header = |name: &'static str| {
        let value = HeaderValue::from_bytes(request.headers().get(name)?.as_bytes()).ok()?;
        Some((HeaderName::from_static(name), value))
    };
    let headers: HeaderMap =
        ["webhook-id", "webhook-timestamp", "webhook-signature"].into_iter().filter_map(header).collect();
    if webhook.verify(&body, &headers).is_err() {
        return HttpResponse::Unauthorized().finish();
    }
    let Ok(event) = serde_json::from_slice::<serde_json::Value>(&body) else {
        return HttpResponse::BadRequest().finish();
    };
    // An event may come more than once: do your work once for each `webhook-id`.
    println!("{} {}", event["id"].as_str().unwrap_or_default(), event["type"].as_str().unwrap_or_default());
    HttpResponse::NoContent().finish()
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let webhook = web::Data::new(Webhook::new(&env::var("WEBHOOK_SECRET")?)?);
    let address = ("127.0.0.1", env::var("PORT")?.parse::<u16>()?);
    let app = move || App::new().app_data(webhook.clone()).default_service(web::post().to(receive));
    HttpServer::new(app).bind(address)?.run().await?;
    Ok(())
}
