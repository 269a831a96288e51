//! Bytes to text: BOM, then the header's charset, then the page's own, then
//! UTF-8 (HTML, 13.2.3.2).

use encoding_rs::{Encoding, UTF_8};

pub fn text(body: &[u8], charset: Option<&str>, is_html: bool) -> String {
    let named = charset.and_then(|label| Encoding::for_label(label.as_bytes()));
    let own = || {
        if is_html {
            declared(&body[..body.len().min(1024)])
        } else {
            None
        }
    };
    let encoding = named.or_else(own).unwrap_or(UTF_8);
    let (text, _, _) = encoding.decode(body);
    text.into_owned()
}

/// `charset=` of a meta element near the start.
fn declared(start: &[u8]) -> Option<&'static Encoding> {
    let lower = start.to_ascii_lowercase();
    let at = lower.windows(8).position(|window| window == b"charset=")? + 8;
    let label: Vec<u8> = lower[at..]
        .iter()
        .copied()
        .skip_while(|byte| matches!(byte, b'"' | b'\'' | b' '))
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':'))
        .collect();
    Encoding::for_label(&label)
}
