//! `rm` and `rmdir`.

use bashkit::{Builtin, BuiltinContext, ExecResult, Result, async_trait};

use super::report::{self, Report};
use crate::words::{Word, Words};

pub struct Remove;
pub struct Rmdir;

#[derive(Default)]
struct Options {
    is_recursive: bool,
    is_forced: bool,
    takes_folders: bool,
    asks: bool,
    is_verbose: bool,
}

#[async_trait]
impl Builtin for Remove {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> Result<ExecResult> {
        let mut options = Options::default();
        let mut operands = Vec::new();
        let mut words = Words::new(ctx.args);
        while let Some(word) = words.next() {
            match word {
                Word::Operand(word) => operands.push(word),
                Word::Short('r' | 'R') | Word::Long("recursive", _) => options.is_recursive = true,
                Word::Short('f') | Word::Long("force", _) => {
                    options.is_forced = true;
                    options.asks = false;
                }
                Word::Short('d') | Word::Long("dir", _) => options.takes_folders = true,
                Word::Short('v') | Word::Long("verbose", _) => options.is_verbose = true,
                Word::Short('i') => options.asks = true,
                Word::Long("interactive", value) => options.asks = value != Some("never"),
                Word::Short('I') | Word::Long("one-file-system" | "preserve-root", _) => {}
                Word::Long("help", _) => return Ok(ExecResult::ok("usage: rm [-rfdv] FILE...\n")),
                Word::Short(letter) => return Ok(report::invalid_letter("rm", letter)),
                Word::Long(name, _) => return Ok(report::unknown_option("rm", name)),
            }
        }
        if operands.is_empty() && !options.is_forced {
            return Ok(report::usage("rm", "missing operand"));
        }
        let mut report = Report::new("rm");
        for word in operands {
            remove(&ctx, &options, word, &mut report).await;
        }
        Ok(report.end())
    }
}

async fn remove(ctx: &BuiltinContext<'_>, options: &Options, word: &str, report: &mut Report) {
    let path = report::path(ctx, word);
    if bashkit::normalize_path(&path).parent().is_none() {
        return report.fail("it is dangerous to operate recursively on '/'");
    }
    if matches!(report::last_name(word), "." | "..") {
        let what = format!("refusing to remove '.' or '..' directory: skipping '{word}'");
        return report.fail(what);
    }
    let metadata = match ctx.fs.lstat(&path).await {
        Ok(metadata) => metadata,
        Err(error) if options.is_forced && report::is_missing(&error) => return,
        Err(error) => {
            return report.fail(format!(
                "cannot remove '{word}': {}",
                report::reason(&error)
            ));
        }
    };
    let is_dir = metadata.file_type.is_dir();
    if is_dir && !options.is_recursive && !options.takes_folders {
        return report.fail(format!("cannot remove '{word}': Is a directory"));
    }
    if options.asks {
        return; // nobody answers, which is no
    }
    match ctx.fs.remove(&path, is_dir && options.is_recursive).await {
        Ok(()) if options.is_verbose => {
            let what = if is_dir {
                "removed directory"
            } else {
                "removed"
            };
            report.line(format!("{what} '{word}'"));
        }
        Ok(()) => {}
        Err(error) => {
            report.fail(format!(
                "cannot remove '{word}': {}",
                report::reason(&error)
            ));
        }
    }
}

#[async_trait]
impl Builtin for Rmdir {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> Result<ExecResult> {
        let (mut with_parents, mut is_verbose, mut keeps_quiet) = (false, false, false);
        let mut operands = Vec::new();
        let mut words = Words::new(ctx.args);
        while let Some(word) = words.next() {
            match word {
                Word::Operand(word) => operands.push(word),
                Word::Short('p') | Word::Long("parents", _) => with_parents = true,
                Word::Short('v') | Word::Long("verbose", _) => is_verbose = true,
                Word::Long("ignore-fail-on-non-empty", _) => keeps_quiet = true,
                Word::Short(letter) => return Ok(report::invalid_letter("rmdir", letter)),
                Word::Long(name, _) => return Ok(report::unknown_option("rmdir", name)),
            }
        }
        if operands.is_empty() {
            return Ok(report::usage("rmdir", "missing operand"));
        }
        let mut report = Report::new("rmdir");
        for word in operands {
            let mut word = word.trim_end_matches('/');
            while !word.is_empty() && word != "." {
                if let Err(error) = remove_folder(&ctx, word).await {
                    if !(keeps_quiet && error.contains("not empty")) {
                        report.fail(format!("failed to remove '{word}': {error}"));
                    }
                    break;
                }
                if is_verbose {
                    report.line(format!("rmdir: removing directory, '{word}'"));
                }
                match word.rsplit_once('/') {
                    Some((parent, _)) if with_parents => word = parent,
                    _ => break,
                }
            }
        }
        Ok(report.end())
    }
}

async fn remove_folder(ctx: &BuiltinContext<'_>, word: &str) -> std::result::Result<(), String> {
    let path = report::path(ctx, word);
    let metadata = ctx
        .fs
        .lstat(&path)
        .await
        .map_err(|error| report::reason(&error))?;
    if !metadata.file_type.is_dir() {
        return Err("Not a directory".to_owned());
    }
    if ctx
        .fs
        .read_dir(&path)
        .await
        .is_ok_and(|entries| !entries.is_empty())
    {
        return Err("Directory not empty".to_owned());
    }
    ctx.fs
        .remove(&path, false)
        .await
        .map_err(|error| report::reason(&error))
}
