//! Each method by itself, without concurrent calls: reads return the written values.

mod beside;
mod changes;
mod clock;
mod lists;
mod reads;
mod renderings;
mod requests;
mod slugs;
mod states;
mod tags;
