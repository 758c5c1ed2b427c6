//! P8: live subscribers with filters of every kind, breaks, kill -9, a rolling restart. `make watchers` is the long run.

use inlet_tests::{process::DataDir, workspace};
use serde_json::Value;
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn p8_what_each_watcher_was_told_is_the_log_under_its_filter() {
    let folder = DataDir::new();
    let report = folder.path().with_file_name("report.json");
    let run = Command::new(workspace::inlet())
        .args(["simulate", "--watch", "16", "--duration", "16", "--rate", "20", "--seed", "3", "--data-dir"])
        .arg(folder.path())
        .arg("--report")
        .arg(&report)
        .env_remove("DATABASE_URL")
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{said}");
    let report: Value = serde_json::from_str(&std::fs::read_to_string(report).unwrap()).unwrap();
    assert_eq!(report["differences"], Value::Array(Vec::new()));
    let count = |place: &Value| place.as_u64().unwrap_or(0);
    assert_eq!(count(&report["storm"]["rolled"]), 2, "{said}");
    assert_eq!(count(&report["storm"]["epochs"]), 1, "{said}");
    assert!(count(&report["resets"]["FOREIGN"]) > 0, "{said}");
    assert!(count(&report["storm"]["kills"]) > 0, "{said}");
    for end in ["1006", "1012", "dropped"] {
        assert!(count(&report["ends"][end]) > 0, "{said}");
    }
    assert!(count(&report["filtered"]) > 0 && count(&report["checkpoints"]) > 0, "{said}");
    assert!(count(&report["connections"]) > 2 * count(&report["watchers"]), "{said}");
}
