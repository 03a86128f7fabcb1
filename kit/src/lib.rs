//! What both services need and no client does.
