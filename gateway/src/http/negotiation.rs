//! Which media type an answer is in: RFC 9110's `Accept`, with q-values, over the three that there are.

use axum::http::{HeaderMap, header};

/// Plain JSON.
pub const JSON: &str = "application/json";
/// Server-sent events.
pub const EVENT_STREAM: &str = "text/event-stream";

/// A media type an answer can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// [`JSON`], whose answers are all a 200; what `*/*` stands for.
    Json,
    /// `application/graphql-response+json`, whose statuses tell of errors.
    GraphqlResponse,
    /// [`EVENT_STREAM`].
    EventStream,
}

/// What a client takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// For what has one result. At equal weight a single response is before a stream.
    pub single: Media,
    /// Whether a stream of results may be sent.
    pub stream: bool,
}

/// One element of `Accept`.
struct Range<'h> {
    kind: &'h str,
    subtype: &'h str,
    /// Thousandths.
    quality: u16,
}

/// What a request's `Accept` headers leave; `None` where that is nothing of ours.
pub fn accepted(headers: &HeaderMap) -> Option<Accepted> {
    let lines = headers.get_all(header::ACCEPT).iter();
    let lines: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).collect();
    let ranges: Vec<Range> = lines
        .iter()
        .flat_map(|line| line.split(','))
        .filter(|part| !part.trim().is_empty())
        .filter_map(range)
        .collect();
    if lines.iter().all(|line| line.trim().is_empty()) {
        return Some(Accepted {
            single: Media::Json,
            stream: true,
        });
    }
    let weigh = |media: Media| weight(&ranges, media);
    let stream = weigh(Media::EventStream).is_some();
    let mut best: Option<(Weight, Media)> = None;
    for media in [Media::Json, Media::GraphqlResponse, Media::EventStream] {
        let Some(weight) = weigh(media) else { continue };
        let better = best.is_none_or(|(known, _)| match media {
            Media::EventStream => weight.quality > known.quality,
            Media::Json | Media::GraphqlResponse => weight > known,
        });
        if better {
            best = Some((weight, media));
        }
    }
    best.map(|(_, single)| Accepted { single, stream })
}

/// Compared field by field: what is weighed equally, named alike and listed alike is equal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Weight {
    quality: u16,
    specificity: u8,
    earlier: std::cmp::Reverse<usize>,
}

/// What the most specific range that fits says; `None` where none does, or it says no.
fn weight(ranges: &[Range<'_>], media: Media) -> Option<Weight> {
    let (kind, subtype) = match media {
        Media::Json => ("application", "json"),
        Media::GraphqlResponse => ("application", "graphql-response+json"),
        Media::EventStream => ("text", "event-stream"),
    };
    let mut found: Option<Weight> = None;
    for (index, range) in ranges.iter().enumerate() {
        let fits = |is: &str, ours: &str| is.eq_ignore_ascii_case(ours);
        let specificity = match (range.kind, range.subtype) {
            (k, s) if fits(k, kind) && fits(s, subtype) => 2,
            (k, "*") if fits(k, kind) => 1,
            ("*", "*") => 0,
            _ => continue,
        };
        if found.is_none_or(|known| specificity > known.specificity) {
            found = Some(Weight {
                quality: range.quality,
                specificity,
                earlier: std::cmp::Reverse(index),
            });
        }
    }
    found.filter(|weight| weight.quality > 0)
}

/// A range that asks for another encoding than UTF-8, or is none, is left out.
fn range(part: &str) -> Option<Range<'_>> {
    let mut parts = part.split(';').map(str::trim);
    let (kind, subtype) = parts.next()?.split_once('/')?;
    let mut quality = 1000;
    for parameter in parts {
        let (name, value) = parameter.split_once('=')?;
        if name.eq_ignore_ascii_case("q") {
            quality = thousandths(value)?;
        } else if name.eq_ignore_ascii_case("charset") && !is_utf8(value) {
            return None;
        }
    }
    Some(Range {
        kind,
        subtype,
        quality,
    })
}

/// A weight: `0` to `1` with at most three decimals.
fn thousandths(value: &str) -> Option<u16> {
    let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
    let digits = decimals.len() <= 3 && decimals.bytes().all(|b| b.is_ascii_digit());
    if !digits || !matches!(whole, "0" | "1") {
        return None;
    }
    let thousandths: u16 = format!("{whole}{decimals:0<3}").parse().ok()?;
    (thousandths <= 1000).then_some(thousandths)
}

/// Whether a `charset` names UTF-8, quoted or not.
pub fn is_utf8(charset: &str) -> bool {
    charset.trim_matches('"').eq_ignore_ascii_case("utf-8")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn single(lines: &[&'static str]) -> Option<Media> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::ACCEPT, HeaderValue::from_static(line));
        }
        accepted(&headers).map(|accepted| accepted.single)
    }

    #[test]
    fn the_most_wanted_is_given() {
        use Media::{EventStream, GraphqlResponse, Json};
        for (accept, given) in [
            ("application/json", Some(Json)),
            ("application/graphql-response+json", Some(GraphqlResponse)),
            ("text/event-stream", Some(EventStream)),
            ("*/*", Some(Json)),
            ("", Some(Json)),
            ("application/*", Some(Json)),
            ("text/*", Some(EventStream)),
            ("APPLICATION/JSON", Some(Json)),
            ("image/png", None),
            ("image/png, */*;q=0.1", Some(Json)),
            // As Apollo Client sends it, and the other way round.
            (
                "application/graphql-response+json,application/json;q=0.9",
                Some(GraphqlResponse),
            ),
            (
                "application/json;q=0.9,application/graphql-response+json;q=0.5",
                Some(Json),
            ),
            // Equal weights: the first that is named.
            (
                "application/graphql-response+json, application/json",
                Some(GraphqlResponse),
            ),
            (
                "application/json, application/graphql-response+json",
                Some(Json),
            ),
            (
                "*/*, application/graphql-response+json",
                Some(GraphqlResponse),
            ),
            // A single response is before a stream, unless the stream weighs more.
            ("text/event-stream, application/json", Some(Json)),
            (
                "text/event-stream, application/json;q=0.9",
                Some(EventStream),
            ),
            // The more specific range decides, whatever its weight.
            ("application/json;q=0, */*", Some(GraphqlResponse)),
            ("application/json;q=0.0, application/json;q=1", None),
            ("application/json;q=0", None),
            ("application/json; charset=utf-8", Some(Json)),
            ("application/json; charset=\"UTF-8\"", Some(Json)),
            ("application/json; charset=gbk", None),
            // Weights that are none.
            ("application/json;q=2", None),
            ("application/json;q=NaN", None),
            (
                "application/json;q=-1, text/event-stream",
                Some(EventStream),
            ),
            ("application/json;q=0.0001", None),
            ("application/json;Q=1.000", Some(Json)),
            ("json", None),
        ] {
            assert_eq!(single(&[accept]), given, "{accept}");
        }
        assert_eq!(single(&[]), Some(Json));
        assert_eq!(single(&["image/png", "application/json"]), Some(Json));
    }

    #[test]
    fn a_stream_is_sent_to_who_takes_it() {
        for (accept, taken) in [
            ("application/json", false),
            ("application/json, text/event-stream;q=0.1", true),
            ("application/json, text/event-stream;q=0", false),
            ("*/*", true),
        ] {
            let headers =
                HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(accepted(&headers).unwrap().stream, taken, "{accept}");
        }
    }
}
