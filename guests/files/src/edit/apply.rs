//! One edit of a text: exact, line endings aside. A file with "\r\n" is matched
//! and filled as if it had "\n", and every byte outside the edit stays.

use std::borrow::Cow;

use memchr::memmem;

/// The text as the edits see it, and where "\r" was left out.
pub struct Plain<'a> {
    pub text: Cow<'a, [u8]>,
    /// Offsets in text of each '\n' that has lost a '\r'; ascending.
    crs: Vec<usize>,
}

impl<'a> Plain<'a> {
    pub fn new(raw: &'a [u8]) -> Plain<'a> {
        let mut crs = Vec::new();
        let mut text = Vec::new();
        let mut from = 0;
        for at in memmem::find_iter(raw, b"\r\n") {
            text.extend_from_slice(&raw[from..at]);
            crs.push(text.len());
            from = at + 1;
        }
        if crs.is_empty() {
            return Plain {
                text: Cow::Borrowed(raw),
                crs,
            };
        }
        text.extend_from_slice(&raw[from..]);
        Plain {
            text: Cow::Owned(text),
            crs,
        }
    }

    /// Where an offset of the text is in the raw one; a line's end is before its
    /// "\r\n".
    fn raw_offset(&self, at: usize) -> usize {
        at + self.crs.partition_point(|&cr| cr < at)
    }

    /// Does a line put in at this offset end in "\r\n"? As the line there does.
    fn has_cr_at(&self, at: usize) -> bool {
        let next = memchr::memchr(b'\n', &self.text[at..]).map(|n| at + n);
        match next.or_else(|| memchr::memrchr(b'\n', &self.text[..at])) {
            Some(newline) => self.crs.binary_search(&newline).is_ok(),
            None => false,
        }
    }

    /// "lf", "crlf" or "mixed".
    pub fn endings(&self) -> &'static str {
        if self.crs.is_empty() {
            "lf"
        } else if memchr::memchr_iter(b'\n', &self.text).count() == self.crs.len() {
            "crlf"
        } else {
            "mixed"
        }
    }
}

pub fn without_crs(text: &str) -> Cow<'_, str> {
    if text.contains("\r\n") {
        Cow::Owned(text.replace("\r\n", "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Where needle is, without overlaps; at most max places.
pub fn find_all(text: &[u8], needle: &[u8], max: usize) -> Vec<usize> {
    memmem::find_iter(text, needle).take(max).collect()
}

/// Is there a second match, one that overlaps the first included?
pub fn is_ambiguous(text: &[u8], needle: &[u8], first: usize) -> bool {
    memmem::find(&text[first + 1..], needle).is_some()
}

/// The number of each offset's line; offsets ascend.
pub fn lines_of(text: &[u8], offsets: &[usize]) -> Vec<usize> {
    let (mut line, mut from) = (1, 0);
    offsets
        .iter()
        .map(|&at| {
            line += memchr::memchr_iter(b'\n', &text[from..at]).count();
            from = at;
            line
        })
        .collect()
}

/// The raw text with each match of old_bytes bytes replaced. new has no "\r\n",
/// unless the text has no line to go by.
pub fn replace(
    raw: &[u8],
    plain: &Plain,
    matches: &[usize],
    old_bytes: usize,
    new: &str,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + matches.len() * new.len());
    let mut from = 0;
    for &at in matches {
        out.extend_from_slice(&raw[from..plain.raw_offset(at)]);
        if plain.has_cr_at(at) {
            out.extend_from_slice(new.replace('\n', "\r\n").as_bytes());
        } else {
            out.extend_from_slice(new.as_bytes());
        }
        from = plain.raw_offset(at + old_bytes);
    }
    out.extend_from_slice(&raw[from..]);
    out
}
