//! `mkdir`.

use bashkit::{Builtin, BuiltinContext, ExecResult, Result, async_trait};

use super::chmod;
use super::report::{self, Report};
use crate::words::{Word, Words};

pub struct Mkdir;

#[async_trait]
impl Builtin for Mkdir {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> Result<ExecResult> {
        let (mut with_parents, mut is_verbose, mut mode) = (false, false, None);
        let mut operands = Vec::new();
        let mut words = Words::new(ctx.args);
        while let Some(word) = words.next() {
            match word {
                Word::Operand(word) => operands.push(word),
                Word::Short('p') | Word::Long("parents", _) => with_parents = true,
                Word::Short('v') | Word::Long("verbose", _) => is_verbose = true,
                Word::Long("mode", Some(value)) => mode = Some(value),
                Word::Short('m') | Word::Long("mode", None) => match words.value("-m") {
                    Ok(value) => mode = Some(value),
                    Err(message) => return Ok(report::usage("mkdir", message)),
                },
                Word::Short(letter) => return Ok(report::invalid_letter("mkdir", letter)),
                Word::Long(name, _) => return Ok(report::unknown_option("mkdir", name)),
            }
        }
        let mode = match mode {
            None => None,
            Some(text) => match chmod::Change::parse(text) {
                Some(change) => Some(change),
                None => return Ok(report::usage("mkdir", format!("invalid mode '{text}'"))),
            },
        };
        if operands.is_empty() {
            return Ok(report::usage("mkdir", "missing operand"));
        }
        let mut report = Report::new("mkdir");
        for word in operands {
            let made = match with_parents {
                true => make_all(&ctx, word, is_verbose, &mut report).await,
                false => ctx.fs.mkdir(&report::path(&ctx, word), false).await,
            };
            match made {
                Ok(()) => {
                    if is_verbose && !with_parents {
                        report.line(format!("mkdir: created directory '{word}'"));
                    }
                    if let Some(mode) = &mode {
                        let bits = mode.apply(0o777, true);
                        let _ = ctx.fs.chmod(&report::path(&ctx, word), bits).await;
                    }
                }
                Err(error) => {
                    let why = report::reason(&error);
                    report.fail(format!("cannot create directory '{word}': {why}"));
                }
            }
        }
        Ok(report.end())
    }
}

/// Each folder on the way that is missing.
async fn make_all(
    ctx: &BuiltinContext<'_>,
    word: &str,
    is_verbose: bool,
    report: &mut Report,
) -> Result<()> {
    let ends = word
        .char_indices()
        .filter(|&(at, letter)| letter == '/' && at > 0);
    let ends: Vec<usize> = ends.map(|(at, _)| at).chain([word.len()]).collect();
    for end in ends {
        let part = &word[..end];
        let path = report::path(ctx, part);
        match ctx.fs.stat(&path).await {
            Ok(metadata) if metadata.file_type.is_dir() => continue,
            Ok(_) if end == word.len() => {
                return Err(std::io::Error::other("File exists").into());
            }
            Ok(_) => return Err(std::io::Error::other("Not a directory").into()),
            Err(_) => ctx.fs.mkdir(&path, false).await?,
        }
        if is_verbose {
            report.line(format!("mkdir: created directory '{part}'"));
        }
    }
    Ok(())
}
