//! file-grep: lines that match a regular expression, beneath a folder.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::time::{SystemTime, UNIX_EPOCH};

use boxagnts_files::call::{self, Answer, Failure, Input, count};
use boxagnts_files::grep::{self, Findings, Mode, PART_BYTES};
use boxagnts_files::walk::{self, Choice, Entries};
use boxagnts_files::{fail, place};
use globset::{GlobBuilder, GlobMatcher};
use grep_matcher::{LineTerminator, Matcher};
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{BinaryDetection, Searcher, SearcherBuilder};
use ignore::types::{Types, TypesBuilder};
use serde_json::json;

const LIMIT_DEFAULT: u64 = 250;
const LIMIT_MAX: u64 = 100_000;
const CONTEXT_MAX: u64 = 1000;
/// Of an answer; about 64,000 tokens.
const TEXT_MAX_BYTES: usize = 256 << 10;
const REGEX_MAX_BYTES: usize = 16 << 20;
/// Of what a call holds of one file when it searches across lines.
const HEAP_MAX_BYTES: usize = 64 << 20;

struct Options {
    mode: Mode,
    is_multiline: bool,
    has_numbers: bool,
    before: usize,
    after: usize,
    limit: usize,
}

fn options_of(input: &Input) -> Result<Options, Failure> {
    let mode = match input.find_text("output_mode")? {
        None | Some("files") => Mode::Files,
        Some("content") => Mode::Content,
        Some("count") => Mode::Count,
        Some(other) => fail!("'output_mode' is '{other}'; expected files, content or count"),
    };
    let around = input.number("context", 0, CONTEXT_MAX)?.unwrap_or(0);
    let before = input.number("before", 0, CONTEXT_MAX)?.unwrap_or(around);
    let after = input.number("after", 0, CONTEXT_MAX)?.unwrap_or(around);
    let is_content = mode == Mode::Content;
    Ok(Options {
        mode,
        is_multiline: input.flag("multiline")?.unwrap_or(false),
        has_numbers: input.flag("line_numbers")?.unwrap_or(true),
        before: if is_content { before as usize } else { 0 },
        after: if is_content { after as usize } else { 0 },
        limit: input
            .number("head_limit", 1, LIMIT_MAX)?
            .unwrap_or(LIMIT_DEFAULT) as usize,
    })
}

fn matcher_of(input: &Input, options: &Options) -> Result<RegexMatcher, Failure> {
    let pattern = input.text("pattern")?;
    if pattern.is_empty() {
        fail!("'pattern' is empty and would match every line; give what to look for");
    }
    let is_literal = input.flag("literal")?.unwrap_or(false);
    if !options.is_multiline && pattern.contains('\n') {
        fail!("'pattern' holds a line's end; set multiline to match across lines");
    }
    let mut builder = RegexMatcherBuilder::new();
    builder
        .multi_line(true)
        // The library's own limits are more than the default memory.
        .size_limit(REGEX_MAX_BYTES)
        .dfa_size_limit(REGEX_MAX_BYTES)
        .case_insensitive(input.flag("ignore_case")?.unwrap_or(false))
        .fixed_strings(is_literal);
    if options.is_multiline {
        builder.dot_matches_new_line(true);
    } else {
        builder.line_terminator(Some(b'\n'));
        if pattern.contains('$') && !is_literal {
            builder.crlf(true); // '$' is before "\r\n" as well
        }
    }
    match builder.build(pattern) {
        Ok(matcher) => Ok(matcher),
        Err(e) => {
            let hint = if e.to_string().contains("\\n") && !options.is_multiline {
                " Set multiline to match across lines."
            } else {
                " Set literal to look for the text as it is."
            };
            fail!(
                "'pattern' is no regular expression of Rust's syntax:\n{e}\n{}",
                hint.trim()
            )
        }
    }
}

/// Which files count: a glob of paths, without a slash of names.
fn filter_of(input: &Input, root: &str) -> Result<Option<(GlobMatcher, bool)>, Failure> {
    let Some(pattern) = input.find_text("glob")? else {
        return Ok(None);
    };
    let relative = walk::relative_pattern(pattern, root)?;
    let has_slash = relative.contains('/');
    match GlobBuilder::new(relative)
        .literal_separator(has_slash)
        .empty_alternates(true)
        .build()
    {
        Ok(glob) => Ok(Some((glob.compile_matcher(), has_slash))),
        Err(e) => fail!("'glob' '{pattern}' is malformed: {}", e.kind()),
    }
}

fn types_of(input: &Input) -> Result<Option<Types>, Failure> {
    let Some(name) = input.find_text("type")? else {
        return Ok(None);
    };
    let mut builder = TypesBuilder::new();
    builder.add_defaults();
    if !builder.definitions().iter().any(|d| d.name() == name) {
        let names: Vec<_> = builder
            .definitions()
            .iter()
            .map(|d| d.name().to_string())
            .filter(|n| n.starts_with(name.get(..1).unwrap_or("")))
            .collect();
        fail!(
            "'type' '{name}' is unknown; there are such as c, cpp, go, java, js, md, py, rust, ts{}. \
             Use 'glob' for others, such as '*.{name}'.",
            if names.is_empty() {
                String::new()
            } else {
                format!(" ({})", names.join(", "))
            }
        );
    }
    builder.select(name);
    match builder.build() {
        Ok(types) => Ok(Some(types)),
        Err(e) => fail!("'type' '{name}': {e}"),
    }
}

#[derive(Default)]
struct Totals {
    searched: usize,
    matched_files: usize,
    matched_lines: u64,
    binary: usize,
    is_cut: bool,
}

struct Search<'a> {
    options: &'a Options,
    searcher: Searcher,
    matcher: RegexMatcher,
    buf: Vec<u8>,
    text: String,
    room: usize,
    totals: Totals,
    /// Of Files and Count: what is printed once all is known.
    found: Vec<(SystemTime, String, u64)>,
}

impl Search<'_> {
    /// False: the answer is full.
    fn file(&mut self, path: &str) -> Result<bool, std::io::Error> {
        let file = File::open(path)?;
        self.totals.searched += 1;
        let before = self.text.len();
        let mut findings = Findings {
            mode: self.options.mode,
            has_numbers: self.options.has_numbers,
            path,
            matched: 0,
            is_binary: false,
            room: self.room,
            is_cut: false,
            text: &mut self.text,
            has_context: self.options.before + self.options.after > 0,
            is_apart: before > 0 && self.options.before + self.options.after > 0,
        };
        grep::search(
            &mut self.searcher,
            &self.matcher,
            &file,
            &mut self.buf,
            &mut findings,
        )?;
        let (matched, is_binary) = (findings.matched, findings.is_binary);
        self.room = findings.room;
        self.totals.is_cut |= findings.is_cut;
        self.totals.binary += usize::from(is_binary);
        if matched > 0 {
            self.totals.matched_files += 1;
            self.totals.matched_lines += matched;
            if self.options.mode != Mode::Content {
                let modified = match self.options.mode {
                    Mode::Files => file.metadata().and_then(|m| m.modified()),
                    _ => Ok(UNIX_EPOCH),
                };
                let modified = modified.unwrap_or(UNIX_EPOCH);
                self.found.push((modified, path.to_string(), matched));
            }
        }
        if self.text.len() >= TEXT_MAX_BYTES {
            self.totals.is_cut = true;
        }
        Ok(!self.totals.is_cut)
    }

    fn print_found(&mut self) {
        // The last changed first; counts by path.
        self.found
            .sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        for (i, (_, path, matched)) in self.found.iter().enumerate() {
            if i == self.options.limit || self.text.len() >= TEXT_MAX_BYTES {
                self.totals.is_cut = true;
                return;
            }
            match self.options.mode {
                Mode::Count => writeln!(self.text, "{path}:{matched}"),
                _ => writeln!(self.text, "{path}"),
            }
            .expect("writing to a string");
        }
    }

    /// What the answer says besides what was found.
    fn print_notes(&mut self, root: &str, is_narrowed: bool) {
        let totals = &self.totals;
        if totals.matched_files == 0 {
            let _ = write!(
                self.text,
                "Nothing matches in '{root}' ({} searched{}).",
                count(totals.searched, "file"),
                if totals.binary > 0 {
                    format!(", {} binary", totals.binary)
                } else {
                    String::new()
                }
            );
            if is_narrowed {
                self.text.push_str(
                    " Hidden files and those of ignore files are left out: include_hidden and \
                     include_ignored bring them.",
                );
            }
        } else if totals.is_cut && self.options.mode == Mode::Content {
            let _ = write!(
                self.text,
                "\n[cut at {}; there are more: narrow the search or raise head_limit]",
                count(self.options.limit - self.room, "line")
            );
        } else if totals.is_cut {
            let _ = write!(
                self.text,
                "\n[the first of {}; narrow the search or raise head_limit]",
                count(self.found.len(), "file")
            );
        }
    }
}

fn relative_to<'a>(path: &'a str, root: &str) -> &'a str {
    path.strip_prefix(root.trim_end_matches('/'))
        .unwrap_or(path)
        .trim_start_matches('/')
}

fn run(input: &Input) -> Result<Answer, Failure> {
    let options = options_of(input)?;
    let matcher = matcher_of(input, &options)?;
    let root = place::find(input, "path")?.unwrap_or_else(place::current_folder);
    let filter = filter_of(input, &root)?;
    let choice = Choice::from_input(input)?;
    let mut builder = walk::builder(&root, choice);
    builder.filter_entry(walk::is_wanted);
    if options.mode == Mode::Content {
        builder.sort_by_file_name(|a, b| a.cmp(b));
    }
    if let Some(types) = types_of(input)? {
        builder.types(types);
    }
    let is_file = fs::metadata(&root).is_ok_and(|m| m.is_file());

    let mut search = Search {
        options: &options,
        searcher: SearcherBuilder::new()
            .line_number(options.mode == Mode::Content && options.has_numbers)
            .multi_line(options.is_multiline)
            .line_terminator(if matcher.line_terminator().is_some_and(|t| t.is_crlf()) {
                LineTerminator::crlf()
            } else {
                LineTerminator::byte(b'\n')
            })
            .before_context(options.before)
            .after_context(options.after)
            .binary_detection(BinaryDetection::quit(0))
            .heap_limit(Some(HEAP_MAX_BYTES))
            .build(),
        matcher,
        buf: vec![0; PART_BYTES],
        text: String::new(),
        room: options.limit,
        totals: Totals::default(),
        found: Vec::new(),
    };
    let mut entries = Entries::new(&root, &mut builder)?;
    while let Some(entry) = entries.next() {
        // Of links only the one that was named is followed.
        let is_meant = is_file && entry.depth() == 0;
        if !is_meant && !entry.file_type().is_some_and(|t| t.is_file()) {
            continue;
        }
        let Some(path) = entry.path().to_str() else {
            continue;
        };
        if let Some((glob, has_slash)) = filter.as_ref().filter(|_| !is_meant) {
            let name = if *has_slash {
                relative_to(path, &root)
            } else {
                place::name_of(path)
            };
            if !glob.is_match(name) {
                continue;
            }
        }
        match search.file(path) {
            Ok(true) => {}
            Ok(false) => break,
            Err(_) => entries.unreadable += 1,
        }
    }
    search.print_found();
    search.print_notes(&root, !choice.hidden || !choice.ignored);
    search.text.push_str(&entries.note());
    let totals = search.totals;
    Ok(Answer {
        text: search.text,
        metadata: json!({
            "path": root,
            "files_searched": totals.searched,
            "files_matched": totals.matched_files,
            "lines_matched": if options.mode == Mode::Files { None } else { Some(totals.matched_lines) },
            "files_binary": totals.binary,
            "is_cut": totals.is_cut,
        }),
    })
}

fn main() {
    call::answer(run);
}
