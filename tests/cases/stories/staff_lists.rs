//! `docket account import`: accounts in bulk, from a CSV file.

use super::Story;
use super::accounts::{id_of, log_in};
use docket_tests::server::{command, store_arguments};
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

on_both_stores! {
    good_rows_go_in_bad_ones_are_named_and_nothing_twice,
    questions_for_recovery_come_with_the_list,
    passwords_are_made_into_a_file_for_its_owner,
    every_mistake_of_a_row_is_told,
}

fn run(store: &TestStore, file: &Path, more: &[&str]) -> Output {
    command(env!("CARGO_BIN_EXE_docket-under-test"), store)
        .args(["account", "import"])
        .arg(file)
        .args(more)
        .args(store_arguments(store))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn list(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, bytes).unwrap();
    file
}

/// The list, in UTF-8 with a mark.
const LIST: &str = "\u{FEFF}login,name,role,department,unit,mobile,sms_quota,password
cg-wang,王小明,clerk,城市管理局,执法大队,13800000001,30,pass-word-1
cg-li,李四,职能部门\u{FF08}领导\u{FF09},城市管理局,,,,pass-word-2
ga-bad,张三,clerk,无此局,,,,pass-word-3
ga-short,张三,clerk,公安局,,,,short
clerk,张三,clerk,公安局,,,,pass-word-4
CG-Wang,王小红,clerk,公安局,,,,pass-word-5
ga-few,张三,clerk
ga-chief,张三,局长,公安局,,,,pass-word-9
dispatcher-2,赵六,派单员,,,,,pass-word-6
ga-none,张三,clerk,公安局,,,,
centre,钱七,operator,公安局,,,,pass-word-7
";

async fn good_rows_go_in_bad_ones_are_named_and_nothing_twice(store: &TestStore) {
    let story = Story::begin(store).await;
    let folder = tempfile::tempdir().unwrap();
    let file = list(folder.path(), "staff.csv", LIST.as_bytes());
    let first = run(store, &file, &[]);
    let told = said(&first);
    assert_eq!(first.status.code(), Some(1), "{told}");
    for line in [
        "line 4: department: UNKNOWN_OFFICE ",
        "line 5: password: UNFIT_PASSWORD ",
        "line 6: login: ALREADY_EXISTS ",
        "line 7: login: ALREADY_EXISTS ",
        "line 8: WRONG_FIELD_COUNT ",
        "line 9: role: INVALID_VALUE ",
        "line 11: password: REQUIRED ",
        "line 12: department: INVALID_VALUE ",
    ] {
        assert!(told.lines().any(|l| l.starts_with(line)), "{line}\n{told}");
    }
    assert!(told.contains("经办 clerk, 领导 leader"), "{told}");
    let summary = "11 rows in UTF-8: 3 added, 0 already there, 8 rejected";
    assert_eq!(told.lines().last(), Some(summary));
    assert_eq!(told.lines().count(), 9);
    assert!(!told.contains("pass-word") && !told.contains("13800000001"));
    let client = story.server.client();
    let admin = story.person("admin").await;
    let id = id_of(&admin, "cg-wang").await;
    let query = "query($id: ID) { account(id: $id) { name roles mobile smsQuota department { name } unit { name } } }";
    let seen = admin.data(query, json!({ "id": id })).await;
    let expected = json!({
        "name": "王小明", "roles": ["CLERK"], "mobile": "13800000001", "smsQuota": 30,
        "department": { "name": "城市管理局" }, "unit": { "name": "执法大队" },
    });
    assert_eq!(seen["account"], expected);
    for (login, password) in [("cg-wang", "pass-word-1"), ("cg-li", "pass-word-2")] {
        assert_ne!(log_in(&client, login, password).await["token"], Value::Null);
    }
    let head = story.server.app.desk.journal().head().await.unwrap();
    let again = said(&run(store, &file, &[]));
    let summary = "11 rows in UTF-8: 0 added, 3 already there, 8 rejected";
    assert_eq!(again.lines().last(), Some(summary));
    assert_eq!(story.server.app.desk.journal().head().await.unwrap(), head);
    // In GB18030, and all good.
    let text =
        "login,name,role,department,password\nga-sun,孙八,职能部门(经办),公安局,pass-word-8\n";
    let (bytes, _, _) = encoding_rs::GB18030.encode(text);
    let file = list(folder.path(), "gb.csv", &bytes);
    let good = run(store, &file, &[]);
    // How far it is is told in rows.
    assert!(String::from_utf8_lossy(&good.stderr).contains("accounts 1/1\n"));
    let summary = "1 rows in GB18030: 1 added, 0 already there, 0 rejected\n";
    assert_eq!(
        said(&good),
        summary,
        "{}",
        String::from_utf8_lossy(&good.stderr)
    );
    assert!(good.status.success());
}

/// What the row, the desk and the domain find alike; and no password is made for an account that will not be.
async fn every_mistake_of_a_row_is_told(store: &TestStore) {
    let _story = Story::begin(store).await;
    let folder = tempfile::tempdir().unwrap();
    let text =
        "login,name,role,department,mobile,sms_quota,password,recovery_question,recovery_answer
ga-a,甲,clerk,公安局,abc,x,pass-word-1,,
ga-b,,clerk,公安局,,,short,最爱的书,西游记
ga c,丙,clerk+operator,公安局,abc,100001,short,,
";
    let file = list(folder.path(), "staff.csv", text.as_bytes());
    let made = folder.path().join("made.csv");
    let told = said(&run(store, &file, &[]));
    let starts = |line: &str| told.lines().any(|l| l.starts_with(line));
    for line in [
        "line 2: mobile: INVALID_VALUE ",
        "line 2: sms_quota: INVALID_VALUE ",
        "line 3: name: REQUIRED ",
        "line 3: password: UNFIT_PASSWORD ",
        "line 3: recovery_question: INVALID_VALUE ",
        "line 4: login: INVALID_VALUE ",
        "line 4: role: INVALID_VALUE ",
        "line 4: mobile: INVALID_VALUE ",
        "line 4: sms_quota: INVALID_VALUE ",
        "line 4: password: UNFIT_PASSWORD ",
    ] {
        assert!(starts(line), "{line}\n{told}");
    }
    assert_eq!(told.lines().count(), 11, "each once: {told}");
    let summary = "3 rows in UTF-8: 0 added, 0 already there, 3 rejected";
    assert_eq!(told.lines().last(), Some(summary));

    let text = "login,name,role,mobile\nga-a,甲,clerk,abc\n";
    let file = list(folder.path(), "without.csv", text.as_bytes());
    let made_by = made.display().to_string();
    let told = said(&run(store, &file, &["--generate-passwords", &made_by]));
    for line in [
        "line 2: mobile: INVALID_VALUE ",
        "line 2: department: REQUIRED ",
    ] {
        assert!(told.lines().any(|l| l.starts_with(line)), "{line}\n{told}");
    }
    let kept = std::fs::read_to_string(&made).unwrap();
    assert_eq!(kept, "login,password\n", "for nobody");
}

async fn questions_for_recovery_come_with_the_list(store: &TestStore) {
    let story = Story::begin(store).await;
    let folder = tempfile::tempdir().unwrap();
    let long = "长".repeat(65);
    let text = format!(
        "login,name,role,department,password,recovery_question,recovery_answer
cg-a,甲,clerk,城市管理局,pass-word-1,favourite_book,红楼梦
cg-b,乙,clerk,城市管理局,pass-word-2,,
cg-c,丙,clerk,城市管理局,pass-word-3,first_school,
cg-d,丁,clerk,城市管理局,pass-word-4,最爱的书,西游记
cg-e,戊,clerk,城市管理局,pass-word-5,first_school,{long}
"
    );
    let file = list(folder.path(), "staff.csv", text.as_bytes());
    let first = run(store, &file, &[]);
    let told = said(&first);
    for line in [
        "line 4: recovery_answer: REQUIRED ",
        "line 5: recovery_question: INVALID_VALUE ",
        "line 6: recovery_answer: TOO_LONG ",
        "5 rows in UTF-8: 2 added, 0 already there, 3 rejected",
    ] {
        assert!(told.lines().any(|l| l.starts_with(line)), "{line}\n{told}");
    }
    let all = format!("{told}{}", String::from_utf8_lossy(&first.stderr));
    for secret in ["红楼梦", "西游记", "pass-word", "长长"] {
        assert!(!all.contains(secret), "{secret}");
    }
    assert_eq!(store.rows("ops", "recoveries").await, 1);
    let client = story.server.client();
    let query = "query { recoveryQuestion(login: \"cg-a\") { code } }";
    let asked = client.data(query, json!({})).await;
    assert_eq!(asked["recoveryQuestion"]["code"], "FAVOURITE_BOOK");
    let recover =
        "mutation($input: RecoverPasswordInput!) { recoverPassword(input: $input) { recovered } }";
    let input = json!({ "login": "cg-a", "answer": "红楼梦", "newPassword": "new-password" });
    let told = client.data(recover, json!({ "input": input })).await;
    assert_eq!(told["recoverPassword"]["recovered"], true);
}

async fn passwords_are_made_into_a_file_for_its_owner(store: &TestStore) {
    let story = Story::begin(store).await;
    let folder = tempfile::tempdir().unwrap();
    let text = "login,name,role,department\ncg-a,甲,clerk,城市管理局\ncg-b,乙,leader,城市管理局\nclerk,丙,clerk,公安局\n";
    let file = list(folder.path(), "staff.csv", text.as_bytes());
    let none = run(store, &file, &[]);
    assert!(!none.status.success());
    assert!(String::from_utf8_lossy(&none.stderr).contains("--generate-passwords"));
    let made = folder.path().join("passwords.csv");
    let option = ["--generate-passwords", made.to_str().unwrap()];
    let first = run(store, &file, &option);
    let summary = "3 rows in UTF-8: 2 added, 0 already there, 1 rejected";
    assert_eq!(said(&first).lines().last(), Some(summary));
    let mode = std::fs::metadata(&made).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let written = std::fs::read_to_string(&made).unwrap();
    let rows: Vec<_> = written
        .lines()
        .skip(1)
        .map(|l| l.split_once(',').unwrap())
        .collect();
    assert_eq!(rows.len(), 2, "none for whoever was there");
    let client = story.server.client();
    for (login, password) in &rows {
        let password = password.trim_matches('"');
        assert!(!said(&first).contains(password));
        assert_ne!(
            log_in(&client, login, password).await["token"],
            Value::Null,
            "{login}"
        );
    }
    // The file is never written over, and a second run makes no new passwords.
    let over = run(store, &file, &option);
    assert!(!over.status.success());
    assert_eq!(std::fs::read_to_string(&made).unwrap(), written);
    let second = folder.path().join("second.csv");
    let again = run(
        store,
        &file,
        &["--generate-passwords", second.to_str().unwrap()],
    );
    let summary = "3 rows in UTF-8: 0 added, 2 already there, 1 rejected";
    assert_eq!(said(&again).lines().last(), Some(summary));
    assert_eq!(
        std::fs::read_to_string(&second).unwrap(),
        "login,password\n"
    );
}
