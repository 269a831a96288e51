//! `diff`, of files and of folders.

use std::collections::BTreeSet;

use bashkit::{Builtin, BuiltinContext, ExecResult, Result, async_trait};
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::report::{self, Report};
use super::time;
use crate::words::{Word, Words};

pub struct Diff;

const EXIT_TROUBLE: i32 = 2;

#[derive(Clone, Copy, PartialEq)]
enum Style {
    Normal,
    Unified(usize),
    Sides(usize),
}

struct Options {
    style: Style,
    is_brief: bool,
    tells_same: bool,
    is_recursive: bool,
    missing_is_empty: bool,
    is_text: bool,
    folds_case: bool,
    ignores_blanks: bool,
    ignores_amount: bool,
    ignores_empty: bool,
    labels: Vec<String>,
    exclude: Vec<String>,
    /// As `diff -r` repeats them before each pair.
    words: Vec<String>,
}

struct Side {
    word: String,
    label: String,
    content: Vec<u8>,
}

#[async_trait]
impl Builtin for Diff {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> Result<ExecResult> {
        let (options, operands) = match parse(ctx.args) {
            Ok(parsed) => parsed,
            Err(mut result) => {
                if result.exit_code != 0 {
                    result.exit_code = EXIT_TROUBLE;
                }
                return Ok(result);
            }
        };
        let [old, new] = operands.as_slice() else {
            let mut result = report::usage(
                "diff",
                match operands.last() {
                    Some(word) if operands.len() < 2 => format!("missing operand after '{word}'"),
                    Some(word) => format!("extra operand '{word}'"),
                    None => "missing operand after 'diff'".to_owned(),
                },
            );
            result.exit_code = EXIT_TROUBLE;
            return Ok(result);
        };
        let mut report = Report::new("diff");
        let (old_is_dir, new_is_dir) = (is_folder(&ctx, old).await, is_folder(&ctx, new).await);
        match (old_is_dir, new_is_dir) {
            (true, true) => folders(&ctx, &options, old, new, &mut report).await,
            (true, false) => {
                let old = report::join(old, report::last_name(new));
                files(&ctx, &options, &old, new, false, &mut report).await;
            }
            (false, true) => {
                let new = report::join(new, report::last_name(old));
                files(&ctx, &options, old, &new, false, &mut report).await;
            }
            (false, false) => files(&ctx, &options, old, new, false, &mut report).await,
        }
        Ok(report.end())
    }
}

async fn is_folder(ctx: &BuiltinContext<'_>, word: &str) -> bool {
    word != "-"
        && ctx
            .fs
            .stat(&report::path(ctx, word))
            .await
            .is_ok_and(|m| m.file_type.is_dir())
}

fn parse(args: &[String]) -> std::result::Result<(Options, Vec<String>), ExecResult> {
    let mut options = Options {
        style: Style::Normal,
        is_brief: false,
        tells_same: false,
        is_recursive: false,
        missing_is_empty: false,
        is_text: false,
        folds_case: false,
        ignores_blanks: false,
        ignores_amount: false,
        ignores_empty: false,
        labels: Vec::new(),
        exclude: Vec::new(),
        words: Vec::new(),
    };
    let mut operands = Vec::new();
    let mut width = 130;
    let mut words = Words::new(args);
    let usage = |message| report::usage("diff", message);
    while let Some(word) = words.next() {
        match word {
            Word::Operand(word) => operands.push(word.to_owned()),
            Word::Short('u') | Word::Long("unified", None) => options.style = Style::Unified(3),
            Word::Short('U') => {
                let lines = words.value("-U").map_err(usage)?;
                options.style = Style::Unified(lines.parse().unwrap_or(3));
            }
            Word::Long("unified", Some(lines)) => {
                options.style = Style::Unified(lines.parse().unwrap_or(3));
            }
            Word::Short('y') | Word::Long("side-by-side", _) => options.style = Style::Sides(130),
            Word::Short('W') => {
                width = words.value("-W").map_err(usage)?.parse().unwrap_or(130);
            }
            Word::Long("width", Some(value)) => width = value.parse().unwrap_or(130),
            Word::Short('q') | Word::Long("brief", _) => options.is_brief = true,
            Word::Short('s') | Word::Long("report-identical-files", _) => options.tells_same = true,
            Word::Short('r') | Word::Long("recursive", _) => options.is_recursive = true,
            Word::Short('N') | Word::Long("new-file", _) => options.missing_is_empty = true,
            Word::Short('a') | Word::Long("text", _) => options.is_text = true,
            Word::Short('i') | Word::Long("ignore-case", _) => options.folds_case = true,
            Word::Short('w') | Word::Long("ignore-all-space", _) => options.ignores_blanks = true,
            Word::Short('b' | 'Z')
            | Word::Long("ignore-space-change", _)
            | Word::Long("ignore-trailing-space", _) => options.ignores_amount = true,
            Word::Short('B') | Word::Long("ignore-blank-lines", _) => options.ignores_empty = true,
            Word::Short('x') => options
                .exclude
                .push(words.value("-x").map_err(usage)?.to_owned()),
            Word::Long("exclude", Some(pattern)) => options.exclude.push(pattern.to_owned()),
            Word::Short('L') => options
                .labels
                .push(words.value("-L").map_err(usage)?.to_owned()),
            Word::Long("label", Some(label)) => options.labels.push(label.to_owned()),
            Word::Long("label", None) => {
                options
                    .labels
                    .push(words.value("--label").map_err(usage)?.to_owned());
            }
            Word::Short('p' | 't' | 'd') => {}
            Word::Long(
                "normal"
                | "minimal"
                | "color"
                | "no-dereference"
                | "strip-trailing-cr"
                | "suppress-common-lines",
                _,
            ) => {}
            Word::Short(letter) => return Err(report::invalid_letter("diff", letter)),
            Word::Long(name, _) => return Err(report::unknown_option("diff", name)),
        }
    }
    if let Style::Sides(columns) = &mut options.style {
        *columns = width.clamp(10, 10_000);
    }
    options.words = args
        .iter()
        .filter(|arg| arg.starts_with('-') && *arg != "-")
        .cloned()
        .collect();
    Ok((options, operands))
}

async fn folders(
    ctx: &BuiltinContext<'_>,
    options: &Options,
    old: &str,
    new: &str,
    report: &mut Report,
) {
    let mut names = BTreeSet::new();
    for word in [old, new] {
        match ctx.fs.read_dir(&report::path(ctx, word)).await {
            Ok(entries) => names.extend(entries.into_iter().map(|entry| entry.name)),
            Err(error) => {
                let why = report::reason(&error);
                return report.fail_with(EXIT_TROUBLE, format!("{word}: {why}"));
            }
        }
    }
    names.retain(|name| {
        !options
            .exclude
            .iter()
            .any(|pattern| super::list::matches(pattern, name))
    });
    for name in names {
        let (a, b) = (report::join(old, &name), report::join(new, &name));
        let found_a = ctx.fs.stat(&report::path(ctx, &a)).await.ok();
        let found_b = ctx.fs.stat(&report::path(ctx, &b)).await.ok();
        let kind = |metadata: &bashkit::Metadata| match metadata.file_type.is_dir() {
            true => "directory",
            false => "regular file",
        };
        match (found_a, found_b) {
            (Some(x), Some(y)) if x.file_type.is_dir() && y.file_type.is_dir() => {
                match options.is_recursive {
                    true => Box::pin(folders(ctx, options, &a, &b, report)).await,
                    false => report.line(format!("Common subdirectories: {a} and {b}")),
                }
            }
            (Some(x), Some(y)) if x.file_type.is_dir() != y.file_type.is_dir() => {
                report.fail_silently();
                report.line(format!(
                    "File {a} is a {} while file {b} is a {}",
                    kind(&x),
                    kind(&y)
                ));
            }
            (Some(_), Some(_)) => files(ctx, options, &a, &b, true, report).await,
            (Some(x), None) | (None, Some(x))
                if options.missing_is_empty && x.file_type.is_file() =>
            {
                files(ctx, options, &a, &b, true, report).await;
            }
            (Some(_), None) => {
                report.fail_silently();
                report.line(format!("Only in {}: {name}", old.trim_end_matches('/')));
            }
            (None, _) => {
                report.fail_silently();
                report.line(format!("Only in {}: {name}", new.trim_end_matches('/')));
            }
        }
    }
}

async fn read(
    ctx: &BuiltinContext<'_>,
    options: &Options,
    word: &str,
    place: usize,
) -> std::result::Result<Side, String> {
    let path = report::path(ctx, word);
    let label = options.labels.get(place).cloned();
    if word == "-" {
        let content = ctx.stdin_bytes().unwrap_or_default().to_vec();
        let now = time::full(std::time::SystemTime::now());
        let label = label.unwrap_or_else(|| format!("-\t{now}"));
        return Ok(Side {
            word: word.to_owned(),
            label,
            content,
        });
    }
    let content = match ctx.fs.read_file(&path).await {
        Ok(content) => content,
        Err(error) if options.missing_is_empty && report::is_missing(&error) => Vec::new(),
        Err(error) => return Err(format!("{word}: {}", report::reason(&error))),
    };
    let label = match label {
        Some(label) => label,
        None => {
            let modified = match ctx.fs.stat(&path).await {
                Ok(metadata) => time::full(metadata.modified),
                Err(_) => time::full(std::time::UNIX_EPOCH),
            };
            format!("{word}\t{modified}")
        }
    };
    Ok(Side {
        word: word.to_owned(),
        label,
        content,
    })
}

async fn files(
    ctx: &BuiltinContext<'_>,
    options: &Options,
    old: &str,
    new: &str,
    in_folders: bool,
    report: &mut Report,
) {
    let sides = (
        read(ctx, options, old, 0).await,
        read(ctx, options, new, 1).await,
    );
    let (old, new) = match sides {
        (Ok(old), Ok(new)) => (old, new),
        (old, new) => {
            for error in [old.err(), new.err()].into_iter().flatten() {
                report.fail_with(EXIT_TROUBLE, error);
            }
            return;
        }
    };
    let changes = match old.content == new.content {
        true => Vec::new(),
        false => compare(options, &old.content, &new.content),
    };
    let is_same = changes.iter().all(|op| matches!(op, DiffOp::Equal { .. }));
    if is_same {
        if options.tells_same {
            report.line(format!("Files {} and {} are identical", old.word, new.word));
        }
        if !matches!(options.style, Style::Sides(_)) {
            return;
        }
    } else {
        report.fail_silently();
    }
    if options.is_brief {
        if !is_same {
            report.line(format!("Files {} and {} differ", old.word, new.word));
        }
        return;
    }
    let is_binary =
        |side: &Side| !options.is_text && side.content.iter().take(8192).any(|&b| b == 0);
    if is_binary(&old) || is_binary(&new) {
        report.line(format!("Binary files {} and {} differ", old.word, new.word));
        return;
    }
    if in_folders {
        let words: String = options
            .words
            .iter()
            .map(|word| format!("{word} "))
            .collect();
        report.line(format!("diff {words}{} {}", old.word, new.word));
    }
    let (a, b) = (lines(&old.content), lines(&new.content));
    match options.style {
        Style::Normal => normal(&changes, &a, &b, report),
        Style::Unified(context) => {
            report.line(format!("--- {}\n+++ {}", old.label, new.label));
            unified(&changes, &a, &b, context, report);
        }
        Style::Sides(columns) => {
            let same = [DiffOp::Equal {
                old_index: 0,
                new_index: 0,
                len: a.len(),
            }];
            let changes = if changes.is_empty() {
                &same[..]
            } else {
                &changes
            };
            side_by_side(changes, &a, &b, columns, report);
        }
    }
}

/// Each with its newline, if it has one.
fn lines(content: &[u8]) -> Vec<&[u8]> {
    content.split_inclusive(|&byte| byte == b'\n').collect()
}

/// What of a line counts.
fn key(options: &Options, line: &[u8]) -> Vec<u8> {
    let mut key = line.to_vec();
    if options.ignores_blanks {
        key.retain(|byte| !byte.is_ascii_whitespace());
    } else if options.ignores_amount {
        let words = line.split(|byte| byte.is_ascii_whitespace());
        let mut text: Vec<u8> = if line.first().is_some_and(u8::is_ascii_whitespace) {
            vec![b' ']
        } else {
            Vec::new()
        };
        for word in words.filter(|word| !word.is_empty()) {
            text.extend_from_slice(word);
            text.push(b' ');
        }
        key = text;
    }
    if options.folds_case {
        key.make_ascii_lowercase();
    }
    key
}

fn compare(options: &Options, old: &[u8], new: &[u8]) -> Vec<DiffOp> {
    let (a, b) = (lines(old), lines(new));
    let is_plain = !(options.ignores_blanks || options.ignores_amount || options.folds_case);
    let ops = match is_plain {
        true => capture_diff_slices(Algorithm::Myers, &a, &b),
        false => {
            let keys = |lines: &[&[u8]]| -> Vec<Vec<u8>> {
                lines.iter().map(|line| key(options, line)).collect()
            };
            capture_diff_slices(Algorithm::Myers, &keys(&a), &keys(&b))
        }
    };
    if !options.ignores_empty {
        return ops;
    }
    let is_empty = |lines: &[&[u8]]| lines.iter().all(|line| line.trim_ascii().is_empty());
    let is_change = ops.iter().any(|op| match op {
        DiffOp::Equal { .. } => false,
        op => !is_empty(&a[op.old_range()]) || !is_empty(&b[op.new_range()]),
    });
    if is_change { ops } else { Vec::new() }
}

fn put(report: &mut Report, mark: &str, line: &[u8]) {
    let text = String::from_utf8_lossy(line);
    report.stdout.push_str(mark);
    report.stdout.push_str(&text);
    if !text.ends_with('\n') {
        report.stdout.push_str("\n\\ No newline at end of file\n");
    }
}

fn normal(changes: &[DiffOp], a: &[&[u8]], b: &[&[u8]], report: &mut Report) {
    let span = |range: &std::ops::Range<usize>| match range.len() {
        0 => range.start.to_string(),
        1 => (range.start + 1).to_string(),
        _ => format!("{},{}", range.start + 1, range.end),
    };
    for op in changes
        .iter()
        .filter(|op| !matches!(op, DiffOp::Equal { .. }))
    {
        let (old, new) = (op.old_range(), op.new_range());
        let letter = match (old.is_empty(), new.is_empty()) {
            (true, _) => 'a',
            (_, true) => 'd',
            _ => 'c',
        };
        report.line(format!("{}{letter}{}", span(&old), span(&new)));
        a[old.clone()]
            .iter()
            .for_each(|line| put(report, "< ", line));
        if letter == 'c' {
            report.line("---");
        }
        b[new].iter().for_each(|line| put(report, "> ", line));
    }
}

fn unified(changes: &[DiffOp], a: &[&[u8]], b: &[&[u8]], context: usize, report: &mut Report) {
    let span = |start: usize, len: usize| match len {
        0 => format!("{start},0"),
        1 => (start + 1).to_string(),
        len => format!("{},{len}", start + 1),
    };
    for group in similar::group_diff_ops(changes.to_vec(), context) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else {
            continue;
        };
        let old = first.old_range().start..last.old_range().end;
        let new = first.new_range().start..last.new_range().end;
        report.line(format!(
            "@@ -{} +{} @@",
            span(old.start, old.len()),
            span(new.start, new.len())
        ));
        for op in &group {
            if let DiffOp::Equal { .. } = op {
                a[op.old_range()]
                    .iter()
                    .for_each(|line| put(report, " ", line));
                continue;
            }
            a[op.old_range()]
                .iter()
                .for_each(|line| put(report, "-", line));
            b[op.new_range()]
                .iter()
                .for_each(|line| put(report, "+", line));
        }
    }
}

fn side_by_side(changes: &[DiffOp], a: &[&[u8]], b: &[&[u8]], columns: usize, report: &mut Report) {
    let half = (columns - 3) / 2;
    let text = |line: Option<&&[u8]>| {
        let text = String::from_utf8_lossy(line.copied().unwrap_or_default()).into_owned();
        text.trim_end_matches('\n')
            .chars()
            .take(half)
            .collect::<String>()
    };
    for op in changes {
        let (old, new) = (&a[op.old_range()], &b[op.new_range()]);
        for row in 0..old.len().max(new.len()) {
            let (left, right) = (old.get(row), new.get(row));
            let mark = match (op, left, right) {
                (DiffOp::Equal { .. }, ..) => ' ',
                (_, Some(_), None) => '<',
                (_, None, _) => '>',
                _ => '|',
            };
            let (left, right) = (text(left), text(right));
            report.line(format!("{left:<half$} {mark} {right}").trim_end());
        }
    }
}
