//! A command line's words, one option at a time, as getopt_long reads them.

/// A command line's words, one option at a time.
pub struct Words<'a> {
    args: &'a [String],
    next: usize,
    /// What is left of a cluster of short options.
    cluster: &'a str,
    is_operands: bool,
}

pub enum Word<'a> {
    Short(char),
    /// The name, and what follows its `=`.
    Long(&'a str, Option<&'a str>),
    Operand(&'a str),
}

impl<'a> Words<'a> {
    pub fn new(args: &'a [String]) -> Self {
        Self {
            args,
            next: 0,
            cluster: "",
            is_operands: false,
        }
    }

    pub fn next(&mut self) -> Option<Word<'a>> {
        if let Some(letter) = self.cluster.chars().next() {
            self.cluster = &self.cluster[letter.len_utf8()..];
            return Some(Word::Short(letter));
        }
        let arg = self.args.get(self.next)?;
        self.next += 1;
        if self.is_operands || arg == "-" || !arg.starts_with('-') {
            return Some(Word::Operand(arg));
        }
        if arg == "--" {
            self.is_operands = true;
            return self.next();
        }
        if let Some(long) = arg.strip_prefix("--") {
            return Some(match long.split_once('=') {
                Some((name, value)) => Word::Long(name, Some(value)),
                None => Word::Long(long, None),
            });
        }
        self.cluster = &arg[1..];
        self.next()
    }

    /// The value of the option that came last.
    pub fn value(&mut self, option: &str) -> Result<&'a str, String> {
        if !self.cluster.is_empty() {
            return Ok(std::mem::take(&mut self.cluster));
        }
        let arg = self
            .args
            .get(self.next)
            .ok_or(format!("option {option}: requires parameter"))?;
        self.next += 1;
        Ok(arg)
    }
}
