//! `split`.

use bashkit::{Builtin, BuiltinContext, ExecResult, Result, async_trait};

use super::report::{self, Report};
use crate::fetch;
use crate::words::{Word, Words};

pub struct Split;

#[derive(Clone, Copy)]
enum By {
    Lines(usize),
    Bytes(usize),
    Parts(usize),
}

struct Names {
    prefix: String,
    suffix: String,
    length: usize,
    first: Option<usize>,
    base: usize,
}

#[async_trait]
impl Builtin for Split {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> Result<ExecResult> {
        let mut by = By::Lines(1000);
        let mut names = Names {
            prefix: "x".into(),
            suffix: String::new(),
            length: 2,
            first: None,
            base: 26,
        };
        let mut operands = Vec::new();
        let mut is_verbose = false;
        let mut words = Words::new(ctx.args);
        while let Some(word) = words.next() {
            let (name, given) = match word {
                Word::Operand(word) => {
                    operands.push(word);
                    continue;
                }
                Word::Short(digit @ '0'..='9') => {
                    let rest = words.value("").unwrap_or_default();
                    by = By::Lines(format!("{digit}{rest}").parse().unwrap_or(1000));
                    continue;
                }
                Word::Short('l') => ("lines", None),
                Word::Short('b' | 'C') => ("bytes", None),
                Word::Short('n') => ("number", None),
                Word::Short('a') => ("suffix-length", None),
                Word::Short('d') => ("numeric-suffixes", Some("0")),
                Word::Short('x') => ("hex-suffixes", Some("0")),
                Word::Long("line-bytes", value) => ("bytes", value),
                Word::Long("numeric-suffixes", None) => ("numeric-suffixes", Some("0")),
                Word::Long("verbose", _) => {
                    is_verbose = true;
                    continue;
                }
                Word::Long(name, value) => (name, value),
                Word::Short(letter) => return Ok(report::invalid_letter("split", letter)),
            };
            let value = match given.map_or_else(|| words.value(&format!("--{name}")), Ok) {
                Ok(value) => value,
                Err(message) => return Ok(report::usage("split", message)),
            };
            let number = size(value.trim_start_matches("l/").trim_start_matches("r/"));
            let count = number.filter(|count| *count > 0);
            match (name, count) {
                ("lines", Some(count)) => by = By::Lines(count),
                ("bytes", Some(count)) => by = By::Bytes(count),
                ("number", Some(count)) => by = By::Parts(count),
                ("suffix-length", Some(count)) => names.length = count.min(16),
                ("additional-suffix", _) => names.suffix = value.to_owned(),
                ("numeric-suffixes", _) => (names.base, names.first) = (10, number),
                ("hex-suffixes", _) => (names.base, names.first) = (16, number),
                ("lines" | "bytes" | "number" | "suffix-length", None) => {
                    let what = format!("invalid number of {name}: '{value}'");
                    return Ok(report::usage("split", what));
                }
                (name, _) => return Ok(report::unknown_option("split", name)),
            }
        }
        let input = match fetch::read_input(&ctx, operands.first().unwrap_or(&"-")).await {
            Ok(input) => input,
            Err(message) => return Ok(report::usage("split", message)),
        };
        if let Some(prefix) = operands.get(1) {
            names.prefix = prefix.to_string();
        }
        let mut report = Report::new("split");
        for (number, piece) in pieces(&input, by).into_iter().enumerate() {
            let Some(name) = names.name(number) else {
                report.fail("output file suffixes exhausted");
                break;
            };
            if is_verbose {
                report.line(format!("creating file '{name}'"));
            }
            if let Err(error) = ctx.fs.write_file(&report::path(&ctx, &name), piece).await {
                report.fail(format!("{name}: {}", report::reason(&error)));
                break;
            }
        }
        Ok(report.end())
    }
}

/// `10`, `2K`, `1MB`
fn size(text: &str) -> Option<usize> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: usize = text[..digits].parse().ok()?;
    let scale = match &text[digits..] {
        "" => 1,
        "b" => 512,
        "K" | "k" | "KiB" => 1 << 10,
        "KB" => 1000,
        "M" | "m" | "MiB" => 1 << 20,
        "MB" => 1_000_000,
        "G" | "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(scale)
}

fn pieces(input: &[u8], by: By) -> Vec<&[u8]> {
    match by {
        By::Bytes(bytes) => input.chunks(bytes).collect(),
        By::Parts(parts) => {
            let cut =
                |number: usize| (input.len() as u128 * number as u128 / parts as u128) as usize;
            (0..parts)
                .map(|number| &input[cut(number)..cut(number + 1)])
                .collect()
        }
        By::Lines(lines) => {
            let mut pieces = Vec::new();
            let (mut start, mut count) = (0, 0);
            for (place, _) in input.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
                count += 1;
                if count == lines {
                    pieces.push(&input[start..=place]);
                    (start, count) = (place + 1, 0);
                }
            }
            if start < input.len() {
                pieces.push(&input[start..]);
            }
            pieces
        }
    }
}

impl Names {
    fn name(&self, number: usize) -> Option<String> {
        let mut number = number + self.first.unwrap_or(0);
        let mut suffix = Vec::new();
        for _ in 0..self.length {
            let digit = (number % self.base) as u8;
            suffix.push(match self.base {
                26 => b'a' + digit,
                _ if digit < 10 => b'0' + digit,
                _ => b'a' + digit - 10,
            });
            number /= self.base;
        }
        suffix.reverse();
        let suffix = String::from_utf8(suffix).ok().filter(|_| number == 0)?;
        Some(format!("{}{suffix}{}", self.prefix, self.suffix))
    }
}
