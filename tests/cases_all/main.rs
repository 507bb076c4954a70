//! More clients nobody here wrote, in `tests/clients/all`: urql, graphql-codegen, gql, schemathesis, and
//! Chromium, which prints the forms. Run by `tests/run --all`, which installs them.

use docket_tests::clients::{Demo, folder};

fn demo() -> Demo {
    Demo::start(env!("CARGO_BIN_EXE_docket-under-test"))
}

/// A program of the folder's own Python.
fn python(name: &str) -> String {
    let path = folder().join("all/.venv/bin").join(name);
    path.display().to_string()
}

#[test]
fn urql_codegen_and_chromium() {
    demo().node_tests("all");
}

#[test]
fn gql_for_python() {
    let _ = demo().run(&python("python"), &["all/test_gql.py"]);
}

/// Whatever is asked, no answer is a fault of the server's.
#[test]
fn schemathesis() {
    let said = demo().run(&python("python"), &["all/fuzz.py"]);
    assert_eq!(said.matches("Test cases:").count(), 3, "{said}");
}
