//! What the library says of a request that is none, in Chinese: it speaks English alone. A table of its sentences; one that
//! is not in it is told as it is, behind a general one. Knows nothing of requests.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The library's sentences, and ours for each: `{}` is what it names, in its order; `{0}` and so on where that goes. What
/// is more special comes first.
const SENTENCES: &[(&str, &str)] = &[
    // Of the parser.
    (
        "syntax error: unexpected {}; expected {}",
        "语法错误：此处不应为{0}，应为{1}",
    ),
    ("syntax error: unexpected {}", "语法错误：此处不应为{0}"),
    ("syntax error: expected {}", "语法错误：此处应为{0}"),
    ("syntax error: {}", "语法错误：{0}"),
    (
        "document contains multiple operations",
        "文档含有多项操作，其中有未命名的",
    ),
    ("operation {} is defined twice", "操作“{0}”重复定义"),
    ("fragment {} is defined twice", "片段“{0}”重复定义"),
    (
        "document does not contain an operation",
        "文档中没有任何操作",
    ),
    ("recursion limit exceeded.", "嵌套过深"),
    // Of choosing the operation.
    ("Unknown operation named \"{}\"", "未知的操作“{0}”"),
    (
        "Operation name required in request.",
        "文档含有多项操作，请求须以 operationName 指明其一",
    ),
    (
        "Subscriptions are not supported on this transport.",
        "此连接方式不支持订阅",
    ),
    ("Schema is not configured for {}s.", "不支持此类操作：{0}"),
    // Of its own limits.
    (
        "The number of directives on the field `{}` cannot be greater than `{}`",
        "字段“{0}”的指令至多{1}个",
    ),
    (
        "The recursion depth of the query cannot be greater than `{}`",
        "查询嵌套至多{0}层",
    ),
    // Of fields, arguments and directives.
    (
        "Unknown field \"{}\" on type \"{}\".",
        "类型“{1}”没有字段“{0}”",
    ),
    (
        "Cannot query field \"{}\" on type \"{}\".",
        "类型“{1}”没有字段“{0}”",
    ),
    (
        "Unknown argument \"{}\" on field \"{}\" of type \"{}\".",
        "类型“{2}”的字段“{1}”没有参数“{0}”",
    ),
    (
        "Unknown argument \"{}\" on directive \"{}\".",
        "指令“{1}”没有参数“{0}”",
    ),
    (
        "Directive \"@{}\" argument \"{}\" of type \"{}\" is required but not provided",
        "指令“@{0}”缺少必填参数“{1}”（类型“{2}”）",
    ),
    (
        "Field \"{}\" argument \"{}\" of type \"{}\" is required but not provided",
        "类型“{2}”的字段“{0}”缺少必填参数“{1}”",
    ),
    (
        "Field \"{}\" must not have a selection since type \"{}\" has no subfields",
        "字段“{0}”不能选取子字段：类型“{1}”没有子字段",
    ),
    (
        "Field \"{}\" of type \"{}\" must have a selection of subfields",
        "字段“{0}”须选取子字段，其类型为“{1}”",
    ),
    (
        "Fields \"{}\" conflict because \"{}\" and \"{}\" are different fields. {}",
        "“{0}”有冲突：“{1}”与“{2}”是不同的字段，如需同时查询，请使用不同的别名",
    ),
    (
        "Fields \"{}\" conflict because they have differing arguments. {}",
        "“{0}”有冲突：参数不同，如需同时查询，请使用不同的别名",
    ),
    (
        "There can only be one argument named \"{}\"",
        "参数“{0}”只能出现一次",
    ),
    (
        "Directive \"{}\" may not be used on \"{}\"",
        "指令“{0}”不能用于此处（{1}）",
    ),
    ("Unknown directive \"{}\"", "未知的指令“{0}”"),
    ("Duplicate directive \"{}\"", "指令“{0}”只能出现一次"),
    // Of types and fragments.
    ("Unknown type \"{}\"", "未知的类型“{0}”"),
    ("Unknown fragment: \"{}\"", "未知的片段“{0}”"),
    ("Unknown fragment \"{}\".", "未知的片段“{0}”"),
    ("Fragment \"{}\" is never used", "片段“{0}”未被使用"),
    (
        "Cannot spread fragment \"{}\"",
        "不能展开片段“{0}”：它引用了自身",
    ),
    (
        "Fragment \"{}\" cannot condition non composite type \"{}\"",
        "片段“{0}”不能以类型“{1}”为条件：它没有子字段",
    ),
    (
        "Fragment cannot condition non composite type \"{}\"",
        "片段不能以类型“{0}”为条件：它没有子字段",
    ),
    (
        "Fragment \"{}\" cannot be spread here as objects of type \"{}\" can never be of type \"{}\"",
        "片段“{0}”不能在此展开：类型“{1}”的对象不可能是类型“{2}”",
    ),
    (
        "Fragment cannot be spread here as objects of type \"{}\" can never be of type \"{}\"",
        "片段不能在此展开：类型“{0}”的对象不可能是类型“{1}”",
    ),
    // Of variables.
    (
        "Variable \"{}\" is not defined by operation \"{}\"",
        "操作“{1}”未定义变量“{0}”",
    ),
    ("Variable \"{}\" is not defined", "变量“{0}”未定义"),
    ("Variable {} is not defined.", "变量“{0}”未定义，或未给出值"),
    (
        "Variable \"{}\" is not used by operation \"{}\"",
        "操作“{1}”未使用变量“{0}”",
    ),
    ("Variable \"{}\" is not used", "变量“{0}”未被使用"),
    (
        "Variable \"{}\" cannot be of non-input type \"{}\"",
        "变量“{0}”不能为类型“{1}”：它不是输入类型",
    ),
    (
        "Variable \"{}\" of type \"{}\" used in position expecting type \"{}\"",
        "类型为“{1}”的变量“{0}”用在了应为类型“{2}”之处",
    ),
    (
        "There can only be one variable named \"{}\"",
        "变量“{0}”只能定义一次",
    ),
    (
        "The Upload type is only allowed to be defined on a mutation",
        "类型 Upload 只能用于变更操作",
    ),
];

/// What is in front of what is wrong with a value.
const VALUES: &[(&str, &str)] = &[
    ("Invalid value for argument \"", "参数“{0}”的值无效"),
    (
        "Invalid default value for argument: \"",
        "变量“{0}”的默认值无效",
    ),
];

/// What is wrong with a value.
const FLAWS: &[(&str, &str)] = &[
    ("expected type \"{}\"", "应为类型“{0}”"),
    (
        "enumeration type \"{}\" does not contain the value",
        "枚举类型“{0}”没有这个值",
    ),
    (
        "field \"{}\" of type \"{}\" is required but not provided",
        "缺少必填字段“{0}”（类型“{1}”）",
    ),
    (
        "unknown field \"{}\" of type \"{}\"",
        "类型“{1}”没有字段“{0}”",
    ),
    (
        "Oneof input objects requires have exactly one field",
        "须有且仅有一个字段",
    ),
    (
        "Oneof Input Objects require that exactly one field must be supplied and that field must not be null",
        "须有且仅有一个字段，且不能为空",
    ),
    // Where a resolver finds it.
    (
        "Expected input type \"{}\", found {}.",
        "应为类型“{0}”，实为{1}",
    ),
    ("Failed to parse \"{}\": {}", "不是有效的“{0}”：{1}"),
];

/// How what the parser says begins.
const SYNTAX: &str = "syntax error: ";

/// Where names alike begin.
const ALIKE: &str = " Did you mean ";

/// A sentence of the library's in Chinese.
pub fn in_chinese(english: &str) -> String {
    let (sentence, alike) = match english.split_once(ALIKE) {
        Some((sentence, alike)) => (sentence, alike.strip_suffix('?')),
        None => (english, None),
    };
    let listed = listed(sentence);
    let mut chinese = said(SENTENCES, &listed)
        .or_else(|| of_value(sentence))
        .unwrap_or_else(|| format!("请求有误：{sentence}"));
    if let Some(alike) = alike {
        let names: Vec<_> = alike.split(", ").map(quoted).collect();
        let _ = write!(chinese, "，是否应为{}？", names.join("、"));
    }
    chinese
}

/// A name in quotes of ours.
fn quoted(name: &str) -> String {
    format!("“{}”", name.trim_matches('"'))
}

/// A sentence on a value: where it is, and what is wrong with it.
fn of_value(sentence: &str) -> Option<String> {
    for (english, chinese) in VALUES {
        let Some(rest) = sentence.strip_prefix(english) else {
            continue;
        };
        let (path, flaw) = rest.split_once("\", ")?;
        let flaw = said(FLAWS, flaw).unwrap_or_else(|| flaw.to_owned());
        return Some(format!("{}：{flaw}", chinese.replace("{0}", path)));
    }
    said(FLAWS, sentence)
}

fn said(table: &[(&str, &str)], sentence: &str) -> Option<String> {
    let of = |(english, chinese): &(&str, &str)| {
        let named = named(english, sentence)?;
        Some(put(chinese, &named))
    };
    table.iter().find_map(of)
}

/// What a sentence names, if it is of this form.
fn named<'s>(form: &str, sentence: &'s str) -> Option<Vec<&'s str>> {
    let mut parts = form.split("{}");
    let mut rest = sentence.strip_prefix(parts.next()?)?;
    let mut named = Vec::new();
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let at = match parts.peek() {
            Some(_) => rest.find(part)?,
            // The last of it is the end of the sentence.
            None => rest.len().checked_sub(part.len())?,
        };
        let (name, behind) = rest.split_at_checked(at)?;
        rest = behind.strip_prefix(part)?;
        named.push(name);
    }
    rest.is_empty().then_some(named)
}

/// A form with the names in their places. None is looked for in a name.
fn put(form: &str, names: &[&str]) -> String {
    let mut text = String::new();
    let mut rest = form;
    while let Some((before, behind)) = rest.split_once('{') {
        text += before;
        let (place, behind) = behind.split_once('}').unwrap_or((behind, ""));
        let name = place.parse().ok().and_then(|n: usize| names.get(n));
        text += name.unwrap_or(&"");
        rest = behind;
    }
    text + rest
}

/// What the parser lists, as a list of ours. In other sentences a name might read like it.
fn listed(sentence: &str) -> Cow<'_, str> {
    if !sentence.starts_with(SYNTAX) {
        return sentence.into();
    }
    [", or ", " or ", ", "]
        .iter()
        .fold(sentence.to_owned(), |text, mark| text.replace(mark, "、"))
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_kept() {
        for (english, chinese) in [
            (
                "Unknown field \"a\" on type \"B\". Did you mean \"c\", \"d\"?",
                "类型“B”没有字段“a”，是否应为“c”、“d”？",
            ),
            (
                "Invalid value for argument \"input.of.0\", field \"a\" of type \"[B!]\" is required but not provided",
                "参数“input.of.0”的值无效：缺少必填字段“a”（类型“[B!]”）",
            ),
            (
                "syntax error: expected selection, variable, or name",
                "语法错误：此处应为selection、variable、name",
            ),
            (
                "Failed to parse \"Position\": {0} {1}",
                "不是有效的“Position”：{0} {1}",
            ),
            (
                "Variable \"n\" of type \"ID!\" used in position expecting type \"Int\"",
                "类型为“ID!”的变量“n”用在了应为类型“Int”之处",
            ),
            ("Unknown type \"\"", "未知的类型“”"),
            ("Something new: \"a\"", "请求有误：Something new: \"a\""),
            ("", "请求有误："),
        ] {
            assert_eq!(in_chinese(english), chinese);
        }
    }

    #[test]
    fn forms_and_names_agree_in_number() {
        for (english, chinese) in SENTENCES.iter().chain(FLAWS) {
            let named = english.matches("{}").count();
            let places = (0..named).filter(|n| chinese.contains(&format!("{{{n}}}")));
            // What a conflict of fields ends with is advice.
            let advice = usize::from(english.contains(" conflict because "));
            assert_eq!(places.count(), named - advice, "{english}");
            assert!(!chinese.contains(&format!("{{{named}}}")), "{english}");
        }
    }
}
