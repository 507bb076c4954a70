//! How a form looks: one A4 page after the other, black on white, Chinese first, with nothing loaded from elsewhere.

use std::fmt::Write as _;

/// What stands in a form.
pub struct Page {
    /// The form's name in Chinese.
    pub title_zh: &'static str,
    /// In English.
    pub title_en: &'static str,
    /// The hotline's name.
    pub hotline: String,
    /// The ticket's number.
    pub number: String,
    /// Rows, in order.
    pub rows: Vec<Row>,
    /// Who signs below, each a label in Chinese and English.
    pub signatures: Vec<(&'static str, &'static str)>,
    /// When it was printed, and by whom.
    pub printed: String,
}

/// A labelled text.
pub struct Row {
    /// The label in Chinese.
    pub zh: &'static str,
    /// In English.
    pub en: &'static str,
    /// The text; empty leaves room to write.
    pub text: String,
    /// Whether it takes the whole width, as long texts do.
    pub wide: bool,
}

/// Without a margin of the page a browser has no room for a header or footer of its own; the text keeps its distance
/// from the edge on every page of a long form by itself. There each page says whose it is, and has whole boxes.
const STYLE: &str = "
@page { size: A4; margin: 0 }
* { box-sizing: border-box }
body { margin: 0; color: #000; background: #fff;
  font: 11pt/1.5 'Noto Serif CJK SC', 'Source Han Serif SC', SimSun, 'Songti SC', 'Noto Sans CJK SC', serif }
main { width: 210mm; min-height: 296mm; padding: 18mm 17mm; margin: 0 auto;
  box-decoration-break: clone }
.each { position: fixed; top: 8mm; right: 17mm; margin: 0; font-size: 8pt; color: #333 }
h1 { font-size: 20pt; text-align: center; margin: 0; letter-spacing: .25em; text-indent: .25em }
h2 { font-size: 10pt; text-align: center; font-weight: normal; margin: 0 0 5mm }
.head { display: flex; justify-content: space-between; font-size: 10pt; margin-bottom: 1.5mm }
dl { display: grid; grid-template-columns: 1fr 1fr; margin: 0 }
dl > div { display: grid; grid-template-columns: 27mm 1fr; border: 1px solid #000; margin: 0 0 -1px -1px;
  break-inside: avoid; min-height: 9.5mm; box-decoration-break: clone }
dl > .wide { grid-column: 1 / -1; break-inside: auto }
dl > .wide:last-child dd:empty { min-height: 30mm }
dt { padding: 1.2mm 1.5mm; border-right: .2mm solid #000; font-weight: bold; line-height: 1.25 }
dt small { display: block; font-weight: normal; font-size: 7pt }
dd { margin: 0; padding: 1.2mm 2mm; white-space: pre-wrap; overflow-wrap: anywhere }
.sign { display: flex; gap: 10mm; margin-top: 12mm; break-inside: avoid }
.sign p { flex: 1; margin: 0; border-bottom: .2mm solid #000; padding-bottom: 9mm }
.sign small { display: block; font-size: 7pt }
footer { margin-top: 6mm; font-size: 8pt; color: #333; break-before: avoid }
@media screen { .each { display: none } body { background: #eee }
  main { background: #fff; margin: 6mm auto; box-shadow: 0 0 3mm #999 } }
";

/// What the page may load: its own style, nothing else.
#[must_use]
pub fn policy() -> String {
    use base64::Engine as _;
    use sha2::Digest as _;
    let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

impl Page {
    /// The page as HTML. Every text is escaped.
    #[must_use]
    pub fn html(&self) -> String {
        let (zh, en) = (self.title_zh, self.title_en);
        let (hotline, number) = (escaped(&self.hotline), escaped(&self.number));
        let mut html = format!(
            "<!doctype html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\"><title>{zh} {number}</title>\
             <style>{STYLE}</style></head><body><main><p class=\"each\">{zh} {number}</p><h1>{zh}</h1><h2>{en}</h2>\
             <p class=\"head\"><span>{hotline}</span><span>编号 No. {number}</span></p><dl>"
        );
        let mut left = true;
        let mut rows = self.rows.iter().peekable();
        while let Some(row) = rows.next() {
            // With nothing beside it, it would leave a hole in the table.
            let alone = left && rows.peek().is_none_or(|next| next.wide);
            let wide = row.wide || alone;
            left = wide || !left;
            let class = if wide { " class=\"wide\"" } else { "" };
            let (zh, en, text) = (row.zh, row.en, escaped(&row.text));
            let _ = write!(
                html,
                "<div{class}><dt>{zh}<small>{en}</small></dt><dd>{text}</dd></div>"
            );
        }
        html.push_str("</dl>");
        if !self.signatures.is_empty() {
            html.push_str("<div class=\"sign\">");
            for (zh, en) in &self.signatures {
                let _ = write!(html, "<p>{zh}<small>{en}</small></p>");
            }
            html.push_str("</div>");
        }
        let _ = writeln!(
            html,
            "<footer>{}</footer></main></body></html>",
            escaped(&self.printed)
        );
        html
    }
}

/// A text that no browser takes for anything else.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(rows: Vec<Row>) -> String {
        let page = Page {
            title_zh: "受理单",
            title_en: "Acceptance form",
            hotline: "<b>热线</b>".into(),
            number: "1".into(),
            rows,
            signatures: vec![],
            printed: "</footer>".into(),
        };
        page.html()
    }

    fn row(text: &str, wide: bool) -> Row {
        Row {
            zh: "标题",
            en: "Title",
            text: text.into(),
            wide,
        }
    }

    #[test]
    fn no_text_is_markup() {
        let html = page(vec![row("\"><script>alert('&')</script>", true)]);
        assert!(
            !html.contains("<script>")
                && !html.contains("<b>")
                && html.matches("</footer>").count() == 1
        );
        assert!(
            html.contains("&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;"),
            "{html}"
        );
    }

    /// Widths of the rows of a table, from those that were wanted.
    fn widths(wanted: &[bool]) -> Vec<bool> {
        let html = page(wanted.iter().map(|wide| row("", *wide)).collect());
        let rows = html.split("<div").skip(1);
        rows.map(|row| row.starts_with(" class=\"wide\"")).collect()
    }

    #[test]
    fn no_row_leaves_a_hole_beside_it() {
        let (half, wide) = (false, true);
        assert_eq!(widths(&[half, half, wide]), [half, half, wide]);
        assert_eq!(
            widths(&[half, half, half, wide, half]),
            [half, half, wide, wide, wide]
        );
        assert_eq!(
            widths(&[wide, half, half, half, half]),
            [wide, half, half, half, half]
        );
    }
}
