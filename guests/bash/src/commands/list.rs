//! `ls`.

use std::cmp::Ordering;
use std::time::SystemTime;

use bashkit::{Builtin, BuiltinContext, ExecResult, FileType, Metadata, Result, async_trait};

use super::report::{self, Report};
use super::time;
use crate::words::{Word, Words};

pub struct List;

#[derive(Clone, Copy, PartialEq)]
enum Hidden {
    Left,
    Shown,
    /// With `.` and `..`.
    All,
}

#[derive(Clone, Copy, PartialEq)]
enum Sort {
    Name,
    Time,
    Size,
    Extension,
    Version,
    None,
}

#[derive(Clone, Copy, PartialEq)]
enum Style {
    Lines,
    Long,
    Commas,
}

struct Options {
    hidden: Hidden,
    sort: Sort,
    style: Style,
    is_reverse: bool,
    is_recursive: bool,
    is_folder_itself: bool,
    is_human: bool,
    is_numeric: bool,
    has_owner: bool,
    has_group: bool,
    has_full_time: bool,
    has_blocks: bool,
    folders_first: bool,
    follows: bool,
    slash: bool,
    classify: bool,
    quotes: bool,
    zero: bool,
    inode: bool,
    ignore: Vec<String>,
}

struct Entry {
    name: String,
    metadata: Metadata,
    target: Option<String>,
}

const EXIT_TROUBLE: i32 = 2;

#[async_trait]
impl Builtin for List {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> Result<ExecResult> {
        let (options, operands) = match parse(ctx.args) {
            Ok(parsed) => parsed,
            Err(mut result) => {
                result.exit_code = EXIT_TROUBLE;
                return Ok(result);
            }
        };
        let mut report = Report::new("ls");
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        for word in &operands {
            match entry(&ctx, &options, word, &report::path(&ctx, word)).await {
                Ok(entry) if entry.metadata.file_type.is_dir() && !options.is_folder_itself => {
                    folders.push(entry);
                }
                Ok(entry) => match points_to_folder(&ctx, &options, &entry).await {
                    Some(metadata) => folders.push(Entry { metadata, ..entry }),
                    None => files.push(entry),
                },
                Err(error) => {
                    let why = report::reason(&error);
                    report.fail_with(EXIT_TROUBLE, format!("cannot access '{word}': {why}"));
                }
            }
        }
        order(&options, &mut files);
        order(&options, &mut folders);
        print(&options, &files, false, &mut report);
        let has_headings = options.is_recursive || operands.len() > 1;
        let mut is_first = files.is_empty();
        folders.reverse();
        while let Some(folder) = folders.pop() {
            if has_headings {
                let gap = if is_first { "" } else { "\n" };
                report.stdout.push_str(&format!("{gap}{}:\n", folder.name));
            }
            is_first = false;
            let listed = match list(&ctx, &options, &folder.name).await {
                Ok(listed) => listed,
                Err(error) => {
                    let why = report::reason(&error);
                    let message = format!("cannot open directory '{}': {why}", folder.name);
                    report.fail_with(EXIT_TROUBLE, message);
                    continue;
                }
            };
            print(&options, &listed, true, &mut report);
            if options.is_recursive {
                let inner = listed.into_iter().rev().filter(|entry| {
                    entry.metadata.file_type.is_dir() && entry.name != "." && entry.name != ".."
                });
                folders.extend(inner.map(|entry| Entry {
                    name: report::join(&folder.name, &entry.name),
                    ..entry
                }));
            }
        }
        Ok(report.end())
    }
}

fn parse(args: &[String]) -> std::result::Result<(Options, Vec<String>), ExecResult> {
    let mut options = Options {
        hidden: Hidden::Left,
        sort: Sort::Name,
        style: Style::Lines,
        is_reverse: false,
        is_recursive: false,
        is_folder_itself: false,
        is_human: false,
        is_numeric: false,
        has_owner: true,
        has_group: true,
        has_full_time: false,
        has_blocks: false,
        folders_first: false,
        follows: false,
        slash: false,
        classify: false,
        quotes: false,
        zero: false,
        inode: false,
        ignore: Vec::new(),
    };
    let mut operands = Vec::new();
    let mut words = Words::new(args);
    while let Some(word) = words.next() {
        match word {
            Word::Operand(word) => operands.push(word.to_owned()),
            Word::Short(letter) => match letter {
                'a' => options.hidden = Hidden::All,
                'A' => options.hidden = Hidden::Shown,
                'l' => options.style = Style::Long,
                'n' => {
                    options.style = Style::Long;
                    options.is_numeric = true;
                }
                'g' => {
                    options.style = Style::Long;
                    options.has_owner = false;
                }
                'o' => {
                    options.style = Style::Long;
                    options.has_group = false;
                }
                'G' => options.has_group = false,
                '1' | 'x' | 'C' if options.style != Style::Long => options.style = Style::Lines,
                '1' | 'x' | 'C' | 'N' | 'q' | 'k' | 'u' | 'c' | 'b' => {}
                'm' => options.style = Style::Commas,
                'd' => options.is_folder_itself = true,
                'r' => options.is_reverse = true,
                'R' => options.is_recursive = true,
                't' => options.sort = Sort::Time,
                'S' => options.sort = Sort::Size,
                'X' => options.sort = Sort::Extension,
                'v' => options.sort = Sort::Version,
                'U' => options.sort = Sort::None,
                'f' => {
                    options.sort = Sort::None;
                    options.hidden = Hidden::All;
                }
                'h' => options.is_human = true,
                's' => options.has_blocks = true,
                'i' => options.inode = true,
                'p' => options.slash = true,
                'F' => options.classify = true,
                'L' | 'H' => options.follows = true,
                'Q' => options.quotes = true,
                'I' => match words.value("-I") {
                    Ok(pattern) => options.ignore.push(pattern.to_owned()),
                    Err(message) => return Err(report::usage("ls", message)),
                },
                'B' => options.ignore.push("*~".to_owned()),
                'w' | 'T' => {
                    words
                        .value("-w")
                        .map_err(|message| report::usage("ls", message))?;
                }
                letter => return Err(report::invalid_letter("ls", letter)),
            },
            Word::Long(name, value) => match (name, value) {
                ("all", _) => options.hidden = Hidden::All,
                ("almost-all", _) => options.hidden = Hidden::Shown,
                ("directory", _) => options.is_folder_itself = true,
                ("reverse", _) => options.is_reverse = true,
                ("recursive", _) => options.is_recursive = true,
                ("human-readable" | "si", _) => options.is_human = true,
                ("numeric-uid-gid", _) => {
                    options.style = Style::Long;
                    options.is_numeric = true;
                }
                ("no-group", _) => options.has_group = false,
                ("size", _) => options.has_blocks = true,
                ("inode", _) => options.inode = true,
                ("classify", _) => options.classify = true,
                ("file-type", _) => options.classify = true,
                ("dereference" | "dereference-command-line", _) => options.follows = true,
                ("quote-name", _) => options.quotes = true,
                ("zero", _) => options.zero = true,
                ("full-time", _) => {
                    options.style = Style::Long;
                    options.has_full_time = true;
                }
                ("time-style", Some("full-iso")) => options.has_full_time = true,
                ("group-directories-first", _) => options.folders_first = true,
                ("ignore" | "hide", Some(pattern)) => options.ignore.push(pattern.to_owned()),
                ("ignore-backups", _) => options.ignore.push("*~".to_owned()),
                ("indicator-style", Some("slash")) => options.slash = true,
                ("indicator-style", Some("classify" | "file-type")) => options.classify = true,
                ("format", Some("long" | "verbose")) => options.style = Style::Long,
                ("format", Some("commas")) => options.style = Style::Commas,
                ("sort", Some("time")) => options.sort = Sort::Time,
                ("sort", Some("size")) => options.sort = Sort::Size,
                ("sort", Some("extension")) => options.sort = Sort::Extension,
                ("sort", Some("version")) => options.sort = Sort::Version,
                ("sort", Some("none")) => options.sort = Sort::None,
                ("sort", Some("name")) => options.sort = Sort::Name,
                (
                    "color" | "time-style" | "quoting-style" | "literal" | "time" | "width"
                    | "indicator-style" | "format" | "hyperlink" | "block-size" | "author",
                    _,
                ) => {}
                ("help", _) => {
                    let text = "usage: ls [-aAdFhilmnopqrRstSUvX1] [PATH...]\n";
                    return Err(ExecResult::ok(text));
                }
                (name, _) => return Err(report::unknown_option("ls", name)),
            },
        }
    }
    if operands.is_empty() {
        operands.push(".".to_owned());
    }
    Ok((options, operands))
}

async fn entry(
    ctx: &BuiltinContext<'_>,
    options: &Options,
    name: &str,
    path: &std::path::Path,
) -> Result<Entry> {
    // A word that ends in a slash means what a link leads to.
    let mut metadata = match options.follows || name.ends_with('/') {
        true => ctx.fs.stat(path).await,
        false => ctx.fs.lstat(path).await,
    };
    if metadata.is_err() && options.follows {
        metadata = ctx.fs.lstat(path).await;
    }
    let metadata = metadata?;
    let target = match metadata.file_type.is_symlink() {
        true => ctx
            .fs
            .read_link(path)
            .await
            .ok()
            .map(|t| t.to_string_lossy().into_owned()),
        false => None,
    };
    Ok(Entry {
        name: name.to_owned(),
        metadata,
        target,
    })
}

/// Only a long listing shows a link that the command line names itself.
async fn points_to_folder(
    ctx: &BuiltinContext<'_>,
    options: &Options,
    entry: &Entry,
) -> Option<Metadata> {
    if options.is_folder_itself
        || options.style == Style::Long
        || options.classify
        || !entry.metadata.file_type.is_symlink()
    {
        return None;
    }
    let metadata = ctx.fs.stat(&report::path(ctx, &entry.name)).await.ok()?;
    metadata.file_type.is_dir().then_some(metadata)
}

async fn list(ctx: &BuiltinContext<'_>, options: &Options, word: &str) -> Result<Vec<Entry>> {
    let folder = report::path(ctx, word);
    let mut entries = Vec::new();
    for found in ctx.fs.read_dir(&folder).await? {
        let is_left = options.hidden == Hidden::Left && found.name.starts_with('.')
            || options
                .ignore
                .iter()
                .any(|pattern| matches(pattern, &found.name));
        if is_left {
            continue;
        }
        if found.metadata.file_type.is_symlink() {
            let path = folder.join(&found.name);
            if let Ok(entry) = entry(ctx, options, &found.name, &path).await {
                entries.push(entry);
            }
            continue;
        }
        entries.push(Entry {
            name: found.name,
            metadata: found.metadata,
            target: None,
        });
    }
    if options.hidden == Hidden::All {
        for name in [".", ".."] {
            let path = if name == "." {
                folder.clone()
            } else {
                folder.join("..")
            };
            let metadata = match ctx.fs.stat(&path).await {
                Ok(metadata) => metadata,
                Err(_) => ctx.fs.stat(&folder).await?,
            };
            entries.push(Entry {
                name: name.to_owned(),
                metadata,
                target: None,
            });
        }
    }
    order(options, &mut entries);
    Ok(entries)
}

/// `*` and `?` of --ignore and --exclude.
pub fn matches(pattern: &str, name: &str) -> bool {
    let (mut rest, mut text) = (pattern.chars(), name.chars());
    match rest.next() {
        None => name.is_empty(),
        Some('*') => {
            let tail = rest.as_str();
            (0..=name.len())
                .filter(|&place| name.is_char_boundary(place))
                .any(|place| matches(tail, &name[place..]))
        }
        Some('?') => text.next().is_some() && matches(rest.as_str(), text.as_str()),
        Some(letter) => text.next() == Some(letter) && matches(rest.as_str(), text.as_str()),
    }
}

fn order(options: &Options, entries: &mut [Entry]) {
    let extension = |entry: &Entry| match entry.name.rfind('.') {
        Some(place) => entry.name[place..].to_owned(),
        None => String::new(),
    };
    if options.sort != Sort::None {
        entries.sort_by(|a, b| {
            let by = match options.sort {
                Sort::Time => b.metadata.modified.cmp(&a.metadata.modified),
                Sort::Size => b.metadata.size.cmp(&a.metadata.size),
                Sort::Extension => extension(a).cmp(&extension(b)),
                Sort::Version => by_version(&a.name, &b.name),
                Sort::Name | Sort::None => Ordering::Equal,
            };
            by.then_with(|| a.name.cmp(&b.name))
        });
        if options.is_reverse {
            entries.reverse();
        }
    }
    if options.folders_first {
        entries.sort_by_key(|entry| !entry.metadata.file_type.is_dir());
    }
}

/// Runs of digits compare as numbers.
pub fn by_version(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        match (a.first(), b.first()) {
            (None, None) => return Ordering::Equal,
            (None, _) => return Ordering::Less,
            (_, None) => return Ordering::Greater,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (number_a, rest_a) = number(a);
                let (number_b, rest_b) = number(b);
                let by = number_a
                    .len()
                    .cmp(&number_b.len())
                    .then_with(|| number_a.cmp(number_b));
                if by != Ordering::Equal {
                    return by;
                }
                (a, b) = (rest_a, rest_b);
            }
            (Some(x), Some(y)) if x != y => return x.cmp(y),
            _ => (a, b) = (&a[1..], &b[1..]),
        }
    }
}

fn number(text: &[u8]) -> (&[u8], &[u8]) {
    let len = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let zeros = text[..len].iter().take_while(|&&byte| byte == b'0').count();
    (&text[zeros..len], &text[len..])
}

fn blocks(metadata: &Metadata) -> u64 {
    match metadata.file_type {
        FileType::Directory => 4,
        FileType::File => metadata.size.div_ceil(4096) * 4,
        _ => 0,
    }
}

fn shown(options: &Options, entry: &Entry) -> String {
    let mut text = match options.quotes {
        true => format!(
            "\"{}\"",
            entry.name.replace('\\', "\\\\").replace('"', "\\\"")
        ),
        false => entry.name.clone(),
    };
    let kind = entry.metadata.file_type;
    if kind.is_dir() && (options.slash || options.classify) {
        text.push('/');
    } else if options.classify && kind.is_symlink() && options.style != Style::Long {
        text.push('@');
    } else if options.classify && kind.is_file() && entry.metadata.mode & 0o111 != 0 {
        text.push('*');
    }
    text
}

fn print(options: &Options, entries: &[Entry], is_folder: bool, report: &mut Report) {
    let total: u64 = entries.iter().map(|entry| blocks(&entry.metadata)).sum();
    if is_folder && (options.style == Style::Long || options.has_blocks) {
        let total = match options.is_human {
            true => human(total * 1024),
            false => total.to_string(),
        };
        report.line(format!("total {total}"));
    }
    if options.style == Style::Commas {
        let names: Vec<String> = entries.iter().map(|entry| shown(options, entry)).collect();
        if !names.is_empty() {
            report.line(names.join(", "));
        }
        return;
    }
    let now = SystemTime::now();
    let size = |entry: &Entry| match options.is_human {
        true => human(entry.metadata.size),
        false => entry.metadata.size.to_string(),
    };
    let width = entries
        .iter()
        .map(|entry| size(entry).len())
        .max()
        .unwrap_or(0);
    for entry in entries {
        let mut line = String::new();
        if options.has_blocks {
            line.push_str(&format!("{:>2} ", blocks(&entry.metadata)));
        }
        if options.style == Style::Long {
            let metadata = &entry.metadata;
            let links = if metadata.file_type.is_dir() { 2 } else { 1 };
            line.push_str(&time::permissions(metadata.file_type, metadata.mode));
            line.push_str(&format!(" {links}"));
            let who = if options.is_numeric { "1000" } else { "user" };
            for _ in 0..usize::from(options.has_owner) + usize::from(options.has_group) {
                line.push_str(&format!(" {who}"));
            }
            let at = match options.has_full_time {
                true => time::full(metadata.modified),
                false => time::listed(metadata.modified, now),
            };
            line.push_str(&format!(" {:>width$} {at} ", size(entry)));
        }
        line.push_str(&shown(options, entry));
        if let (Style::Long, Some(target)) = (options.style, &entry.target) {
            line.push_str(&format!(" -> {target}"));
        }
        line.push(if options.zero { '\0' } else { '\n' });
        report.stdout.push_str(&line);
    }
}

/// `1.5K`, rounded up as ls rounds.
fn human(bytes: u64) -> String {
    if bytes < 1024 {
        return bytes.to_string();
    }
    let mut unit = 0;
    let mut scale = 1024u64;
    while bytes.div_ceil(scale) >= 1024 && unit < 5 {
        scale *= 1024;
        unit += 1;
    }
    let letter = ['K', 'M', 'G', 'T', 'P', 'E'][unit];
    let tenths = (u128::from(bytes) * 10).div_ceil(u128::from(scale));
    match tenths < 100 {
        true => format!("{}.{}{letter}", tenths / 10, tenths % 10),
        false => format!("{}{letter}", bytes.div_ceil(scale)),
    }
}
