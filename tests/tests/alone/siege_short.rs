//! The short form of `make siege`: every attack that SECURITY.md names, in small, against the real binary. What is no duration
//! is asserted: memory, how many got what, that all that was acknowledged stands once, that no log holds what was written.

use inlet_tests::{process::DataDir, workspace};
use serde_json::Value;
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn a1_b1_b2_b3_c1_c2_c3_c4_d1_d2_d3_what_is_bounded_stays_bounded() {
    let folder = DataDir::new();
    // It keeps its data in `data` of that folder, which is where the test's own stands.
    let out = folder.path().parent().unwrap().to_owned();
    let server = workspace::inlet();
    let run = Command::new(server.with_file_name("inlet-bench"))
        .args(["siege", "--short", "--seed", "7", "--server"])
        .arg(&server)
        .arg("--out")
        .arg(&out)
        .env_remove("DATABASE_URL")
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    let report = std::fs::read_to_string(out.join("report.json"));
    let report: Value = serde_json::from_str(&report.unwrap_or_else(|_| panic!("{said}"))).unwrap();
    assert!(report["attacks"].as_array().unwrap().iter().all(|attack| attack["door"]["asked"] != 0), "{said}");
    assert_eq!(report["checked"]["differences"], Value::Array(Vec::new()), "{said}");
    assert!(report["checked"]["acknowledged"].as_u64().unwrap() > 0, "{said}");
    // How long anything takes is judged by `make siege` alone.
    let exceeded = report["exceeded"].as_array().unwrap().iter().filter(|one| one[1]["kind"] != "time");
    assert_eq!(exceeded.collect::<Vec<_>>(), Vec::<&Value>::new(), "{said}");
}
