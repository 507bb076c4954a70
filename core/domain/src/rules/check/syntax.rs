//! What the reader of TOML says of a broken text, in Chinese.

/// What it says, and the same in Chinese.
const SAID: &[(&str, &str)] = &[
    ("duplicate key", "键重复"),
    ("unclosed table", "表头缺右方括号"),
    ("unclosed array table", "表头缺右方括号"),
    ("unclosed array", "列表缺右方括号"),
    ("unclosed inline table", "行内表缺右花括号"),
    ("missing table open", "表头缺左方括号"),
    ("missing array opening", "列表缺左方括号"),
    ("missing inline table opening", "行内表缺左花括号"),
    ("key with no value", "键没有值"),
    ("missing value for key", "键没有值"),
    ("missing value", "缺少值"),
    ("invalid value", "值的写法有误"),
    ("invalid key-value pair", "键值对的写法有误"),
    ("extra `=`", "多余的等号"),
    ("unexpected `=` in array", "列表中不应有等号"),
    ("extra assignment between key-value pairs", "多余的等号"),
    ("missing assignment between key-value pairs", "缺等号"),
    ("missing comma between array elements", "列表各项之间缺逗号"),
    ("missing comma between key-value pairs", "各项之间缺逗号"),
    ("extra comma in array", "列表中逗号多余"),
    ("extra comma in inline table", "行内表中逗号多余"),
    ("missing key for inline table element", "行内表的项缺键"),
    ("invalid inline table element", "行内表的项有误"),
    ("unexpected key or value", "此处不应有键或值"),
    ("unexpected content", "此处内容多余"),
    (
        "unexpected content between comment and newline",
        "注释后内容多余",
    ),
    ("string values must be quoted", "文字须加引号"),
    ("missing opening quote", "缺起始引号"),
    ("invalid basic string", "带引号的文字有误，或缺结束引号"),
    ("invalid literal string", "单引号文字有误，或缺结束引号"),
    (
        "invalid multi-line basic string",
        "多行文字有误，或缺结束引号",
    ),
    (
        "invalid multi-line literal string",
        "多行文字有误，或缺结束引号",
    ),
    ("missing escaped value", "反斜杠后的转义有误"),
    ("too few unicode value digits", "Unicode 转义位数不足"),
    ("unquoted keys cannot be empty", "键不能为空"),
    ("invalid unquoted key", "键含不允许的字符，须加引号"),
    (
        "keys cannot be multi-line literal strings",
        "键不能是多行文字",
    ),
    (
        "keys cannot be multi-line basic strings",
        "键不能是多行文字",
    ),
    (
        "carriage return must be followed by newline",
        "回车符后须有换行符",
    ),
    ("missing comment start", "注释须以 # 开头"),
    ("invalid comment character", "注释含不允许的字符"),
    ("redundant numeric sign", "数的正负号多余"),
    ("unexpected sign", "不应有正负号"),
    ("unexpected leading zero", "数不能以 0 开头"),
    ("`_` may only go between digits", "下划线只能在数字之间"),
    (
        "integers with a radix cannot be signed",
        "带进制前缀的数不能有正负号",
    ),
    ("radix must be lowercase", "进制前缀须小写"),
    ("redundant integer number prefix", "数的前缀多余"),
    (
        "cannot recurse further; max recursion depth met",
        "嵌套过深",
    ),
    ("recursion limit", "嵌套过深"),
];

/// What it says it expected, and the same in Chinese.
const EXPECTED: &[(&str, &str)] = &[
    ("nothing", "无"),
    ("newline", "换行"),
    ("key", "键"),
    ("value", "值"),
    ("digits", "数字"),
    ("characters", "字符"),
    ("printable characters", "可见字符"),
    ("literal string", "带引号的文字"),
    ("multi-line basic string", "多行文字"),
    ("unicode hexadecimal value", "十六进制数"),
    ("non-single-quote characters", "单引号以外的字符"),
    (
        "non-single-quote visible characters",
        "单引号以外的可见字符",
    ),
];

fn found(list: &[(&str, &'static str)], text: &str) -> Option<&'static str> {
    list.iter().find(|(en, _)| *en == text).map(|(_, zh)| *zh)
}

/// The same in Chinese; where it is not known, that something is wrong here.
pub(super) fn in_chinese(message: &str) -> String {
    let (said, expected) = match message.split_once(", expected ") {
        Some((said, expected)) => (said, Some(expected)),
        None => (message, None),
    };
    let extends = said.starts_with("cannot extend value of type");
    let extends = extends.then_some("已有的值不能用带点的键扩展");
    let said = found(SAID, said).or(extends).unwrap_or("此处写法有误");
    // What stands between backticks is to be written so; of the rest, what is known is told.
    let told = expected.into_iter().flat_map(|list| list.split(", "));
    let told = told.filter_map(|one| match found(EXPECTED, one) {
        None if one.starts_with('`') => Some(one),
        known => known,
    });
    let told: Vec<&str> = told.collect();
    if told.is_empty() {
        said.to_owned()
    } else {
        format!("{said}，此处可为 {}", told.join("、"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::DEFAULT_PACK;
    use super::super::check;

    #[test]
    fn what_is_no_toml_is_told_in_chinese_alone() {
        for (from, to) in [
            ("[delegate]", "[delegate"),
            ("[[channels]]", "[[channels]"),
            ("times = 1\n", "times = 1\ntimes = 2\n"),
            ("times = 1\n", "times\n"),
            ("times = 1\n", "times =\n"),
            ("times = 1\n", "times == 1\n"),
            ("times = 1\n", "times = 01\n"),
            ("times = 1\n", "times = +-1\n"),
            ("times = 1\n", "times = 1 2\n"),
            ("times = 1\n", "times = once\n"),
            ("times = 1\n", "times = \"1\n"),
            ("times = 1\n", "次数 = 1\n"),
            ("times = 1\n", "times = \"\\q\"\n"),
            ("times = 1\n", "times = 1\ntimes.x = 2\n"),
            ("{ working_days = 5 }", "{ working_days = 5"),
            ("{ working_days = 5 }", "{ working_days 5 }"),
            ("words = [\"停水\"", "words = [\"停水\" \"停电\""),
        ] {
            assert!(DEFAULT_PACK.contains(from), "{from}");
            let mistakes = check(&DEFAULT_PACK.replacen(from, to, 1));
            let first = mistakes.iter().find(|mistake| mistake.key.is_empty());
            let first = first.unwrap_or_else(|| panic!("{to}: {mistakes:?}"));
            let zh = first.problem.zh.replace("TOML", "");
            let english = zh.split(|c: char| !c.is_ascii_alphabetic());
            let longest = english.map(str::len).max().unwrap_or_default();
            assert!(longest < 2, "{to}: {zh}");
            assert!(!zh.contains("此处写法有误"), "{to}: {}", first.problem.en);
        }
    }
}
