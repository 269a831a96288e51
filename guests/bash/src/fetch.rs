//! What curl and wget share: one request through the host, read to its end.

use std::path::{Path, PathBuf};
use std::time::Instant;

use bashkit::BuiltinContext;
use boxagnts_guest::Error;
use boxagnts_guest::http::{Head, Request};

pub struct Fetched {
    pub head: Head,
    pub body: Vec<u8>,
    /// The body ended early.
    pub failure: Option<Error>,
    pub seconds: f64,
}

pub fn fetch(request: &Request, body: &[u8]) -> Result<Fetched, Error> {
    let start = Instant::now();
    let mut response = request.send(body)?;
    let mut received = Vec::new();
    let mut buf = vec![0u8; 64 * 1024];
    let failure = loop {
        match response.read(&mut buf) {
            Ok(0) => break None,
            Ok(len) => received.extend_from_slice(&buf[..len]),
            Err(error) => break Some(error),
        }
    };
    Ok(Fetched {
        head: response.head.clone(),
        body: received,
        failure,
        seconds: start.elapsed().as_secs_f64(),
    })
}

/// What the command line allows, and `timeout` around it.
pub fn timeout_ms(own: Option<u64>) -> Option<u64> {
    let around = bashkit::host_deadline::left_ms().map(|left| left.max(1));
    own.into_iter().chain(around).min()
}

/// As the command line wrote it, with the scheme curl and wget guess.
pub fn with_scheme(url: &str) -> Result<String, String> {
    match url.split_once("://") {
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") => Ok(url.to_owned()),
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => Ok(url.to_owned()),
        Some((scheme, _)) => Err(scheme.to_owned()),
        None => Ok(format!("http://{url}")),
    }
}

/// The last segment of a URL's path.
pub fn file_name(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    match path.split_once('/') {
        Some((_, path)) => path.rsplit('/').next().unwrap_or_default(),
        None => "",
    }
}

/// Where a word of the command line points.
pub fn resolve(ctx: &BuiltinContext<'_>, path: &str) -> PathBuf {
    let path = Path::new(path);
    match path.is_absolute() {
        true => path.to_path_buf(),
        false => ctx.cwd.join(path),
    }
}

/// A file's bytes, or stdin's for `-`.
pub async fn read_input(ctx: &BuiltinContext<'_>, path: &str) -> Result<Vec<u8>, String> {
    if path == "-" {
        return Ok(ctx.stdin_bytes().unwrap_or_default().to_vec());
    }
    ctx.fs
        .read_file(&resolve(ctx, path))
        .await
        .map_err(|error| format!("{path}: {error}"))
}

pub fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        410 => "Gone",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}

/// The head as it would be on the wire.
pub fn head_text(head: &Head) -> String {
    let mut text = format!(
        "HTTP/1.1 {} {}\r\n",
        head.status,
        reason_phrase(head.status)
    );
    for (name, value) in &head.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word = group
            .iter()
            .fold(0u32, |word, &byte| word << 8 | u32::from(byte));
        let word = word << (8 * (3 - group.len()));
        for place in 0..4 {
            match place <= group.len() {
                true => text.push(char::from(BASE64[(word >> (18 - 6 * place)) as usize & 63])),
                false => text.push('='),
            }
        }
    }
    text
}

pub fn percent_encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}
