//! Parts of the SVG pictures of figures: their style, and their texts.

use std::fmt::Write as _;

/// Colors for light and dark pages. Browsers apply the setting of the reader, also to a picture in a page.
pub(crate) const STYLE: &str = "\
text { font: 12px sans-serif; fill: #24292f } .small { font-size: 10px; fill: #57606a } .title { font-weight: bold }
.page { fill: #ffffff } .grid { stroke: #d0d7de } .bar { fill: #4c78a8 } .range { stroke: #24292f; stroke-width: 1.5 }
.p50 { fill: #4c78a8 } .p99 { fill: #e4863c } .p999 { fill: #c23b48 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .small { fill: #9da7b1 } .page { fill: #0d1117 } .grid { stroke: #30363d }
.bar, .p50 { fill: #6ea3d8 } .range { stroke: #e6edf3 } .p99 { fill: #f2a65a } .p999 { fill: #ec7480 }
}";

/// Returns the opening of a picture of this size, with the style and the page behind it.
pub(crate) fn open(width: f64, height: f64) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} \
         {height}\">\n<style>\n{STYLE}\n</style>\n<rect class=\"page\" width=\"{width}\" height=\"{height}\"/>\n"
    )
}

/// Adds a text.
pub(crate) fn text(drawn: &mut String, class: &str, x: f64, y: f64, anchor: &str, content: &str) {
    let content = content.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(drawn, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y}\" text-anchor=\"{anchor}\">{content}</text>");
}
