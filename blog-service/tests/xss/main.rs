//! Payloads of others against the HTML of posts: no script, handler or foreign URL is left, for an HTML parser and for a
//! browser.

#![cfg(test)]

mod browser;
mod payloads;
mod tokens;
