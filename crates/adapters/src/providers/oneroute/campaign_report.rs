//! Campaign reports: pages of rows, each in the form of a `whatsappDeliveryReport` (OR-12).

use inlet_domain::model::channel::Medium;
use serde_json::{Value, json};
use url::Url;

use super::{Event, Misfit, report};
use crate::{
    body::lenient,
    fields::{self, Members, Object},
    provider::{CampaignReports, ReportPage, Request, Understanding},
};

/// The name of a page in the raw log. The provider gives pages no name.
pub(super) const EVENT: &str = "campaignReport";

/// The parameter of the page number.
const PAGE: &str = "page[number]";

/// The longest shown text of a refusal.
const LONGEST_REFUSAL: usize = 300;

/// Reads every row of a page. If some rows are unreadable, names them and applies none: the report job then submits the
/// rows one by one.
pub(super) fn understand(request: &Request<'_>, body: &Object) -> Understanding {
    let unknown = |reason: String| Understanding::Unknown { event: Some(EVENT.to_owned()), reason };
    let page = match read(body) {
        Ok(page) => page,
        Err(reason) => return unknown(format!("{EVENT}: {reason}")),
    };
    if let Some(refusal) = page.refusal {
        return unknown(format!("{EVENT}: the provider reports a failure: {refusal}"));
    }
    let mut commands = Vec::with_capacity(page.rows.len());
    for (row, number) in page.rows.iter().zip(1..) {
        let read = row
            .as_object()
            .ok_or(Misfit("it is no object"))
            .and_then(|row| report::row(request, row, Event::WhatsappDeliveryReport.name(), Medium::Whatsapp));
        match read {
            Ok(command) => commands.push(command),
            Err(Misfit(reason)) => return unknown(format!("{EVENT}: row {number}: {reason}")),
        }
    }
    Understanding::Known { event: EVENT.to_owned(), commands }
}

/// OneRoute's pages.
pub(super) struct Pages;

impl CampaignReports for Pages {
    fn hosts(&self) -> &'static [&'static str] {
        &["api.oneroute.io"]
    }

    fn event(&self) -> &'static str {
        EVENT
    }

    /// Every other byte of the query stays, because the query may be signed.
    fn page_url(&self, report: &Url, page: i32) -> Url {
        let wanted = format!("{PAGE}={page}");
        let is_page = |part: &str| url::form_urlencoded::parse(part.as_bytes()).any(|(name, _)| name == PAGE);
        let mut parts: Vec<&str> =
            report.query().unwrap_or_default().split('&').filter(|part| !part.is_empty()).collect();
        let at = parts.iter().position(|part| is_page(part)).unwrap_or(parts.len());
        parts.retain(|part| !is_page(part));
        parts.insert(at, &wanted);
        let query = parts.join("&");
        let mut url = report.clone();
        url.set_query(Some(&query));
        url
    }

    fn page(&self, body: &Value) -> Result<ReportPage, &'static str> {
        read(body.as_object().ok_or("it is not an object")?)
    }

    fn page_of(&self, rows: &[Value]) -> Value {
        json!({"data": rows, "success": true})
    }
}

fn read(body: &Object) -> Result<ReportPage, &'static str> {
    let number = |name| body.get(name).and_then(fields::text).and_then(|text| whole(&text));
    let mut page =
        ReportPage { rows: Vec::new(), number: number("currentPage"), total: number("totalPage"), refusal: None };
    if body.flag("success") == Some(false) {
        let said = body.text("message").unwrap_or_else(|| "it does not say why".to_owned());
        page.refusal = Some(said.replace('\0', "\u{fffd}").chars().take(LONGEST_REFUSAL).collect());
        return Ok(page);
    }
    page.rows = match body.get("data") {
        Some(Value::Array(rows)) => rows.clone(),
        Some(Value::String(text)) => match lenient::parse(text.as_bytes()).map(|parsed| parsed.value) {
            Ok(Value::Array(rows)) => rows,
            Ok(_) | Err(_) => return Err("`data` is a text without rows"),
        },
        Some(Value::Null) if body.contains_key("success") => Vec::new(),
        Some(_) => return Err("`data` is not an array"),
        None => return Err("the body has no `data`"),
    };
    Ok(page)
}

/// A count, also as a text, and as `2.0`.
fn whole(text: &str) -> Option<i32> {
    let digits = text.split_once('.').filter(|(_, rest)| rest.bytes().all(|digit| digit == b'0'));
    digits.map_or(text, |(digits, _)| digits).parse().ok().filter(|number| *number >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page_url(report: &str, page: i32) -> String {
        Pages.page_url(&report.parse().unwrap(), page).to_string()
    }

    #[test]
    fn or_12_only_the_number_of_the_page_changes() {
        let report = "https://api.oneroute.io/api/public/logs?page[size]=10&page[number]=1&campaign_id=a%2Fb+c";
        assert_eq!(
            page_url(report, 12),
            "https://api.oneroute.io/api/public/logs?page[size]=10&page[number]=12&campaign_id=a%2Fb+c"
        );
        assert_eq!(page_url("https://a.example/x", 2), "https://a.example/x?page[number]=2");
        assert_eq!(
            page_url("https://a.example/x?page%5Bnumber%5D=1&y=&page[number]=7", 3),
            "https://a.example/x?page[number]=3&y="
        );
    }

    #[test]
    fn or_12_counts_may_be_texts_and_so_may_the_rows() {
        let page = |body: Value| Pages.page(&body);
        let row = json!({"id": "1", "status": "read"});
        let expected = ReportPage { rows: vec![row.clone()], number: Some(1), total: Some(3), refusal: None };
        for body in [
            json!({"count": 1, "data": [row], "currentPage": 1, "totalPage": 3, "success": true}),
            json!({"count": "1", "data": [row], "currentPage": "1", "totalPage": "3", "success": "true"}),
            json!({"data": json!([row]).to_string(), "currentPage": 1.0, "totalPage": "3.0"}),
        ] {
            assert_eq!(page(body).as_ref(), Ok(&expected));
        }
        let vague = page(json!({"data": [], "currentPage": "first", "totalPage": -1})).unwrap();
        assert_eq!((vague.number, vague.total), (None, None));
        assert!(page(json!({"data": null, "success": true})).unwrap().rows.is_empty());
        for body in [json!([]), json!({}), json!({"data": 7}), json!({"data": "none"}), json!({"success": true})] {
            assert!(page(body.clone()).is_err(), "{body}");
        }
    }

    #[test]
    fn or_12_a_refusal_is_told_with_its_reason() {
        let refusal = |body: Value| Pages.page(&body).unwrap().refusal;
        assert_eq!(
            refusal(json!({"success": false, "message": "No such\u{0} campaign"})).as_deref(),
            Some("No such\u{fffd} campaign")
        );
        assert_eq!(refusal(json!({"success": "false"})).as_deref(), Some("it does not say why"));
        assert_eq!(refusal(json!({"success": 0, "data": [1], "message": "x".repeat(9_000)})).unwrap().len(), 300);
    }
}
