//! What goes back: the tool contract's JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::document::Document;
use crate::input::{Format, Input};
use crate::{clean, decode, text};

const IMAGE_MAX_BYTES: usize = 5 << 20;
/// Of the page behind an error status, characters.
const ERROR_MAX_LENGTH: usize = 2000;

pub fn failure(message: &str) -> Value {
    json!({ "content": message, "is_error": true })
}

pub fn of(input: &Input, document: Document) -> Result<Value, String> {
    let mut metadata = json!({
        "url": document.head.url,
        "status": document.head.status,
        "content_type": document.content_type,
        "bytes": document.body.len(),
        "redirected": document.head.redirected,
        "truncated": document.is_cut,
    });
    if let Some(block) = binary(&document)? {
        return Ok(json!({ "content": [block], "is_error": false, "metadata": metadata }));
    }
    let whole = render(input, &document, &mut metadata)?;
    let is_error = document.head.status >= 400;
    let content = if is_error {
        let short: String = whole.chars().take(ERROR_MAX_LENGTH).collect();
        format!(
            "{} answered status {}\n\n{short}",
            document.head.url, document.head.status
        )
    } else {
        page_of(input, &document, &whole, &mut metadata)?
    };
    Ok(json!({ "content": content, "is_error": is_error, "metadata": metadata }))
}

/// The part that was asked for, and how to go on.
fn page_of(
    input: &Input,
    document: &Document,
    whole: &str,
    metadata: &mut Value,
) -> Result<String, String> {
    let length = whole.chars().count();
    if input.start_index > 0 && input.start_index >= length {
        return Err(format!(
            "start_index: {} is past the end; the text has {length} characters",
            input.start_index
        ));
    }
    let mut content: String = whole
        .chars()
        .skip(input.start_index)
        .take(input.max_length)
        .collect();
    let end = input.start_index + content.chars().count();
    metadata["length"] = json!(length);
    if end < length {
        metadata["truncated"] = json!(true);
        metadata["next_index"] = json!(end);
        content.push_str(&format!(
            "\n\n[Characters {} to {end} of {length}; go on with start_index {end}]",
            input.start_index
        ));
    }
    if document.is_cut {
        content.push_str(&format!(
            "\n\n[The response went on past max_bytes, {}; what follows was not read]",
            input.max_bytes
        ));
    }
    if content.is_empty() {
        content.push_str("(the page has no text)");
    }
    Ok(content)
}

fn render(input: &Input, document: &Document, metadata: &mut Value) -> Result<String, String> {
    let kind = document.content_type.as_str();
    let is_html = matches!(kind, "text/html" | "application/xhtml+xml");
    let is_json = kind == "application/json" || kind.ends_with("+json");
    let is_text = kind.starts_with("text/")
        || kind == "application/xml"
        || kind.ends_with("+xml")
        || matches!(
            kind,
            "application/javascript"
                | "application/x-javascript"
                | "application/x-ndjson"
                | "application/yaml"
                | "application/x-yaml"
                | "application/toml"
                | "application/x-sh"
        );
    if !is_html && !is_json && !is_text && !document.body.is_empty() {
        return Err(format!(
            "{}: {} ({} bytes{}) is not text; expected a page, text, JSON, XML, an image or a PDF",
            document.head.url,
            if kind.is_empty() {
                "a response without a type"
            } else {
                kind
            },
            document.body.len(),
            if document.is_cut { " and more" } else { "" },
        ));
    }
    let source = decode::text(&document.body, document.charset.as_deref(), is_html);
    if is_html && input.format != Format::Html {
        let page = clean::page(&source, &document.head.url, input.main_content);
        if let Some(title) = page.title {
            metadata["title"] = json!(title);
        }
        if page.is_cut {
            metadata["truncated"] = json!(true);
        }
        return Ok(match input.format {
            Format::Text => text::plain(&page.root),
            _ => text::markdown(&page.root),
        });
    }
    let visible: String = source
        .chars()
        .filter(|c| !clean::is_invisible(*c))
        .collect();
    if is_json && let Ok(value) = serde_json::from_str::<Value>(&visible) {
        return Ok(serde_json::to_string_pretty(&value).unwrap_or(visible));
    }
    Ok(visible)
}

/// Images and PDFs go back as they are.
fn binary(document: &Document) -> Result<Option<Value>, String> {
    let kind = document.content_type.as_str();
    let is_image = matches!(
        kind,
        "image/png" | "image/jpeg" | "image/gif" | "image/webp"
    );
    let is_pdf = kind == "application/pdf";
    if document.head.status >= 400 || !(is_image || is_pdf) {
        return Ok(None);
    }
    if document.is_cut || document.body.len() > IMAGE_MAX_BYTES {
        return Err(format!(
            "{}: {kind} of more than {} bytes; expected at most {IMAGE_MAX_BYTES}",
            document.head.url,
            document.body.len().min(IMAGE_MAX_BYTES),
        ));
    }
    let data = STANDARD.encode(&document.body);
    Ok(Some(if is_image {
        json!({ "type": "image", "data": data, "mimeType": kind })
    } else {
        json!({ "type": "resource", "resource":
            { "uri": document.head.url, "mimeType": kind, "blob": data } })
    }))
}
