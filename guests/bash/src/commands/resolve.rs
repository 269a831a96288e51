//! `realpath` and `readlink`: paths without links.

use std::path::{Component, Path, PathBuf};

use bashkit::{Builtin, BuiltinContext, Error, ExecResult, Result, async_trait};

use super::link;
use super::report::{self, Report};
use crate::words::{Word, Words};

pub struct Resolve {
    pub name: &'static str,
}

#[derive(Clone, Copy, PartialEq)]
enum Missing {
    /// All but the last part exists.
    Last,
    None,
    Any,
}

const MAX_LINKS: usize = 40; /* as Linux */

#[async_trait]
impl Builtin for Resolve {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> Result<ExecResult> {
        let is_readlink = self.name == "readlink";
        let mut missing = if is_readlink {
            None
        } else {
            Some(Missing::Last)
        };
        let (mut end, mut is_quiet, mut keeps_links) = ("\n", is_readlink, false);
        let mut relative_to = None;
        let mut operands = Vec::new();
        let mut words = Words::new(ctx.args);
        while let Some(word) = words.next() {
            match word {
                Word::Operand(word) => operands.push(word),
                Word::Short('f') | Word::Long("canonicalize", _) => missing = Some(Missing::Last),
                Word::Short('e') | Word::Long("canonicalize-existing", _) => {
                    missing = Some(Missing::None);
                }
                Word::Short('m') | Word::Long("canonicalize-missing", _) => {
                    missing = Some(Missing::Any);
                }
                Word::Short('n') | Word::Long("no-newline", _) => end = "",
                Word::Short('z') | Word::Long("zero", _) => end = "\0",
                Word::Short('q') | Word::Long("quiet" | "silent", _) => is_quiet = true,
                Word::Short('v') | Word::Long("verbose", _) => is_quiet = false,
                Word::Short('s') | Word::Long("no-symlinks" | "strip", _) => keeps_links = true,
                Word::Short('P' | 'L') | Word::Long("physical" | "logical", _) => {}
                Word::Long("relative-to", Some(folder)) => relative_to = Some(folder),
                Word::Short(letter) => return Ok(report::invalid_letter(self.name, letter)),
                Word::Long(name, _) => return Ok(report::unknown_option(self.name, name)),
            }
        }
        if operands.is_empty() {
            return Ok(report::usage(self.name, "missing operand"));
        }
        let mut report = Report::new(self.name);
        for word in operands {
            let path = report::path(&ctx, word);
            let resolved = match missing {
                None => ctx.fs.read_link(&path).await,
                Some(_) if keeps_links => Ok(bashkit::normalize_path(&path)),
                Some(missing) => resolve(&ctx, &path, missing).await,
            };
            match resolved {
                Ok(mut resolved) => {
                    if let Some(folder) = relative_to {
                        resolved = link::relative(&resolved, &report::path(&ctx, folder));
                    }
                    report
                        .stdout
                        .push_str(&format!("{}{end}", resolved.display()));
                }
                Err(_) if is_quiet => report.fail_silently(),
                Err(error) => report.fail(format!("{word}: {}", report::reason(&error))),
            }
        }
        Ok(report.end())
    }
}

/// The path with every link followed; what it names exists.
pub async fn canonical(ctx: &BuiltinContext<'_>, path: &Path) -> Result<PathBuf> {
    resolve(ctx, path, Missing::None).await
}

async fn resolve(ctx: &BuiltinContext<'_>, path: &Path, missing: Missing) -> Result<PathBuf> {
    let mut left = parts(path);
    let mut done = PathBuf::from("/");
    let mut links = 0;
    let mut is_missing = false;
    while let Some(part) = left.pop() {
        if part == ".." {
            done.pop();
            continue;
        }
        done.push(&part);
        if is_missing {
            continue;
        }
        match ctx.fs.lstat(&done).await {
            Ok(metadata) if metadata.file_type.is_symlink() => {
                links += 1;
                if links > MAX_LINKS {
                    return Err(Error::Io(std::io::Error::other(
                        "Too many levels of symbolic links",
                    )));
                }
                let content = ctx.fs.read_link(&done).await?;
                done.pop();
                if content.is_absolute() {
                    done = PathBuf::from("/");
                }
                left.extend(parts(&content));
            }
            Ok(metadata) if !left.is_empty() && !metadata.file_type.is_dir() => {
                if missing != Missing::Any {
                    return Err(Error::Io(std::io::Error::other("Not a directory")));
                }
                is_missing = true;
            }
            Ok(_) => {}
            Err(_) if missing == Missing::Any => is_missing = true,
            Err(_) if missing == Missing::Last && left.is_empty() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Last first.
fn parts(path: &Path) -> Vec<String> {
    let part = |part: Component<'_>| match part {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        Component::ParentDir => Some("..".to_owned()),
        _ => None,
    };
    path.components().rev().filter_map(part).collect()
}
