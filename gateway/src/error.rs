//! How errors reach a client. Refusals become `userErrors` of a payload; faults of login, limits and
//! system become top-level errors with `extensions.code`. Both are mapped here and nowhere else.

use async_graphql::{Error, ErrorExtensions as _, Pos, ServerError};
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use docket_core::desk::{FileError, rule_text};
use docket_core::files::FilesError;
use docket_core::ops::{OpsError, PASSWORD_BYTES_MAX};
use docket_core::{DeskError, JournalError, VaultError};
use docket_domain::rules::PasswordRules;
use docket_domain::{Detail, Reason, Refusal};
use docket_projections::ProjectionError;
use docket_projections::views::Lagging;
use std::any::Any;
use std::sync::Arc;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal { zh: $zh:literal, en: $en:literal, remedy: $remedy:literal })+) => {
        /// Codes of faults, beside the domain's [`Reason`]s. Each has an entry in `docs/errors.md`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code { $($(#[$doc])* $name,)+ }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// What it says in Chinese.
            #[must_use]
            pub const fn zh(self) -> &'static str {
                match self { $(Self::$name => $zh,)+ }
            }

            /// What it says in English.
            #[must_use]
            pub const fn en(self) -> &'static str {
                match self { $(Self::$name => $en,)+ }
            }

            /// What it says in both, Chinese first.
            #[must_use]
            pub const fn says(self) -> (&'static str, &'static str) {
                (self.zh(), self.en())
            }

            /// What to do about it.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)+ }
            }
        }
    };
}

codes! {
    /// No token, or one that is over.
    Unauthenticated = "UNAUTHENTICATED" {
        zh: "请先登录", en: "log in first",
        remedy: "Call `login` and send `Authorization: Bearer TOKEN`." }
    /// The account may not ask this.
    Forbidden = "FORBIDDEN" {
        zh: "您无权查看", en: "your account may not see this",
        remedy: "Ask with an account that has the role." }
    /// The request is not well formed.
    BadRequest = "BAD_REQUEST" {
        zh: "请求格式有误", en: "the request is not well formed",
        remedy: "Correct what the message names." }
    /// The request is over a limit.
    TooLarge = "TOO_LARGE" {
        zh: "请求过大", en: "the request is over a limit",
        remedy: "Ask for less at a time." }
    /// The request took too long.
    Timeout = "TIMEOUT" {
        zh: "处理超时", en: "the request took too long",
        remedy: "Ask for less, or again later; a command may have taken effect: repeat it with its `commandId`." }
    /// The views have not come as far as `minPosition`.
    ViewsBehind = "VIEWS_BEHIND" {
        zh: "数据尚未同步，请稍后重试", en: "the views have not come that far yet",
        remedy: "Ask again; if it lasts, look at `docket projections status`." }
    /// A cursor of another query or version.
    BadCursor = "BAD_CURSOR" {
        zh: "分页游标无效", en: "this cursor does not belong to this query",
        remedy: "Start from the first page." }
    /// Login or password is wrong.
    WrongCredentials = "WRONG_CREDENTIALS" {
        zh: "账号或密码错误", en: "login or password is wrong",
        remedy: "Try again; after five wrong passwords the login is locked for ten minutes." }
    /// Login or answer to the recovery question is wrong.
    WrongAnswer = "WRONG_ANSWER" {
        zh: "账号或密保答案错误", en: "login or answer is wrong",
        remedy: "Try again; after five wrong answers recovery is locked for ten minutes, and after each more for twice as long, up to a day. An administrator or leader can reset the password." }
    /// After failures a captcha is needed.
    CaptchaRequired = "CAPTCHA_REQUIRED" {
        zh: "请输入正确的图形验证码", en: "a captcha has to be solved for this try",
        remedy: "Ask for a `captcha`, show its image, and send `captchaId` and `captchaAnswer`. Each is good for one try." }
    /// Too many tries without a right captcha from one address.
    TooManyTries = "TOO_MANY_TRIES" {
        zh: "验证码错误次数过多，请十分钟后再试", en: "too many tries without a right captcha from your address",
        remedy: "Wait ten minutes. Logins that need no captcha are let in meanwhile." }
    /// The password is older than the rules let it become.
    PasswordExpired = "PASSWORD_EXPIRED" {
        zh: "密码已过期，请先修改密码", en: "the password has expired: change it first",
        remedy: "Call `changePassword`; until then only that, `me` and `logout` are answered." }
    /// A refresh token of no session there is.
    SessionOver = "SESSION_OVER" {
        zh: "登录已失效，请重新登录", en: "this session is over: log in again",
        remedy: "Call `login`. A session ends by `logout`, by its time, by a new password, and when its account is deactivated." }
    /// A refresh token that was used before.
    TokenReused = "TOKEN_REUSED" {
        zh: "登录凭证被重复使用，为安全起见已退出登录", en: "this refresh token was used before, so its session was ended",
        remedy: "Log in again, and change the password if it was not you: somebody else may have had your tokens. Refresh in one place, keep only the newest `refreshToken`, and send a `commandId` to ask again after a lost answer." }
    /// A provider's token that is not taken.
    TokenRefused = "TOKEN_REFUSED" {
        zh: "身份令牌无效", en: "the identity provider's token is not taken",
        remedy: "The message says what is wrong with it. Get another from the provider; where it lasts, compare `oidc.*` with the provider's settings." }
    /// A provider's token that has expired.
    TokenExpired = "TOKEN_EXPIRED" {
        zh: "身份令牌已过期", en: "the identity provider's token has expired",
        remedy: "Get the next one from the provider; open subscriptions again `after` the last position." }
    /// A provider's token that names no account.
    AccountUnknown = "ACCOUNT_UNKNOWN" {
        zh: "该身份没有对应的账号", en: "the identity provider's token names no account here",
        remedy: "Have an administrator create an account whose login is what the token's claim (`oidc.claim`) says." }
    /// A provider whose keys cannot be fetched.
    ProviderUnavailable = "PROVIDER_UNAVAILABLE" {
        zh: "身份认证服务暂时不可用", en: "the identity provider is out of reach",
        remedy: "Wait as long as `Retry-After` or `extensions.retryAfter` says; log in with a password meanwhile." }
    /// Too many requests.
    RateLimited = "RATE_LIMITED" {
        zh: "请求过于频繁，请稍后再试", en: "too many requests",
        remedy: "Wait as long as `Retry-After` (seconds) or `extensions.retryAfter` says. The limits are `rate.account` and `rate.address`." }
    /// More is under way than the server admits.
    Overloaded = "OVERLOADED" {
        zh: "系统繁忙，请稍后再试", en: "more is under way than the server takes",
        remedy: "Nothing was executed. Wait as long as `Retry-After` or `extensions.retryAfter` says, and send the same again." }
    /// More of an account, an address or a connection is under way than it may have.
    TooManyAtOnce = "TOO_MANY_AT_ONCE" {
        zh: "同时进行的操作过多", en: "too much of yours is under way at the same time",
        remedy: "Wait until something of it has ended; close subscriptions and connections that are not needed. The limits are `limits.*_account`, `limits.*_address`, `server.connections_address` and `limits.web_socket_operations`." }
    /// A subscription whose reader is too slow.
    TooSlow = "TOO_SLOW" {
        zh: "客户端接收过慢，订阅已结束", en: "this subscription has fallen too far behind, and is over",
        remedy: "Read faster, or ask for less; subscribe again `after` the last position, or read what there is and subscribe from now on." }
    /// No trusted document has this id.
    PersistedQueryNotFound = "PERSISTED_QUERY_NOT_FOUND" {
        zh: "未登记的查询文档", en: "no trusted document has this id",
        remedy: "Have the operator put the client's documents into the manifest (`documents.manifest`). Where others are taken, too, send `query`." }
    /// A document that is not among the trusted ones.
    TrustedDocumentsOnly = "TRUSTED_DOCUMENTS_ONLY" {
        zh: "只接受已登记的查询文档", en: "only trusted documents are taken here",
        remedy: "Send `documentId` of a document in the manifest, and no `query`." }
    /// The schema is not told.
    IntrospectionDisabled = "INTROSPECTION_DISABLED" {
        zh: "未开放模式查询", en: "the schema is not told here",
        remedy: "`docket schema` prints it; the setting is `graphql.introspection`." }
    /// Too many wrong passwords.
    LoginLocked = "LOGIN_LOCKED" {
        zh: "错误次数过多，已临时锁定", en: "this login is locked after too many failures",
        remedy: "Wait ten minutes; where recovery is locked, up to a day, or have the password reset." }
    /// The password is right, and the account is deactivated.
    AccountDeactivated = "ACCOUNT_DEACTIVATED" {
        zh: "账号已停用", en: "this account is deactivated",
        remedy: "Ask an administrator to reactivate it." }
    /// The account is not what a subscription was opened with.
    AccountChanged = "ACCOUNT_CHANGED" {
        zh: "您的账号或所在单位已变更，请重新订阅", en: "your account or its place has changed",
        remedy: "Subscribe again `after` the last position seen." }
    /// No ticket has this number and this query code.
    WrongQueryCode = "WRONG_QUERY_CODE" {
        zh: "工单编号或查询码错误", en: "no ticket has this number and this query code",
        remedy: "Type both as they were told; after five wrong codes the number is locked for ten minutes." }
    /// Too many wrong query codes.
    QueryCodeLocked = "QUERY_CODE_LOCKED" {
        zh: "查询码错误次数过多，请稍后再试", en: "this number is locked after too many wrong query codes",
        remedy: "Wait ten minutes." }
    /// A password that the rules do not let.
    UnfitPassword = "UNFIT_PASSWORD" {
        zh: "密码不符合规则", en: "the password does not meet the rules",
        remedy: "Choose another one; the message tells the rule pack's `password` rules. The code's floor is 8 characters, the most 256 bytes." }
    /// A command id used before for something else.
    CommandReused = "COMMAND_REUSED" {
        zh: "该命令编号已用于其他操作", en: "this commandId was used for another command",
        remedy: "Make a new id for every new command; reuse one only to repeat the same command." }
    /// A ticket that a batch names twice.
    DuplicateItem = "DUPLICATE_ITEM" {
        zh: "同一批次中工单重复", en: "this batch has the same ticket before",
        remedy: "Send each ticket once in a batch; the first of them was decided on." }
    /// A link that is over, was used, or is none.
    LinkOver = "LINK_OVER" {
        zh: "链接已失效，请重新获取", en: "this link is over",
        remedy: "Ask for another: `requestUpload` gives one for five minutes, `openAttachment` one for two, once." }
    /// The bytes sent are not as many as were said.
    SizeDiffers = "SIZE_DIFFERS" {
        zh: "文件大小与申报不符", en: "the file is not of the size that was said",
        remedy: "Send exactly `size` bytes; after a broken connection all of them again, to the same link or another." }
    /// Too many files are on their way at one time.
    TooManyTransfers = "TOO_MANY_TRANSFERS" {
        zh: "同时传输的文件过多，请稍后重试", en: "too many files are on their way at the moment",
        remedy: "Send it again in a while, as `Retry-After` says; the link still works." }
    /// Others were faster several times in a row.
    Conflict = "CONFLICT" {
        zh: "工单正被多人同时处理，请重试", en: "others changed this at the same time",
        remedy: "Read it again and repeat the command." }
    /// The store is out of reach.
    Unavailable = "UNAVAILABLE" {
        zh: "系统暂时不可用，请稍后重试", en: "the store is out of reach",
        remedy: "Wait a second, or as long as `Retry-After` or `extensions.retryAfter` says, and repeat the command with the same `commandId`: it takes effect once." }
    /// A fault of Docket's.
    Internal = "INTERNAL" {
        zh: "系统内部错误", en: "an internal error",
        remedy: "Report it with the answer's `traceparent`; the server's log has the details." }
}

/// The language of texts for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Language {
    /// Chinese.
    #[default]
    Chinese,
    /// English.
    English,
}

impl Language {
    /// The one that a request wishes for.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let wished = headers.get(ACCEPT_LANGUAGE);
        let wished = wished.and_then(|wished| wished.to_str().ok());
        wished.map(Self::from_header).unwrap_or_default()
    }

    /// From an `Accept-Language` header: whichever of the two weighs more (`q`), the first named of equals; Chinese where
    /// neither is wanted, or both by `*`.
    #[must_use]
    pub fn from_header(header: &str) -> Self {
        let mut best = (0, Self::Chinese);
        for range in header.split(',').take(LANGUAGES_READ) {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default();
            let language = match tag.split('-').next().unwrap_or_default() {
                primary if primary.eq_ignore_ascii_case("zh") || primary == "*" => Self::Chinese,
                primary if primary.eq_ignore_ascii_case("en") => Self::English,
                _ => continue,
            };
            let weight = parts.find_map(weight).map_or(WHOLE, thousandths);
            if weight > best.0 {
                best = (weight, language);
            }
        }
        best.1
    }

    /// One of two texts.
    #[must_use]
    pub const fn pick<'t>(self, zh: &'t str, en: &'t str) -> &'t str {
        match self {
            Self::Chinese => zh,
            Self::English => en,
        }
    }
}

/// Language ranges of a header that are looked at.
const LANGUAGES_READ: usize = 32;
/// The weight 1, in thousandths.
const WHOLE: u16 = 1_000;

/// What stands for the weight in a parameter, if it is one.
fn weight(parameter: &str) -> Option<&str> {
    let (name, value) = parameter.split_once('=')?;
    let named = name.trim().eq_ignore_ascii_case("q");
    named.then(|| value.trim())
}

/// A weight in thousandths; 0 where it is none.
fn thousandths(weight: &str) -> u16 {
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let thousandths = format!("{fraction:0<3}").parse().ok();
    match (whole, thousandths.filter(|_| digits)) {
        ("0", Some(thousandths)) => thousandths,
        ("1", Some(0)) => WHOLE,
        _ => 0,
    }
}

/// What an error says in either language. It rides on the error until the language of its request is known.
struct Texts {
    zh: String,
    en: String,
}

/// An error that says the same in two languages; both, where nobody chooses.
fn told(code: &'static str, zh: String, en: String) -> Error {
    let mut error = Error::new(format!("{zh} / {en}")).extend_with(|_, e| e.set("code", code));
    error.source = Some(Arc::new(Texts { zh, en }));
    error
}

/// Has an error that speaks English alone say the same in Chinese.
pub fn in_both(error: &mut ServerError, zh: String) {
    let en = std::mem::take(&mut error.message);
    error.message = format!("{zh} / {en}");
    error.source = Some(Arc::new(Texts { zh, en }));
}

fn message_of(source: Option<&Source>, message: &str, language: Language) -> String {
    let texts = source.and_then(|source| source.downcast_ref::<Texts>());
    texts
        .map_or(message, |texts| language.pick(&texts.zh, &texts.en))
        .to_owned()
}

/// What rides on an error.
type Source = Arc<dyn Any + Send + Sync>;

/// What an error says in a language.
#[must_use]
pub fn message_in(language: Language, error: &Error) -> String {
    message_of(error.source.as_ref(), &error.message, language)
}

/// Has an error speak one language.
pub fn speak(language: Language, error: &mut ServerError) {
    error.message = message_of(error.source.as_ref(), &error.message, language);
}

/// A fault as a top-level error.
#[must_use]
pub fn fault(code: Code) -> Error {
    let error = told(code.code(), code.zh().to_owned(), code.en().to_owned());
    if matches!(code, Code::Overloaded | Code::Unavailable) {
        return error.extend_with(|_, e| e.set("retryAfter", RETRY_AFTER));
    }
    error
}

/// For how many seconds to wait where there is too much, or the store is out of reach.
pub const RETRY_AFTER: u64 = 1;

/// Too many requests, and for how many seconds to wait.
#[must_use]
pub fn slow(seconds: u64) -> Error {
    fault(Code::RateLimited).extend_with(|_, e| e.set("retryAfter", seconds))
}

/// A fault with what exactly is wrong.
#[must_use]
pub fn fault_because(code: Code, detail: impl Into<Detail>) -> Error {
    let Detail { zh, en } = detail.into();
    let zh = format!("{}：{zh}", code.zh());
    told(code.code(), zh, format!("{}: {en}", code.en()))
}

/// An error of a whole request: at no place in its document.
#[must_use]
pub fn nowhere(error: Error) -> ServerError {
    let mut error = error.into_server_error(Pos::default());
    error.locations.clear();
    error
}

/// "Not there, or not for you", as a top-level error.
#[must_use]
pub fn not_found() -> Error {
    let reason = Reason::NotFound;
    told(
        reason.code(),
        reason.zh().to_owned(),
        reason.en().to_owned(),
    )
}

/// What a command came to, if not to an outcome.
pub enum Failure {
    /// To be told in `userErrors`.
    Refused(Refused),
    /// To be told as a top-level error.
    Fault(Error),
}

/// A refusal as `userErrors` tells it.
pub struct Refused {
    /// Stable code.
    pub code: &'static str,
    /// Path of the input field at fault.
    pub path: Option<&'static str>,
    /// Paths of further input fields at fault in the same way.
    pub also: Vec<&'static str>,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let (mut zh, mut en) = (
            refusal.reason.zh().to_owned(),
            refusal.reason.en().to_owned(),
        );
        if let Some(detail) = &refusal.detail {
            zh = format!("{zh}（{}）", detail.zh);
            en = format!("{en} ({})", detail.en);
        }
        Self {
            code: refusal.reason.code(),
            path: refusal.field,
            also: refusal.also,
            zh,
            en,
        }
    }
}

impl From<Code> for Refused {
    fn from(code: Code) -> Self {
        Self {
            code: code.code(),
            path: None,
            also: Vec::new(),
            zh: code.zh().into(),
            en: code.en().into(),
        }
    }
}

impl From<Code> for Failure {
    fn from(code: Code) -> Self {
        Self::Refused(code.into())
    }
}

impl Failure {
    /// "Not there, or not for you": all that somebody without the right learns.
    #[must_use]
    pub fn not_found() -> Self {
        Self::Refused(Refusal::new("find", "", Reason::NotFound).into())
    }
}

impl From<DeskError> for Failure {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Refused(refusal) => Self::Refused(refusal.into()),
            DeskError::Journal(JournalError::CommandReused) => Code::CommandReused.into(),
            DeskError::Journal(JournalError::ClaimTaken { kind }) => {
                let refusal = Refusal::new("claim", "", Reason::AlreadyExists);
                Self::Refused(match kind.as_str() {
                    "login" => refusal.at("login").into(),
                    _ => refusal.into(),
                })
            }
            DeskError::Journal(JournalError::Conflict { .. }) => Code::Conflict.into(),
            DeskError::Ops(OpsError::UnfitPassword) => unfit(PasswordRules::default()),
            DeskError::UnfitPassword(rules) => unfit(rules),
            DeskError::Ops(OpsError::WrongAnswer) => Code::WrongAnswer.into(),
            DeskError::Ops(OpsError::CaptchaRequired) => Code::CaptchaRequired.into(),
            DeskError::Ops(OpsError::WrongCredentials) => Code::WrongCredentials.into(),
            DeskError::Ops(OpsError::TooManyTries) => Code::TooManyTries.into(),
            DeskError::Ops(OpsError::Locked) => Code::LoginLocked.into(),
            DeskError::Ops(OpsError::SessionOver) => Code::SessionOver.into(),
            DeskError::Ops(OpsError::RefreshReused(_)) => Code::TokenReused.into(),
            DeskError::Ops(OpsError::Busy) => Self::Fault(fault(Code::Overloaded)),
            DeskError::Deactivated => Code::AccountDeactivated.into(),
            DeskError::WrongQueryCode => Code::WrongQueryCode.into(),
            DeskError::QueryCodeLocked => Code::QueryCodeLocked.into(),
            other => Self::Fault(system(&other)),
        }
    }
}

/// An unfit password, with the rules it does not meet.
fn unfit(rules: PasswordRules) -> Failure {
    let code = Code::UnfitPassword;
    let (chars, classes) = (rules.min_chars, rules.classes);
    let of = if classes > 1 {
        format!("，且至少包含小写字母、大写字母、数字、其他字符中的{classes}类")
    } else {
        String::new()
    };
    Failure::Refused(Refused {
        code: code.code(),
        path: Some("password"),
        also: Vec::new(),
        zh: format!(
            "{}（至少{chars}个字符，至多{PASSWORD_BYTES_MAX}字节{of}）",
            code.zh()
        ),
        en: format!("{} ({})", code.en(), rule_text(rules)),
    })
}

/// A fault of the system: logged once, here, and told without details.
#[must_use]
pub fn system(error: &DeskError) -> Error {
    tracing::error!(%error, "a request failed");
    let code = match error {
        DeskError::Journal(JournalError::TooLarge { .. }) => Code::TooLarge,
        DeskError::File(
            FileError::Files(FilesError::Store(_) | FilesError::Folder { .. })
            | FileError::Vault(VaultError::Database(_) | VaultError::Closed),
        )
        | DeskError::Journal(JournalError::Database(_) | JournalError::Closed)
        | DeskError::Vault(VaultError::Database(_) | VaultError::Closed)
        | DeskError::Ops(OpsError::Database(_)) => Code::Unavailable,
        _ => Code::Internal,
    };
    fault(code)
}

/// A fault of the views.
#[must_use]
pub fn view_fault(error: &ProjectionError) -> Error {
    if let ProjectionError::TooMany { limit } = error {
        return fault_because(
            Code::TooLarge,
            (
                format!("至多{limit}行，请缩小范围"),
                format!("at most {limit} rows: narrow the question"),
            ),
        );
    }
    tracing::error!(%error, "a query failed");
    match error {
        ProjectionError::Database(_) | ProjectionError::Journal(JournalError::Database(_)) => {
            fault(Code::Unavailable)
        }
        _ => fault(Code::Internal),
    }
}

/// Views that do not come as far as asked.
#[must_use]
pub fn behind(lagging: Lagging) -> Error {
    fault(Code::ViewsBehind).extend_with(|_, e| e.set("position", lagging.at.to_string()))
}
