//! `ln`.

use std::path::{Component, Path, PathBuf};

use bashkit::{Builtin, BuiltinContext, ExecResult, Result, async_trait};

use super::report::{self, Report};
use crate::words::{Word, Words};

pub struct Link;

#[derive(Default)]
struct Options {
    is_symbolic: bool,
    is_forced: bool,
    is_relative: bool,
    is_verbose: bool,
    target_is_no_folder: bool,
    folder: Option<String>,
}

#[async_trait]
impl Builtin for Link {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> Result<ExecResult> {
        let mut options = Options::default();
        let mut keeps_link = false;
        let mut operands = Vec::new();
        let mut words = Words::new(ctx.args);
        while let Some(word) = words.next() {
            match word {
                Word::Operand(word) => operands.push(word.to_owned()),
                Word::Short('s') | Word::Long("symbolic", _) => options.is_symbolic = true,
                Word::Short('f') | Word::Long("force", _) => options.is_forced = true,
                Word::Short('r') | Word::Long("relative", _) => options.is_relative = true,
                Word::Short('v') | Word::Long("verbose", _) => options.is_verbose = true,
                Word::Short('n') | Word::Long("no-dereference", _) => keeps_link = true,
                Word::Short('T') | Word::Long("no-target-directory", _) => {
                    options.target_is_no_folder = true;
                }
                Word::Long("target-directory", Some(folder)) => {
                    options.folder = Some(folder.to_owned());
                }
                Word::Short('t') => match words.value("-t") {
                    Ok(folder) => options.folder = Some(folder.to_owned()),
                    Err(message) => return Ok(report::usage("ln", message)),
                },
                Word::Short('L' | 'P' | 'i' | 'b') => {}
                Word::Short(letter) => return Ok(report::invalid_letter("ln", letter)),
                Word::Long(name, _) => return Ok(report::unknown_option("ln", name)),
            }
        }
        if operands.is_empty() {
            return Ok(report::usage("ln", "missing file operand"));
        }
        let mut report = Report::new("ln");
        let target = match &options.folder {
            Some(folder) => folder.clone(),
            None if operands.len() == 1 => ".".to_owned(),
            None => operands.pop().unwrap_or_default(),
        };
        let path = report::path(&ctx, &target);
        let there = match keeps_link {
            true => ctx.fs.lstat(&path).await,
            false => ctx.fs.stat(&path).await,
        };
        let is_folder = !options.target_is_no_folder
            && (options.folder.is_some() || there.is_ok_and(|m| m.file_type.is_dir()));
        if !is_folder && operands.len() > 1 {
            report.fail(format!("target '{target}' is not a directory"));
            return Ok(report.end());
        }
        for word in &operands {
            let name = match is_folder {
                true => report::join(&target, report::last_name(word)),
                false => target.clone(),
            };
            make(&ctx, &options, word, &name, &mut report).await;
        }
        Ok(report.end())
    }
}

async fn make(
    ctx: &BuiltinContext<'_>,
    options: &Options,
    word: &str,
    name: &str,
    report: &mut Report,
) {
    let kind = if options.is_symbolic {
        "symbolic"
    } else {
        "hard"
    };
    let (from, link) = (report::path(ctx, word), report::path(ctx, name));
    if !options.is_symbolic {
        match ctx.fs.lstat(&from).await {
            Err(error) => {
                let why = report::reason(&error);
                return report.fail(format!("failed to access '{word}': {why}"));
            }
            Ok(metadata) if metadata.file_type.is_dir() => {
                return report.fail(format!("{word}: hard link not allowed for directory"));
            }
            Ok(_) => {}
        }
    }
    if options.is_forced
        && ctx.fs.lstat(&link).await.is_ok()
        && let Err(error) = ctx.fs.remove(&link, false).await
    {
        return report.fail(format!(
            "cannot remove '{name}': {}",
            report::reason(&error)
        ));
    }
    let made = match (options.is_symbolic, options.is_relative) {
        (true, true) => {
            let folder = link.parent().unwrap_or(Path::new("/"));
            ctx.fs.symlink(&relative(&from, folder), &link).await
        }
        (true, false) if Path::new(word).is_absolute() => {
            // The box makes no absolute links (docs/wasi.md); one that means
            // the same within it is what is wanted.
            let folder = link.parent().unwrap_or(Path::new("/"));
            ctx.fs.symlink(&relative(&from, folder), &link).await
        }
        (true, false) => ctx.fs.symlink(Path::new(word), &link).await,
        (false, _) => match std::fs::hard_link(
            bashkit::normalize_path(&from),
            bashkit::normalize_path(&link),
        ) {
            Ok(()) => Ok(()),
            // /tmp of this run is no place of the box.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                ctx.fs.copy(&from, &link).await
            }
            Err(error) => Err(error.into()),
        },
    };
    match made {
        Ok(()) if options.is_verbose => {
            let arrow = if options.is_symbolic { "->" } else { "=>" };
            report.line(format!("'{name}' {arrow} '{word}'"));
        }
        Ok(()) => {}
        Err(error) => {
            let why = report::reason(&error);
            report.fail(format!("failed to create {kind} link '{name}': {why}"));
        }
    }
}

/// `path` as seen from `folder`.
pub fn relative(path: &Path, folder: &Path) -> PathBuf {
    let (path, folder) = (
        bashkit::normalize_path(path),
        bashkit::normalize_path(folder),
    );
    let mut path_parts = path.components().peekable();
    let mut folder_parts = folder.components().peekable();
    while path_parts.peek().is_some() && path_parts.peek() == folder_parts.peek() {
        path_parts.next();
        folder_parts.next();
    }
    let mut relative: PathBuf = folder_parts.map(|_| Component::ParentDir).collect();
    relative.extend(path_parts);
    if relative.as_os_str().is_empty() {
        relative.push(".");
    }
    relative
}
