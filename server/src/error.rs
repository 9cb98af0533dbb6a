use std::io;

/// Why there is no endpoint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address is none.
    #[error(
        "{address:?} is no address to listen on ({source}): write HOST:PORT, as in 127.0.0.1:9090"
    )]
    Address {
        /// As it was given.
        address: String,
        /// What is wrong with it.
        source: io::Error,
    },

    /// Another program listens there.
    #[error(
        "{address} is in use by another program: stop that one, or listen on another port (port 0 takes any)"
    )]
    InUse {
        /// As it was given.
        address: String,
    },

    /// The system does not allow it.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// As it was given.
        address: String,
        /// What the system says.
        source: io::Error,
    },

    /// There is no thread for it.
    #[error("the endpoint's thread does not start: {0}")]
    Thread(io::Error),
}
