//! Rules about the code itself: which package may know which, and what only one place may do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn dependencies(manifest: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join(manifest)).unwrap();
    let table: toml::Table = toml::from_str(&text).unwrap();
    let section = table["dependencies"].as_table().unwrap();
    section.keys().cloned().collect()
}

/// Imports go one way: gateway → projections → core → domain.
#[test]
fn imports_go_one_way() {
    let ours = |manifest: &str| -> Vec<String> {
        dependencies(manifest)
            .into_iter()
            .filter(|name| name.starts_with("docket-"))
            .collect()
    };
    assert_eq!(ours("core/domain/Cargo.toml"), [""; 0]);
    assert_eq!(ours("core/Cargo.toml"), ["docket-domain"]);
    assert_eq!(
        ours("projections/Cargo.toml"),
        ["docket-core", "docket-domain"]
    );
    let gateway = ours("gateway/Cargo.toml");
    assert_eq!(
        gateway,
        ["docket-core", "docket-domain", "docket-projections"]
    );
}

/// The pure domain depends on nothing that does input or output.
#[test]
fn the_domain_holds_no_io() {
    let allowed = [
        "chrono",
        "chrono-tz",
        "serde",
        "serde_json",
        "serde_with",
        "thiserror",
        "toml",
        "uuid",
    ];
    let found = dependencies("core/domain/Cargo.toml");
    let foreign: Vec<_> = found
        .iter()
        .filter(|d| !allowed.contains(&d.as_str()))
        .collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    for (file, text) in sources("core/domain/src") {
        for banned in [
            "std::fs",
            "std::net",
            "std::env",
            "std::process",
            "SystemTime",
            "Instant::now",
        ] {
            assert!(!text.contains(banned), "{file} uses {banned}");
        }
    }
}

/// Only the GraphQL layer of the gateway knows async-graphql, and only it knows axum.
#[test]
fn the_edges_stay_at_the_edge() {
    for package in ["core", "core/domain", "projections"] {
        let found = dependencies(&format!("{package}/Cargo.toml"));
        for banned in ["async-graphql", "async-graphql-axum", "axum", "clap"] {
            assert!(!found.contains(banned), "{package} depends on {banned}");
        }
    }
    let sqlx = dependencies("gateway/Cargo.toml").contains("sqlx");
    assert!(!sqlx, "the gateway asks views and desk, never a database");
}

/// In the product, esrs's `EventStore` is the one caller of the journal's `append`.
#[test]
fn every_append_goes_through_esrs() {
    let mut callers = BTreeMap::new();
    for package in ["core/src", "projections/src", "gateway/src"] {
        for (file, text) in sources(package) {
            let calls =
                text.matches("journal.append(").count() + text.matches("journal().append(").count();
            if calls > 0 {
                callers.insert(file, calls);
            }
        }
    }
    let only = BTreeMap::from([("core/src/esrs_store.rs".to_owned(), 1)]);
    assert_eq!(callers, only);
}

/// Every source file says at its head what it is.
#[test]
fn every_file_opens_with_what_it_is() {
    for package in [
        "core/src",
        "core/domain/src",
        "projections/src",
        "gateway/src",
        "tests/src",
        "tests/cases",
    ] {
        for (file, text) in sources(package) {
            assert!(text.starts_with("//!"), "{file} does not say what it is");
        }
    }
}

/// `docket schema` is what is committed.
#[test]
fn the_schema_is_the_committed_one() {
    docket_tests::golden::golden("../../schema.graphql", &docket_gateway::sdl());
}

fn sources(under: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(under)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(root()).unwrap().display().to_string();
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "{under}");
    found.sort();
    found
}
