//! Safe bindings of `guests/include/boxagnts_guest.h`: HTTP through the host,
//! other programs of the box, tools by name, files replaced in one step. The contract is
//! `docs/host-interface.md`; the host checks everything again.

pub mod call;
pub mod error;
pub mod file;
pub mod http;
mod raw;

pub use error::Error;
