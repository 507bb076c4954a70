//! Clients nobody here wrote, in `tests/clients`: the audits of graphql-http, graphql-ws, graphql-sse,
//! Apollo Client, Relay's compiler and graphql-inspector.

use docket_tests::clients::{Demo, folder};
use std::path::Path;

#[test]
fn they_find_what_they_expect() {
    let demo = Demo::start(env!("CARGO_BIN_EXE_docket-under-test"));
    demo.node_tests("");
}

/// Every client is pinned, and none is fetched from a place that a file here names.
#[test]
fn they_are_pinned_and_name_no_registry() {
    for under in ["", "all"] {
        let folder = folder().join(under);
        let text = read(&folder.join("package.json"));
        let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
        for (name, version) in manifest["dependencies"].as_object().unwrap() {
            let exact = version.as_str().unwrap().split('.').count() == 3;
            let plain = version
                .as_str()
                .unwrap()
                .starts_with(|c: char| c.is_ascii_digit());
            assert!(exact && plain, "{name} {version}");
        }
        let lock = read(&folder.join("package-lock.json"));
        assert!(!lock.contains("\"resolved\""), "{}", folder.display());
    }
    for line in read(&folder().join("all/requirements.txt")).lines() {
        assert!(line.split_once("==").is_some(), "{line}");
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
