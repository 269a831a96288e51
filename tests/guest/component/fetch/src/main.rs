//! One HTTP request of a component, told in lines: what the tests look at.
use std::io::Write;

use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingBody,
    OutgoingRequest, RequestOptions, Scheme,
};
use wasip2::io::streams::StreamError;

fn request(method: &str, url: &str, headers: &[(&str, &str)]) -> Result<OutgoingRequest, String> {
    let (scheme, rest) = url.split_once("://").ok_or("no scheme")?;
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let fields = Fields::new();
    for (name, value) in headers {
        fields
            .append(name, value.as_bytes())
            .map_err(|error| format!("header {name}: {error:?}"))?;
    }
    let request = OutgoingRequest::new(fields);
    let method = match method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        other => Method::Other(other.to_owned()),
    };
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    };
    request.set_method(&method).map_err(|()| "method")?;
    request.set_scheme(Some(&scheme)).map_err(|()| "scheme")?;
    request
        .set_authority(Some(authority))
        .map_err(|()| "authority")?;
    request
        .set_path_with_query(Some(path))
        .map_err(|()| "path")?;
    Ok(request)
}

fn wait(future: &FutureIncomingResponse) -> Result<IncomingResponse, ErrorCode> {
    loop {
        if let Some(result) = future.get() {
            return result.expect("taken once");
        }
        future.subscribe().block();
    }
}

fn body_of(response: &IncomingResponse) -> Result<Vec<u8>, String> {
    let body = response.consume().map_err(|()| "consumed")?;
    let mut bytes = Vec::new();
    {
        let stream = body.stream().map_err(|()| "streamed")?;
        loop {
            match stream.blocking_read(65536) {
                Ok(chunk) => bytes.extend(chunk),
                Err(StreamError::Closed) => break,
                Err(StreamError::LastOperationFailed(error)) => {
                    return Err(error.to_debug_string());
                }
            }
        }
    }
    Ok(bytes)
}

fn show(response: &IncomingResponse) {
    println!("status {}", response.status());
    for (name, value) in response.headers().entries() {
        if name == "location" || name == "x-test" {
            println!("{name}: {}", String::from_utf8_lossy(&value));
        }
    }
}

fn fetch(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: Option<&[u8]>,
) -> Result<(), String> {
    let request = request(method, url, headers)?;
    let options = RequestOptions::new();
    let future = match body {
        None => handle(request, Some(options)).map_err(|error| format!("{error:?}"))?,
        Some(bytes) => {
            let body = request.body().map_err(|()| "body")?;
            let future = handle(request, None).map_err(|error| format!("{error:?}"))?;
            {
                let stream = body.write().map_err(|()| "write")?;
                for chunk in bytes.chunks(4096) {
                    stream
                        .blocking_write_and_flush(chunk)
                        .map_err(|error| match error {
                            StreamError::Closed => "closed".to_owned(),
                            StreamError::LastOperationFailed(error) => error.to_debug_string(),
                        })?;
                }
            }
            OutgoingBody::finish(body, None).map_err(|error| format!("{error:?}"))?;
            future
        }
    };
    let response = wait(&future).map_err(|error| format!("{error:?}"))?;
    show(&response);
    let bytes = body_of(&response)?;
    println!("body {}", bytes.len());
    if bytes.len() <= 200 {
        std::io::stdout()
            .write_all(&bytes)
            .map_err(|e| e.to_string())?;
        println!();
    }
    Ok(())
}

/// Several at once, waited for together.
fn many(urls: &[String]) -> Result<(), String> {
    let mut futures = Vec::new();
    for url in urls {
        let future = handle(request("GET", url, &[])?, None).map_err(|e| format!("{e:?}"))?;
        futures.push(Some(future));
    }
    while futures.iter().any(Option::is_some) {
        let (at, pollables): (Vec<_>, Vec<_>) = futures
            .iter()
            .enumerate()
            .filter_map(|(i, future)| Some((i, future.as_ref()?.subscribe())))
            .unzip();
        let refs: Vec<_> = pollables.iter().collect();
        let ready = wasip2::io::poll::poll(&refs);
        drop(refs);
        drop(pollables);
        for i in ready {
            let i = at[i as usize];
            let future = futures[i].take().expect("asked for");
            match wait(&future) {
                Ok(response) => println!(
                    "{i} status {} {:?}",
                    response.status(),
                    body_of(&response).map(|b| b.len())
                ),
                Err(error) => println!("{i} {error:?}"),
            }
        }
    }
    Ok(())
}

/// Waits for what is gone: the pollable outlives what it was made from.
fn orphan(url: &str, of_body: bool) -> Result<(), String> {
    let future = handle(request("GET", url, &[])?, None).map_err(|e| format!("{e:?}"))?;
    let pollable = if of_body {
        let response = wait(&future).map_err(|e| format!("{e:?}"))?;
        let body = response.consume().map_err(|()| "consumed")?;
        let stream = body.stream().map_err(|()| "streamed")?;
        let pollable = stream.subscribe();
        drop(stream);
        drop(body);
        drop(response);
        pollable
    } else {
        future.subscribe()
    };
    drop(future);
    pollable.block();
    println!("ready {}", pollable.ready());
    Ok(())
}

fn run(args: &[String]) -> Result<(), String> {
    let arg = |i: usize| args.get(i).map(String::as_str).unwrap_or("");
    match arg(1) {
        "get" => fetch("GET", arg(2), &[], None),
        "method" => fetch(arg(2), arg(3), &[], None),
        "header" => fetch("GET", arg(2), &[(arg(3), arg(4))], None),
        "post" => fetch("POST", arg(2), &[], Some(arg(3).as_bytes())),
        "post-bytes" => {
            let count = arg(3).parse().map_err(|_| "count")?;
            fetch("POST", arg(2), &[], Some(&vec![b'x'; count]))
        }
        "many" => many(&args[2..]),
        "orphan-head" => orphan(arg(2), false),
        "orphan-body" => orphan(arg(2), true),
        "hoard" => {
            let mut held = Vec::new();
            loop {
                match handle(request("GET", arg(2), &[])?, None) {
                    Ok(future) => held.push(future),
                    Err(error) => return Err(format!("{} held: {error:?}", held.len())),
                }
            }
        }
        "repeat" => {
            for i in 0.. {
                let future = handle(request("GET", arg(2), &[])?, None)
                    .map_err(|error| format!("{i} made: {error:?}"))?;
                wait(&future).map_err(|error| format!("{i} made: {error:?}"))?;
            }
            Ok(())
        }
        "fields" => {
            let mut held = Vec::new();
            loop {
                let fields = Fields::new();
                fields
                    .append("x", &[b'x'; 200_000])
                    .map_err(|error| format!("{error:?}"))?;
                held.push(fields);
            }
        }
        "bodies" => {
            let mut held = Vec::new();
            loop {
                let request = request("POST", arg(2), &[])?;
                let body = request.body().map_err(|()| "body")?;
                let stream = body.write().map_err(|()| "write")?;
                held.push((request, body, stream));
            }
        }
        "pollables" => {
            let mut held = Vec::new();
            loop {
                held.push(wasip2::clocks::monotonic_clock::subscribe_duration(1));
            }
        }
        other => Err(format!("unknown {other}")),
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let Err(error) = run(&args) {
        println!("error: {error}");
    }
}
