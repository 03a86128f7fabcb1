//! The HTML of all payloads in Chromium: no script runs, and the tree of the page has no handler and no foreign URL.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use super::payloads::{all, rendered};

/// Reports in an attribute of the page what the cases have done and what they contain.
const HARNESS: &str = r##"
window.ran = 0;
for (const name of ["alert", "confirm", "prompt", "print", "open", "eval", "fetch"]) window[name] = () => { window.ran += 1; };
addEventListener("load", () => setTimeout(() => {
  const faults = [];
  if (window.ran > 0) faults.push(window.ran + " scripts ran");
  const cases = document.getElementById("cases");
  if (!cases || cases.parentNode !== document.body || document.body.lastElementChild !== cases) faults.push("a case left its place");
  const allowed = new Set("ALLOWED".split(" "));
  for (const element of document.querySelectorAll("#cases *")) {
    if (!allowed.has(element.localName)) faults.push("element " + element.localName);
    if (element.namespaceURI !== "http://www.w3.org/1999/xhtml") faults.push("namespace of " + element.localName);
    for (const attribute of element.attributes) {
      if (/^on/i.test(attribute.name)) faults.push(element.localName + "." + attribute.name);
    }
    for (const name of ["href", "src", "action", "formaction", "data", "srcdoc", "background", "cite"]) {
      if (!element.hasAttribute(name)) continue;
      const scheme = URL.canParse(element.getAttribute(name)) ? new URL(element.getAttribute(name)).protocol : "none";
      // A web URL that the browser cannot parse leads nowhere.
      const isWeb = /^(https?|mailto):/i.test(element.getAttribute(name));
      if (!isWeb || !["http:", "https:", "mailto:", "none"].includes(scheme)) faults.push(name + " " + element.getAttribute(name));
    }
  }
  const count = document.querySelectorAll("#cases > div.case").length;
  document.documentElement.setAttribute("data-report", count + " cases, " + faults.length + " faults: " + faults.slice(0, 9).join("; "));
}, 0));
"##;

/// Programs that are tried without a setting.
const PROGRAMS: [&str; 2] = ["chromium", "google-chrome"];

/// Elements that a post may have, and the frame of the cases.
const ALLOWED: &str = "a abbr article aside b blockquote br cite code dd del details dfn div dl dt em figcaption figure h1 h2 h3 h4 h5 \
                       h6 hr i img ins kbd li mark ol p pre q s samp section small span strong sub summary sup table tbody td th \
                       thead tr u ul var wbr";

#[expect(
    clippy::disallowed_methods,
    reason = "the variables say where the program is, and if its absence is a failure"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns the report of the page with these cases; `None` if there is no Chromium on a developer's machine.
fn report(cases: impl Iterator<Item = String>) -> Option<String> {
    let is_ci = variable("CI").is_some();
    let advice = "install Debian's package `chromium`, or name the program in GATEPOST_CHROMIUM";
    let program = variable("GATEPOST_CHROMIUM");
    if program.as_deref() == Some("skip") {
        assert!(!is_ci, "GATEPOST_CHROMIUM=skip: CI must not skip this test; {advice}");
        return None;
    }
    let programs = program.map_or_else(|| PROGRAMS.map(String::from).into(), |program| vec![program]);
    let harness = HARNESS.replace("ALLOWED", &ALLOWED.split_whitespace().collect::<Vec<_>>().join(" "));
    let mut page = format!("<!doctype html><meta charset=utf-8><script>{harness}</script><body><div id=cases>");
    for case in cases {
        let _ = writeln!(page, "<div class=case>{case}</div>");
    }
    page.push_str("</div>");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    fs::write(&path, page).unwrap();
    let profile = format!("--user-data-dir={}", folder.path().join("profile").display());
    let run = |program: &String| {
        Command::new(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
            .args(["--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND"])
            .args(["--virtual-time-budget=3000", &profile, "--dump-dom"])
            .arg(&path)
            .output()
            .ok()
    };
    let Some(ended) = programs.iter().find_map(run) else {
        assert!(!is_ci, "cannot run {}; {advice}", programs.join(", "));
        println!("cannot run {}; the HTML of posts was not tested in a browser; {advice}", programs.join(", "));
        return None;
    };
    let dom = String::from_utf8_lossy(&ended.stdout);
    let report = dom.split("data-report=\"").nth(1).and_then(|rest| rest.split('"').next());
    let log = || String::from_utf8_lossy(&ended.stderr).into_owned();
    Some(report.unwrap_or_else(|| panic!("no report of the browser: {}", log())).to_owned())
}

#[test]
fn payloads_run_no_script_in_a_browser() {
    let rendered = rendered();
    let count = rendered.len();
    let Some(report) = report(rendered.into_iter().map(|payload| payload.html)) else { return };
    assert_eq!(report, format!("{count} cases, 0 faults: "));
}

#[test]
fn browser_finds_payloads_that_are_not_sanitized() {
    let payloads = all().into_iter().filter(|payload| payload.contains("onerror=") && !payload.contains("<!--"));
    let Some(report) = report(payloads.take(30)) else { return };
    assert!(report.contains("scripts ran"), "{report}");
    let Some(report) = self::report(["<a href=\"javascript:a\">a</a>".to_owned()].into_iter()) else { return };
    assert_eq!(report, "1 cases, 1 faults: href javascript:a");
}
