//! Decides whether a page is the requested one, and whether another page follows.

use inlet_adapters::{digest, provider::ReportPage};
use inlet_store::records::report_jobs::{HeldJob, PageDone};
use serde_json::Value;

use crate::report_job::Trouble;

/// The most pages of a report.
pub(super) const MOST_PAGES: i32 = 10_000;

/// The decision about a page.
#[derive(Debug)]
pub(super) struct Turn {
    /// Whether its rows are new.
    pub(super) apply: bool,
    pub(super) done: PageDone,
}

/// Judges the page that was fetched as the held job's next one. The newest page tells the number of pages. If the
/// provider tells no number, the report ends with a page without rows.
pub(super) fn judge(held: &HeldJob, page: &ReportPage) -> Result<Turn, Trouble> {
    if let Some(refusal) = &page.refusal {
        return Err(Trouble::again(format!("the provider reports a failure: {refusal}")));
    }
    let asked = held.next_page;
    let beyond = page.total.is_some_and(|total| asked > total.max(1));
    let digest = digest::of_value(&Value::Array(page.rows.clone()));
    let repeats = !page.rows.is_empty() && held.last_page.as_deref() == Some(digest.as_str());
    let turn = |apply, last| Turn {
        apply,
        done: PageDone {
            total_pages: page.total,
            rows: if apply { i64::try_from(page.rows.len()).unwrap_or(i64::MAX) } else { 0 },
            digest: digest.clone(),
            last,
        },
    };
    // The report became shorter during the reading: some servers answer every later page with the last one.
    if beyond && (repeats || page.number.is_some_and(|number| number != asked)) {
        return Ok(turn(false, true));
    }
    if let Some(number) = page.number.filter(|number| *number != asked) {
        return Err(Trouble::again(format!("the provider answered a request for page {asked} with page {number}")));
    }
    let last = match page.total {
        Some(total) => asked >= total,
        // A server without pages answers with one page for ever.
        None => page.rows.is_empty() || repeats,
    };
    if repeats && page.total.is_some() {
        return Err(Trouble::again(format!("page {asked} repeats the rows of page {}", asked - 1)));
    }
    if !last && asked >= MOST_PAGES {
        return Err(Trouble::Final(format!("the report has not ended after {MOST_PAGES} pages")));
    }
    Ok(turn(!page.rows.is_empty() && !repeats, last))
}

#[cfg(test)]
mod tests {
    use inlet_domain::ids::{ReportJobId, SourceId, WorkspaceId};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn held(next_page: i32, last_page: Option<&[Value]>) -> HeldJob {
        HeldJob {
            workspace: WorkspaceId(Uuid::nil()),
            id: ReportJobId(Uuid::nil()),
            lease: Uuid::nil(),
            source: SourceId(Uuid::nil()),
            url: String::new(),
            next_page,
            attempts: 0,
            last_page: last_page.map(|rows| digest::of_value(&Value::Array(rows.to_vec()))),
        }
    }

    fn page(rows: &[Value], number: Option<i32>, total: Option<i32>) -> ReportPage {
        ReportPage { rows: rows.to_vec(), number, total, refusal: None }
    }

    /// Whether the page is applied, and whether it is the last.
    fn verdict(held: &HeldJob, page: &ReportPage) -> (bool, bool) {
        let turn = judge(held, page).unwrap();
        (turn.apply, turn.done.last)
    }

    #[test]
    fn or_12_the_last_word_on_how_many_pages_there_are_counts() {
        let rows = [json!({"id": 1})];
        let (second, earlier) = (held(2, Some(&[json!({"id": 0})])), [json!({"id": 0})]);
        assert_eq!(verdict(&second, &page(&rows, Some(2), Some(3))), (true, false));
        assert_eq!(verdict(&second, &page(&rows, Some(2), Some(2))), (true, true));
        assert_eq!(verdict(&second, &page(&rows, Some(2), Some(1))), (true, true), "it became shorter, and has rows");
        assert_eq!(verdict(&second, &page(&[], Some(2), Some(2))), (false, true));
        assert_eq!(verdict(&second, &page(&[], Some(2), Some(0))), (false, true));
        assert_eq!(verdict(&second, &page(&[], Some(2), Some(4))), (false, false), "more may come after an empty page");
        assert_eq!(verdict(&second, &page(&earlier, Some(1), Some(1))), (false, true), "the last for all beyond it");
    }

    #[test]
    fn or_12_without_a_count_it_ends_with_an_empty_page_or_the_same_again() {
        let (one, two) = ([json!({"id": 1})], [json!({"id": 2})]);
        assert_eq!(verdict(&held(1, None), &page(&one, None, None)), (true, false));
        assert_eq!(verdict(&held(2, Some(&one)), &page(&two, None, None)), (true, false));
        assert_eq!(verdict(&held(3, Some(&two)), &page(&[], None, None)), (false, true));
        assert_eq!(verdict(&held(3, Some(&two)), &page(&two, None, None)), (false, true));
    }

    #[test]
    fn or_12_another_page_than_was_asked_for_is_asked_for_again() {
        let (one, two) = ([json!({"id": 1})], [json!({"id": 2})]);
        for (held, page, said) in [
            (
                held(2, Some(&one)),
                page(&one, Some(1), Some(3)),
                "the provider answered a request for page 2 with page 1",
            ),
            (held(2, Some(&one)), page(&one, Some(2), Some(3)), "page 2 repeats the rows of page 1"),
            (held(2, Some(&one)), page(&one, Some(2), Some(2)), "page 2 repeats the rows of page 1"),
            (
                held(3, Some(&two)),
                page(&one, Some(1), Some(3)),
                "the provider answered a request for page 3 with page 1",
            ),
        ] {
            let error = judge(&held, &page).unwrap_err();
            assert!(matches!(&error, Trouble::Again { error, after: None } if error == said), "{error:?}");
        }
    }

    #[test]
    fn or_12_a_report_without_an_end_is_given_up() {
        let rows = [json!({"id": 1})];
        let endless = page(&rows, None, Some(i32::MAX));
        assert_eq!(verdict(&held(MOST_PAGES - 1, None), &endless), (true, false));
        assert!(matches!(judge(&held(MOST_PAGES, None), &endless), Err(Trouble::Final(_))));
    }

    #[test]
    fn or_12_a_refusal_is_an_error_that_may_pass() {
        let refused = ReportPage { refusal: Some("not ready".to_owned()), ..page(&[], None, None) };
        let error = judge(&held(1, None), &refused).unwrap_err();
        assert!(matches!(&error, Trouble::Again { error, .. } if error.ends_with("not ready")), "{error:?}");
    }
}
