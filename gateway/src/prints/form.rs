//! What stands on each form (DOMAIN §8), as whoever prints it may see it.

use super::page::{Page, Row};
use crate::rights::{Group, Sight, shown, sight};
use chrono_tz::Tz;
use docket_core::desk::Caller;
use docket_core::{Desk, DeskError};
use docket_domain::ids::{AccountId, AssignmentNo};
use docket_domain::organisation::Organisation;
use docket_domain::people::Actor;
use docket_domain::sealed::Sealed;
use docket_domain::ticket::{Answer, Assignment, Intake, PrintForm, Ticket};
use docket_domain::{Due, Timestamp};
use std::sync::Arc;

/// What is printed for whom.
pub struct Order<'o> {
    /// The desk.
    pub desk: &'o Desk,
    /// The ticket, as it stands.
    pub ticket: &'o Ticket,
    /// Who prints.
    pub actor: &'o Actor,
    /// Which form.
    pub form: PrintForm,
    /// Whose task, of an assignment form.
    pub assignment: Option<AssignmentNo>,
    /// Whether the caller is masked.
    pub masked: bool,
}

/// What a form is filled from.
struct Filling<'o> {
    order: &'o Order<'o>,
    intake: &'o Intake,
    organisation: Arc<Organisation>,
    zone: Tz,
    channel: String,
}

impl Order<'_> {
    /// The page. `None`: the ticket is not there.
    pub async fn page(&self) -> Result<Option<Page>, DeskError> {
        let Some(intake) = &self.ticket.intake else {
            return Ok(None);
        };
        let rules = self.desk.rules().await?;
        let code = intake.channel.as_deref().unwrap_or_default();
        let channel = rules.channels().iter().find(|channel| channel.code == code);
        let filling = Filling {
            order: self,
            intake,
            organisation: self.desk.organisation().await?,
            zone: rules.calendar.zone,
            channel: channel.map_or_else(|| code.to_owned(), |channel| channel.zh.clone()),
        };
        filling.page().await.map(Some)
    }
}

impl Filling<'_> {
    async fn page(&self) -> Result<Page, DeskError> {
        let (title_zh, title_en, rows, signatures) = match self.order.form {
            PrintForm::Acceptance => {
                let signatures = vec![("受理人签名", "Taken by"), ("日期", "Date")];
                (
                    "受理单",
                    "Acceptance form",
                    self.acceptance().await?,
                    signatures,
                )
            }
            PrintForm::Assignment => {
                let signatures = vec![("领导签名", "Leader's signature"), ("日期", "Date")];
                (
                    "下派单",
                    "Assignment form",
                    self.assignment().await?,
                    signatures,
                )
            }
            PrintForm::Supervision => {
                let signatures = vec![("督办人签名", "Supervisor's signature"), ("日期", "Date")];
                (
                    "督办单",
                    "Supervision form",
                    self.supervision().await?,
                    signatures,
                )
            }
            PrintForm::Urging => {
                let signatures = vec![("签收人签名", "Received by"), ("日期", "Date")];
                (
                    "催办通知书",
                    "Urging notice",
                    self.urging().await?,
                    signatures,
                )
            }
        };
        let by = self.staff(self.order.actor.account).await?;
        let now = self.time(self.order.desk.now());
        Ok(Page {
            title_zh,
            title_en,
            hotline: self.organisation.name.clone(),
            number: self.intake.number.to_string(),
            rows,
            signatures,
            printed: format!("打印 Printed: {now} {by}"),
        })
    }

    /// The caller and the matter: on every form.
    async fn matter(&self) -> Result<Vec<Row>, DeskError> {
        let intake = self.intake;
        let caller = self.caller().await?;
        let respondent = self.text(Group::Respondent, "respondent", intake.respondent.as_ref());
        Ok(vec![
            row("受理时间", "Received", self.time(intake.at)),
            row("来件渠道", "Channel", self.channel.clone()),
            row("来电人", "Caller", caller.0),
            row("联系电话", "Phone", caller.1),
            row(
                "诉求类型",
                "Kind",
                intake
                    .kind
                    .map_or_else(String::new, |kind| kind.name_zh().into()),
            ),
            row("紧急程度", "Urgency", intake.urgency.name_zh().into()),
            row(
                "诉求类别",
                "Topic",
                intake.topic.clone().unwrap_or_default(),
            ),
            row("被反映方", "Respondent", respondent.await?),
            wide(
                "标题",
                "Title",
                self.text(Group::Matter, "title", Some(&intake.title))
                    .await?,
            ),
            wide(
                "地址",
                "Place",
                self.text(Group::Matter, "place", intake.place.as_ref())
                    .await?,
            ),
            wide(
                "诉求内容",
                "Request",
                self.text(Group::Matter, "body", intake.body.as_ref())
                    .await?,
            ),
        ])
    }

    async fn acceptance(&self) -> Result<Vec<Row>, DeskError> {
        let mut rows = self.matter().await?;
        rows.push(row("受理人", "Taken by", self.staff(self.intake.by).await?));
        let lead = self
            .order
            .ticket
            .lead()
            .and_then(|lead| lead.office_name(&self.organisation));
        rows.push(row(
            "承办单位",
            "Office",
            lead.unwrap_or_default().to_owned(),
        ));
        let answer = self.order.ticket.answer.as_ref().map(|answer| &answer.text);
        rows.push(wide(
            "答复内容",
            "Answer",
            self.text(Group::Matter, "answer", answer).await?,
        ));
        Ok(rows)
    }

    async fn assignment(&self) -> Result<Vec<Row>, DeskError> {
        let ticket = self.order.ticket;
        let mut rows = self.matter().await?;
        let task = self.order.assignment.and_then(|no| ticket.assignment(no));
        let Some(task) = task else {
            return Ok(rows);
        };
        rows.extend(self.task(task));
        let (field, instruction) = (task.instruction_field(), task.instruction.as_ref());
        let instruction = self.text(Group::Work, field, instruction).await?;
        rows.push(wide("交办意见", "Instruction", instruction));
        let answer = task.answer.as_ref();
        let of = |pick: fn(&Answer) -> Option<&Sealed>| answer.and_then(pick);
        let (handler, phone) = (of(|a| a.handler.as_ref()), of(|a| a.phone.as_ref()));
        rows.push(row(
            "承办人",
            "Handler",
            self.text(Group::Work, "handler", handler).await?,
        ));
        rows.push(row(
            "联系电话",
            "Phone",
            self.text(Group::Work, "phone", phone).await?,
        ));
        let text = self
            .text(Group::Work, "answer", of(|a| Some(&a.text)))
            .await?;
        rows.push(wide("办理结果", "Result", text));
        Ok(rows)
    }

    async fn supervision(&self) -> Result<Vec<Row>, DeskError> {
        let mut rows = self.matter().await?;
        rows.extend(
            self.order
                .ticket
                .lead()
                .into_iter()
                .flat_map(|lead| self.task(lead)),
        );
        if let Some(supervision) = &self.order.ticket.supervision {
            rows.push(row("督办等级", "Level", supervision.level.name_zh().into()));
            rows.push(row("督办时间", "Since", self.time(supervision.at)));
            let text = self
                .text(Group::Work, "text", supervision.text.as_ref())
                .await?;
            rows.push(wide("督办事由", "Cause", text));
        }
        rows.push(wide("办理情况", "What was done", String::new()));
        Ok(rows)
    }

    async fn urging(&self) -> Result<Vec<Row>, DeskError> {
        let ticket = self.order.ticket;
        let mut rows = self.matter().await?;
        rows.extend(ticket.lead().into_iter().flat_map(|lead| self.task(lead)));
        rows.push(row(
            "催办次数",
            "Urged",
            format!("{} 次 times", ticket.urges),
        ));
        if let Some(urging) = &ticket.urging {
            rows.push(row("最近催办", "Latest", self.time(urging.at)));
            let by = match urging.by {
                _ if urging.by_citizen => "来电人 the caller".to_owned(),
                AccountId::SYSTEM => "系统 Docket".to_owned(),
                staff => self.staff(staff).await?,
            };
            rows.push(row("催办人", "Urged by", by));
            let text = self.text(Group::Work, "text", urging.text.as_ref());
            rows.push(wide("催办内容", "What is asked", text.await?));
        }
        let notice =
            "请贵单位在办理时限内抓紧办理并答复来电人；确有困难的，请在时限届满前申请延期。";
        rows.push(wide("催办要求", "Notice", notice.into()));
        Ok(rows)
    }

    fn task(&self, task: &Assignment) -> Vec<Row> {
        let office = task.office_name(&self.organisation).unwrap_or_default();
        vec![
            row(
                "承办单位",
                "Office",
                format!("{office}({})", task.part.name_zh()),
            ),
            row(
                "办理时限",
                "Deadline",
                task.due.map_or_else(String::new, |due| self.due(due)),
            ),
        ]
    }

    /// The name of who did something; none of a citizen.
    async fn staff(&self, account: AccountId) -> Result<String, DeskError> {
        let desk = self.order.desk;
        let found = desk.account(account).await?;
        let found = found.filter(|_| self.intake.caller_account != Some(account));
        let Some(name) = found.as_ref().and_then(|account| account.name.as_ref()) else {
            return Ok(String::new());
        };
        Ok(desk
            .vault()
            .open_text("name", name)
            .await?
            .unwrap_or_default())
    }

    /// The caller's name and phone, as far as they may be seen and are wanted.
    async fn caller(&self) -> Result<(String, String), DeskError> {
        if self.intake.anonymous {
            return Ok(("匿名 Anonymous".into(), String::new()));
        }
        let sealed = self.intake.caller.as_ref();
        let seen = sight(self.order.actor, self.order.ticket, Group::Caller);
        let (Some(sealed), true) = (sealed, seen != Sight::Hidden) else {
            return Ok(("***".into(), "***".into()));
        };
        let text = self.order.desk.vault().open_text("caller", sealed).await?;
        let caller: Option<Caller> = text.and_then(|text| serde_json::from_str(&text).ok());
        let caller = caller.unwrap_or_default();
        let seen = if self.order.masked {
            Sight::Masked
        } else {
            seen
        };
        let show = |text: Option<String>| shown(seen, text.unwrap_or_default()).unwrap_or_default();
        Ok((show(caller.name), show(caller.phone)))
    }

    async fn text(
        &self,
        group: Group,
        field: &'static str,
        sealed: Option<&Sealed>,
    ) -> Result<String, DeskError> {
        let Some(sealed) = sealed else {
            return Ok(String::new());
        };
        let seen = sight(self.order.actor, self.order.ticket, group);
        if seen == Sight::Hidden {
            return Ok("***".into());
        }
        let text = self.order.desk.vault().open_text(field, sealed).await?;
        let text = text.unwrap_or_default();
        Ok(shown(seen, text).unwrap_or_default())
    }

    /// A time in the hotline's zone.
    fn time(&self, time: Timestamp) -> String {
        time.with_timezone(&self.zone)
            .format("%Y-%m-%d %H:%M")
            .to_string()
    }

    fn due(&self, due: Due) -> String {
        let provisional = if due.provisional {
            "（暂定 provisional）"
        } else {
            ""
        };
        format!("{}{provisional}", self.time(due.at))
    }
}

fn row(zh: &'static str, en: &'static str, text: String) -> Row {
    Row {
        zh,
        en,
        text,
        wide: false,
    }
}

fn wide(zh: &'static str, en: &'static str, text: String) -> Row {
    Row {
        wide: true,
        ..row(zh, en, text)
    }
}
