//! `wget` as scripts use it: fetch URLs into files or to stdout. Redirects are
//! followed, by the host.

use bashkit::{Builtin, BuiltinContext, ExecResult, Result, async_trait};
use boxagnts_guest::http::Request;

use crate::fetch;
use crate::words::{Word, Words};

pub struct Wget;

const EXIT_USAGE: i32 = 2;
const EXIT_FILE: i32 = 3;
const EXIT_NETWORK: i32 = 4;
const EXIT_SERVER: i32 = 8;

#[derive(Default)]
struct Options {
    urls: Vec<String>,
    is_quiet: bool,
    shows_head: bool,
    is_spider: bool,
    output: Option<String>,
    folder: Option<String>,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    method: Option<String>,
    user: String,
    password: Option<String>,
    timeout_ms: Option<u64>,
}

#[async_trait]
impl Builtin for Wget {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> Result<ExecResult> {
        let options = match parse(&ctx).await {
            Ok(options) => options,
            Err(message) => return Ok(ExecResult::err(format!("wget: {message}\n"), EXIT_USAGE)),
        };
        let (mut stdout, mut log, mut code) = (Vec::new(), String::new(), 0);
        for url in &options.urls {
            match fetch_one(&ctx, &options, url, &mut stdout, &mut log).await {
                Ok(()) => {}
                Err((failed, message)) => {
                    code = failed;
                    if !options.is_quiet {
                        log.push_str(&format!("wget: {url}: {message}\n"));
                    }
                }
            }
        }
        let mut result = ExecResult::ok_bytes(stdout);
        result.stderr = log.into();
        result.exit_code = code;
        Ok(result)
    }
}

async fn parse(ctx: &BuiltinContext<'_>) -> std::result::Result<Options, String> {
    let mut options = Options::default();
    let mut words = Words::new(ctx.args);
    while let Some(word) = words.next() {
        let (name, given) = match word {
            Word::Operand(url) => {
                options.urls.push(url.to_owned());
                continue;
            }
            // -nv, -nc, -nd, -nH and the like are two letters.
            Word::Short('n') => {
                words.value("-n")?;
                continue;
            }
            Word::Short(letter) => (
                match letter {
                    'q' => "quiet",
                    'O' => "output-document",
                    'P' => "directory-prefix",
                    'S' => "server-response",
                    'T' => "timeout",
                    't' => "tries",
                    'U' => "user-agent",
                    'c' => "continue",
                    '4' | '6' => "inet",
                    letter => return Err(format!("option -{letter}: unknown")),
                },
                None,
            ),
            Word::Long(name, given) => (name, given),
        };
        let mut value = || match given {
            Some(value) => Ok(value.to_owned()),
            None => words.value(&format!("--{name}")).map(str::to_owned),
        };
        match name {
            "quiet" => options.is_quiet = true,
            "server-response" => options.shows_head = true,
            "spider" => options.is_spider = true,
            "output-document" => options.output = Some(value()?),
            "directory-prefix" => options.folder = Some(value()?),
            "user-agent" => options.headers.push(("User-Agent".into(), value()?)),
            "referer" => options.headers.push(("Referer".into(), value()?)),
            "user" | "http-user" => options.user = value()?,
            "password" | "http-password" => options.password = Some(value()?),
            "method" => options.method = Some(value()?),
            "post-data" | "body-data" => options.body = Some(value()?.into_bytes()),
            "post-file" | "body-file" => {
                let path = value()?;
                options.body = Some(fetch::read_input(ctx, &path).await?);
            }
            "header" => {
                let header = value()?;
                let (name, value) = header
                    .split_once(':')
                    .ok_or(format!("--header '{header}': no ':'"))?;
                options
                    .headers
                    .push((name.trim().into(), value.trim().into()));
            }
            "timeout" | "read-timeout" | "connect-timeout" | "dns-timeout" => {
                let seconds: f64 = value()?
                    .parse()
                    .map_err(|_| format!("--{name}: expected seconds"))?;
                if seconds > 0.0 {
                    options.timeout_ms = Some((seconds.min(86_400.0) * 1000.0).max(1.0) as u64);
                }
            }
            "tries" | "wait" | "max-redirect" => {
                value()?;
            }
            "no-verbose" | "no-clobber" | "continue" | "inet" | "show-progress" | "no-cache"
            | "no-proxy" | "no-cookies" => {}
            "no-check-certificate" => {
                return Err(
                    "--no-check-certificate: refused: certificates are always checked here"
                        .to_owned(),
                );
            }
            name => return Err(format!("option --{name}: unknown")),
        }
    }
    match options.urls.is_empty() {
        true => Err("missing URL".to_owned()),
        false => Ok(options),
    }
}

async fn fetch_one(
    ctx: &BuiltinContext<'_>,
    options: &Options,
    url: &str,
    stdout: &mut Vec<u8>,
    log: &mut String,
) -> std::result::Result<(), (i32, String)> {
    let url = fetch::with_scheme(url)
        .map_err(|scheme| (EXIT_USAGE, format!("scheme '{scheme}' is not supported")))?;
    let method = match &options.method {
        Some(method) => method,
        None if options.is_spider => "HEAD",
        None if options.body.is_some() => "POST",
        None => "GET",
    };
    let mut request = Request::new(method, &url);
    request.timeout_ms = fetch::timeout_ms(options.timeout_ms);
    if options.body.is_some() {
        let kind = "application/x-www-form-urlencoded".to_owned();
        request.headers.push(("Content-Type".into(), kind));
    }
    if let Some(password) = &options.password {
        let user = format!("{}:{password}", options.user);
        let basic = format!("Basic {}", fetch::base64(user.as_bytes()));
        request.headers.push(("Authorization".into(), basic));
    }
    request.headers.extend(options.headers.iter().cloned());
    let fetched = fetch::fetch(&request, options.body.as_deref().unwrap_or_default())
        .map_err(|error| (EXIT_NETWORK, error.reason().to_owned()))?;
    if options.shows_head {
        log.push_str(&fetch::head_text(&fetched.head).replace('\r', ""));
    }
    if fetched.head.status >= 400 {
        let status = fetched.head.status;
        let phrase = fetch::reason_phrase(status);
        return Err((EXIT_SERVER, format!("ERROR {status}: {phrase}.")));
    }
    if let Some(error) = &fetched.failure {
        return Err((EXIT_NETWORK, error.reason().to_owned()));
    }
    if options.is_spider {
        return Ok(());
    }
    if options.output.as_deref() == Some("-") {
        stdout.extend_from_slice(&fetched.body);
        return Ok(());
    }
    let name = match (&options.output, fetch::file_name(&url)) {
        (Some(name), _) => name.clone(),
        (None, "") => "index.html".to_owned(),
        (None, name) => name.to_owned(),
    };
    let path = match (&options.folder, &options.output) {
        (Some(folder), None) => {
            let _ = ctx.fs.mkdir(&fetch::resolve(ctx, folder), true).await;
            format!("{folder}/{name}")
        }
        _ => name,
    };
    ctx.fs
        .write_file(&fetch::resolve(ctx, &path), &fetched.body)
        .await
        .map_err(|error| (EXIT_FILE, format!("{path}: {error}")))?;
    if !options.is_quiet {
        log.push_str(&format!("'{path}' saved [{}]\n", fetched.body.len()));
    }
    Ok(())
}
