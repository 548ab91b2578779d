//! `hal-bench abuse`: people who talk, while attackers of each kind do what they can; and `hal-bench attack`, one attacker.
//!
//! The attackers are processes of their own at a stated rate, with less right to the processor than the server: on one machine
//! they would otherwise slow it by what they cost themselves. What counts is the ratio to the calm before, in the same run.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use hal_sim::abuse::{Attack, Attacker};
use hal_sim::honest::{Crowd, Person, Phase};
use hal_sim::house::House;
use hal_sim::load::percentile;
use hal_sim::process::Process;
use hal_sim::server::{Options, Server};
use hal_sim::{programs, wait};

use super::{QUESTION, ms};

/// A medication of the demo household: an answer that names it was read from a record.
const ANSWER: &str = "lisinopril";
const PEOPLE: usize = 2_000;
const DEVICES_PER_USER: usize = 5;
/// How often each of them asks.
const EVERY: Duration = Duration::from_secs(5);
const PHASE_SECONDS: u64 = 15;
/// The variable that an attacker's token comes in.
const TOKEN: &str = "HAL_BENCH_TOKEN";

/// `hal-bench attack PORT KIND RATE SECONDS`; the last line tells what became of the attempts.
pub(super) async fn attack(words: &[String]) -> Result<()> {
    let [port, kind, rate, seconds] = words else { bail!("attack PORT KIND RATE SECONDS") };
    let attack = Attack::from_name(kind).with_context(|| format!("there is no attack `{kind}`"))?;
    let attacker = Attacker { port: port.parse()?, token: std::env::var(TOKEN)? };
    let tally = attacker.run(attack, rate.parse()?, Duration::from_secs(seconds.parse()?)).await;
    let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
    println!("attempts {} refused {} held {}", read(&tally.begun), read(&tally.refused), read(&tally.held));
    Ok(())
}

/// `hal-bench abuse [PEOPLE [SECONDS]]`.
pub(super) async fn abuse(words: &[String]) -> Result<()> {
    let number = |at: usize, or: u64| words.get(at).map_or(Ok(or), |word| word.parse::<u64>());
    let (people, seconds) = (usize::try_from(number(0, PEOPLE as u64)?)?, number(1, PHASE_SECONDS)?);
    let folder = tempfile::TempDir::new()?;
    // As it runs for people: the log tells life-cycle only.
    let hal = Options::demo(folder.path()).set("HAL_LOG", "warn").set("HAL_SPEECH__HEAR", "none").start()?;
    let mut house = House::open(hal.listener_port)?;
    let crowd = let_in(&mut house, people)?;
    house.add_user("mallory", "guest")?;
    let token = house.add_device("mallory", "machine")?;
    println!(
        "{people} people in {} households' worth of devices, each asks every {} s; attackers under nice 10\n",
        people.div_ceil(DEVICES_PER_USER),
        EVERY.as_secs()
    );
    let crowd = Crowd::start(hal.gateway_port, &crowd, QUESTION, ANSWER, EVERY).await?;
    let bench = Bench { hal, token, crowd, seconds };
    // The first answers of each connection fill caches; nobody counts them.
    bench.phase(&[]).await?;

    println!(
        "{:>14}  {:>9} {:>6}  {:>8} {:>8} {:>6}  {:>9} {:>9} {:>7}  {:>7}",
        "phase", "answers", "wrong", "p50 ms", "p99 ms", "ratio", "attempts", "refused", "held", "peak MB"
    );
    let calm = bench.phase(&[]).await?;
    let calm_p99 = calm.print("calm", None);
    for attack in Attack::ALL {
        bench.phase(&[attack]).await?.print(attack.name(), Some(calm_p99));
    }
    bench.phase(&Attack::ALL).await?.print("all together", Some(calm_p99));
    bench.phase(&[]).await?.print("calm again", Some(calm_p99));
    let dropped = bench.crowd.dropped();
    println!("\nsessions dropped: {}", dropped.len());
    dropped.iter().take(5).for_each(|why| println!("  {why}"));
    Ok(())
}

fn let_in(house: &mut House, count: usize) -> Result<Vec<Person>> {
    let mut people = Vec::with_capacity(count);
    for number in 0..count {
        let user = format!("user-{}", number / DEVICES_PER_USER);
        if number.is_multiple_of(DEVICES_PER_USER) {
            house.add_user(&user, "member")?;
        }
        let token = house.add_device(&user, &format!("device {number}"))?;
        people.push(Person { token, address: format!("198.18.{}.{}", number / 250, number % 250 + 1) });
    }
    Ok(people)
}

struct Bench {
    hal: Server,
    token: String,
    crowd: Crowd,
    seconds: u64,
}

/// What one phase showed.
struct Seen {
    phase: Phase,
    attempts: [u64; 3],
    peak_bytes: u64,
}

impl Bench {
    async fn phase(&self, attacks: &[Attack]) -> Result<Seen> {
        let mut attackers = Vec::new();
        for attack in attacks {
            let mut command = Command::new("nice");
            command.args(["-n", "10"]).arg(programs::ours("hal-bench")).arg("attack");
            command.args([&self.hal.gateway_port.to_string(), attack.name(), &attack.rate().to_string()]);
            command.arg(self.seconds.to_string()).env(TOKEN, &self.token);
            attackers.push(Process::start(command)?);
        }
        self.crowd.next_phase();
        let peak = Arc::new(AtomicU64::new(0));
        let end = wait::now() + Duration::from_secs(self.seconds);
        while wait::now() < end {
            peak.fetch_max(self.hal.process.resident_bytes()?, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let phase = self.crowd.look();
        // What an attack leaves behind belongs to nobody's phase.
        self.crowd.next_phase();
        let mut attempts = [0; 3];
        for attacker in &mut attackers {
            while attacker.exit_status()?.is_none() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let counts = attacker.wait_for_line("its tally", |line| {
                let words: Vec<&str> = line.split(' ').collect();
                let ["attempts", begun, "refused", refused, "held", held] = words[..] else { return None };
                Some([begun.parse::<u64>().ok()?, refused.parse().ok()?, held.parse().ok()?])
            })?;
            attempts = std::array::from_fn(|at| attempts[at] + counts[at]);
        }
        if !attacks.is_empty() {
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        Ok(Seen { phase, attempts, peak_bytes: peak.load(Ordering::Relaxed) })
    }
}

impl Seen {
    /// Prints a line and gives the phase's p99.
    fn print(mut self, name: &str, calm_p99: Option<Duration>) -> Duration {
        let answered = &mut self.phase.answered;
        let (p50, p99) = (percentile(answered, 50), percentile(answered, 99));
        let ratio = calm_p99.map_or(1.0, |calm| ms(p99) / ms(calm).max(0.001));
        let [attempts, refused, held] = self.attempts;
        println!(
            "{name:>14}  {:>9} {:>6}  {:>8.2} {:>8.2} {ratio:>6.2}  {attempts:>9} {refused:>9} {held:>7}  {:>7.1}",
            answered.len(),
            self.phase.wrong.len(),
            ms(p50),
            ms(p99),
            self.peak_bytes as f64 / 1e6
        );
        self.phase.wrong.iter().take(3).for_each(|wrong| println!("{:>14}  {wrong}", ""));
        p99
    }
}
