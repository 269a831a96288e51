//! HTTP through the host, which checks every URL, address and redirect.

use serde_json::{Value, json};

use crate::error::{EIO, Error};
use crate::raw;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redirect {
    Follow,
    Manual,
    Error,
}

#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub redirect: Redirect,
    pub timeout_ms: Option<u64>,
}

impl Request {
    pub fn new(method: &str, url: &str) -> Self {
        Self {
            method: method.to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            redirect: Redirect::Follow,
            timeout_ms: None,
        }
    }

    /// Send with `body` and wait for the response's head.
    pub fn send(&self, body: &[u8]) -> Result<Response, Error> {
        let exchange = Exchange::open(&self.header())?;
        exchange.write(body)?;
        let head = exchange.head()?;
        Ok(Response { head, exchange })
    }

    fn header(&self) -> String {
        let headers: Vec<Value> = self
            .headers
            .iter()
            .map(|(name, value)| json!([name, value]))
            .collect();
        let mut request = json!({
            "method": self.method,
            "url": self.url,
            "headers": headers,
            "redirect": match self.redirect {
                Redirect::Follow => "follow",
                Redirect::Manual => "manual",
                Redirect::Error => "error",
            },
        });
        if let Some(timeout_ms) = self.timeout_ms {
            request["timeout_ms"] = json!(timeout_ms.max(1));
        }
        request.to_string()
    }
}

#[derive(Clone, Debug)]
pub struct Head {
    pub status: u16,
    /// The last one, after redirects.
    pub url: String,
    pub redirected: bool,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Head {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// A response under way; dropping it ends the request.
pub struct Response {
    pub head: Head,
    exchange: Exchange,
}

impl Response {
    /// Some of the body; 0 is its end.
    pub fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        let handle = self.exchange.0;
        raw::chunk(buf, |data, len, ret| unsafe {
            raw::http_read(handle, data, len, ret)
        })
        .map_err(|errno| self.exchange.failure(errno))
    }
}

struct Exchange(u32);

impl Exchange {
    fn open(request: &str) -> Result<Self, Error> {
        let mut handle = 0u32;
        let answer = unsafe { raw::http_open(request.as_ptr(), request.len(), &mut handle) };
        match raw::errno(answer) {
            0 => Ok(Self(handle)),
            errno => Err(failure(0, errno)),
        }
    }

    fn write(&self, body: &[u8]) -> Result<(), Error> {
        if body.is_empty() {
            return Ok(());
        }
        match raw::errno(unsafe { raw::http_write(self.0, body.as_ptr(), body.len()) }) {
            0 => Ok(()),
            errno => Err(self.failure(errno)),
        }
    }

    fn head(&self) -> Result<Head, Error> {
        let text = raw::text(|buf, len, ret| unsafe { raw::http_head(self.0, buf, len, ret) })
            .map_err(|error| self.failure(error.errno))?;
        parse_head(&text).ok_or_else(|| Error {
            errno: EIO,
            message: "the host sent a head that is not the documented JSON".to_owned(),
        })
    }

    fn failure(&self, errno: u16) -> Error {
        failure(self.0, errno)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        unsafe { raw::http_close(self.0) };
    }
}

fn failure(handle: u32, errno: u16) -> Error {
    let text = raw::text(|buf, len, ret| unsafe { raw::http_error(handle, buf, len, ret) });
    let message = text.map(|text| String::from_utf8_lossy(&text).into_owned());
    Error {
        errno,
        message: message.unwrap_or_default(),
    }
}

fn parse_head(text: &[u8]) -> Option<Head> {
    let head: Value = serde_json::from_slice(text).ok()?;
    let pair = |pair: &Value| {
        Some((
            pair.get(0)?.as_str()?.to_owned(),
            pair.get(1)?.as_str()?.to_owned(),
        ))
    };
    Some(Head {
        status: u16::try_from(head["status"].as_u64()?).ok()?,
        url: head["url"].as_str()?.to_owned(),
        redirected: head["redirected"].as_bool().unwrap_or(false),
        headers: head["headers"]
            .as_array()?
            .iter()
            .filter_map(pair)
            .collect(),
    })
}
