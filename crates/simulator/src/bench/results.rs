//! The figures of all rounds: a table beside the targets, a JSON file and a plot.

use std::{fmt::Write, path::Path};

use serde::Serialize;

use super::round::Round;
use crate::{SimulatorError, output::table};

/// A figure over all rounds.
#[derive(Debug, Clone, Serialize)]
struct Figure {
    name: &'static str,
    unit: &'static str,
    target: Option<&'static str>,
    median: f64,
    minimum: f64,
    maximum: f64,
}

type Read = fn(&Round) -> Option<f64>;

/// Name, unit, target, and the function that reads the figure from a round.
const FIGURES: [(&str, &str, Option<&str>, Read); 27] = [
    ("C32", "commits/s", None, |round| Some(round.limits.c32)),
    ("C1", "commits/s", None, |round| Some(round.limits.c1)),
    ("L1", "ms", None, |round| Some(round.limits.l1_ms)),
    ("T1", "events/s", None, |round| round.t1),
    ("T1 / C32", "", Some(">= 0.40"), |round| Some(round.t1? / round.limits.c32)),
    ("T2", "webhooks/s", None, |round| Some(round.t2?.received)),
    ("T2 / C32", "", Some(">= 0.25"), |round| Some(round.t2?.received / round.limits.c32)),
    ("T2 acknowledged", "events/s", None, |round| Some(round.t2?.acknowledged)),
    ("T3 p50", "ms", None, |round| Some(round.t3?.p50)),
    ("T3 p50 / L1", "", Some("<= 12"), |round| Some(round.t3?.p50 / round.limits.l1_ms)),
    ("T3 p99", "ms", None, |round| Some(round.t3?.p99)),
    ("T3 p99 / L1", "", Some("<= 40"), |round| Some(round.t3?.p99 / round.limits.l1_ms)),
    ("T4 p50", "ms", None, |round| Some(round.t4?.p50)),
    ("T4 p50 / L1", "", Some("<= 8"), |round| Some(round.t4?.p50 / round.limits.l1_ms)),
    ("T4 p99", "ms", None, |round| Some(round.t4?.p99)),
    ("T4 p99 / L1", "", Some("<= 30"), |round| Some(round.t4?.p99 / round.limits.l1_ms)),
    ("T5", "frames/s", Some(">= 60000"), |round| Some(round.t5?.frames)),
    ("T5 statements, 1", "", None, |round| Some(round.t5?.statements_one)),
    ("T5 statements, all", "", None, |round| Some(round.t5?.statements_all)),
    ("T5 idle", "KiB", Some("<= 25"), |round| Some(round.idle?.kib)),
    ("T5 idle, most", "KiB", Some("<= 25"), |round| Some(round.idle?.most_kib)),
    ("T8 statements", "", Some("<= 1"), |round| Some(round.t8?.an_event)),
    ("P9 p99 alone", "ms", None, |round| Some(round.p9?.0.p99)),
    ("P9 p99 beside", "ms", None, |round| Some(round.p9?.1.p99)),
    ("P9 beside / alone", "", Some("<= 1.5"), |round| Some(round.p9?.1.p99 / round.p9?.0.p99)),
    ("T9 idle", "MiB", Some("<= 40"), |round| Some(round.idle_mib)),
    ("T9 at T2's load", "MiB", Some("<= 150"), |round| Some(round.t2?.mib)),
];

/// Writes `results.json` and `plot.svg` into `out`, and returns the table.
///
/// # Errors
/// A file cannot be written.
pub fn write(out: &Path, rounds: &[Round]) -> Result<String, SimulatorError> {
    let figures: Vec<_> =
        FIGURES.iter().filter_map(|(name, unit, target, read)| figure(name, unit, *target, *read, rounds)).collect();
    let results = serde_json::json!({ "rounds": rounds, "figures": figures });
    let text = serde_json::to_string_pretty(&results).map_err(SimulatorError::shape("the results"))?;
    for (name, text) in [("results.json", text), ("plot.svg", plot(&figures))] {
        let path = out.join(name);
        std::fs::write(&path, text).map_err(SimulatorError::io(path.display().to_string()))?;
    }
    let rows: Vec<_> = figures
        .iter()
        .map(|figure| {
            let show = |value| number(value, figure.unit);
            let target = figure.target.unwrap_or_default().to_owned();
            [
                format!("{} {}", figure.name, figure.unit).trim_end().to_owned(),
                show(figure.median),
                show(figure.minimum),
                show(figure.maximum),
                target,
                figure.target.map_or("", |target| if holds(target, figure.median) { "yes" } else { "NO" }).to_owned(),
            ]
        })
        .collect();
    let table = table(["figure", "median", "minimum", "maximum", "target", "reached"], &rows);
    Ok(format!("\n{table}\n{} rounds; written to {}", rounds.len(), out.display()))
}

fn figure(
    name: &'static str,
    unit: &'static str,
    target: Option<&'static str>,
    read: Read,
    rounds: &[Round],
) -> Option<Figure> {
    let mut values: Vec<_> = rounds.iter().filter_map(read).collect();
    values.sort_by(f64::total_cmp);
    let (minimum, maximum) = (*values.first()?, *values.last()?);
    let (low, high) = (values.get((values.len() - 1) / 2)?, values.get(values.len() / 2)?);
    Some(Figure { name, unit, target, median: f64::midpoint(*low, *high), minimum, maximum })
}

fn number(value: f64, unit: &str) -> String {
    match unit {
        "ms" => format!("{value:.3}"),
        "" => format!("{value:.2}"),
        _ => format!("{value:.0}"),
    }
}

/// Whether a value keeps a target such as `>= 0.40`.
fn holds(target: &str, value: f64) -> bool {
    match target.split_once(' ') {
        Some((">=", least)) => least.parse().is_ok_and(|least: f64| value >= least),
        Some(("<=", most)) => most.parse().is_ok_and(|most: f64| value <= most),
        _ => false,
    }
}

/// The left edge of the bars, the length of a bar at its target, and the height of a row, in pixels.
const LEFT: f64 = 150.0;
const TARGET: f64 = 240.0;
const ROW: f64 = 26.0;

/// Draws each figure with a target as a bar of its share of that target, with a whisker from the least to the most. The
/// rule marks the target: a bar should pass it for `>=` and stay below for `<=`.
fn plot(figures: &[Figure]) -> String {
    let mut rows = String::new();
    let mut y = 40.0;
    for figure in figures {
        let Some(target) = figure.target else { continue };
        let Some(goal) = target.split_once(' ').and_then(|(_, goal)| goal.parse::<f64>().ok()) else { continue };
        let at = |value: f64| LEFT + (value / goal).min(2.4) * TARGET;
        let colour = if holds(target, figure.median) { "#3a7d44" } else { "#b3423a" };
        let (middle, end) = (y + ROW / 2.0 - 3.0, at(figure.median));
        let _ = writeln!(
            rows,
            "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{LEFT}\" y=\"{y:.0}\" width=\"{:.1}\" height=\"{:.0}\" fill=\"{colour}\"/>\
             <path d=\"M{:.1} {middle:.1}H{:.1}\" stroke=\"#222\" stroke-width=\"2\"/>\
             <text x=\"{:.0}\" y=\"{:.0}\">{} ({})</text>",
            LEFT - 8.0,
            middle + 4.0,
            figure.name,
            end - LEFT,
            ROW - 6.0,
            at(figure.minimum),
            at(figure.maximum),
            end.max(at(figure.maximum)) + 8.0,
            middle + 4.0,
            number(figure.median, figure.unit),
            target.replace('<', "&lt;").replace('>', "&gt;"),
        );
        y += ROW;
    }
    let rule = LEFT + TARGET;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"900\" height=\"{:.0}\" font-family=\"sans-serif\" \
         font-size=\"12\"><rect width=\"100%\" height=\"100%\" fill=\"white\"/>\
         <text x=\"{LEFT}\" y=\"20\">Share of each target: median, whisker from minimum to maximum</text>\n{rows}\
         <path d=\"M{rule} 30V{y:.0}\" stroke=\"#222\" stroke-dasharray=\"4 3\"/></svg>\n",
        y + 20.0
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{
        limits::Limits,
        round::{Delivered, Latency},
    };

    fn round(t1: f64) -> Round {
        let limits = Limits { c32: 20_000.0, c1: 6_000.0, l1_ms: 0.16 };
        let t3 = Some(Latency { p50: 1.6, p99: 8.0 });
        let t2 = Some(Delivered { received: 6_000.0, acknowledged: 7_000.0, mib: 90.0 });
        Round { limits, t1: Some(t1), t2, t3, t4: None, t5: None, idle: None, t8: None, p9: None, idle_mib: 30.0 }
    }

    #[test]
    fn tells_median_minimum_and_maximum_beside_the_target() {
        let folder = tempfile::tempdir().unwrap();
        let text = write(folder.path(), &[round(9_000.0), round(7_000.0), round(8_200.0)]).unwrap();
        let line = text.lines().find(|line| line.starts_with("T1 / C32")).unwrap();
        let cells: Vec<_> = line.split_whitespace().collect();
        assert_eq!(cells, ["T1", "/", "C32", "0.41", "0.35", "0.45", ">=", "0.40", "yes"]);
        assert!(!text.contains("T4"), "what was not measured is not shown");
        assert!(!text.contains("T5"));
        let results = std::fs::read_to_string(folder.path().join("results.json")).unwrap();
        let results: serde_json::Value = serde_json::from_str(&results).unwrap();
        assert_eq!(results["rounds"].as_array().map(Vec::len), Some(3));
        assert!(std::fs::read_to_string(folder.path().join("plot.svg")).unwrap().contains("T3 p99 / L1"));
    }

    #[test]
    fn a_target_is_a_bound() {
        assert!(holds(">= 0.40", 0.4) && !holds(">= 0.40", 0.39));
        assert!(holds("<= 12", 12.0) && !holds("<= 12", 12.1));
        assert!(!holds("12", 12.0));
    }
}
