//! Measures the gateway on its whole path (socket, session, listener, database) beside a bare echo of the same frames.
//!
//! `hal-bench [text|idle|voice]…` runs the named parts, or all; `hal-bench abuse` measures under attack. Both servers are processes of their own, on this
//! machine's loopback address, in turns, in the same run: what else the machine does meets both.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use hal_sim::load::{Measured, RawSocket, Turns, client_frame, percentile};
use hal_sim::process::Process;
use hal_sim::server::{Options, Server};
use hal_sim::{programs, speech, wait};

#[path = "bench/abuse.rs"]
mod abuse;

const QUESTION: &str = "What medications am I taking?";
const CONNECTIONS: &[usize] = &[1, 100, 1_000];
/// Rounds of HAL and echo in turns; the middle one of each counts.
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(4);
const IDLE_CONNECTIONS: usize = 10_000;
const UTTERANCES: usize = 20;

fn main() -> Result<()> {
    let parts: Vec<String> = std::env::args().skip(1).collect();
    // One thread: the client must not take the servers' cores, and it has little to do.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match parts.split_first() {
        Some((part, words)) if part == "abuse" => return runtime.block_on(abuse::abuse(words)),
        Some((part, words)) if part == "attack" => return runtime.block_on(abuse::attack(words)),
        _ => {}
    }
    if let Some(unknown) = parts.iter().find(|part| !["text", "idle", "voice"].contains(&part.as_str())) {
        bail!("there is no part `{unknown}`; known are text, idle, voice and abuse");
    }
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|name| name == part);
    runtime.block_on(async {
        let folder = tempfile::TempDir::new()?;
        let hal = start_hal(folder.path())?;
        let answer = frames_of_an_answer(&hal).await?;
        println!("question: {} bytes; answer: frames of {:?} bytes\n", QUESTION.len(), answer.sizes);
        if wanted("text") {
            text(&hal, &answer).await?;
        }
        if wanted("idle") {
            idle(&answer).await?;
        }
        if wanted("voice") {
            voice(&hal).await?;
        }
        Ok(())
    })
}

fn start_hal(folder: &Path) -> Result<Server> {
    Options::demo(folder).start()
}

/// The bare echo server.
struct Echo {
    process: Process,
    port: u16,
    path: String,
}

impl Echo {
    fn start(answer: &Answer, more: &str) -> Result<Echo> {
        let mut process = Process::start(Command::new(programs::ours("hal-echo")))?;
        let port = process
            .wait_for_line("its port", |line| line.strip_prefix("listening on port ")?.parse().ok())?;
        let sizes: Vec<String> = answer.sizes.iter().map(usize::to_string).collect();
        let path = format!("/?greeting={}&replies={}{more}", answer.greeting, sizes.join(","));
        Ok(Echo { process, port, path })
    }

    /// What the last frame of its answers begins with.
    fn last(answer: &Answer) -> [u8; 1] {
        [b'0' + (answer.sizes.len() - 1) as u8]
    }
}

/// Sizes of the frames that HAL sends, in bytes.
struct Answer {
    greeting: usize,
    sizes: Vec<usize>,
}

/// The last frame of an answer: the follow-up window opens.
const LAST: &[u8] = br#"{"type":"state_change""#;
const ERROR: &[u8] = br#"{"type":"error""#;
const TRANSCRIPTION: &[u8] = br#"{"type":"transcription""#;
const RESPONSE: &[u8] = br#"{"type":"response""#;

fn question() -> Vec<u8> {
    let message = serde_json::json!({"type": "text_input", "text": QUESTION}).to_string();
    client_frame(true, message.as_bytes())
}

async fn frames_of_an_answer(hal: &Server) -> Result<Answer> {
    let greeting = hal.connect()?.greeting.to_string().len();
    let mut socket = RawSocket::connect(hal.gateway_port, "/").await?;
    socket.send(&question()).await?;
    let mut sizes = Vec::new();
    loop {
        let frame = socket.next_frame().await?;
        if frame.starts_with(ERROR) {
            bail!("HAL does not answer: {}", String::from_utf8_lossy(frame));
        }
        sizes.push(frame.len());
        if frame.starts_with(LAST) {
            return Ok(Answer { greeting, sizes });
        }
    }
}

async fn text(hal: &Server, answer: &Answer) -> Result<()> {
    let echo = Echo::start(answer, "")?;
    println!(
        "typed questions, each connection waits for its answer; middle of {ROUNDS} rounds of {} s",
        ROUND.as_secs()
    );
    println!("{:>11}  {:>26}  {:>26}  {:>6}  {:>10}", "", "HAL", "bare echo", "HAL/", "HAL more");
    println!(
        "{:>11}  {:>9} {:>7} {:>8}  {:>9} {:>7} {:>8}  {:>6}  {:>10}",
        "connections", "turns/s", "p50 ms", "p99 ms", "turns/s", "p50 ms", "p99 ms", "echo", "p50 ms"
    );
    let frame = question();
    for &connections in CONNECTIONS {
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let turns = Turns {
                port: hal.gateway_port,
                path: "/",
                connections,
                time: ROUND,
                frame: &frame,
                last: LAST,
            };
            ours.push(turns.run().await.context("HAL")?);
            let last = Echo::last(answer);
            let turns = Turns { port: echo.port, path: &echo.path, last: &last, ..turns };
            bare.push(turns.run().await.context("echo")?);
        }
        let (ours, bare) = (middle(ours)?, middle(bare)?);
        println!(
            "{connections:>11}  {:>9.0} {:>7.2} {:>8.2}  {:>9.0} {:>7.2} {:>8.2}  {:>6.3}  {:>10.2}",
            ours.turns_per_second,
            ms(ours.p50),
            ms(ours.p99),
            bare.turns_per_second,
            ms(bare.p50),
            ms(bare.p99),
            ours.turns_per_second / bare.turns_per_second,
            ms(ours.p50) - ms(bare.p50)
        );
    }
    println!();
    Ok(())
}

fn middle(mut rounds: Vec<Measured>) -> Result<Measured> {
    rounds.sort_by(|a, b| a.turns_per_second.total_cmp(&b.turns_per_second));
    let index = rounds.len() / 2;
    rounds.into_iter().nth(index).context("at least one round")
}

async fn idle(answer: &Answer) -> Result<()> {
    // Fresh servers: memory that an earlier load left behind would hide what a connection takes.
    let folder = tempfile::TempDir::new()?;
    let hal = start_hal(folder.path())?;
    let echo = Echo::start(answer, "")?;
    let ours = idle_bytes(&hal.process, hal.gateway_port, "/").await.context("HAL")?;
    let bare = idle_bytes(&echo.process, echo.port, &echo.path).await.context("echo")?;
    println!("memory of a server with idle connections (resident, Linux)");
    println!("{:>11}  {:>22}  {:>22}  {:>6}", "", "HAL", "bare echo", "HAL/");
    println!(
        "{:>11}  {:>10} {:>11}  {:>10} {:>11}  {:>6}",
        "connections", "MB in all", "bytes each", "MB in all", "bytes each", "echo"
    );
    println!(
        "{:>11}  {:>10.1} {:>11.0}  {:>10.1} {:>11.0}  {:>6.2}\n",
        ours.connections,
        ours.total as f64 / 1e6,
        ours.each,
        bare.total as f64 / 1e6,
        bare.each,
        ours.each / bare.each
    );
    Ok(())
}

struct Idle {
    connections: usize,
    total: u64,
    each: f64,
}

async fn idle_bytes(server: &Process, port: u16, path: &str) -> Result<Idle> {
    // A few come first, so that what is allocated once is not counted as a connection's.
    let mut sockets = Vec::new();
    for _ in 0..100 {
        sockets.push(RawSocket::connect(port, path).await?);
    }
    let before = settled_bytes(server).await?;
    let first = sockets.len();
    while sockets.len() < first + IDLE_CONNECTIONS {
        match RawSocket::connect(port, path).await {
            Ok(socket) => sockets.push(socket),
            Err(error) => {
                println!("no more than {} connections: {error:#}", sockets.len());
                break;
            }
        }
    }
    let total = server.resident_bytes()?;
    let connections = sockets.len() - first;
    Ok(Idle { connections, total, each: total.saturating_sub(before) as f64 / connections.max(1) as f64 })
}

/// Resident memory once it has stopped growing: a server that has just started still builds its recognisers' words.
async fn settled_bytes(server: &Process) -> Result<u64> {
    let deadline = wait::now() + wait::PATIENCE;
    let mut last = 0;
    loop {
        let bytes = server.resident_bytes()?;
        if bytes == last || wait::now() > deadline {
            return Ok(bytes);
        }
        last = bytes;
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

async fn voice(hal: &Server) -> Result<()> {
    if !programs::present("bench voice", &["espeak-ng", "pocketsphinx"]) {
        return Ok(());
    }
    let samples = speech::spoken(QUESTION)?;
    // Without the silence at its end: the client says where speech ends, as push-to-talk does.
    let spoken = &samples[..samples.len() - speech::silence(500).len()];
    let mut stages = Stages::default();
    let mut sizes = Vec::new();
    for _ in 0..UTTERANCES {
        sizes =
            one_utterance(hal.gateway_port, "/", spoken, &mut stages, TRANSCRIPTION, RESPONSE, LAST).await?;
    }
    let mut typed = Vec::new();
    let mut socket = RawSocket::connect(hal.gateway_port, "/").await?;
    for _ in 0..UTTERANCES {
        let sent = wait::now();
        socket.send(&question()).await?;
        while !socket.next_frame().await?.starts_with(RESPONSE) {}
        typed.push(socket.frame_begun - sent);
        while !socket.next_frame().await?.starts_with(LAST) {}
    }

    let answer = Answer { greeting: 200, sizes };
    let echo = Echo::start(&answer, "&after=1")?;
    let mut bare = Stages::default();
    // Its frames are filled with their number: 0 transcription, 1 processing, 2 response, 3 follow-up.
    let last = Echo::last(&answer);
    for _ in 0..UTTERANCES {
        one_utterance(echo.port, &echo.path, spoken, &mut bare, b"0", b"2", &last).await?;
    }

    println!(
        "spoken questions of {:.1} s, sent at the speed of speech, {UTTERANCES} times; ms after the end of speech",
        spoken.len() as f32 / 16_000.0
    );
    println!("{:>34}  {:>8}  {:>8}", "", "p50", "p95");
    let line = |name: &str, values: &mut Vec<Duration>| {
        println!("{name:>34}  {:>8.2}  {:>8.2}", ms(percentile(values, 50)), ms(percentile(values, 95)));
    };
    line("words heard", &mut stages.heard);
    line("then: answered and spoken", &mut stages.answered);
    line("of which answered (typed question)", &mut typed);
    line("first byte of the spoken answer", &mut stages.first_audio);
    line("the same from the bare echo", &mut bare.first_audio);
    println!();
    Ok(())
}

#[derive(Default)]
struct Stages {
    heard: Vec<Duration>,
    answered: Vec<Duration>,
    first_audio: Vec<Duration>,
}

/// Speaks one question in real time and notes when what came back. Returns the sizes of the frames.
async fn one_utterance(
    port: u16,
    path: &str,
    samples: &[i16],
    stages: &mut Stages,
    heard: &[u8],
    response: &[u8],
    last: &[u8],
) -> Result<Vec<usize>> {
    let mut socket = RawSocket::connect(port, path).await?;
    let mut frame_time = tokio::time::interval(Duration::from_millis(20));
    for samples in samples.chunks(320) {
        frame_time.tick().await;
        socket.send(&client_frame(false, &speech::bytes(samples))).await?;
    }
    let ended = wait::now();
    socket.send(&client_frame(true, br#"{"type":"speech_ended"}"#)).await?;
    let mut sizes = Vec::new();
    let mut heard_at = ended;
    loop {
        let frame = socket.next_frame().await?;
        if frame.starts_with(ERROR) {
            bail!("{}", String::from_utf8_lossy(frame));
        }
        let (is_heard, is_response, is_last) =
            (frame.starts_with(heard), frame.starts_with(response), frame.starts_with(last));
        sizes.push(frame.len());
        let begun = socket.frame_begun;
        if is_heard {
            heard_at = begun;
            stages.heard.push(begun - ended);
        } else if is_response {
            stages.answered.push(begun.saturating_duration_since(heard_at));
            stages.first_audio.push(begun - ended);
        } else if is_last {
            return Ok(sizes);
        }
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
