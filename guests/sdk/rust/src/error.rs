//! A refused or failed host call: its WASI errno and the host's reason.

use std::fmt;

#[derive(Clone, Debug)]
pub struct Error {
    pub errno: u16,
    /// The host's own words, or empty.
    pub message: String,
}

/// WASI errno values that carry meaning in these calls (preview1, errno).
pub const EACCES: u16 = 2;
pub const ECONNREFUSED: u16 = 14;
pub const ECONNRESET: u16 = 15;
pub const EDQUOT: u16 = 19;
pub const EFBIG: u16 = 22;
pub const EHOSTUNREACH: u16 = 23;
pub const EINVAL: u16 = 28;
pub const EIO: u16 = 29;
pub const ENOENT: u16 = 44;
pub const ENOTSUP: u16 = 58;
pub const EPROTO: u16 = 65;
pub const ERANGE: u16 = 68;
pub const ETIMEDOUT: u16 = 73;

impl Error {
    /// The host's reason, or what the errno stands for.
    pub fn reason(&self) -> &str {
        if !self.message.is_empty() {
            return &self.message;
        }
        match self.errno {
            EACCES => "the policy refuses it",
            ECONNREFUSED => "connection refused",
            ECONNRESET => "connection reset",
            EDQUOT => "too many or too deep calls",
            EFBIG => "too large",
            EHOSTUNREACH => "no such host, or no way to it",
            EINVAL => "malformed request",
            ENOENT => "no such program or tool",
            ENOTSUP => "this host does not offer it",
            EPROTO => "the server broke the protocol",
            ETIMEDOUT => "timed out",
            _ => "the host failed",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} (errno {})", self.reason(), self.errno)
    }
}

impl std::error::Error for Error {}
