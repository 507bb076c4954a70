//! The unit and the container: what they name exists, and they leave the server the time it needs.

use docket_gateway::settings::{ALL, Limits};
use std::path::Path;
use std::time::Duration;

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every variable that a text names.
fn variables(text: &str) -> Vec<String> {
    let is_of_a_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    text.split(|c: char| !is_of_a_name(c))
        .filter(|word| word.starts_with("DOCKET_") && word.len() > "DOCKET_".len())
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_variable_they_name_is_a_setting() {
    for (name, fewest) in [
        ("deploy/Containerfile", 6),
        ("deploy/docket.service", 1),
        ("operations.md", 20),
    ] {
        let named = variables(&read(name));
        assert!(named.len() >= fewest, "{name}: {named:?}");
        let known = |variable: &String| {
            variable == "DOCKET_CONFIG" || ALL.iter().any(|spec| spec.env == variable)
        };
        let strange: Vec<_> = named.iter().filter(|variable| !known(variable)).collect();
        assert!(strange.is_empty(), "{name}: {strange:?}");
    }
}

#[test]
fn systemd_waits_longer_than_a_stop_takes() {
    let unit = read("deploy/docket.service");
    let waits = unit
        .lines()
        .find_map(|line| line.strip_prefix("TimeoutStopSec=")?.strip_suffix('s'));
    let waits = Duration::from_secs(waits.expect("a limit in seconds").parse().unwrap());
    let Limits {
        drain_notice,
        drain,
        ..
    } = Limits::default();
    assert!(waits > drain_notice + drain, "{waits:?}");
    assert!(
        unit.contains("ExecReload=/bin/kill -HUP $MAINPID"),
        "{unit}"
    );
}

#[test]
fn the_container_copies_every_part_of_the_workspace() {
    let container = read("deploy/Containerfile");
    let manifest: toml::Table = toml::from_str(&read("../Cargo.toml")).unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    for member in members.iter().map(|member| member.as_str().unwrap()) {
        let top = member.split('/').next().unwrap_or(member);
        assert!(
            container.contains(&format!("COPY {top} {top}\n")),
            "{member}"
        );
    }
    let toolchain = manifest["workspace"]["package"]["rust-version"]
        .as_str()
        .unwrap();
    assert!(
        container.contains(&format!("FROM rust:{toolchain}-")),
        "{toolchain}"
    );
}
