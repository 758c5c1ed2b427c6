//! Where things are in the source tree and in cargo's.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The source tree's top.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is a folder of the workspace").to_owned()
}

/// Where cargo builds to.
#[must_use]
pub fn target() -> PathBuf {
    let folder = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    root().join(folder)
}

/// The binary `inlet`: that of `INLET_TEST_BINARY`, else built now.
#[must_use]
pub fn inlet() -> PathBuf {
    if let Some(path) = env::var_os("INLET_TEST_BINARY").filter(|path| !path.is_empty()) {
        return root().join(path);
    }
    let output = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "inlet-server", "--bin", "inlet", "--message-format=json"])
        .args(["--features", "inlet-server/failpoints"])
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "the binary does not build");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find_map(|message| {
            let is_ours = message["target"]["name"] == "inlet";
            is_ours.then(|| message["executable"].as_str().map(PathBuf::from)).flatten()
        })
        .expect("cargo tells where the binary is")
}
