//! One call is one run: JSON on stdin, the answer on stdout. Whatever goes
//! wrong is said on stderr, with an exit status that is not 0.

use serde_json::{json, Value};

fn run(input: &Value) -> Result<Value, String> {
    let text = input["text"].as_str().ok_or("text: expected a string")?;
    let words = text.split_whitespace().count();
    let plural = if words == 1 { "" } else { "s" };
    Ok(json!({
        "content": format!("{words} word{plural}"),
        "metadata": {"words": words},
    }))
}

fn main() {
    let answer = serde_json::from_reader(std::io::stdin())
        .map_err(|error| format!("the input: {error}"))
        .and_then(|input| run(&input));
    match answer {
        Ok(value) => println!("{value}"),
        Err(message) => {
            eprintln!("{message}");
            std::process::exit(1);
        }
    }
}
