//! S1, 12345平台部门账号设置操作说明 of Putian, under the pack that is shipped for it: a department's leader adds
//! the staff, with the prefixes and passwords of the city.

use super::accounts::{is_refused, kept, log_in};
use chrono::TimeDelta;
use docket_core::clock::ManualClock;
use docket_core::desk::{NewAccount, Options, Password};
use docket_domain::ids::DepartmentId;
use docket_domain::organisation::OrganisationAction;
use docket_domain::people::{Actor, Role};
use docket_domain::rules::{CALENDAR_CN, PACKS};
use docket_domain::ticket::scenario::{id, now};
use docket_gateway::app::Founding;
use docket_tests::server::Server;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::sync::Arc;

on_both_stores! { a_leader_adds_staff_as_the_manual_says }

/// Departments of the manual's table: their regions, and what their logins begin with.
const DEPARTMENTS: [(u128, &str, Option<&str>, &str); 4] = [
    (0xF1, "市住建局", None, "pt-"),
    (0xF2, "仙游县城管局", Some("仙游县"), "xy-"),
    (0xF3, "秀屿区城管局", Some("秀屿区"), "xy-"),
    (0xF4, "湄洲岛管委会", Some("湄洲岛"), "myd-"),
];

async fn putian(store: &TestStore, clock: Arc<ManualClock>) -> Server {
    let (_, pack) = PACKS.iter().find(|(name, _)| *name == "putian").unwrap();
    let founding = Founding {
        name: "莆田市".into(),
        pack: (*pack).into(),
        holidays: CALENDAR_CN.into(),
    };
    let server = Server::open(store.options(clock), &founding).await;
    let (desk, system, options) = (&server.app.desk, Actor::system(), Options::default());
    for (n, name, region, _) in DEPARTMENTS {
        let action = OrganisationAction::AddDepartment {
            id: id::<DepartmentId>(n),
            name: name.into(),
            region: region.map(Into::into),
        };
        desk.organise(&system, action, &options).await.unwrap();
    }
    let admin = NewAccount {
        login: "admin".into(),
        name: "管理员".into(),
        roles: vec![Role::Administrator],
        ..NewAccount::default()
    };
    let password = Password::Clear("admin-2026".into());
    let created = desk.create_account(&system, admin, password, &options);
    created.await.unwrap();
    server
}

async fn a_leader_adds_staff_as_the_manual_says(store: &TestStore) {
    let clock = Arc::new(ManualClock::at(now()));
    let server = putian(store, clock.clone()).await;
    let client = server.client();
    let admin = client.logged_in("admin", "admin-2026").await;
    for (n, _, _, prefix) in DEPARTMENTS {
        let department = format!("department:{}", id::<DepartmentId>(n));
        let new = |login: &str, password: &str, role: &str| {
            json!({
                "login": login, "name": "林某", "password": password, "roles": [role],
                "departmentId": department,
            })
        };
        let login = format!("{prefix}leader{n}");
        kept(
            &admin,
            "createAccount",
            new(&login, "lingdao-2026", "LEADER"),
        )
        .await;
        let leader = client.logged_in(&login, "lingdao-2026").await;
        // 单位名称、姓名、登录名、密码、密保问题和答案、短信限额 0、手机.
        let login = format!("{prefix}jingban{n}");
        let mut staff = new(&login, "jingban-2026", "CLERK");
        staff["recoveryQuestion"] = json!("FIRST_SCHOOL");
        staff["recoveryAnswer"] = json!("实验小学");
        staff["mobile"] = json!("13800000001");
        kept(&leader, "createAccount", staff).await;
        assert_ne!(
            log_in(&client, &login, "jingban-2026").await["token"],
            Value::Null
        );
        for unfit in ["lc-wang", "wang"] {
            let input = new(unfit, "jingban-2026", "CLERK");
            is_refused(&leader, "createAccount", input, "LOGIN_PREFIX", "login").await;
        }
        let input = new(&format!("{prefix}li"), "jingbanren", "CLERK");
        is_refused(
            &leader,
            "createAccount",
            input,
            "UNFIT_PASSWORD",
            "password",
        )
        .await;
        let listed = leader
            .data("{ accounts { roles smsQuota } }", json!({}))
            .await;
        let expected = json!([
            { "roles": ["LEADER"], "smsQuota": 0 }, { "roles": ["CLERK"], "smsQuota": 0 },
        ]);
        assert_eq!(listed["accounts"], expected);
    }
    // The pack has passwords changed twice a year.
    clock.set(now() + TimeDelta::days(180));
    let query = "mutation($i: LoginInput!) { login(input: $i) { mustChangePassword } }";
    let input = json!({ "login": "admin", "password": "admin-2026" });
    let told = client.data(query, json!({ "i": input })).await;
    assert_eq!(told["login"]["mustChangePassword"], true);
}
