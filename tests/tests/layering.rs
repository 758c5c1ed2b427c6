//! Which crate may know which, and where SQL may stand (DESIGN, section 1; ARCHITECTURE.md).

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use inlet_tests::workspace;
use serde_json::Value;

/// Every arrow that is allowed between our crates, tests aside.
const ARROWS: &[(&str, &[&str])] = &[
    ("inlet-domain", &[]),
    ("inlet-egress", &["inlet-domain"]),
    ("inlet-ingest", &["inlet-domain", "inlet-egress"]),
    ("inlet-api", &["inlet-domain"]),
    ("inlet-notifier", &["inlet-domain", "inlet-egress"]),
    ("inlet-simulator", &[]),
    (
        "inlet-server",
        &["inlet-api", "inlet-domain", "inlet-egress", "inlet-ingest", "inlet-notifier", "inlet-simulator"],
    ),
];

/// What the crates must not know of, by crate.
const STRANGERS: &[(&str, &[&str])] = &[
    ("inlet-domain", &["actix-web", "async-graphql", "reqwest"]),
    ("inlet-egress", &["actix-web", "async-graphql", "sqlx", "sea-orm"]),
    ("inlet-ingest", &["async-graphql", "reqwest", "sqlx", "sea-orm"]),
    ("inlet-api", &["reqwest", "sqlx", "sea-orm"]),
    ("inlet-notifier", &["actix-web", "async-graphql", "sqlx", "sea-orm"]),
    ("inlet-simulator", &["actix-web", "async-graphql", "sqlx", "sea-orm"]),
    ("inlet-server", &["async-graphql", "reqwest", "sea-orm"]),
];

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(workspace::root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// What a package needs to be built; what only its tests need does not count.
fn dependencies(package: &Value) -> BTreeSet<String> {
    let all = package["dependencies"].as_array().unwrap().iter();
    all.filter(|dependency| dependency["kind"] != "dev")
        .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn crates_know_only_those_below_them() {
    let packages = packages();
    let ours: BTreeSet<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    let listed: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).chain(["inlet-tests"]).collect();
    assert_eq!(ours, listed, "a crate came or went: say here what it may know");
    for package in &packages {
        let name = package["name"].as_str().unwrap();
        let Some((_, allowed)) = ARROWS.iter().find(|(crate_name, _)| *crate_name == name) else { continue };
        for dependency in dependencies(package).iter().filter(|dependency| ours.contains(dependency.as_str())) {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not know {dependency}");
        }
    }
}

#[test]
fn crates_keep_to_their_own_kind_of_work() {
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        let Some((_, strangers)) = STRANGERS.iter().find(|(crate_name, _)| *crate_name == name) else { continue };
        for dependency in dependencies(&package) {
            assert!(!strangers.contains(&dependency.as_str()), "{name} must not know {dependency}");
        }
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn sql_stands_in_the_domain_alone() {
    let root = workspace::root();
    let mut files = Vec::new();
    sources(&root.join("crates"), &mut files);
    assert!(files.len() > 20, "the sources were not found");
    for file in files {
        let path = file.strip_prefix(&root).unwrap();
        if path.starts_with("crates/domain") || path.starts_with("crates/server/src/postgres") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for word in ["sqlx::", "use sqlx", "sea_orm"] {
            assert!(!text.contains(word), "{} speaks SQL (`{word}`)", path.display());
        }
    }
}

#[test]
fn folders_and_files_are_named_for_what_is_in_them() {
    let root = workspace::root();
    let mut files = Vec::new();
    sources(&root.join("crates"), &mut files);
    for file in files {
        let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
        let says_nothing = ["utils", "util", "helpers", "helper", "common", "manager", "misc"].contains(&&*stem);
        assert!(!says_nothing, "{}: say what is in it", file.display());
    }
}
