//! Each method by itself, without concurrent calls: reads return the written values.

mod api_keys;
mod attempts;
mod audit;
mod beside;
mod changes;
mod configured;
mod health;
mod keys;
mod last_admin;
mod log;
mod login_activity;
mod lost_commits;
mod password_resets;
mod refresh;
mod requests;
mod sessions;
mod signing_keys;
mod times;
mod users;
