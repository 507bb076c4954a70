//! An invented city: three districts, a dozen departments with units, every role, and some hundred
//! tickets in every state, played through the desk as a city's staff would.

mod city;
mod moves;
mod stage;

use crate::app::{App, Founding, StartError};
use crate::cli::say;
use chrono::TimeDelta;
use city::{Route, city};
use docket_core::ops::Password;
use docket_core::store::StoreOptions;
use docket_core::{Clock as _, Desk, DeskError, ManualClock, Store, SystemClock};
use docket_domain::ids::CommandId;
use docket_domain::people::Role;
use docket_domain::rules::{CALENDAR_CN, DEFAULT_PACK};
use stage::Stage;
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// Every demo account's password.
pub const PASSWORD: &str = "docket-demo";
/// Days the tickets are spread over.
const DAYS: i64 = 24;

/// How the city's hotline is founded: the default rules, with its topics and districts.
#[must_use]
pub fn founding() -> Founding {
    let city = city();
    let mut topics: Vec<&str> = city.letters.iter().map(|l| l.topic.as_str()).collect();
    topics.sort_unstable();
    topics.dedup();
    let regions: Vec<&str> = city.districts.iter().map(|d| d.name.as_str()).collect();
    let route = |route: &Route| {
        let region = route.region.as_ref();
        let region = region.map_or_else(String::new, |region| format!("region = {region:?}, "));
        let (topic, department) = (&route.topic, &route.department);
        format!("  {{ topic = {topic:?}, {region}department = {department:?} }},\n")
    };
    let routes: String = city.routes.iter().map(route).collect();
    let pack = format!(
        "topics = {topics:?}\nregions = {regions:?}\nroutes = [\n{routes}]\n{DEFAULT_PACK}"
    );
    Founding {
        name: format!("{}12345政务服务便民热线", city.name_zh),
        pack,
        holidays: CALENDAR_CN.into(),
    }
}

/// Fills a new demo store; leaves one that has accounts as it is.
pub async fn seed(options: &StoreOptions) -> Result<(), StartError> {
    let end = SystemClock.now();
    let clock = Arc::new(ManualClock::at(end - TimeDelta::days(DAYS)));
    let store = Store::open(StoreOptions {
        clock: clock.clone(),
        ..options.clone()
    })
    .await?;
    let desk = Desk::new(&store);
    let founding = founding();
    desk.found(&founding.name, &founding.pack, &founding.holidays)
        .await?;
    // The administrator comes last and is the mark of a whole seeding: one that broke off is gone through
    // again, command by command.
    let mark = CommandId(id("account admin"));
    if desk
        .journal()
        .command(mark)
        .await
        .map_err(DeskError::from)?
        .is_some()
    {
        return Ok(());
    }
    let hashed = store
        .ops
        .hash_password(&Password::Clear(PASSWORD.into()))
        .await
        .map_err(DeskError::from)?;
    let mut stage = Stage {
        desk: &desk,
        clock: &clock,
        city: city(),
        people: HashMap::new(),
        hashed,
    };
    stage.set_up().await?;
    stage.play(end).await?;
    clock.set(end);
    stage
        .hire(
            "admin",
            "管理员".into(),
            Role::Administrator,
            None,
            None,
            mark,
        )
        .await?;
    Ok(())
}

/// An id of the demo by what it names, so that a seeding that broke off goes on where it was.
fn id(name: &str) -> Uuid {
    Uuid::new_v5(
        &Uuid::NAMESPACE_OID,
        format!("docket demo {name}").as_bytes(),
    )
}

/// Prints the demo's accounts, and gives them as JSON for the start page.
pub async fn introduce(app: &App) -> Result<String, DeskError> {
    let organisation = app.desk.organisation().await?;
    let city = city();
    let first = &city.departments[0];
    let mut accounts = vec![
        (
            "operator".to_owned(),
            "话务员 operator",
            "热线中心 centre".to_owned(),
        ),
        (
            "dispatcher".to_owned(),
            "派单员 dispatcher",
            "热线中心 centre".to_owned(),
        ),
        (
            "call-back".to_owned(),
            "回访员 call-back operator",
            "热线中心 centre".to_owned(),
        ),
        (
            "office".to_owned(),
            "热线办 hotline office",
            "热线中心 centre".to_owned(),
        ),
        (
            "supervisor".to_owned(),
            "督办员 supervisor",
            "热线中心 centre".to_owned(),
        ),
        (
            "joint-meeting".to_owned(),
            "联席会议 joint meeting",
            "热线中心 centre".to_owned(),
        ),
        (
            format!("{}-clerk", first.code),
            "经办 clerk",
            first.name.clone(),
        ),
        (
            format!("{}-leader", first.code),
            "领导 leader",
            first.name.clone(),
        ),
        (
            format!("{}-clerk", first.units[0].code),
            "经办 clerk",
            first.units[0].name.clone(),
        ),
        ("citizen".to_owned(), "市民 citizen", String::new()),
        ("auditor".to_owned(), "审计员 auditor", String::new()),
        ("analyst".to_owned(), "分析员 analyst", String::new()),
        ("admin".to_owned(), "管理员 administrator", String::new()),
    ];
    for department in city.departments.iter().skip(1) {
        accounts.push((
            format!("{}-clerk", department.code),
            "经办 clerk",
            department.name.clone(),
        ));
    }
    say(&format!(
        "{} (demo / 演示), every password {PASSWORD}:",
        organisation.name
    ));
    for (login, roles, place) in &accounts {
        say(&format!("  {login:<16} {roles} {place}"));
    }
    let rows = accounts.iter().map(|(login, roles, place)| {
        serde_json::json!({ "login": login, "password": PASSWORD, "roles": [roles], "place": place })
    });
    Ok(serde_json::json!({ "accounts": rows.collect::<Vec<_>>() }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_city_is_sound() {
        let city = city();
        assert_eq!((city.districts.len(), city.departments.len()), (3, 12));
        let founding = founding();
        let rules =
            docket_domain::rules::Rules::parse(&founding.pack, &founding.holidays, 1).unwrap();
        for letter in &city.letters {
            assert!(
                rules.channels().iter().any(|c| c.code == letter.channel),
                "{}",
                letter.title
            );
            assert!(
                rules.regions().contains(&letter.district),
                "{}",
                letter.title
            );
        }
        for letter in &city.letters {
            let name = |code: &String| city.departments.iter().find(|d| d.code == *code);
            let wanted = name(&letter.department).unwrap();
            let suggested =
                rules.suggested_departments(Some(&letter.topic), Some(&letter.district));
            assert_eq!(suggested.first(), Some(&&*wanted.name), "{}", letter.title);
        }
        let reasons = &city.phrases.return_reasons;
        assert!(reasons.iter().all(|r| {
            rules
                .return_reasons()
                .iter()
                .any(|known| known.code == r.code)
        }));
    }
}
