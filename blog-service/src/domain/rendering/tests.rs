//! Markdown and raw HTML as readers see them, and the bounds of hostile contents.

use proptest::prelude::{any, proptest};

use super::{HtmlTooLarge, Rendering};

#[track_caller]
fn html(markdown: &str) -> String {
    Rendering::from_markdown(markdown).unwrap().html
}

fn excerpt(markdown: &str) -> String {
    Rendering::from_markdown(markdown).unwrap().excerpt
}

#[test]
fn markdown_gives_its_elements() {
    for (markdown, wanted) in [
        ("# A *b* **c** `d`", "<h1>A <em>b</em> <strong>c</strong> <code>d</code></h1>\n"),
        ("> a\n\n---", "<blockquote>\n<p>a</p>\n</blockquote>\n<hr>\n"),
        ("3. a\n4. b", "<ol start=\"3\">\n<li>a</li>\n<li>b</li>\n</ol>\n"),
        ("~~a~~ \\\nb", "<p><del>a</del> <br>\nb</p>\n"),
        ("```rust\na < b\n```", "<pre><code class=\"language-rust\">a &lt; b\n</code></pre>\n"),
        (
            "|a|b|\n|-|-:|\n|c|d|",
            "<table><thead><tr><th>a</th><th style=\"text-align: right\">b</th></tr></thead><tbody>\n\
             <tr><td>c</td><td style=\"text-align: right\">d</td></tr>\n</tbody></table>\n",
        ),
        (
            "[a](https://b.example 'c')",
            "<p><a href=\"https://b.example\" title=\"c\" rel=\"nofollow noopener noreferrer\">a</a></p>\n",
        ),
        ("![a](https://b.example/c)", "<p><img src=\"https://b.example/c\" alt=\"a\"></p>\n"),
    ] {
        assert_eq!(html(markdown), wanted, "{markdown}");
    }
}

#[test]
fn raw_html_is_balanced_and_filtered() {
    for (markdown, wanted) in [
        ("a <b>b</b> <kbd>c</kbd>", "<p>a <b>b</b> <kbd>c</kbd></p>\n"),
        ("a <b>b\n\nc", "<p>a <b>b</b></p>\n<p>c</p>\n"),
        ("*a</b>*</em> </p> b", "<p><em>a</em>  b</p>\n"),
        (
            "<details><summary>a</summary>\n\n*b*\n\n</details>",
            "<details><summary>a</summary>\n<p><em>b</em></p>\n</details>",
        ),
        ("> <div>\n\nb", "<blockquote>\n<div>\n</div></blockquote>\n<p>b</p>\n"),
        ("<script>alert(1)</script>", ""),
        ("<style>a{}</style>", ""),
        ("<b onclick=\"a()\" style=\"b\">c</b>", "<p><b>c</b></p>\n"),
        ("a <svg onload=alert(1)> b", "<p>a  b</p>\n"),
        ("![<b>a</b>](https://b.example)", "<p><img src=\"https://b.example\" alt=\"&lt;b&gt;a&lt;/b&gt;\"></p>\n"),
        (
            "a <a href='https://b.example'><a href='https://c.example'>d",
            "<p>a <a href=\"https://b.example\" rel=\"nofollow noopener noreferrer\">d</a></p>\n",
        ),
    ] {
        assert_eq!(html(markdown), wanted, "{markdown}");
    }
}

#[test]
fn urls_are_absolute_and_of_the_web() {
    for url in
        ["javascript:a", "JaVaScRiPt:a", "data:text/html,a", "vbscript:a", "/a", "//a.example", "#a", "ftp://a.example"]
    {
        assert_eq!(html(&format!("[a]({url})")), "<p><a rel=\"nofollow noopener noreferrer\">a</a></p>\n", "{url}");
        assert_eq!(html(&format!("![a]({url})")), "<p><img alt=\"a\"></p>\n", "{url}");
    }
    assert!(html("[a](mailto:b@c.example)").contains("href=\"mailto:b@c.example\""));
    assert_eq!(html("![a](mailto:b@c.example)"), "<p><img alt=\"a\"></p>\n");
}

#[test]
fn made_excerpt_is_the_beginning_of_the_text() {
    for (markdown, wanted) in [
        ("# A\n\n*b* `c`\nd [e](https://f.example)", "A b c d e"),
        ("```\ncode\n```\n\n<div>raw</div>\n\ntext", "text"),
        ("\u{202e}a\tb\u{a0}c", "a b c"),
        ("![alt](https://a.example)", "alt"),
        ("\n", ""),
    ] {
        assert_eq!(excerpt(markdown), wanted, "{markdown}");
    }
    let long = excerpt(&"word ".repeat(100));
    assert!(long.chars().count() <= 200 && long.ends_with("word\u{2026}"), "{long}");
    assert_eq!(excerpt(&"\u{e9}".repeat(300)), format!("{}\u{2026}", "\u{e9}".repeat(199)));
    assert_eq!(excerpt(&"\u{e9}".repeat(200)), "\u{e9}".repeat(200));
}

/// A content of 64 KiB never gives a tree that is larger than the content suggests. The cases are quadratic or worse
/// in some parsers.
#[test]
fn hostile_contents_stay_linear() {
    for part in [
        "[",
        "![[]()",
        "*a_ ",
        "**a *b ",
        "`a``",
        "<b>",
        "<b a=1>",
        "<div>\n\n",
        "<p>x\n\n",
        "> ",
        "- ",
        "- - - a\n",
        "a|b\n-|-\n",
        "[a](<b",
        "<b><i><u>\n\n",
        "<!--",
        "a <![CDATA[",
        "[^",
        "<details>\n\nx\n\n",
        "<a href=x>",
        "<li>",
        "&",
    ] {
        let content = part.repeat(64 * 1024 / part.len());
        let rendered = Rendering::from_markdown(&content).unwrap();
        assert!(rendered.html.len() <= 10 * content.len(), "{part:?}: {}", rendered.html.len());
    }
    let many = format!(
        "{}{}",
        (0..2000).map(|id| format!("<b id={id}>")).collect::<Vec<_>>().concat(),
        "\n\n<p>x".repeat(5000)
    );
    assert!(html(&many).len() < 100_000, "open elements are not repeated in each paragraph");
}

#[test]
fn html_has_a_largest_size() {
    assert!(Rendering::from_markdown(&"a".repeat(1024 * 1024)).is_ok());
    for part in ["&", "<", "- - - a\n"] {
        let content = part.repeat(1024 * 1024 / part.len());
        assert_eq!(Rendering::from_markdown(&content), Err(HtmlTooLarge), "{part}");
    }
}

proptest! {
    #[test]
    fn any_content_is_rendered(content in any::<String>()) {
        let rendered = Rendering::from_markdown(&content).unwrap();
        assert!(!rendered.html.contains("<script") && rendered.excerpt.chars().count() <= 200);
    }
}
