//! Serves a directory as a bucket, until it is killed: `quorate-s3 DIR [ADDRESS [PLAN]]`.

use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;

use quorate_s3::{BUCKET, Plan, Server};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(directory) = arguments.first() else {
        return Err("usage: quorate-s3 DIR [ADDRESS [PLAN]], e.g. quorate-s3 /tmp/s3 127.0.0.1:9000 'put: 503 5%'".into());
    };
    let address = arguments.get(1).map_or("127.0.0.1:0", String::as_str);
    let address: SocketAddr = address.parse()?;
    let plan = Plan::parse(arguments.get(2).map_or("", String::as_str))?;
    let server = Server::start_at(address, Path::new(directory), plan)?;
    println!("# s3://{BUCKET}");
    for (name, value) in server.environment() {
        println!("export {name}={value}");
    }
    server.wait();
    Ok(())
}
