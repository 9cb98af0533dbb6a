//! A connection to another process, plain or under TLS: frames are read from it and written to it.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::frame::{HEADER, Header, Kind, Lane};

/// Bytes to and from another process.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Wire for S {}

/// A connection of either kind.
pub(crate) type AnyWire = Box<dyn Wire>;

/// Reads the next frame into `bytes`, and says what it holds. Nothing is read that the frame does not have.
pub(crate) async fn read_frame<R: AsyncRead + Unpin>(
    from: &mut R,
    lane: &mut Lane,
    most: usize,
    bytes: &mut Vec<u8>,
) -> io::Result<Kind> {
    let mut header = [0; HEADER];
    from.read_exact(&mut header).await?;
    let invalid = |broken| io::Error::new(io::ErrorKind::InvalidData, broken);
    let header = Header::read(&header, most).map_err(invalid)?;
    bytes.resize(header.length, 0);
    from.read_exact(bytes).await?;
    lane.check(&header, bytes).map_err(invalid)?;
    Ok(header.kind)
}

/// Writes what is a frame already.
pub(crate) async fn write_frame<W: AsyncWrite + Unpin>(to: &mut W, frame: &[u8]) -> io::Result<()> {
    to.write_all(frame).await?;
    to.flush().await
}

/// `step`, if it takes no longer than `limit`.
pub(crate) async fn within<T>(
    limit: Duration,
    step: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    let late = || {
        let text = format!("nothing came for {}", seconds(limit));
        io::Error::new(io::ErrorKind::TimedOut, text)
    };
    tokio::time::timeout(limit, step).await.unwrap_or_else(|_| Err(late()))
}

/// A time as people say it.
pub(crate) fn seconds(time: Duration) -> String {
    match time.as_millis() {
        ms if ms % 1_000 == 0 => format!("{} s", ms / 1_000),
        ms => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
    }
}

/// What an error of a connection means, in words that say who did what.
pub(crate) fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it closed the connection".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "it closed the connection, or died".to_owned()
        }
        io::ErrorKind::ConnectionRefused => "nobody listens there yet".to_owned(),
        _ => error.to_string(),
    }
}
