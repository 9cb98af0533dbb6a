//! Requests and answers as bytes: HTTP/1.1 as far as clients of S3 speak it.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::exchange::{Answer, Exchange};

/// A head that is longer is not one of ours.
const MOST_HEAD_BYTES: usize = 64 * 1024;

/// A request.
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// Lines of the head, without the first.
    headers: Vec<String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// As it is passed on: over a connection of its own.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for line in self.headers.iter().filter(|line| !is(line, "connection")) {
            head.push_str(line);
            head.push_str("\r\n");
        }
        head.push_str("connection: close\r\n\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// Takes connections for ever.
pub(crate) async fn serve(listener: TcpListener, exchange: Arc<Exchange>) {
    loop {
        // A connection that breaks while it is accepted is the client's trouble.
        if let Ok((stream, _)) = listener.accept().await {
            let exchange = Arc::clone(&exchange);
            tokio::spawn(async move {
                // However it ends, the client sees it.
                let _ = talk(stream, &exchange).await;
            });
        }
    }
}

/// Answers one request after another.
async fn talk(mut stream: TcpStream, exchange: &Exchange) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut read = Vec::new();
    while let Some(request) = next(&mut stream, &mut read).await? {
        match exchange.answer(request).await? {
            Answer::Whole(bytes) => stream.write_all(&bytes).await?,
            Answer::Part(bytes) => {
                stream.write_all(&bytes).await?;
                return stream.flush().await;
            }
            Answer::None => return Ok(()),
        }
    }
    Ok(())
}

/// The next request; what was read beyond it stays in `read`.
async fn next(
    stream: &mut (impl AsyncRead + Unpin),
    read: &mut Vec<u8>,
) -> io::Result<Option<Request>> {
    let head_bytes = loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if read.len() > MOST_HEAD_BYTES {
            return Err(io::Error::other("a head without an end"));
        }
        if stream.read_buf(read).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&read[..head_bytes]).into_owned();
    let mut lines = head.split("\r\n").map(str::to_owned);
    let first = lines.next().unwrap_or_default();
    let headers: Vec<String> = lines.collect();
    let mut words = first.split(' ').map(str::to_owned);
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Err(io::Error::other("no request"));
    };
    if header(&headers, "transfer-encoding").is_some() {
        return Err(io::Error::other("a request in chunks"));
    }
    let length = header(&headers, "content-length").unwrap_or("0").parse();
    let body_bytes: usize = length.map_err(io::Error::other)?;
    let end = head_bytes + 4 + body_bytes;
    while read.len() < end {
        if stream.read_buf(read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let rest = read.split_off(end);
    let body = std::mem::replace(read, rest).split_off(head_bytes + 4);
    Ok(Some(Request { method, target, headers, body }))
}

/// An answer as the client gets it: its connection stays open.
pub(crate) fn kept_open(mut answer: Vec<u8>) -> Vec<u8> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return answer;
    };
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let body = answer.split_off(end);
    let lines = head.split("\r\n").filter(|line| !is(line, "connection"));
    let mut kept = lines.collect::<Vec<_>>().join("\r\n").into_bytes();
    kept.extend(body);
    kept
}

fn is(line: &str, name: &str) -> bool {
    line.split_once(':').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name))
}

fn header<'a>(headers: &'a [String], name: &str) -> Option<&'a str> {
    let line = headers.iter().find(|line| is(line, name))?;
    line.split_once(':').map(|(_, value)| value.trim())
}
