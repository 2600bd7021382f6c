//! The picture of the trust boundary, as SVG: boxes in a row, arrows between them, the trusted ones inside a frame.

use super::data::PictureBox;
use std::fmt::Write;

const WIDTH: usize = 176;
const HEIGHT: usize = 64;
const GAP: usize = 44;
const TOP: usize = 56;

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Draws the boxes. Colours follow the page.
pub fn boundary(boxes: &[PictureBox]) -> String {
    let width = boxes.len() * (WIDTH + GAP);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {width} 160\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"trust boundary\" font-family=\"sans-serif\" font-size=\"14\">\n"
    );
    for (n, one) in boxes.iter().enumerate() {
        let x = GAP / 2 + n * (WIDTH + GAP);
        if one.kind == "trusted" {
            let (left, top) = (x - 14, TOP - 36);
            let _ = writeln!(
                svg,
                "<rect x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\" rx=\"8\" fill=\"none\" stroke=\"#3A6EA5\" stroke-width=\"3\"/>\
                 <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">trusted</text>",
                WIDTH + 28,
                HEIGHT + 50,
                x + WIDTH / 2,
                TOP - 14
            );
        }
        let dashes = if one.kind == "untrusted" { " stroke-dasharray=\"6 4\"" } else { "" };
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{TOP}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"4\" fill=\"none\" stroke=\"#3A6EA5\"{dashes}/>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            x + WIDTH / 2,
            TOP + HEIGHT / 2 + 5,
            escaped(&one.label)
        );
        if one.kind == "untrusted" {
            let _ = writeln!(
                svg,
                "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" font-size=\"12\">not trusted</text>",
                x + WIDTH / 2,
                TOP + HEIGHT + 22
            );
        }
        if n + 1 < boxes.len() {
            let (from, y) = (x + WIDTH, TOP + HEIGHT / 2);
            let to = from + GAP;
            let _ = writeln!(
                svg,
                "<path d=\"M{from} {y} H{to} M{} {} L{to} {y} L{} {}\" fill=\"none\" stroke=\"#3A6EA5\" stroke-width=\"2\"/>",
                to - 8,
                y - 5,
                to - 8,
                y + 5
            );
        }
    }
    svg.push_str("</svg>");
    svg
}
