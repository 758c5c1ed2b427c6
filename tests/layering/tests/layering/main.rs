//! Which crate may know which, which module may know which, and where SQL may stand (ARCHITECTURE.md).

mod modules;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use self::modules::{cycle, graph};

/// Every arrow that is allowed between our crates, tests aside.
const ARROWS: &[(&str, &[&str])] = &[
    ("inlet-domain", &[]),
    ("inlet-egress", &["inlet-domain"]),
    ("inlet-adapters", &["inlet-domain"]),
    ("inlet-store", &["inlet-domain"]),
    ("inlet-ingest", &["inlet-adapters", "inlet-domain", "inlet-egress", "inlet-store"]),
    ("inlet-api", &["inlet-domain", "inlet-store"]),
    ("inlet-notifier", &["inlet-domain", "inlet-egress", "inlet-store"]),
    ("inlet-simulator", &[]),
    (
        "inlet-server",
        &[
            "inlet-adapters",
            "inlet-api",
            "inlet-domain",
            "inlet-egress",
            "inlet-ingest",
            "inlet-notifier",
            "inlet-simulator",
            "inlet-store",
        ],
    ),
];

/// What the server alone may know of: it exports the spans that the others make with `tracing`.
const EXPORT: &[&str] = &["opentelemetry", "opentelemetry-http", "opentelemetry-otlp", "opentelemetry_sdk"];

/// What the crates must not know of, by crate.
const STRANGERS: &[(&str, &[&str])] = &[
    ("inlet-domain", &["actix-web", "async-graphql", "reqwest", "sea-orm", "tokio"]),
    ("inlet-adapters", &["actix-web", "async-graphql", "reqwest", "sqlx", "sea-orm", "tokio"]),
    ("inlet-store", &["actix-web", "async-graphql", "reqwest"]),
    ("inlet-egress", &["actix-web", "async-graphql", "sqlx", "sea-orm"]),
    ("inlet-ingest", &["async-graphql", "reqwest", "sqlx", "sea-orm"]),
    ("inlet-api", &["reqwest", "sqlx", "sea-orm"]),
    ("inlet-notifier", &["actix-web", "async-graphql", "sqlx", "sea-orm"]),
    ("inlet-simulator", &["actix-web", "async-graphql", "sqlx", "sea-orm"]),
    ("inlet-server", &["async-graphql", "reqwest", "sea-orm"]),
];

/// The rooms of crates that have an order, the lowest first: a room knows only those before it.
const ORDERS: &[(&str, &[&str])] = &[
    (
        "domain",
        &[
            "ids",
            "ambient",
            "scope",
            "json",
            "secrets",
            "spans",
            "text_enum",
            "model",
            "command",
            "event",
            "compose",
            "reader",
        ],
    ),
    (
        "store",
        &[
            "error",
            "long_work",
            "shares",
            "database",
            "revocations",
            "rows",
            "presence",
            "log",
            "listener",
            "records",
            "apply",
            "replay",
        ],
    ),
    ("api", &["error", "loading", "access", "follow", "execution", "schema", "transport"]),
];

/// What the diagram in ARCHITECTURE.md stands between.
const MARKS: [&str; 2] = ["<!-- made by `make architecture` -->\n", "<!-- end -->\n"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// What a package needs to be built; what only its tests need does not count.
fn dependencies(package: &Value) -> BTreeSet<String> {
    let all = package["dependencies"].as_array().unwrap().iter();
    all.filter(|dependency| dependency["kind"] != "dev" && dependency["optional"] != true)
        .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn crates_know_only_those_below_them() {
    let packages = packages();
    let ours: BTreeSet<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    let listed: BTreeSet<&str> =
        ARROWS.iter().map(|(name, _)| *name).chain(["inlet-layering", "inlet-tests"]).collect();
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
            let dependency = dependency.as_str();
            let is_stranger =
                strangers.contains(&dependency) || (name != "inlet-server" && EXPORT.contains(&dependency));
            assert!(!is_stranger, "{name} must not know {dependency}");
        }
    }
}

/// The name of each of our crates, and its folder.
fn crates() -> Vec<(&'static str, PathBuf)> {
    let folder = root().join("crates");
    ARROWS.iter().map(|(name, _)| name.strip_prefix("inlet-").unwrap()).map(|name| (name, folder.join(name))).collect()
}

#[test]
fn no_module_knows_one_that_knows_it() {
    for (name, folder) in crates() {
        let graph = graph(&folder.join("src"));
        assert!(graph.len() > 2, "{name}: the modules were not found");
        assert_eq!(cycle(&graph), None, "{name}: these modules know each other; move what they share below both");
    }
}

#[test]
fn rooms_know_only_those_below_them() {
    for (name, order) in ORDERS {
        let graph = graph(&root().join("crates").join(name).join("src"));
        let rooms: BTreeSet<&str> = graph.keys().map(String::as_str).collect();
        assert_eq!(rooms, order.iter().copied().collect(), "{name}: a room came or went: say here where it belongs");
        let place = |room: &str| order.iter().position(|other| *other == room);
        for (room, known) in &graph {
            for other in known {
                assert!(place(other) < place(room), "{name}: `{room}` must not know `{other}`");
            }
        }
    }
}

/// The arrows that no other way leads along.
fn reduced(graph: &BTreeMap<String, BTreeSet<String>>) -> BTreeMap<String, BTreeSet<String>> {
    fn reaches(graph: &BTreeMap<String, BTreeSet<String>>, from: &str, to: &str) -> bool {
        graph.get(from).is_some_and(|known| known.iter().any(|next| next == to || reaches(graph, next, to)))
    }
    let needed = |known: &BTreeSet<String>| {
        let others = |to: &String| known.iter().filter(move |via| *via != to).any(|via| reaches(graph, via, to));
        known.iter().filter(|to| !others(to)).cloned().collect()
    };
    graph.iter().map(|(from, known)| (from.clone(), needed(known))).collect()
}

/// The crates, and the rooms of those that have an order, as a Mermaid diagram.
fn diagram() -> String {
    let mut text = format!("{}```mermaid\nflowchart TD\n", MARKS[0]);
    let packages = packages();
    let of_crates: BTreeMap<String, BTreeSet<String>> = packages
        .iter()
        .filter_map(|package| {
            let ours = |name: String| name.strip_prefix("inlet-").map(str::to_owned);
            let name = ours(package["name"].as_str()?.to_owned())
                .filter(|name| !["layering", "tests"].contains(&name.as_str()))?;
            Some((name, dependencies(package).into_iter().filter_map(ours).collect()))
        })
        .collect();
    for (from, known) in reduced(&of_crates) {
        // Writing into a text never fails.
        let _ = writeln!(text, "  {from}");
        for to in known {
            let _ = writeln!(text, "  {from} --> {to}");
        }
    }
    text.push_str("```\n");
    for (name, _) in ORDERS {
        let _ = writeln!(text, "\nInside `{name}`:\n\n```mermaid\nflowchart TD");
        for (from, known) in reduced(&graph(&root().join("crates").join(name).join("src"))) {
            let _ = writeln!(text, "  {from}");
            for to in known {
                let _ = writeln!(text, "  {from} --> {to}");
            }
        }
        text.push_str("```\n");
    }
    text.push_str(MARKS[1]);
    text
}

#[test]
fn the_picture_in_architecture_md_is_what_the_code_says() {
    let path = root().join("ARCHITECTURE.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(MARKS[0]).expect("the mark of the diagram is gone");
    let (_, after) = rest.split_once(MARKS[1]).expect("the end of the diagram is gone");
    let now = format!("{before}{}{after}", diagram());
    if std::env::var_os("INLET_WRITE_ARCHITECTURE").is_some() {
        fs::write(&path, now).unwrap();
        return;
    }
    assert!(page == now, "the diagram is out of date: make architecture");
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

fn all_sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    sources(&root().join("crates"), &mut files);
    assert!(files.len() > 20, "the sources were not found");
    files
}

#[test]
fn sql_stands_in_the_store_alone() {
    let root = root();
    for file in all_sources() {
        let path = file.strip_prefix(&root).unwrap();
        // The domain's ids and enums can be bound to queries, under a feature.
        let may = [
            "crates/store",
            "crates/server/src/postgres",
            "crates/domain/src/text_enum.rs",
            "crates/domain/src/ids.rs",
        ];
        if may.iter().any(|place| path.starts_with(place)) || path.ends_with("domain/src/lib.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for word in ["sqlx::", "use sqlx", "sea_orm"] {
            assert!(!text.contains(word), "{} speaks SQL (`{word}`)", path.display());
        }
    }
}

#[test]
fn no_file_is_too_long_to_read_at_once() {
    const MOST: usize = 400;
    for file in all_sources() {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(
            lines <= MOST,
            "{}: {lines} lines, the most are {MOST}: take out what is a thing of its own",
            file.display()
        );
    }
}

#[test]
fn folders_and_files_are_named_for_what_is_in_them() {
    for file in all_sources() {
        let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
        let says_nothing = ["utils", "util", "helpers", "helper", "common", "manager", "misc"].contains(&&*stem);
        assert!(!says_nothing, "{}: say what is in it", file.display());
    }
}

/// `make faults` puts each into a copy of the code. One that fits no more shows nothing.
#[test]
fn the_faults_of_the_simulator_fit_the_code() {
    let mut looked_at = 0;
    for entry in fs::read_dir(root().join("crates/simulator/faults")).unwrap().flatten() {
        let patch = fs::read_to_string(entry.path()).unwrap();
        for file in patch.split("diff --git ").skip(1) {
            let path = file.lines().find_map(|line| line.strip_prefix("--- a/")).unwrap();
            let text = fs::read_to_string(root().join(path)).unwrap();
            for hunk in file.split("\n@@ ").skip(1) {
                let old = hunk.lines().skip(1).filter_map(|line| line.strip_prefix([' ', '-']));
                let old: String = old.map(|line| format!("{line}\n")).collect();
                assert!(text.contains(&old), "{}: {path} has no more:\n{old}", entry.path().display());
                looked_at += 1;
            }
        }
    }
    assert!(looked_at > 6, "{looked_at}");
}
