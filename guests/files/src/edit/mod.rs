//! What file-edit is made of.

pub mod apply;
pub mod diff;
pub mod near;
