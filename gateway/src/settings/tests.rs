//! Settings: which layer goes before which, and what is refused how.

use super::*;
use std::collections::BTreeSet;

fn in_file(text: &str) -> Result<Layers, SettingsError> {
    read(text, &[], &[])
}

fn read(text: &str, environment: &[(&str, &str)], set: &[&str]) -> Result<Layers, SettingsError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("docket.toml");
    std::fs::write(&path, text).unwrap();
    let environment = environment
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    let set: Vec<String> = set.iter().map(|pair| (*pair).to_owned()).collect();
    Layers::read(environment, Some(path), &set)
}

fn refused(layers: Result<Layers, SettingsError>) -> String {
    match layers.and_then(|layers| Settings::load(&layers, &[]).map(|_| ())) {
        Ok(()) => panic!("it was taken"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_flag_goes_before_the_environment_before_the_file_before_the_default() {
    let text = "[server]\ndrain = \"20s\"\nlisten = \"127.0.0.1:2\"\ndrain_notice = \"1s\"\n";
    let environment = [
        ("DOCKET_LISTEN", "127.0.0.1:3"),
        ("DOCKET_DRAIN_NOTICE", "2s"),
    ];
    let layers = read(text, &environment, &["server.drain_notice=3s"]).unwrap();
    let settings = Settings::load(&layers, &[]).unwrap();
    let limits = settings.limits;
    let seconds = Duration::from_secs;
    assert_eq!(limits.request_timeout, seconds(30), "default");
    assert_eq!(limits.drain, seconds(20), "file");
    assert_eq!(settings.listen.port(), 3, "environment");
    assert_eq!(limits.drain_notice, seconds(3), "flag");
    let own = [(&LISTEN, Some("127.0.0.1:4".to_owned()))];
    assert_eq!(Settings::load(&layers, &own).unwrap().listen.port(), 4);
    let from = |name: &str| {
        let one = settings
            .explained()
            .iter()
            .find(|one| one.spec.name == name);
        one.unwrap().from.clone()
    };
    assert_eq!(from("server.drain_notice"), Source::Flag);
    assert_eq!(from("server.listen"), Source::Environment);
    assert!(matches!(from("server.drain"), Source::File { line: 2, .. }));
    assert_eq!(from("server.request_timeout"), Source::Default);
}

#[test]
fn who_comes_in_is_said_whole_and_safely() {
    let provider = "[oidc]\nissuer = \"https://id.test\"\naudience = \"docket\"\n";
    let with = |more: &str| in_file(&format!("{provider}{more}"));
    assert!(refused(with("")).contains("go together"), "no keys");
    for jwks in [
        "https://id.test/keys",
        "http://127.0.0.1:1/keys",
        "http://[::1]/keys",
    ] {
        let layers = with(&format!("jwks = \"{jwks}\"\nalgorithms = \"ES256, EdDSA\"")).unwrap();
        let oidc = Settings::load(&layers, &[]).unwrap().access.oidc.unwrap();
        assert_eq!(oidc.jwks, jwks);
        assert_eq!(oidc.algorithms, ["ES256", "EdDSA"]);
    }
    for jwks in [
        "http://id.test/keys",
        "http://127.0.0.1.id.test/",
        "keys",
        "file:///keys",
    ] {
        let told = refused(with(&format!("jwks = \"{jwks}\"")));
        assert!(told.contains("https://"), "{jwks}: {told}");
    }
    for algorithms in ["none", "HS256", "RS256,HS256", "", ",", "RS512"] {
        let set = format!("oidc.algorithms={algorithms}");
        let told = refused(read("", &[], &[&set]));
        assert!(told.contains("some of RS256, ES256, EdDSA"), "{told}");
    }
    let named = read("", &[], &["cors.origins=https://a.test, http://b.test:81"]).unwrap();
    assert_eq!(Settings::load(&named, &[]).unwrap().access.origins.len(), 2);
    for origin in [
        "*",
        "null",
        "https://a.test/",
        "https://a.test/x",
        "a.test",
        "https://A.test",
        "https://*.test",
    ] {
        let told = refused(read("", &[], &[&format!("cors.origins={origin}")]));
        assert!(told.contains("origins such as"), "{origin}: {told}");
    }
}

#[test]
fn a_secret_comes_with_whose_it_is_and_from_the_environment() {
    let half = refused(in_file("[s3]\naccess_key = \"docket\"\n"));
    assert!(half.contains("s3.access_key and s3.secret_key"), "{half}");
    let secret = [("DOCKET_S3_SECRET_KEY", "s3cret")];
    let half = refused(read("", &secret, &[]));
    assert!(half.contains("s3.access_key and s3.secret_key"), "{half}");
    let whole = read("[s3]\naccess_key = \"docket\"\n", &secret, &[]).unwrap();
    let s3 = Settings::load(&whole, &[]).unwrap().s3;
    assert_eq!(s3.secret_key.as_deref(), Some("s3cret"));
    let told = refused(read("", &[], &["s3.secret_key=s3cret"]));
    assert!(told.contains("set DOCKET_S3_SECRET_KEY"), "{told}");
    assert!(!told.contains("s3cret"), "{told}");
}

#[test]
fn where_spans_go_is_said_whole_and_without_a_password() {
    let text =
        "[traces]\nendpoint = \"http://collector.test:4318/v1/traces\"\nsampling_ratio = 0.25\n";
    let headers = [("DOCKET_TRACES_HEADERS", "a=b=c, authorization = Bearer x")];
    let layers = read(text, &headers, &[]).unwrap();
    let traces = Settings::load(&layers, &[]).unwrap().traces.unwrap();
    assert!(traces.is_in_the_clear());
    assert!((traces.sampling_ratio - 0.25).abs() < f64::EPSILON);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let expected = [pair("a", "b=c"), pair("authorization", "Bearer x")];
    assert_eq!(traces.headers, expected);
    let whole = in_file("[traces]\nsampling_ratio = 1\n").unwrap();
    assert!(Settings::load(&whole, &[]).unwrap().traces.is_none());
    for (name, value) in [
        ("endpoint", "\"collector.test:4318\""),
        (
            "endpoint",
            "\"http://docket:s3cret@collector.test/v1/traces\"",
        ),
        ("sampling_ratio", "1.5"),
        ("sampling_ratio", "nan"),
        ("sampling_ratio", "\"0.5\""),
        ("headers", "\"a=s3cret\""),
    ] {
        let told = refused(in_file(&format!("[traces]\n{name} = {value}\n")));
        assert!(
            told.contains("line 2") && !told.contains("s3cret"),
            "{told}"
        );
    }
    for headers in ["s3cret", "a b=s3cret", "a=s3\ncret"] {
        let told = refused(read("", &[("DOCKET_TRACES_HEADERS", headers)], &[]));
        assert!(
            told.contains("NAME=VALUE") && !told.contains("cret"),
            "{told}"
        );
    }
}

#[test]
fn every_setting_is_read_and_explained_and_has_its_own_names() {
    let settings = Settings::load(&Layers::default(), &[]).unwrap();
    let explained: Vec<&str> = settings
        .explained()
        .iter()
        .map(|one| one.spec.name)
        .collect();
    let all: Vec<&str> = ALL.iter().map(|spec| spec.name).collect();
    assert_eq!(explained, all);
    for names in [all, ALL.iter().map(|spec| spec.env).collect()] {
        let unique: BTreeSet<_> = names.iter().collect();
        assert_eq!(unique.len(), names.len());
    }
}

#[test]
fn what_a_file_must_not_have_is_refused_with_its_line_and_what_was_expected() {
    for (text, line, told) in [
        (
            "\nstor = \"sqlite:x\"",
            2,
            "there is no setting stor; expected one of store, keys",
        ),
        (
            "[server]\n\nlisten_on = \"\"",
            3,
            "no setting server.listen_on; expected one of server.listen,",
        ),
        (
            "[server]\ndrain = 30",
            2,
            "server.drain: this will not do; expected a length of time from 1s to 1h",
        ),
        ("[server]\ndrain = \"30\"", 2, "a length of time"),
        ("[server]\ndrain = \"2h\"", 2, "from 1s to 1h"),
        (
            "[limits]\ndepth = \"15\"",
            2,
            "limits.depth: this will not do; expected a number from 5 to 100",
        ),
        ("[limits]\ndepth = 4", 2, "a number from 5 to 100"),
        ("unsafe = 1", 1, "true or false"),
        ("[log]\nformat = \"xml\"", 2, "one of text, json"),
        ("server = 1", 1, "there is no setting server;"),
        (
            "[store]\nx = 1",
            1,
            "store: this will not do; expected sqlite:DIR",
        ),
        (
            "store = \"sqlite:a\"\nstore = \"sqlite:b\"",
            2,
            "duplicate key",
        ),
        (
            "master_key = \"AAAA\"",
            1,
            "a secret does not belong in this file; expected in DOCKET_MASTER_KEY",
        ),
    ] {
        let said = refused(in_file(text));
        assert!(said.contains(&format!("line {line}: ")), "{text:?}: {said}");
        assert!(said.contains(told), "{text:?}: {said}");
    }
    let both = refused(in_file("a = 1\nb = 2"));
    assert!(
        both.contains("line 1") && both.contains("line 2"),
        "every mistake is told: {both}"
    );
}

#[test]
fn no_password_is_shown_or_quoted() {
    let planted = "s3cret";
    let url = format!("postgres://docket:{planted}@db.example/city");
    let layers = read(
        &format!("store = {url:?}"),
        &[("DOCKET_MASTER_KEY", planted)],
        &[],
    )
    .unwrap();
    let settings = Settings::load(&layers, &[]).unwrap();
    let told = format!("{:?}", settings.explained());
    assert!(
        told.contains("postgres://db.example/city") && !told.contains(planted),
        "{told}"
    );
    for text in [
        format!("store = \"{url}"),
        format!("store = \"mysql://{planted}\""),
        format!("stor e = {url:?}"),
    ] {
        let said = refused(in_file(&text));
        assert!(!said.contains(planted), "{said}");
    }
    let said = refused(read(
        "",
        &[("DOCKET_STORE", &format!("mysql://{planted}"))],
        &[],
    ));
    assert!(!said.contains(planted), "{said}");
}

#[test]
fn what_is_no_setting_is_refused_or_named() {
    let said = refused(read("", &[], &["server.drein=1s"]));
    assert!(said.contains("there is no setting server.drein"), "{said}");
    let said = refused(read("", &[("DOCKET_DRAIN", "soon")], &[]));
    assert!(
        said.contains("\"soon\" will not do (from the environment): expected a length"),
        "{said}"
    );
    let strange = [
        ("DOCKET_DRAINS", "1s"),
        ("DOCKET_TEST_X", "1"),
        ("DOCKET_DRAIN", "2s"),
        ("DOCKET_KEYS", ""),
    ];
    let layers = read("", &strange, &[]).unwrap();
    assert_eq!(layers.strange_variables(), ["DOCKET_DRAINS"]);
    assert!(
        Settings::load(&layers, &[]).unwrap().keys.is_none(),
        "an empty variable is not set"
    );
    assert!(refused(in_file("[tls]\nkey = \"k.pem\"")).contains("go together"));
    let missing = Layers::read(std::iter::empty(), Some("no/such/file.toml".into()), &[]);
    assert!(refused(missing).contains("no/such/file.toml"));
}

#[test]
fn the_example_is_well_formed_with_every_line_in_force() {
    let live: String = example()
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(set) if set.contains(" = ") && !set.contains("\"…\"") => format!("{set}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let layers = in_file(&live).unwrap();
    let settings = Settings::load(&layers, &[]).unwrap();
    let given = settings
        .explained()
        .iter()
        .filter(|one| one.from != Source::Default)
        .count();
    let with_default = ALL.iter().filter(|spec| !spec.default.is_empty()).count();
    assert_eq!(given, with_default, "{live}");
}
