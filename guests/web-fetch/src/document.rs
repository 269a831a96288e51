//! From a URL to bytes of a known type.

use boxagnts_guest::http::{Head, Redirect, Request, Response};

use crate::input::Input;

pub struct Document {
    pub head: Head,
    /// Lower case, without parameters.
    pub content_type: String,
    pub charset: Option<String>,
    pub body: Vec<u8>,
    /// The body went on past max_bytes.
    pub is_cut: bool,
}

const ACCEPT: &str = "text/html,application/xhtml+xml,text/markdown,text/plain;q=0.9,\
                      application/json;q=0.9,application/xml;q=0.8,*/*;q=0.5";

pub fn fetch(input: &Input) -> Result<Document, String> {
    let mut request = Request::new("GET", &input.url);
    request.redirect = Redirect::Follow;
    request.timeout_ms = input.timeout_ms;
    request
        .headers
        .push(("Accept".to_owned(), ACCEPT.to_owned()));
    for (name, value) in &input.headers {
        request
            .headers
            .retain(|(given, _)| !given.eq_ignore_ascii_case(name));
        request.headers.push((name.clone(), value.clone()));
    }
    let mut response = request
        .send(&[])
        .map_err(|error| told(&input.url, &error))?;
    let (content_type, charset) = content_type(&response.head);
    let (body, is_cut) = read(&mut response, input)?;
    Ok(Document {
        content_type: sniff(content_type, &body),
        charset,
        head: response.head,
        body,
        is_cut,
    })
}

fn told(url: &str, error: &boxagnts_guest::Error) -> String {
    format!("{url}: {}", error.reason())
}

/// Never more than max_bytes: what lies beyond is not read at all.
fn read(response: &mut Response, input: &Input) -> Result<(Vec<u8>, bool), String> {
    let mut body = Vec::new();
    let mut chunk = vec![0u8; 64 * 1024];
    loop {
        let room = input.max_bytes - body.len();
        let want = chunk.len().min(room.max(1));
        let len = response
            .read(&mut chunk[..want])
            .map_err(|error| told(&input.url, &error))?;
        if len == 0 {
            return Ok((body, false));
        }
        if room == 0 {
            return Ok((body, true));
        }
        body.extend_from_slice(&chunk[..len]);
    }
}

fn content_type(head: &Head) -> (String, Option<String>) {
    let value = head.header("content-type").unwrap_or_default();
    let mut parts = value.split(';');
    let essence = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let charset = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| value.to_owned())
    });
    (essence, charset)
}

/// Servers that give no type, or one that says nothing.
fn sniff(essence: String, body: &[u8]) -> String {
    if !matches!(
        essence.as_str(),
        "" | "application/octet-stream" | "unknown/unknown"
    ) {
        return essence;
    }
    let start = &body[..body.len().min(1024)];
    let trimmed = start.trim_ascii_start().to_ascii_lowercase();
    let found = if start.starts_with(b"%PDF-") {
        "application/pdf"
    } else if start.starts_with(b"\x89PNG\r\n\x1a\n") {
        "image/png"
    } else if start.starts_with(b"\xff\xd8\xff") {
        "image/jpeg"
    } else if start.starts_with(b"GIF8") {
        "image/gif"
    } else if start.len() >= 12 && &start[..4] == b"RIFF" && &start[8..12] == b"WEBP" {
        "image/webp"
    } else if trimmed.starts_with(b"<!doctype html") || trimmed.starts_with(b"<html") {
        "text/html"
    } else if start.contains(&0) {
        "application/octet-stream"
    } else {
        "text/plain"
    };
    found.to_owned()
}
