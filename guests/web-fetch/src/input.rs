//! What is asked for.

use serde::Deserialize;
use url::Url;

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Markdown,
    Text,
    Html,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    pub url: String,
    #[serde(default = "default_format")]
    pub format: Format,
    /// Characters of text in one answer.
    #[serde(default = "default_length")]
    pub max_length: usize,
    /// Where in the text to go on, characters.
    #[serde(default)]
    pub start_index: usize,
    /// Bytes of the response read at most.
    #[serde(default = "default_bytes")]
    pub max_bytes: usize,
    #[serde(default)]
    pub main_content: bool,
    #[serde(default)]
    pub headers: std::collections::BTreeMap<String, String>,
    pub timeout_ms: Option<u64>,
}

fn default_format() -> Format {
    Format::Markdown
}

fn default_length() -> usize {
    50_000
}

fn default_bytes() -> usize {
    10 << 20
}

pub fn parse(text: &[u8]) -> Result<Input, String> {
    let mut input: Input =
        serde_json::from_slice(text).map_err(|error| format!("the input: {error}"))?;
    if input.max_length == 0 || input.max_length > 1_000_000 {
        return Err("max_length: expected 1 to 1000000 characters".to_owned());
    }
    if input.max_bytes == 0 || input.max_bytes > 64 << 20 {
        return Err("max_bytes: expected 1 to 67108864".to_owned());
    }
    input.url = absolute(input.url.trim())?;
    Ok(input)
}

/// "example.com/page" means https; other schemes are told apart from it.
fn absolute(text: &str) -> Result<String, String> {
    let guess = match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => return Ok(text.to_owned()),
        // "example.com:8080/x" parses as a scheme of its own.
        Ok(url) if text.contains("://") || !url.scheme().contains('.') => {
            return Err(format!(
                "url: '{}' is not fetched; expected http:// or https://",
                url.scheme()
            ));
        }
        _ => format!("https://{text}"),
    };
    match Url::parse(&guess) {
        Ok(url)
            if url
                .host_str()
                .is_some_and(|host| host.contains('.') || host == "localhost") =>
        {
            Ok(guess)
        }
        _ => Err(format!(
            "url: '{text}' is not a URL; expected https://host/path"
        )),
    }
}
