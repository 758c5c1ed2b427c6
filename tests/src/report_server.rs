//! A provider's API that serves the pages of a campaign's report, and behaves as it is told.

use std::sync::{Arc, Mutex};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde_json::{Value, json};
use tokio::sync::watch;
use url::{Url, form_urlencoded};

use crate::stub::Stub;

/// What it answers: status, headers, body.
pub type Answer = (u16, Vec<(String, String)>, Vec<u8>);

type Script = Arc<dyn Fn(i32) -> Answer + Send + Sync>;

struct State {
    asked: watch::Sender<Vec<i32>>,
    script: Mutex<Script>,
    held: watch::Sender<Option<i32>>,
}

/// The API. It ends with the test.
pub struct ReportServer {
    stub: Stub,
    state: Arc<State>,
}

/// A page in the documented form: 200, with these rows.
#[must_use]
pub fn page(rows: &[Value], page: i32, pages: i32) -> Answer {
    let body = json!({
        "count": rows.len(), "data": rows, "currentPage": page, "totalPage": pages, "message": "logs data", "success": true,
    });
    (200, Vec::new(), body.to_string().into_bytes())
}

/// An answer of this status and JSON.
#[must_use]
pub fn answer(status: u16, body: &Value) -> Answer {
    (status, Vec::new(), body.to_string().into_bytes())
}

impl ReportServer {
    /// Starts it; `script` answers for each page that is asked for.
    pub async fn start(script: impl Fn(i32) -> Answer + Send + Sync + 'static) -> Self {
        let state = Arc::new(State {
            asked: watch::Sender::new(Vec::new()),
            script: Mutex::new(Arc::new(script)),
            held: watch::Sender::new(None),
        });
        Self { stub: Stub::start(state.clone(), serve), state }
    }

    /// The report of a campaign, in the documented form.
    #[must_use]
    pub fn report(&self, campaign: &str) -> String {
        format!("http://{}/api/public/logs?page[size]=10&page[number]=1&campaign_id={campaign}", self.stub.address)
    }

    /// From now on answers so.
    pub fn script(&self, script: impl Fn(i32) -> Answer + Send + Sync + 'static) {
        *self.state.script.lock().unwrap() = Arc::new(script);
    }

    /// From now on holds the page of this number without an answer; `None` lets all go.
    pub fn hold(&self, page: Option<i32>) {
        self.state.held.send_replace(page);
    }

    /// The pages that were asked for, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<i32> {
        self.state.asked.borrow().clone()
    }

    /// Waits until `enough` holds of the pages that were asked for, and gives them.
    pub async fn wait(&self, enough: impl FnMut(&Vec<i32>) -> bool) -> Vec<i32> {
        let mut watch = self.state.asked.subscribe();
        let asked = tokio::time::timeout(std::time::Duration::from_secs(60), watch.wait_for(enough)).await;
        asked.expect("the pages that were waited for were not asked for").unwrap().clone()
    }
}

async fn serve(request: HttpRequest, _: web::Bytes, state: web::Data<State>) -> HttpResponse {
    let page = form_urlencoded::parse(request.query_string().as_bytes())
        .find(|(name, _)| name == "page[number]")
        .and_then(|(_, page)| page.parse().ok())
        .unwrap_or(0);
    let script = state.script.lock().unwrap().clone();
    let (status, headers, body) = script(page);
    state.asked.send_modify(|all| all.push(page));
    let mut held = state.held.subscribe();
    let _ = held.wait_for(|held| *held != Some(page)).await;
    let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap());
    for header in headers {
        response.append_header(header);
    }
    response.content_type("application/json").body(body)
}

/// The body that tells that the campaign is over and its report at `url`.
#[must_use]
pub fn campaign_completed(url: &str) -> String {
    let campaign = Url::parse(url).ok().and_then(|url| {
        url.query_pairs().find(|(name, _)| name == "campaign_id").map(|(_, campaign)| campaign.into_owned())
    });
    json!({
        "event": "compaignDeliveryReport", "message": "campaign completed.", "campaignReportUrl": url,
        "conversation": {"id": campaign, "firm_id": "firm-1"},
    })
    .to_string()
}

/// A row of the report of `campaign`: the message of this number, to a phone of its own, was `status`.
#[must_use]
pub fn row(campaign: &str, number: i32, status: &str) -> Value {
    json!({
        "id": format!("{campaign}-{number}"), "externalId": format!("{campaign}-x-{number}"), "status": status,
        "reason": null, "from": "2348183625392", "to": format!("+23480{:08}", 30_000_000 + number), "units": 0,
        "delivered_time": "2024-12-04T13:49:05.000Z", "createdAt": "2024-12-04T13:47:23.000Z",
        "campaign_id": campaign, "identifier": "f1005383-7d8d-4351",
    })
}

/// `size` such rows for the page of this number: 1, 2, 3 ...
#[must_use]
pub fn rows(campaign: &str, page: i32, size: i32) -> Vec<Value> {
    ((page - 1) * size..page * size).map(|number| row(campaign, number, "delivered")).collect()
}
