//! How a file's bytes are text, and back without loss. A byte order mark
//! decides; without one it is UTF-8, or windows-1252, the superset of Latin-1
//! that such files are in practice (WHATWG Encoding, index windows-1252).

#[derive(Clone, Copy, PartialEq)]
pub enum Encoding {
    /// Bytes that are no UTF-8 are kept as they are.
    Utf8,
    Utf8Bom,
    Utf16Le,
    Utf16Be,
    Windows1252,
}

impl Encoding {
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Utf8 => "utf-8",
            Encoding::Utf8Bom => "utf-8 with a byte order mark",
            Encoding::Utf16Le => "utf-16le",
            Encoding::Utf16Be => "utf-16be",
            Encoding::Windows1252 => "windows-1252",
        }
    }
}

/// Code points of 0x80 to 0x9f.
const WINDOWS_1252: [u16; 32] = [
    0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039,
    0x0152, 0x008d, 0x017d, 0x008f, 0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
    0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
];

/// The file's text as UTF-8 (without a byte order mark), or what it is instead.
pub fn decode(data: Vec<u8>) -> Result<(Encoding, Vec<u8>), &'static str> {
    if data.starts_with(b"\xef\xbb\xbf") {
        if data.contains(&0) {
            return Err("binary");
        }
        return Ok((Encoding::Utf8Bom, data[3..].to_vec()));
    }
    if data.starts_with(b"\xff\xfe") && !data.starts_with(b"\xff\xfe\0\0") {
        return Ok((
            Encoding::Utf16Le,
            decode_utf16(&data[2..], u16::from_le_bytes)?,
        ));
    }
    if data.starts_with(b"\xfe\xff") {
        return Ok((
            Encoding::Utf16Be,
            decode_utf16(&data[2..], u16::from_be_bytes)?,
        ));
    }
    if data.contains(&0) {
        return Err("binary");
    }
    if is_mostly_utf8(&data) {
        return Ok((Encoding::Utf8, data));
    }
    let text: String = data.iter().map(|&b| decode_byte(b)).collect();
    Ok((Encoding::Windows1252, text.into_bytes()))
}

/// More characters outside ASCII than bytes that belong to none.
fn is_mostly_utf8(data: &[u8]) -> bool {
    let (mut good, mut bad) = (0usize, 0usize);
    for chunk in data.utf8_chunks() {
        good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        bad += chunk.invalid().len();
    }
    bad == 0 || good > bad
}

fn decode_byte(byte: u8) -> char {
    let c = match byte {
        0x80..=0x9f => u32::from(WINDOWS_1252[usize::from(byte - 0x80)]),
        _ => u32::from(byte),
    };
    char::from_u32(c).expect("no surrogates in the table")
}

fn encode_char(c: char) -> Option<u8> {
    let c = u32::from(c);
    if let Some(i) = WINDOWS_1252.iter().position(|&w| u32::from(w) == c) {
        return Some(0x80 + i as u8);
    }
    u8::try_from(c).ok().filter(|b| !(0x80..=0x9f).contains(b))
}

fn decode_utf16(data: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Vec<u8>, &'static str> {
    let (pairs, rest) = data.as_chunks::<2>();
    if !rest.is_empty() {
        return Err("UTF-16 with half a character at its end");
    }
    char::decode_utf16(pairs.iter().map(|&pair| unit(pair)))
        .collect::<Result<String, _>>()
        .map(String::into_bytes)
        .map_err(|_| "malformed UTF-16")
}

/// Text in the encoding its file has; the error is a character that the
/// encoding does not have.
pub fn encode(text: &[u8], encoding: Encoding) -> Result<Vec<u8>, char> {
    let as_text = || String::from_utf8_lossy(text);
    match encoding {
        Encoding::Utf8 => Ok(text.to_vec()),
        Encoding::Utf8Bom => Ok([b"\xef\xbb\xbf", text].concat()),
        Encoding::Utf16Le => Ok(std::iter::once(0xfeff)
            .chain(as_text().encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect()),
        Encoding::Utf16Be => Ok(std::iter::once(0xfeff)
            .chain(as_text().encode_utf16())
            .flat_map(u16::to_be_bytes)
            .collect()),
        Encoding::Windows1252 => as_text().chars().map(|c| encode_char(c).ok_or(c)).collect(),
    }
}
