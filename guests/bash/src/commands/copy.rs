//! `cp` and `mv`.

use std::path::{Path, PathBuf};

use bashkit::{Builtin, BuiltinContext, ExecResult, Metadata, Result, async_trait};

use super::report::{self, Report};
use crate::words::{Word, Words};

pub struct Copy {
    pub moves: bool,
}

#[derive(Default)]
struct Options {
    is_recursive: bool,
    keeps_links: bool,
    /// -L: links below the words of the command line too.
    follows_all: bool,
    keeps_times: bool,
    keeps_target: bool,
    only_newer: bool,
    is_verbose: bool,
    is_forced: bool,
    with_parents: bool,
    as_link: bool,
    target: Option<String>,
    target_is_no_folder: bool,
}

#[async_trait]
impl Builtin for Copy {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> Result<ExecResult> {
        let name = if self.moves { "mv" } else { "cp" };
        let (options, mut operands) = match parse(name, ctx.args) {
            Ok(parsed) => parsed,
            Err(result) => return Ok(result),
        };
        let is_into = options.target.is_some();
        let target = match options
            .target
            .clone()
            .or_else(|| (operands.len() > 1).then(|| operands.pop().unwrap_or_default()))
        {
            Some(target) => target,
            None => {
                return Ok(report::usage(
                    name,
                    match operands.first() {
                        Some(word) => format!("missing destination file operand after '{word}'"),
                        None => "missing file operand".to_owned(),
                    },
                ));
            }
        };
        let is_folder = !options.target_is_no_folder
            && ctx
                .fs
                .stat(&report::path(&ctx, &target))
                .await
                .is_ok_and(|m| m.file_type.is_dir());
        let mut report = Report::new(name);
        if !is_folder && (is_into || operands.len() > 1 || options.with_parents) {
            report.fail(format!("target '{target}' is not a directory"));
            return Ok(report.end());
        }
        for word in &operands {
            let to = match is_folder {
                true if options.with_parents => {
                    let word = word.trim_start_matches('/').trim_end_matches('/');
                    let to = report::join(&target, word);
                    if let Some(parent) = Path::new(&to).parent().and_then(Path::to_str) {
                        let _ = ctx.fs.mkdir(&report::path(&ctx, parent), true).await;
                    }
                    to
                }
                // `cp -r folder/. there` copies what is in it.
                true => match report::last_name(word) {
                    "." | ".." => target.clone(),
                    name => report::join(&target, name),
                },
                false => target.clone(),
            };
            let mut transfer = Transfer {
                ctx: &ctx,
                options: &options,
                name,
                report: &mut report,
            };
            match self.moves {
                true => transfer.move_to(word, &to).await,
                false => transfer.copy_to(word, &to).await,
            }
        }
        Ok(report.end())
    }
}

fn parse(
    name: &'static str,
    args: &[String],
) -> std::result::Result<(Options, Vec<String>), ExecResult> {
    let moves = name == "mv";
    let mut options = Options {
        is_recursive: moves,
        keeps_links: moves,
        ..Options::default()
    };
    let mut operands = Vec::new();
    let mut words = Words::new(args);
    while let Some(word) = words.next() {
        match word {
            Word::Operand(word) => operands.push(word.to_owned()),
            Word::Short(letter) => match letter {
                'f' => {
                    options.is_forced = true;
                    options.keeps_target = false;
                }
                // Nobody is there to ask.
                'n' | 'i' => options.keeps_target = true,
                'u' => options.only_newer = true,
                'v' => options.is_verbose = true,
                'T' => options.target_is_no_folder = true,
                't' => match words.value("-t") {
                    Ok(target) => options.target = Some(target.to_owned()),
                    Err(message) => return Err(report::usage(name, message)),
                },
                'r' | 'R' if !moves => options.is_recursive = true,
                'a' if !moves => {
                    options.is_recursive = true;
                    options.keeps_links = true;
                    options.keeps_times = true;
                }
                'd' | 'P' if !moves => options.keeps_links = true,
                'L' if !moves => options.follows_all = true,
                'H' if !moves => options.keeps_links = false,
                'p' if !moves => options.keeps_times = true,
                's' | 'l' if !moves => options.as_link = true,
                'x' | 'b' => {}
                letter => return Err(report::invalid_letter(name, letter)),
            },
            Word::Long(long, value) => match long {
                "force" => options.is_forced = true,
                "no-clobber" | "interactive" => options.keeps_target = true,
                "update" => options.only_newer = true,
                "verbose" => options.is_verbose = true,
                "no-target-directory" => options.target_is_no_folder = true,
                "target-directory" => options.target = value.map(str::to_owned),
                "recursive" if !moves => options.is_recursive = true,
                "archive" if !moves => {
                    options.is_recursive = true;
                    options.keeps_links = true;
                    options.keeps_times = true;
                }
                "no-dereference" if !moves => options.keeps_links = true,
                "dereference" if !moves => options.follows_all = true,
                "preserve" if !moves => options.keeps_times = true,
                "parents" if !moves => options.with_parents = true,
                "symbolic-link" | "link" if !moves => options.as_link = true,
                "no-preserve"
                | "reflink"
                | "sparse"
                | "one-file-system"
                | "backup"
                | "strip-trailing-slashes"
                | "remove-destination" => {}
                "help" => {
                    let text = format!("usage: {name} [OPTION]... SOURCE... DESTINATION\n");
                    return Err(ExecResult::ok(text));
                }
                long => return Err(report::unknown_option(name, long)),
            },
        }
    }
    Ok((options, operands))
}

struct Transfer<'a, 'c> {
    ctx: &'a BuiltinContext<'c>,
    options: &'a Options,
    name: &'static str,
    report: &'a mut Report,
}

impl Transfer<'_, '_> {
    async fn stat(&self, path: &Path) -> Result<Metadata> {
        match self.options.keeps_links {
            true => self.ctx.fs.lstat(path).await,
            false => self.ctx.fs.stat(path).await,
        }
    }

    /// Whether the target is to stay, or cannot be replaced.
    async fn stays(&mut self, word: &str, source: &Metadata, to: &str, target: &Path) -> bool {
        let Ok(there) = self.ctx.fs.lstat(target).await else {
            return false;
        };
        let from = report::path(self.ctx, word);
        if same_place(&from, target) || self.is_same_file(&from, source, target).await {
            self.report
                .fail(format!("'{word}' and '{to}' are the same file"));
            return true;
        }
        if self.options.keeps_target || self.options.only_newer && there.modified >= source.modified
        {
            return true;
        }
        let leads_to_folder = self
            .ctx
            .fs
            .stat(target)
            .await
            .is_ok_and(|m| m.file_type.is_dir());
        if leads_to_folder && !source.file_type.is_dir() {
            let what = format!("cannot overwrite directory '{to}' with non-directory");
            self.report.fail(what);
            return true;
        }
        if !leads_to_folder && source.file_type.is_dir() {
            let what = format!("cannot overwrite non-directory '{to}' with directory '{word}'");
            self.report.fail(what);
            return true;
        }
        false
    }

    async fn is_same_file(&self, from: &Path, source: &Metadata, target: &Path) -> bool {
        // A copy through a link onto the file it leads to.
        if self.name != "cp" || self.options.keeps_links || source.file_type.is_dir() {
            return false;
        }
        let from = super::resolve::canonical(self.ctx, from).await;
        let target = super::resolve::canonical(self.ctx, target).await;
        matches!((from, target), (Ok(from), Ok(target)) if from == target)
    }

    fn tell(&mut self, word: &str, to: &str) {
        if self.options.is_verbose {
            let verb = if self.name == "mv" { "renamed " } else { "" };
            self.report.line(format!("{verb}'{word}' -> '{to}'"));
        }
    }

    async fn move_to(&mut self, word: &str, to: &str) {
        let (from, target) = (report::path(self.ctx, word), report::path(self.ctx, to));
        let source = match self.ctx.fs.lstat(&from).await {
            Ok(source) => source,
            Err(error) => {
                return self
                    .report
                    .fail(format!("cannot stat '{word}': {}", report::reason(&error)));
            }
        };
        if self.stays(word, &source, to, &target).await {
            return;
        }
        if source.file_type.is_dir() && target.starts_with(&from) {
            let what = format!("cannot move '{word}' to a subdirectory of itself, '{to}'");
            return self.report.fail(what);
        }
        match self.ctx.fs.rename(&from, &target).await {
            Ok(()) => self.tell(word, to),
            // Between two mappings of the box nothing can be renamed.
            Err(bashkit::Error::Io(error))
                if error.kind() == std::io::ErrorKind::CrossesDevices =>
            {
                let before = self.report.has_failed();
                let mut copies = Options {
                    keeps_times: true,
                    ..Options::default()
                };
                copies.is_recursive = true;
                copies.keeps_links = true;
                let mut copy = Transfer {
                    ctx: self.ctx,
                    options: &copies,
                    name: "mv",
                    report: &mut *self.report,
                };
                Box::pin(copy.copy_to(word, to)).await;
                if before == self.report.has_failed() {
                    if let Err(error) = self.ctx.fs.remove(&from, true).await {
                        let why = report::reason(&error);
                        return self.report.fail(format!("cannot remove '{word}': {why}"));
                    }
                    self.tell(word, to);
                }
            }
            Err(error) => {
                let why = report::reason(&error);
                self.report
                    .fail(format!("cannot move '{word}' to '{to}': {why}"));
            }
        }
    }

    async fn copy_to(&mut self, word: &str, to: &str) {
        let (from, target) = (report::path(self.ctx, word), report::path(self.ctx, to));
        let source = match self.stat(&from).await {
            Ok(source) => source,
            Err(error) => {
                return self
                    .report
                    .fail(format!("cannot stat '{word}': {}", report::reason(&error)));
            }
        };
        if source.file_type.is_dir() && !self.options.is_recursive {
            return self
                .report
                .fail(format!("-r not specified; omitting directory '{word}'"));
        }
        if source.file_type.is_dir() {
            // Not into itself: the copy would never end.
            if target.starts_with(&from) && !same_place(&from, &target) {
                let what = format!("cannot copy a directory, '{word}', into itself, '{to}'");
                return self.report.fail(what);
            }
            return Box::pin(self.copy_folder(word, &source, to)).await;
        }
        if self.stays(word, &source, to, &target).await {
            return;
        }
        if let Err(error) = self.copy_file(&from, &source, &target).await {
            let why = report::reason(&error);
            return self
                .report
                .fail(format!("cannot create regular file '{to}': {why}"));
        }
        self.tell(word, to);
    }

    async fn copy_file(&self, from: &Path, source: &Metadata, target: &Path) -> Result<()> {
        let fs = &self.ctx.fs;
        if source.file_type.is_symlink() || self.options.as_link {
            let content = match self.options.as_link {
                true => from.to_path_buf(),
                false => fs.read_link(from).await?,
            };
            if fs.lstat(target).await.is_ok() {
                fs.remove(target, false).await?;
            }
            return fs.symlink(&content, target).await;
        }
        if fs.copy(from, target).await.is_err() {
            if self.options.is_forced && fs.lstat(target).await.is_ok() {
                fs.remove(target, false).await?;
            }
            fs.copy(from, target).await?;
        }
        if self.options.keeps_times {
            let _ = fs.set_modified_time(target, source.modified).await;
        }
        Ok(())
    }

    async fn copy_folder(&mut self, word: &str, source: &Metadata, to: &str) {
        let (from, target) = (report::path(self.ctx, word), report::path(self.ctx, to));
        match self.ctx.fs.stat(&target).await {
            Ok(there) if !there.file_type.is_dir() => {
                let what = format!("cannot overwrite non-directory '{to}' with directory '{word}'");
                return self.report.fail(what);
            }
            Ok(_) => {}
            Err(_) => {
                if let Err(error) = self.ctx.fs.mkdir(&target, false).await {
                    let why = report::reason(&error);
                    return self
                        .report
                        .fail(format!("cannot create directory '{to}': {why}"));
                }
                self.tell(word, to);
            }
        }
        let entries = match self.ctx.fs.read_dir(&from).await {
            Ok(entries) => entries,
            Err(error) => {
                let why = report::reason(&error);
                return self.report.fail(format!("cannot access '{word}': {why}"));
            }
        };
        for entry in entries {
            let (from, to) = (
                report::join(word, &entry.name),
                report::join(to, &entry.name),
            );
            // Below the words of the command line, links are copied as links.
            match entry.metadata.file_type.is_symlink() && !self.options.follows_all {
                true => self.copy_link(&from, &to).await,
                false => Box::pin(self.copy_to(&from, &to)).await,
            }
        }
        if self.options.keeps_times {
            let _ = self
                .ctx
                .fs
                .set_modified_time(&target, source.modified)
                .await;
        }
    }

    async fn copy_link(&mut self, word: &str, to: &str) {
        let (from, target) = (report::path(self.ctx, word), report::path(self.ctx, to));
        let copied = match self.ctx.fs.read_link(&from).await {
            Ok(content) => {
                if self.ctx.fs.lstat(&target).await.is_ok() {
                    let _ = self.ctx.fs.remove(&target, false).await;
                }
                self.ctx.fs.symlink(&content, &target).await
            }
            Err(error) => Err(error),
        };
        match copied {
            Ok(()) => self.tell(word, to),
            Err(error) => {
                let why = report::reason(&error);
                self.report
                    .fail(format!("cannot create symbolic link '{to}': {why}"));
            }
        }
    }
}

fn same_place(a: &Path, b: &Path) -> bool {
    let plain = |path: &Path| -> PathBuf { bashkit::normalize_path(path) };
    plain(a) == plain(b)
}
