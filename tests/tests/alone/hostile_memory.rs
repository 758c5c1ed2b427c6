//! P11: memory stays bounded. The whole hostile corpus, many times, fifty at once, to the real binary; the most that it
//! ever held is what Linux says of it.

use std::fs;

use futures::{StreamExt, stream};
use inlet_tests::{
    Process, client,
    corpus::{self, Body},
    process::DataDir,
    sign,
};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};

/// How many are sent, in all.
const REQUESTS: usize = 2000;

/// The most that the process may ever have held, in MiB. What waits is bounded to 64 MiB of bodies and 256 MiB of
/// what was made of them; the rest is the program, and two batches and two bodies on their way. (475 when this was written.)
const MOST: u64 = 640;

/// Bodies of more than this go twice, for a build without optimisation is slow on them.
const LIGHT: usize = 20_000;

/// The most memory that the process has had resident, in MiB.
fn high_water(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() / 1024
}

/// A message whose content is kept as it came, with as many values as a body may hold.
fn kept_whole(provider: &'static str, number: usize) -> Body {
    let text = r#"{"a":1},"#.repeat(74_000);
    let body = corpus::event(provider, &format!("\"whole-{number}\""), "\"x\"", "");
    let small = "{\"type\":\"text\",\"payload\":{\"text\":\"x\"}}";
    assert!(body.contains(small), "{body}");
    let body = body.replace(small, &format!("{{\"type\":\"sticker\",\"payload\":{{\"all\":[{text}1]}}}}"));
    Body {
        name: format!("{provider}: kept whole {number}"),
        provider,
        content_type: None,
        content_encoding: None,
        bytes: body.into_bytes(),
        status: 200,
        outcome: Some("accepted"),
        is_array: false,
    }
}

/// Fails unless the answer is what it must be, or tells that there was no room or no time; whether it is the former.
/// Fifty bodies of a megabyte at once are seconds of work for a build without optimisation.
async fn send(process: &Process, client: &reqwest::Client, body: Body) -> bool {
    let source = &process.dev.sources[body.provider];
    let (header, signature) = sign::header(body.provider, &source.secret, &body.bytes);
    let mut request = client.post(&source.url).header(header, signature).body(body.bytes);
    if let Some(content_type) = &body.content_type {
        request = request.header(CONTENT_TYPE, HeaderValue::from_bytes(content_type).unwrap());
    }
    if let Some(encoding) = body.content_encoding {
        request = request.header(CONTENT_ENCODING, encoding);
    }
    let status = request.send().await.unwrap_or_else(|error| panic!("{}: {error:?}", body.name)).status().as_u16();
    assert!([body.status, 408, 503].contains(&status), "{}: {status}", body.name);
    status == body.status
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_memory_stays_bounded_whatever_is_posted() {
    let folder = DataDir::new();
    let process = Process::start(&folder.path()).await;
    let client = client();
    let begun = high_water(process.pid());
    let mut bodies: Vec<Body> = (0..2).flat_map(|_| corpus::bodies()).collect();
    bodies.extend((0..60).map(|number| kept_whole("mobtexting", number)));
    while bodies.len() < REQUESTS {
        bodies.extend(corpus::bodies().into_iter().filter(|body| body.bytes.len() < LIGHT));
    }
    let taken: Vec<bool> =
        stream::iter(bodies).map(|body| send(&process, &client, body)).buffer_unordered(50).collect().await;
    assert!(taken.len() >= REQUESTS && taken.iter().filter(|taken| **taken).count() > REQUESTS / 2);
    let most = high_water(process.pid());
    println!("{begun} MiB at the start, {most} MiB at most");
    assert!(most < MOST, "{most} MiB");
    assert!(process.stop().await.success());
}
