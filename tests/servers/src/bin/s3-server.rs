//! The S3 server of the tests as a program, for benchmarks: `s3-server FOLDER [--listen HOST:PORT] [--errors RATE]
//! [--cuts RATE] [--seed N]` serves FOLDER/{bucket}/{key}, on a free port where none is named, which it prints, until
//! standard input ends.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program for benchmarks")]

use std::path::Path;

use earmark_servers::{Rates, S3Server};

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| arguments.iter().skip_while(|argument| *argument != name).nth(1);
    let rate = |name: &str| value(name).map_or(0.0, |rate| rate.parse::<f64>().unwrap());
    let folder = arguments.first().expect("s3-server FOLDER");
    let listen = value("--listen").map_or("127.0.0.1:0", String::as_str);
    let server = S3Server::start_over(Path::new(folder), &[], listen).await;
    let rates = Rates { errors: rate("--errors"), cuts: rate("--cuts") };
    server.faults().at_random(value("--seed").map_or(0, |seed| seed.parse().unwrap()), rates);
    println!("{}", server.endpoint());
    tokio::task::spawn_blocking(|| std::io::read_to_string(std::io::stdin())).await.unwrap().unwrap();
}
