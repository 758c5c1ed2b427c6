//! Campaigns and their reports.

use inlet_domain::{
    command::{CampaignReport, Command, Effect, MOST_COMMANDS, Reading},
    model::provider::Provider,
};
use serde_json::{Value, json};

use super::command;

use crate::support::{expect_commands, json, read_at, reason, source, with};

#[test]
fn or_11_both_spellings_name_the_campaign_by_its_url() {
    let body = json("oneroute/07-compaignDeliveryReport.json");
    let misspelt = command(&body);
    assert_eq!(campaign(&misspelt).id, "982376327jiadnkjddxtdd");
    assert_eq!(command(&with(&body, "/event", json!("campaignDeliveryReport"))), misspelt);
    let without = with(&body, "/campaignReportUrl", json!("https://api.oneroute.io/logs"));
    assert_eq!(campaign(&command(&without)).id, "0d4f1f5e-7a76-4c4b-a4f0-2f8c6f3d9b52");
}

#[test]
fn or_11_a_repeat_is_one_and_another_url_of_the_same_campaign_is_news() {
    let body = json("oneroute/07-compaignDeliveryReport.json");
    let told = command(&body);
    assert_eq!(command(&with(&body, "/message", json!("campaign completed again."))).key, told.key);
    let url = "https://api.oneroute.io/api/public/logs?page[size]=50&campaign_id=982376327jiadnkjddxtdd";
    let elsewhere = command(&with(&body, "/campaignReportUrl", json!(url)));
    assert_eq!(campaign(&elsewhere).id, campaign(&told).id);
    assert_eq!(campaign(&elsewhere).report_url.as_deref(), Some(url));
    assert_ne!(elsewhere.key, told.key);
    let silent = command(&with(&body, "/campaignReportUrl", Value::Null));
    assert_eq!((campaign(&silent).report_url.as_deref(), silent.key == told.key), (None, false));
}

/// The documented page, with these rows.
fn page(rows: Value) -> Value {
    json!({"count": 2, "data": rows, "currentPage": 1, "totalPage": 1, "message": "logs data", "success": true})
}

#[test]
fn or_12_a_row_of_the_report_is_what_the_report_that_was_posted_is() {
    let posted = json("oneroute/08-whatsappDeliveryReport-campaign.json");
    let mut row = posted["conversation"].clone();
    let mut second = with(&row, "/id", json!("another"));
    second["externalId"] = json!("another-external");
    let readout =
        read_at(&source(Provider::Oneroute), Some("campaignReport"), &page(json!([row.clone(), second.clone()])));
    assert_eq!(readout.event.as_deref(), Some("campaignReport"));
    let commands = expect_commands(readout);
    assert_eq!(commands[0], command(&posted));
    assert_eq!(commands[1], command(&with(&posted, "/conversation", second)));
    // The documented row has no template category.
    row.as_object_mut().unwrap().remove("template_category");
    let unnamed = expect_commands(read_at(&source(Provider::Oneroute), None, &page(json!([row]))));
    assert_eq!(unnamed[0].key, commands[0].key, "told by its shape");
}

#[test]
fn or_12_a_row_that_cannot_be_read_is_named_and_a_refusal_is_no_page() {
    let row = json("oneroute/08-whatsappDeliveryReport-campaign.json")["conversation"].clone();
    let read = |body: &Value| read_at(&source(Provider::Oneroute), Some("campaignReport"), body);
    let nameless = page(json!([row.clone(), {"status": "read"}]));
    assert_eq!(reason(read(&nameless)), "campaignReport: row 2: neither `id` nor `externalId` identifies a message");
    assert!(reason(read(&page(json!([row, 7])))).contains("row 2"));
    let refused = with(&page(json!([])), "/success", json!(false));
    assert!(reason(read(&refused)).contains("logs data"));
    assert!(reason(read(&json!({"data": 7, "totalPage": 1}))).contains("not an array"));
    assert!(expect_commands(read(&page(json!([])))).is_empty());
}

#[test]
fn d1_p6_a_request_that_says_too_much_at_once_is_failed_when_it_is_read() {
    let row = json("oneroute/08-whatsappDeliveryReport-campaign.json")["conversation"].clone();
    let rows = |count: usize| {
        let rows: Vec<Value> = (0..count).map(|number| with(&row, "/id", json!(format!("row-{number}")))).collect();
        read_at(&source(Provider::Oneroute), Some("campaignReport"), &page(json!(rows)))
    };
    assert_eq!(expect_commands(rows(MOST_COMMANDS)).len(), MOST_COMMANDS);
    let readout = rows(MOST_COMMANDS + 1);
    assert_eq!(readout.event.as_deref(), Some("campaignReport"));
    let Reading::Excessive { reason, lenient: false } = readout.reading else { panic!("{:?}", readout.reading) };
    assert_eq!(reason, "the request has 1001 commands, and at most 1000 are allowed");
}

#[test]
fn or_13_the_report_comes_from_the_providers_own_host_unless_the_source_says_otherwise() {
    for (provider, hosts) in [
        (Provider::Oneroute, Some(["api.oneroute.io"].as_slice())),
        (Provider::Mobtexting, None),
        (Provider::Oblic, None),
    ] {
        let reports = inlet_adapters::registry::adapter(provider).campaign_reports();
        assert_eq!(reports.map(|reports| reports.hosts()), hosts, "{provider}");
    }
}

pub(super) fn campaign(command: &Command) -> &CampaignReport {
    match &command.effect {
        Effect::Campaign(report) => report,
        other => panic!("not a campaign: {other:?}"),
    }
}
