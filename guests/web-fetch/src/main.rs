//! web-fetch: one page of the web as text a model can read.
//!
//! The URL comes from a model and the page from anyone: both are hostile. What
//! may be reached is the policy's business, in the host; what is shown is
//! this module's: nothing a person would not see on the page, nothing past
//! the limits that were asked for.

mod answer;
mod clean;
mod decode;
mod document;
mod input;
mod parse;
mod text;

use std::io::Read;

fn main() {
    let mut text = Vec::new();
    let answer = match std::io::stdin().read_to_end(&mut text) {
        Err(error) => answer::failure(&format!("standard input: {error}")),
        Ok(_) => match input::parse(&text) {
            Err(message) => answer::failure(&message),
            Ok(input) => document::fetch(&input)
                .and_then(|document| answer::of(&input, document))
                .unwrap_or_else(|message| answer::failure(&message)),
        },
    };
    println!("{answer}");
}
