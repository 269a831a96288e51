//! Searching one file: what file-grep makes of the searcher's findings.

use std::io::{self, Read};

use grep_regex::RegexMatcher;
use grep_searcher::{Searcher, Sink, SinkContext, SinkFinish, SinkMatch};

/// Longer lines are cut in the answer.
const LINE_MAX_CHARS: usize = 500;
/// Read at once: nearly every source file, in one call of the host.
pub const PART_BYTES: usize = 256 << 10;

#[derive(Clone, Copy, PartialEq)]
pub enum Mode {
    Content,
    Files,
    Count,
}

/// What one file gives; reused from file to file.
pub struct Findings<'a> {
    pub mode: Mode,
    pub has_numbers: bool,
    pub path: &'a str,
    /// Lines that match.
    pub matched: u64,
    pub is_binary: bool,
    /// Lines to print at most, context included.
    pub room: usize,
    pub is_cut: bool,
    pub text: &'a mut String,
    pub has_context: bool,
    /// Something was printed before, so a group is set apart.
    pub is_apart: bool,
}

impl Findings<'_> {
    fn print(&mut self, number: Option<u64>, sign: char, bytes: &[u8]) -> bool {
        for (line, i) in bytes.split_inclusive(|&b| b == b'\n').zip(0..) {
            if self.room == 0 {
                self.is_cut = true;
                return false;
            }
            self.room -= 1;
            self.text.push_str(self.path);
            self.text.push(sign);
            if let Some(number) = number.filter(|_| self.has_numbers) {
                let mut digits = itoa::Buffer::new();
                self.text.push_str(digits.format(number + i));
                self.text.push(sign);
            }
            self.print_line(line);
            self.text.push('\n');
        }
        true
    }

    fn print_line(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // Enough bytes for what is shown; the rest need not be looked at.
        let shown = String::from_utf8_lossy(&line[..line.len().min(4 * LINE_MAX_CHARS)]);
        let is_long = line.len() > 4 * LINE_MAX_CHARS;
        match shown.char_indices().nth(LINE_MAX_CHARS) {
            None if !is_long => self.text.push_str(&shown),
            end => {
                self.text
                    .push_str(&shown[..end.map_or(shown.len(), |(at, _)| at)]);
                self.text.push_str("... [line cut]");
            }
        }
    }
}

impl Sink for Findings<'_> {
    type Error = io::Error;

    fn matched(&mut self, _: &Searcher, found: &SinkMatch<'_>) -> Result<bool, io::Error> {
        match self.mode {
            Mode::Files => {
                self.matched = 1;
                Ok(false)
            }
            Mode::Count => {
                self.matched += found.lines().count() as u64;
                Ok(true)
            }
            Mode::Content => {
                if self.matched == 0 && self.has_context && self.is_apart {
                    self.text.push_str("--\n");
                }
                self.is_apart = false;
                self.matched += found.lines().count() as u64;
                Ok(self.print(found.line_number(), ':', found.bytes()))
            }
        }
    }

    fn context(&mut self, _: &Searcher, context: &SinkContext<'_>) -> Result<bool, io::Error> {
        if self.is_apart && self.matched == 0 {
            self.text.push_str("--\n");
            self.is_apart = false;
        }
        Ok(self.print(context.line_number(), '-', context.bytes()))
    }

    fn context_break(&mut self, _: &Searcher) -> Result<bool, io::Error> {
        if self.mode == Mode::Content && self.has_context {
            self.text.push_str("--\n");
        }
        Ok(true)
    }

    fn finish(&mut self, _: &Searcher, finish: &SinkFinish) -> Result<(), io::Error> {
        self.is_binary = finish.binary_byte_offset().is_some();
        Ok(())
    }
}

/// Search what file holds. buf: of PART_BYTES, reused; a file that fits is
/// searched where it lies.
pub fn search(
    searcher: &mut Searcher,
    matcher: &RegexMatcher,
    mut file: impl Read,
    buf: &mut [u8],
    findings: &mut Findings,
) -> io::Result<()> {
    let got = file.read(buf)?;
    // A regular file gives less than was asked for only at its end.
    if got < buf.len() {
        return searcher.search_slice(matcher, &buf[..got], findings);
    }
    searcher.search_reader(matcher, buf[..got].chain(file), findings)
}
