//! The parts of a pack that the edges apply before or beside a decision: which kinds are offered, what a form
//! asks for, how pressing a request is, who gets it at once, what a login and a password look like.
//!
//! These are pure functions of clear texts. The domain's decisions never see such texts: they are sealed first.

use super::Rules;
use crate::ticket::{Kind, Satisfaction, Urgency};
use serde::{Deserialize, Serialize};

/// The shortest password that a pack may ask for, in characters: the floor of the code (NIST SP 800-63B).
pub const PASSWORD_CHARS_MIN: u16 = 8;

/// A kind of request as a city calls it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindTitle {
    /// The kind.
    pub code: Kind,
    /// Chinese text.
    pub zh: String,
    /// English text.
    pub en: String,
}

/// Every kind under its own name.
pub(super) fn every_kind() -> Vec<KindTitle> {
    let titled = |kind: &Kind| KindTitle {
        code: *kind,
        zh: kind.name_zh().to_owned(),
        en: capitalised(kind.name()),
    };
    Kind::ALL.iter().map(titled).collect()
}

/// A stable name as a title.
fn capitalised(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}

/// How pressing a request is by its words and kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TriageRules {
    pub(super) rules: Vec<TriageRule>,
}

/// A line of triage: what it names must all fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TriageRule {
    /// One of these stands in the title or the body; `None`: whatever stands there.
    words: Option<Vec<String>>,
    kind: Option<Kind>,
    topic: Option<String>,
    channel: Option<String>,
    urgency: Urgency,
}

impl TriageRule {
    fn fits(&self, request: &Request<'_>, text: &str) -> bool {
        let topic = self.topic.as_deref();
        self.kind.is_none_or(|kind| kind == request.kind)
            && topic.is_none_or(|t| request.topic.is_some_and(|of| super::routes::begins(of, t)))
            && self.channel.as_deref().is_none_or(|c| c == request.channel)
            && self
                .words
                .as_ref()
                .is_none_or(|words| words.iter().any(|word| text.contains(&word.to_lowercase())))
    }
}

/// A request as it comes in, in the clear.
#[derive(Clone, Copy, Debug)]
pub struct Request<'t> {
    /// What the caller wants.
    pub kind: Kind,
    /// The topic's path, where known.
    pub topic: Option<&'t str>,
    /// The channel's code.
    pub channel: &'t str,
    /// The title.
    pub title: &'t str,
    /// The body.
    pub body: &'t str,
}

/// Whether routes only suggest, or assign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RoutingRules {
    pub(super) assigns_by_itself: bool,
}

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        /// What a form may have to ask for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum IntakeField { $($(#[$doc])* #[serde(rename = $text)] $name,)+ }

        impl IntakeField {
            /// Every field, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

fields! {
    /// Who calls: no anonymous requests of this kind.
    Caller = "caller";
    /// A phone or an address to be reached at.
    Contact = "contact";
    /// Where it happened.
    Place = "place";
    /// The region of the place.
    Region = "region";
    /// When it happened.
    IncidentAt = "incident_at";
    /// The topic.
    Topic = "topic";
    /// The party complained of.
    Respondent = "respondent";
    /// The number of an earlier ticket.
    Earlier = "earlier";
}

/// The form: what it asks for, and the menu of categories.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct IntakeRules {
    pub(super) required: Vec<RequiredFields>,
    pub(super) menu: Vec<MenuEntry>,
}

/// What a form asks for in a request of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequiredFields {
    kind: Kind,
    fields: Vec<IntakeField>,
}

/// An entry of the menu of categories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MenuEntry {
    /// Stable code.
    pub code: String,
    /// Chinese text.
    pub zh: String,
    /// English text.
    pub en: String,
    /// The kind that a request made under it is of.
    pub kind: Kind,
    /// The topic that it is of, if any.
    pub topic: Option<String>,
}

/// What a password must be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PasswordRules {
    /// The fewest characters.
    pub min_chars: u16,
    /// Of how many classes at least: small letters, capitals, digits, everything else.
    pub classes: u16,
    /// After how many days it has to be changed; 0: never.
    pub expires_days: u16,
}

impl Default for PasswordRules {
    fn default() -> Self {
        Self {
            min_chars: PASSWORD_CHARS_MIN,
            classes: 1,
            expires_days: 0,
        }
    }
}

impl PasswordRules {
    /// Whether a password is long and varied enough.
    #[must_use]
    pub fn lets(&self, clear: &str) -> bool {
        type Class = fn(char) -> bool;
        let others: Class = |c| !c.is_lowercase() && !c.is_uppercase() && !c.is_numeric();
        let classes: [Class; 4] = [
            char::is_lowercase,
            char::is_uppercase,
            char::is_numeric,
            others,
        ];
        let of = classes.iter().filter(|class| clear.chars().any(**class));
        clear.chars().count() >= usize::from(self.min_chars)
            && of.count() >= usize::from(self.classes)
    }
}

/// What logins begin with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AccountRules {
    pub(super) prefixes: Vec<LoginPrefix>,
}

/// What the logins of a region's departments begin with. Regions may share one (S1), so that a region is never
/// told from a login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginPrefix {
    /// The region; `None`: departments of no region, those of the city itself.
    pub region: Option<String>,
    /// The beginning.
    pub prefix: String,
}

/// A word of the scale of satisfaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScaleEntry {
    /// Which.
    pub code: Satisfaction,
    /// Chinese text.
    pub zh: String,
    /// English text.
    pub en: String,
}

/// The scale in its usual words.
pub(super) fn usual_scale() -> Vec<ScaleEntry> {
    let titled = |code: &Satisfaction| ScaleEntry {
        code: *code,
        zh: code.name_zh().to_owned(),
        en: capitalised(code.name()),
    };
    Satisfaction::ALL.iter().map(titled).collect()
}

/// The weights of the three-rate score, in hundredths; they make 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateWeights {
    /// Of the response rate: contacted in time.
    pub response: u16,
    /// Of the resolution rate: solved.
    pub resolution: u16,
    /// Of satisfaction.
    pub satisfaction: u16,
}

impl Rules {
    /// The kinds a form offers, as the city calls them. What is not among them may still come in by other
    /// ways, and has its deadlines.
    #[must_use]
    pub fn kinds(&self) -> &[KindTitle] {
        &self.pack.kinds
    }

    /// How pressing a request is by the first line of triage that fits; `None`: no line does. For the edge that
    /// receives it: the domain sees sealed texts only. It proposes; whoever takes the request has the last word.
    #[must_use]
    pub fn triage(&self, request: &Request<'_>) -> Option<Urgency> {
        let text = format!("{}\n{}", request.title, request.body).to_lowercase();
        let mut rules = self.pack.triage.rules.iter();
        rules
            .find(|rule| rule.fits(request, &text))
            .map(|rule| rule.urgency)
    }

    /// Whether what is received is assigned by itself where one department is the closest.
    #[must_use]
    pub fn assigns_by_itself(&self) -> bool {
        self.pack.routing.assigns_by_itself
    }

    /// The name of the department that such a request is assigned to by itself; `None`: a dispatcher decides, as
    /// the pack does not let it, or as no route or more than one is the closest.
    #[must_use]
    pub fn assigned_by_itself(&self, topic: Option<&str>, region: Option<&str>) -> Option<&str> {
        let routes = &self.pack.routes;
        let closest = || super::routes::only_closest(routes, topic, region);
        self.assigns_by_itself().then(closest).flatten()
    }

    /// What a form asks for in a request of a kind, beside title, body, channel and kind.
    #[must_use]
    pub fn required_fields(&self, kind: Kind) -> &[IntakeField] {
        let mut required = self.pack.intake.required.iter();
        required
            .find(|line| line.kind == kind)
            .map_or(&[], |line| &line.fields)
    }

    /// The menu of categories; empty: the kinds are the menu.
    #[must_use]
    pub fn menu(&self) -> &[MenuEntry] {
        &self.pack.intake.menu
    }

    /// What a password must be like.
    #[must_use]
    pub fn password(&self) -> PasswordRules {
        self.pack.password
    }

    /// What the logins of each region's departments begin with.
    #[must_use]
    pub fn login_prefixes(&self) -> &[LoginPrefix] {
        &self.pack.accounts.prefixes
    }

    /// Whether a login begins as those of its department's region do, whatever its case. A region without a
    /// prefix lets any.
    #[must_use]
    pub fn login_fits(&self, region: Option<&str>, login: &str) -> bool {
        self.lacking_prefix(region, login).is_none()
    }

    /// What a login would have to begin with in its department's region, where it does not.
    #[must_use]
    pub fn lacking_prefix(&self, region: Option<&str>, login: &str) -> Option<&str> {
        let mut prefixes = self.login_prefixes().iter();
        let of = prefixes.find(|entry| entry.region.as_deref() == region)?;
        let begins = login.to_lowercase().starts_with(&of.prefix.to_lowercase());
        (!begins).then_some(of.prefix.as_str())
    }

    /// The scale of satisfaction in the city's words, from the best.
    #[must_use]
    pub fn scale(&self) -> &[ScaleEntry] {
        &self.pack.rating.scale
    }

    /// The weights of the three-rate score.
    #[must_use]
    pub fn rate_weights(&self) -> RateWeights {
        let rating = &self.pack.rating;
        RateWeights {
            response: rating.response_weight,
            resolution: rating.resolution_weight,
            satisfaction: rating.satisfaction_weight,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CALENDAR_CN, DEFAULT_PACK};
    use super::*;

    fn rules(changes: &[(&str, &str)]) -> Rules {
        let change = |pack: String, (from, to): &(&str, &str)| {
            assert!(pack.contains(from), "the default pack has no {from:?}");
            pack.replacen(from, to, 1)
        };
        let pack = changes.iter().fold(DEFAULT_PACK.to_owned(), change);
        Rules::parse(&pack, CALENDAR_CN, 1).unwrap()
    }

    /// A pack published before there were these sections means what it meant.
    #[test]
    fn a_pack_without_these_sections_has_the_defaults() {
        let start = DEFAULT_PACK.find("response_weight").unwrap();
        let end = DEFAULT_PACK
            .find("# DOMAIN §8. Where else each is from")
            .unwrap();
        let old = format!("{}\n{}", &DEFAULT_PACK[..start], &DEFAULT_PACK[end..]);
        let (old, new) = (Rules::parse(&old, CALENDAR_CN, 1).unwrap(), rules(&[]));
        assert_eq!(old.rate_weights(), new.rate_weights());
        assert_eq!(old.password(), new.password());
        assert_eq!(old.assigns_by_itself(), new.assigns_by_itself());
        let (codes_old, codes_new) = (old.kinds().iter(), new.kinds().iter());
        assert!(
            codes_old
                .map(|k| (k.code, &k.zh))
                .eq(codes_new.map(|k| (k.code, &k.zh)))
        );
        let (scale_old, scale_new) = (old.scale().iter(), new.scale().iter());
        assert!(
            scale_old
                .map(|s| (s.code, &s.zh))
                .eq(scale_new.map(|s| (s.code, &s.zh)))
        );
        assert!(old.menu().is_empty() && old.login_prefixes().is_empty());
        assert!(old.required_fields(Kind::Help).is_empty());
    }

    #[test]
    fn the_first_line_of_triage_that_fits_holds() {
        let rules = rules(&[(
            "words = [\"停水\"",
            "kind = \"report\"\nchannel = \"phone\"\nurgency = \"urgent\"\n[[triage.rules]]\nwords = [\"SOS\", \"停水\"",
        )]);
        let triage = |kind, channel, title, body| {
            rules.triage(&Request {
                kind,
                topic: None,
                channel,
                title,
                body,
            })
        };
        let (help, report) = (Kind::Help, Kind::Report);
        assert_eq!(
            triage(help, "phone", "小区停水", "已两天"),
            Some(Urgency::Urgent)
        );
        assert_eq!(
            triage(help, "phone", "停水", "有人被困电梯"),
            Some(Urgency::Critical)
        );
        assert_eq!(triage(help, "app", "sos", ""), Some(Urgency::Urgent));
        assert_eq!(triage(help, "phone", "路灯不亮", ""), None);
        assert_eq!(
            triage(report, "phone", "无证经营", ""),
            Some(Urgency::Urgent)
        );
        assert_eq!(triage(report, "sms", "无证经营", ""), None);
    }

    #[test]
    fn a_request_goes_by_itself_to_the_one_closest_department() {
        const LISTS: &str = "topics = [\"市容/油烟\", \"教育\"]\nregions = [\"东区\"]\nroutes = [
            { topic = \"市容\", department = \"城管局\" },
            { topic = \"市容\", region = \"东区\", department = \"东区城管局\" },
            { topic = \"教育\", department = \"教育局\" },
            { topic = \"教育\", department = \"体育局\" },
        ]\n";
        let pack = format!("{LISTS}{DEFAULT_PACK}");
        let only_suggests = Rules::parse(&pack, CALENDAR_CN, 1).unwrap();
        assert_eq!(
            only_suggests.assigned_by_itself(Some("市容/油烟"), None),
            None
        );
        let pack = pack.replace("assigns_by_itself = false", "assigns_by_itself = true");
        let rules = Rules::parse(&pack, CALENDAR_CN, 1).unwrap();
        for (topic, region, department) in [
            (Some("市容/油烟"), None, Some("城管局")),
            (Some("市容/油烟"), Some("东区"), Some("东区城管局")),
            (Some("教育"), None, None),
            (None, Some("东区"), None),
        ] {
            assert_eq!(rules.assigned_by_itself(topic, region), department);
        }
    }

    #[test]
    fn passwords_and_logins() {
        let rules = rules(&[
            ("classes = 1", "classes = 3"),
            (
                "prefixes = []",
                "prefixes = [{ prefix = \"pt-\" }, { region = \"仙游\", prefix = \"xy-\" }, { region = \"秀屿\", prefix = \"xy-\" }]",
            ),
        ]);
        for (password, lets) in [
            ("abcDEF12", true),
            ("abc_ef12", true),
            ("abcdefg1", false),
            ("aB1_", false),
            ("中文密码abAB12", true),
        ] {
            assert_eq!(rules.password().lets(password), lets, "{password}");
        }
        for (region, login, fits) in [
            (None, "pt-wang", true),
            (None, "wang", false),
            (Some("仙游"), "xy-li", true),
            (Some("秀屿"), "xy-li", true),
            (Some("秀屿"), "pt-li", false),
            (Some("秀屿"), "XY-Li", true),
            (Some("涵江"), "li", true),
        ] {
            assert_eq!(rules.login_fits(region, login), fits, "{login}");
        }
        assert_eq!(rules.lacking_prefix(Some("仙游"), "pt-li"), Some("xy-"));
    }

    #[test]
    fn forms_ask_for_what_the_pack_says() {
        let rules = rules(&[(
            "required = []",
            "required = [{ kind = \"complain\", fields = [\"place\", \"incident_at\"] }]",
        )]);
        let fields = [IntakeField::Place, IntakeField::IncidentAt];
        assert_eq!(rules.required_fields(Kind::Complain), fields);
        assert_eq!(rules.required_fields(Kind::Praise), []);
    }
}
