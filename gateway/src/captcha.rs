//! Captchas drawn: digits as distorted strokes in one SVG path, between strokes that mean nothing.
//!
//! All strokes are of one path, cut into pieces and shuffled, so that no element or order tells which belong
//! together. It must *not* know what a captcha is for.

use docket_core::clock::random_bytes;
use std::f64::consts::TAU;
use std::fmt::Write as _;

/// Width and height of a digit's cell, in units of the image.
const CELL: (f64, f64) = (32.0, 56.0);
/// Strokes that mean nothing.
const STRAY: u32 = 9;
/// Pieces that a stroke between two corners is cut into.
const PIECES: u32 = 4;

type Point = (f64, f64);

/// Each digit as lines between corners, in a square from 0 to 1.
const STROKES: [&[&[Point]]; 10] = [
    &[&[
        (0.5, 0.0),
        (0.1, 0.25),
        (0.1, 0.75),
        (0.5, 1.0),
        (0.9, 0.75),
        (0.9, 0.25),
        (0.5, 0.0),
    ]],
    &[
        &[(0.25, 0.2), (0.55, 0.0), (0.55, 1.0)],
        &[(0.25, 1.0), (0.85, 1.0)],
    ],
    &[&[
        (0.1, 0.25),
        (0.35, 0.0),
        (0.7, 0.0),
        (0.9, 0.25),
        (0.8, 0.5),
        (0.1, 1.0),
        (0.95, 1.0),
    ]],
    &[&[
        (0.1, 0.0),
        (0.9, 0.0),
        (0.45, 0.4),
        (0.9, 0.65),
        (0.7, 1.0),
        (0.3, 1.0),
        (0.1, 0.85),
    ]],
    &[&[(0.7, 1.0), (0.7, 0.0), (0.05, 0.7), (0.95, 0.7)]],
    &[&[
        (0.9, 0.0),
        (0.2, 0.0),
        (0.15, 0.45),
        (0.65, 0.4),
        (0.9, 0.7),
        (0.65, 1.0),
        (0.1, 0.95),
    ]],
    &[&[
        (0.8, 0.0),
        (0.3, 0.3),
        (0.1, 0.7),
        (0.4, 1.0),
        (0.85, 0.85),
        (0.85, 0.6),
        (0.5, 0.5),
        (0.12, 0.7),
    ]],
    &[
        &[(0.1, 0.0), (0.9, 0.0), (0.35, 1.0)],
        &[(0.3, 0.5), (0.8, 0.5)],
    ],
    &[
        &[
            (0.5, 0.0),
            (0.15, 0.2),
            (0.5, 0.45),
            (0.85, 0.2),
            (0.5, 0.0),
        ],
        &[
            (0.5, 0.45),
            (0.1, 0.75),
            (0.5, 1.0),
            (0.9, 0.75),
            (0.5, 0.45),
        ],
    ],
    &[&[
        (0.85, 0.3),
        (0.5, 0.5),
        (0.15, 0.4),
        (0.15, 0.15),
        (0.6, 0.0),
        (0.85, 0.3),
        (0.7, 0.7),
        (0.2, 1.0),
    ]],
];

/// A random number between two bounds.
fn between(low: f64, high: f64) -> f64 {
    let unit = f64::from(u32::from_be_bytes(random_bytes())) / f64::from(u32::MAX);
    low + (high - low) * unit
}

/// An SVG document with these digits.
#[must_use]
pub fn draw(digits: &[u8]) -> String {
    let cells = u32::try_from(digits.len()).unwrap_or(u32::MAX);
    let width = CELL.0 * (f64::from(cells) + 1.0);
    let mut pieces: Vec<(Point, Point)> = Vec::new();
    for (cell, digit) in (0..cells).zip(digits) {
        let left = CELL.0 * (f64::from(cell) + 0.5) + between(-3.0, 3.0);
        write_digit(&mut pieces, usize::from(*digit % 10), left);
    }
    // Short, and spread over the image: they hide no digit, and none looks like one.
    let part = width / f64::from(STRAY);
    for stray in 0..STRAY {
        let left = part * f64::from(stray);
        let from = (between(left, left + part), between(6.0, CELL.1 - 6.0));
        let turn = between(0.0, TAU);
        let length = between(6.0, 16.0);
        let to = (from.0 + turn.cos() * length, from.1 + turn.sin() * length);
        cut(&mut pieces, from, to);
    }
    wave(&mut pieces);
    shuffle(&mut pieces);
    let mut path = String::new();
    for ((x, y), (to_x, to_y)) in pieces {
        // Writing to a String cannot fail.
        let _ = write!(path, "M{x:.1} {y:.1}L{to_x:.1} {to_y:.1}");
    }
    let height = CELL.1;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\"><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/><path d=\"{path}\" \
         fill=\"none\" stroke=\"#234\" stroke-width=\"2.2\" stroke-linecap=\"round\"/></svg>"
    )
}

fn write_digit(pieces: &mut Vec<(Point, Point)>, digit: usize, left: f64) {
    let size = (between(17.0, 23.0), between(28.0, 36.0));
    let top = between(6.0, CELL.1 - size.1 - 6.0);
    let (sin, cos) = between(-0.3, 0.3).sin_cos();
    let slant = between(-0.25, 0.25);
    let place = |(x, y): Point| {
        let (x, y) = (x - 0.5 + slant * (0.5 - y), y - 0.5);
        let (x, y) = (x * size.0, y * size.1);
        let jitter = between(-1.0, 1.0);
        let x_there = left + CELL.0 / 2.0 + x * cos - y * sin + jitter;
        (x_there, top + size.1 / 2.0 + x * sin + y * cos + jitter)
    };
    for stroke in STROKES[digit] {
        let corners: Vec<Point> = stroke.iter().map(|corner| place(*corner)).collect();
        for pair in corners.windows(2) {
            cut(pieces, pair[0], pair[1]);
        }
    }
}

/// Cuts a line into pieces of uneven length.
fn cut(pieces: &mut Vec<(Point, Point)>, from: Point, to: Point) {
    let mut last = from;
    for piece in 1..=PIECES {
        let bend = if piece == PIECES {
            0.0
        } else {
            between(-0.3, 0.3)
        };
        let part = (f64::from(piece) + bend) / f64::from(PIECES);
        let next = (
            from.0 + (to.0 - from.0) * part,
            from.1 + (to.1 - from.1) * part,
        );
        pieces.push((last, next));
        last = next;
    }
}

/// Bends the whole image.
fn wave(pieces: &mut [(Point, Point)]) {
    let (phase, length) = (between(0.0, TAU), between(40.0, 80.0));
    let height = between(1.5, 3.5);
    let bent = |(x, y): Point| (x, y + (x / length * TAU + phase).sin() * height);
    for (from, to) in pieces {
        (*from, *to) = (bent(*from), bent(*to));
    }
}

fn shuffle<T>(pieces: &mut [T]) {
    for last in (1..pieces.len()).rev() {
        let other = u64::from_be_bytes(random_bytes()) % (last as u64 + 1);
        pieces.swap(last, usize::try_from(other).unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_drawings_are_alike_and_none_tells_its_digits() {
        let drawings: Vec<String> = (0..10).map(|n| draw(&[n, 1, 2, 3, 4])).collect();
        for drawing in &drawings {
            assert!(drawing.starts_with("<svg ") && drawing.ends_with("</svg>"));
            assert!(!drawing.contains("<text"), "digits are drawn, not written");
            assert_eq!(drawing.matches("<path").count(), 1);
            assert!(drawing.len() < 16_384, "{}", drawing.len());
        }
        assert_ne!(draw(&[1, 2, 3, 4, 5]), draw(&[1, 2, 3, 4, 5]));
    }
}
