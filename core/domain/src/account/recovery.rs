//! Recovery of a forgotten password: which questions there are, and when two answers are the same.
//!
//! Questions come from a list and are no free texts: so whoever asks for the question of a login that does not
//! exist can be shown one, and none tells anything of the person.

macro_rules! questions {
    ($($(#[$doc:meta])* $name:ident = $code:literal { zh: $zh:literal, en: $en:literal })+) => {
        /// A question that its person alone should know the answer to.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum RecoveryQuestion { $($(#[$doc])* $name,)+ }

        impl RecoveryQuestion {
            /// Every question. The order is frozen: it picks those of logins that have none.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable code, as the ops store keeps it.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The question in Chinese.
            #[must_use]
            pub const fn zh(self) -> &'static str {
                match self { $(Self::$name => $zh,)+ }
            }

            /// The question in English.
            #[must_use]
            pub const fn en(self) -> &'static str {
                match self { $(Self::$name => $en,)+ }
            }
        }
    };
}

questions! {
    /// The first school.
    FirstSchool = "first_school" { zh: "您就读的第一所学校叫什么？", en: "What was your first school called?" }
    /// The first teacher.
    FirstTeacher = "first_teacher" { zh: "您的第一位班主任叫什么？", en: "Who was your first form teacher?" }
    /// The closest friend as a child.
    ChildhoodFriend = "childhood_friend" { zh: "您儿时最好的朋友叫什么？", en: "Who was your closest friend as a child?" }
    /// The street or village of one's childhood.
    ChildhoodStreet = "childhood_street" { zh: "您儿时住在哪条街或哪个村？", en: "In which street or village did you grow up?" }
    /// Where one's mother was born.
    MothersBirthplace = "mothers_birthplace" { zh: "您母亲出生在哪里？", en: "Where was your mother born?" }
    /// The first employer.
    FirstEmployer = "first_employer" { zh: "您的第一个工作单位是哪里？", en: "Where did you first work?" }
    /// A book.
    FavouriteBook = "favourite_book" { zh: "对您影响最大的一本书是什么？", en: "Which book influenced you most?" }
    /// A first journey.
    FirstJourney = "first_journey" { zh: "您第一次出远门去了哪里？", en: "Where did your first long journey take you?" }
}

impl RecoveryQuestion {
    /// The question of a code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|q| q.code() == code)
    }

    /// The one that a login without any is said to have: the same whenever it is asked for. By a keyed hash of
    /// the login.
    #[must_use]
    pub fn decoy(hash: &[u8; 32]) -> Self {
        // Few questions against 65,536: no code is shown noticeably more often than another.
        let pick = usize::from(u16::from_be_bytes([hash[0], hash[1]]));
        Self::ALL[pick % Self::ALL.len()]
    }
}

/// An answer as it is compared: full-width forms as plain ones, in small letters, without spaces around it.
#[must_use]
pub fn normal_answer(answer: &str) -> String {
    let plain = |c: char| match c {
        '\u{3000}' => ' ',
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        other => other,
    };
    let folded: String = answer.chars().map(plain).collect();
    folded.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_compared_without_their_dress() {
        for answer in [
            "No. 1 School",
            " no. 1 school\n",
            "\u{3000}Ｎｏ．\u{3000}１ ＳＣＨＯＯＬ",
        ] {
            assert_eq!(normal_answer(answer), "no. 1 school");
        }
        assert_eq!(normal_answer("第一小学 "), "第一小学");
        assert_eq!(normal_answer("\u{3000} "), "");
    }

    #[test]
    fn every_question_has_a_code_and_is_some_logins_decoy() {
        for (index, question) in RecoveryQuestion::ALL.iter().enumerate() {
            assert_eq!(
                RecoveryQuestion::from_code(question.code()),
                Some(*question)
            );
            let mut hash = [7; 32];
            (hash[0], hash[1]) = (0, u8::try_from(index).unwrap());
            assert_eq!(RecoveryQuestion::decoy(&hash), *question);
        }
        assert_eq!(RecoveryQuestion::from_code("maiden_name"), None);
    }
}
