//! Feeds the targets on a stable compiler: seeds, cut, joined, repeated and changed by a small generator.
//!
//! `drive [TARGET|all] [SECONDS] [SEED]`; the same seed gives the same inputs. `drive TARGET FILE` does one input again. Stops at the first finding, writes its
//! input to `fuzz/findings/` and ends with 1. A finding is a panic, or more than a second for one input.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use hal_fuzz::{TARGETS, Target};

/// Longest input (31.5).
const INPUT_MAX: usize = 64 << 10;
/// A single input that takes longer hangs.
const HANG: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let wanted = args.first().map_or("all", String::as_str);
    let seconds = args.get(1).and_then(|text| text.parse().ok()).unwrap_or(10);
    let seed = args.get(2).and_then(|text| text.parse().ok()).unwrap_or(1);
    let targets: Vec<&Target> =
        TARGETS.iter().filter(|target| wanted == "all" || target.name == wanted).collect();
    if targets.is_empty() {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("error: there is no target {wanted}\n\nhint: one of all, {}", names.join(", "));
        return ExitCode::FAILURE;
    }
    if let (Some(file), [target]) = (args.get(1).filter(|text| Path::new(text).is_file()), targets.as_slice())
    {
        let input = std::fs::read(file).unwrap_or_default();
        let began = Instant::now();
        (target.fuzz_one)(&input);
        println!("{}: {} bytes took {:?}", target.name, input.len(), began.elapsed());
        return ExitCode::SUCCESS;
    }
    let clean = targets.iter().all(|target| drive(target, Duration::from_secs(seconds), seed));
    if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether the target bore everything.
fn drive(target: &Target, time: Duration, seed: u64) -> bool {
    println!("{}: {} s, seed {seed}", target.name, time.as_secs());
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let began = Instant::now();
    let (mut count, mut slowest) = (0_u64, Duration::ZERO);
    while began.elapsed() < time {
        // The seeds themselves come first.
        let input = match usize::try_from(count).ok().and_then(|at| target.seeds.get(at)) {
            Some(seed) => seed.to_vec(),
            None => mutated(target.seeds, &mut random),
        };
        count += 1;
        let started = busy(began);
        let result = catch_unwind(AssertUnwindSafe(|| (target.fuzz_one)(&input)));
        let took = busy(began).saturating_sub(started);
        slowest = slowest.max(took);
        if result.is_err() || took > HANG {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("findings");
            let file = folder.join(format!("{}-{seed}-{count}", target.name));
            let kept = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, &input));
            println!(
                "{}: FINDING at input {count} after {took:?}, {} bytes, {kept:?}: {}",
                target.name,
                input.len(),
                file.display()
            );
            return false;
        }
    }
    println!("{}: {count} inputs, the slowest took {slowest:?}, no finding", target.name);
    true
}

/// Time this thread was on a processor, so that a busy machine is no finding; the clock where that is not known.
fn busy(began: Instant) -> Duration {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = statistics.split(' ').next().and_then(|number| number.parse().ok());
    nanoseconds.map_or_else(|| began.elapsed(), Duration::from_nanos)
}

/// Xorshift: any reproducible numbers will do.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// A seed changed a few times.
fn mutated(seeds: &[&[u8]], random: &mut Random) -> Vec<u8> {
    const BYTES: &[u8] = b"\0\xFF\xFE\xFD\xFC\xFB\xE9\xC3 09-+.,;:*#%'\"[]()~/\\AaDdEeHhJLMNnPRSTUWXxYZ$<>";
    let mut input = seeds[random.below(seeds.len())].to_vec();
    for _ in 0..1 + random.below(6) {
        let at = random.below(input.len() + 1);
        let end = (at + 1 + random.below(8)).min(input.len());
        match random.below(8) {
            0 => input.insert(at, random.next() as u8),
            1 => input.insert(at, BYTES[random.below(BYTES.len())]),
            2 if at < input.len() => input[at] = BYTES[random.below(BYTES.len())],
            3 if at < end => drop(input.drain(at..end)),
            4 if at < end => {
                // Repetition finds what is quadratic.
                let part = input[at..end].to_vec();
                let room = INPUT_MAX.saturating_sub(input.len()) / part.len();
                let most = if random.below(200) == 0 { room } else { room.min(30) };
                let times = random.below(most + 1);
                input.splice(at..at, part.repeat(times));
            }
            5 => {
                let other = seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                input.splice(at..at, other[from..].iter().copied());
            }
            6 if at < input.len() => {
                input[at] = input[at].wrapping_add(random.below(5) as u8).wrapping_sub(2)
            }
            _ => input.extend((0..random.below(20)).map(|_| b'0' + random.below(10) as u8)),
        }
    }
    input.truncate(INPUT_MAX);
    input
}
