//! Plots of evidence, as SVG for pages: colours and text follow the page's style, in light and dark.

use plotters::coord::ranged1d::{IntoSegmentedCoord, SegmentValue};
use plotters::prelude::*;

/// Width of plots, and height of a bar with its gap, of the title and the axis, in pixels.
const WIDTH: u32 = 420;
const ROW: u32 = 26;
const FRAME: u32 = 70;
/// The one colour of bars and that of lines; pages replace them by those of their style.
const BAR: RGBColor = RGBColor(0x3a, 0x6e, 0xa5);
const LINE: RGBColor = RGBColor(0x88, 0x88, 0x88);

/// Horizontal bars, first row on top: label and value. `unit` names what the axis counts. Empty if there are no rows.
///
/// # Panics
/// Never: drawing into memory does not fail.
pub fn bars(rows: &[(String, u64)], unit: &str) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut svg = String::new();
    draw(&mut svg, rows, unit).expect("invariant: drawing into memory does not fail");
    svg
}

fn draw(svg: &mut String, rows: &[(String, u64)], unit: &str) -> Result<(), Box<dyn std::error::Error>> {
    let height = FRAME + ROW * rows.len() as u32;
    let root = SVGBackend::with_string(svg, (WIDTH, height)).into_drawing_area();
    let most = rows.iter().map(|r| r.1).max().unwrap_or(0).max(1);
    let longest = rows.iter().map(|r| r.0.chars().count()).max().unwrap_or(0) as u32;
    // A range of one place gets no label.
    let places = (0..(rows.len() as i32 - 1).max(1)).into_segmented();
    let mut chart = ChartBuilder::on(&root)
        .margin(8)
        .margin_right(56)
        .x_label_area_size(44)
        .y_label_area_size((longest * 7 + 16).clamp(48, 170))
        .build_cartesian_2d(0u64..most, places)?;
    let label = |place: &SegmentValue<i32>| match place {
        SegmentValue::CenterOf(n) => rows.iter().rev().nth(*n as usize).map_or(String::new(), |r| r.0.clone()),
        _ => String::new(),
    };
    let style = ("sans-serif", 13).into_font();
    chart
        .configure_mesh()
        .disable_y_mesh()
        .x_labels(4)
        .y_labels(rows.len())
        .y_label_formatter(&label)
        .x_desc(unit)
        .label_style(style.clone())
        .axis_style(LINE)
        .light_line_style(TRANSPARENT)
        .bold_line_style(LINE.mix(0.5))
        .draw()?;
    chart.draw_series(rows.iter().rev().enumerate().map(|(n, (_, value))| {
        let mut bar = Rectangle::new(
            [(0, SegmentValue::Exact(n as i32)), (*value, SegmentValue::Exact(n as i32 + 1))],
            BAR.filled(),
        );
        bar.set_margin(3, 3, 0, 0);
        bar
    }))?;
    chart.draw_series(rows.iter().rev().enumerate().map(|(n, (_, value))| {
        let at = (*value, SegmentValue::CenterOf(n as i32));
        EmptyElement::at(at) + Text::new(value.to_string(), (5, -6), style.clone())
    }))?;
    root.present()?;
    drop(chart);
    drop(root);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::bars;

    #[test]
    fn every_row_has_a_bar_of_its_length() {
        for count in [1, 2, 15] {
            let rows: Vec<(String, u64)> = (1..=count).map(|n| (format!("<row {n}>"), n)).collect();
            let svg = bars(&rows, "bytes");
            let widths = svg.lines().filter(|l| l.starts_with("<rect") && l.contains("#3A6EA5"));
            let width = |l: &str| l.split("width=\"").nth(1).and_then(|w| w.split('"').next()?.parse::<u64>().ok());
            let widths: Vec<u64> = widths.filter_map(width).collect();
            assert_eq!(widths.len() as u64, count, "{svg}");
            let longest = *widths.iter().max().expect("a bar");
            let fits =
                widths.iter().all(|w| widths.len() == 1 || (1..=count).any(|n| w.abs_diff(longest * n / count) <= 1));
            assert!(fits, "{widths:?}");
            assert!(svg.contains("&lt;row 1&gt;"), "labels are escaped: {svg}");
        }
        assert_eq!(bars(&[], "bytes"), "");
    }
}
