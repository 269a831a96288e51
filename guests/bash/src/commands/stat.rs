//! `stat`.

use bashkit::{Builtin, BuiltinContext, ExecResult, FileType, Metadata, Result, async_trait};

use super::report::{self, Report};
use super::time;
use crate::words::{Word, Words};

pub struct Stat;

const DEFAULT: &str = "  File: %N\n  Size: %-10s\tBlocks: %-10b IO Block: %-6o %F\n\
    Device: %Dh/%dd\tInode: %-11i Links: %h\n\
    Access: (%04a/%10A)  Uid: (%5u/%8U)   Gid: (%5g/%8G)\n\
    Access: %x\nModify: %y\nChange: %z\n Birth: %w\n";

#[async_trait]
impl Builtin for Stat {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> Result<ExecResult> {
        let (mut format, mut follows, mut is_system) = (None, false, false);
        let mut operands = Vec::new();
        let mut words = Words::new(ctx.args);
        while let Some(word) = words.next() {
            match word {
                Word::Operand(word) => operands.push(word),
                Word::Short('L') | Word::Long("dereference", _) => follows = true,
                Word::Short('f') | Word::Long("file-system", _) => is_system = true,
                Word::Short('c') | Word::Long("format", None) => match words.value("-c") {
                    Ok(text) => format = Some(format!("{text}\n")),
                    Err(message) => return Ok(report::usage("stat", message)),
                },
                Word::Long("format", Some(text)) => format = Some(format!("{text}\n")),
                Word::Long("printf", Some(text)) => format = Some(unescaped(text)),
                Word::Short('t') | Word::Long("terse", _) => {
                    format = Some("%n %s %b %f %u %g %D %i %h 0 0 %X %Y %Z %W %o\n".to_owned());
                }
                Word::Short(letter) => return Ok(report::invalid_letter("stat", letter)),
                Word::Long(name, _) => return Ok(report::unknown_option("stat", name)),
            }
        }
        if operands.is_empty() {
            return Ok(report::usage("stat", "missing operand"));
        }
        let mut report = Report::new("stat");
        if is_system {
            report.fail("-f: the box does not tell about file systems");
            return Ok(report.end());
        }
        let format = format.unwrap_or_else(|| DEFAULT.to_owned());
        for word in operands {
            let path = report::path(&ctx, word);
            let metadata = match follows {
                true => ctx.fs.stat(&path).await,
                false => ctx.fs.lstat(&path).await,
            };
            match metadata {
                Ok(metadata) => {
                    let target = match metadata.file_type.is_symlink() {
                        true => ctx.fs.read_link(&path).await.ok(),
                        false => None,
                    };
                    let target = target.map(|target| target.to_string_lossy().into_owned());
                    let text = expand(&format, word, &metadata, target.as_deref());
                    report.stdout.push_str(&text);
                }
                Err(error) => {
                    report.fail(format!("cannot stat '{word}': {}", report::reason(&error)));
                }
            }
        }
        Ok(report.end())
    }
}

fn unescaped(text: &str) -> String {
    text.replace("\\n", "\n")
        .replace("\\t", "\t")
        .replace("\\0", "\0")
        .replace("\\\\", "\\")
}

fn kind(metadata: &Metadata) -> &'static str {
    match metadata.file_type {
        FileType::Directory => "directory",
        FileType::Symlink => "symbolic link",
        FileType::Fifo => "character special file",
        FileType::File if metadata.size == 0 => "regular empty file",
        FileType::File => "regular file",
    }
}

fn type_bits(metadata: &Metadata) -> u32 {
    match metadata.file_type {
        FileType::Directory => 0o040_000,
        FileType::Symlink => 0o120_000,
        FileType::Fifo => 0o020_000,
        FileType::File => 0o100_000,
    }
}

/// `%[flags][width]LETTER`
fn expand(format: &str, word: &str, metadata: &Metadata, target: Option<&str>) -> String {
    let mut text = String::new();
    let mut rest = format;
    while let Some(place) = rest.find('%') {
        text.push_str(&rest[..place]);
        rest = &rest[place + 1..];
        let spec_len = rest
            .find(|letter: char| !matches!(letter, '-' | '0'..='9' | '#' | '+' | ' ' | '.'))
            .unwrap_or(rest.len());
        let (spec, after) = rest.split_at(spec_len);
        let Some(letter) = after.chars().next() else {
            text.push('%');
            text.push_str(spec);
            return text;
        };
        rest = &after[letter.len_utf8()..];
        text.push_str(&padded(spec, &value(letter, word, metadata, target)));
    }
    text.push_str(rest);
    text
}

fn padded(spec: &str, value: &str) -> String {
    let width: usize = spec
        .trim_start_matches(['-', '0', '#', '+', ' '])
        .parse()
        .unwrap_or(0);
    let width = width.min(4096);
    match () {
        () if spec.starts_with('-') => format!("{value:<width$}"),
        () if spec.starts_with('0') => format!("{value:0>width$}"),
        () => format!("{value:>width$}"),
    }
}

fn value(letter: char, word: &str, metadata: &Metadata, target: Option<&str>) -> String {
    let (modified, created) = (metadata.modified, metadata.created);
    match letter {
        'n' => word.to_owned(),
        'N' => match target {
            Some(target) => format!("'{word}' -> '{target}'"),
            None => format!("'{word}'"),
        },
        's' => metadata.size.to_string(),
        'b' => (metadata.size.div_ceil(4096) * 8).to_string(),
        'B' => "512".to_owned(),
        'o' => "4096".to_owned(),
        'F' => kind(metadata).to_owned(),
        'f' => format!("{:x}", type_bits(metadata) | metadata.mode),
        'a' => format!("{:o}", metadata.mode),
        'A' => time::permissions(metadata.file_type, metadata.mode),
        'u' | 'g' => "1000".to_owned(),
        'U' | 'G' => "user".to_owned(),
        'h' => if metadata.file_type.is_dir() {
            "2"
        } else {
            "1"
        }
        .to_owned(),
        'i' | 'd' | 'D' | 't' | 'T' => "0".to_owned(),
        'm' => "/".to_owned(),
        'x' | 'y' | 'z' => time::full(modified),
        'w' => time::full(created),
        'X' | 'Y' | 'Z' => time::since_epoch(modified).0.to_string(),
        'W' => time::since_epoch(created).0.to_string(),
        '%' => "%".to_owned(),
        _ => "?".to_owned(),
    }
}
