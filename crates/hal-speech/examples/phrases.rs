//! Measures hearing: speaks the phrases of a table with espeak-ng, hears them with PocketSphinx in 20 ms frames, and prints
//! word errors, confidences and times per class.
//!
//! `cargo run -p hal-speech --example phrases -- PHRASES.tsv [NAMES.txt] [--noise DB] [--show]`
//! PHRASES.tsv: a heading, then `id<TAB>class<TAB>text…`; the rows of class `in` are the vocabulary, with the lines of NAMES.txt.

#![allow(clippy::disallowed_methods, reason = "a measurement of real time")]
#![allow(clippy::unwrap_used, reason = "a tool for developers; a panic says enough")]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Instant;

use hal_speech::stt::pocketsphinx::{self, PocketSphinx};
use hal_speech::tts::espeak::{self, Espeak};
use hal_speech::{FRAME_SAMPLES, RATE_HZ, SpeechToText, TextToSpeech, Vocabulary};

const VOICES: [&str; 3] = ["en-us", "en-gb", "en-us+f3"];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let show = arguments.iter().any(|argument| argument == "--show");
    let noise_db =
        arguments.iter().position(|a| a == "--noise").map(|at| arguments[at + 1].parse::<f64>().unwrap());
    let table = std::fs::read_to_string(&arguments[0]).unwrap();
    let rows: Vec<(String, String)> = table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut fields = line.split('\t').skip(1);
            Some((fields.next()?.to_owned(), fields.next()?.to_owned()))
        })
        .collect();
    let names =
        arguments.get(1).filter(|a| !a.starts_with("--")).map(|file| std::fs::read_to_string(file).unwrap());
    let vocabulary = Vocabulary {
        sentences: rows.iter().filter(|(class, _)| class == "in").map(|(_, text)| text.clone()).collect(),
        words: names.unwrap_or_default().lines().map(str::to_owned).collect(),
    };

    let before = resident_kib();
    let begun = Instant::now();
    let config = pocketsphinx::Config { vocabulary, recognisers_max: 3, ..Default::default() };
    let ears = PocketSphinx::open(&config).unwrap();
    println!("open returns after {:.0} ms", ms(begun));
    ears.wait_until_ready().unwrap();
    println!("model and first recogniser after {:.0} ms", ms(begun));
    let one = resident_kib();
    let begun = Instant::now();
    let taken = ears.start().unwrap();
    ears.wait_until_ready().unwrap();
    println!("one more recogniser after {:.0} ms", ms(begun));
    println!(
        "memory: {} KiB for the first with its model, {} KiB for one more",
        one - before,
        resident_kib() - one
    );
    drop(taken);

    let mut classes: BTreeMap<String, Class> = BTreeMap::new();
    for (class, text) in &rows {
        for voice in VOICES {
            let mouth = Espeak::find(&espeak::Config { voice: voice.into(), ..Default::default() }).unwrap();
            let mut audio = vec![0i16; RATE_HZ as usize * 3 / 10];
            mouth
                .speak(text, &mut |samples| {
                    audio.extend_from_slice(samples);
                    ControlFlow::Continue(())
                })
                .unwrap();
            audio.extend(vec![0i16; RATE_HZ as usize * 7 / 10]);
            if let Some(db) = noise_db {
                add_pink_noise(&mut audio, db);
            }
            let begun = Instant::now();
            let mut recognition = ears.start().unwrap();
            for frame in audio.chunks(FRAME_SAMPLES) {
                recognition.push(frame).unwrap();
            }
            let pushed = ms(begun);
            let begun = Instant::now();
            let transcript = recognition.finish().unwrap();
            let finish = ms(begun);
            let class = classes.entry(class.clone()).or_default();
            let (heard, confidence) = transcript
                .hypotheses
                .first()
                .map_or((String::new(), 0.0), |h| (h.text.clone(), h.confidence));
            let wrong = distance(text, &heard);
            class.words += text.split_whitespace().count();
            class.wrong += wrong;
            class.whole += usize::from(wrong == 0);
            class.whole_in_list += usize::from(transcript.hypotheses.iter().any(|h| &h.text == text));
            class.confidences.push((confidence, wrong == 0));
            class.finish_ms.push(finish);
            class.factors.push((pushed + finish) / (audio.len() as f64 / f64::from(RATE_HZ) * 1_000.0));
            if show {
                println!("{confidence:.2} {voice:9} {text:55} {heard}");
            }
        }
    }
    println!(
        "class  phrases  word error  whole right  in list  confidence p10/p50/p90   finish p50/max  real-time factor"
    );
    for (name, class) in &mut classes {
        let count = class.confidences.len();
        let mut confidences: Vec<f64> = class.confidences.iter().map(|&(c, _)| f64::from(c)).collect();
        println!(
            "{name:6} {count:7} {:10.1}% {:11.1}% {:7.1}%  {:.2} / {:.2} / {:.2}   {:6.1} / {:.1} ms   {:.3}",
            100.0 * class.wrong as f64 / class.words as f64,
            100.0 * class.whole as f64 / count as f64,
            100.0 * class.whole_in_list as f64 / count as f64,
            quantile(&mut confidences, 0.1),
            quantile(&mut confidences, 0.5),
            quantile(&mut confidences, 0.9),
            quantile(&mut class.finish_ms, 0.5),
            quantile(&mut class.finish_ms, 1.0),
            quantile(&mut class.factors, 0.5),
        );
    }
    println!("threshold: kept of each class");
    for step in 1..20 {
        let threshold = step as f32 * 0.05;
        let kept = classes.iter().map(|(name, class)| {
            let kept = class.confidences.iter().filter(|(c, _)| *c >= threshold).count();
            format!("{name} {:5.1}%", 100.0 * kept as f64 / class.confidences.len() as f64)
        });
        println!("{threshold:.2}  {}", kept.collect::<Vec<_>>().join("  "));
    }
}

#[derive(Default)]
struct Class {
    words: usize,
    wrong: usize,
    whole: usize,
    whole_in_list: usize,
    confidences: Vec<(f32, bool)>,
    finish_ms: Vec<f64>,
    factors: Vec<f64>,
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1_000.0
}

fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * q).round() as usize]
}

/// Words to insert, delete or replace.
fn distance(said: &str, heard: &str) -> usize {
    let (said, heard): (Vec<&str>, Vec<&str>) =
        (said.split(' ').collect(), heard.split_whitespace().collect());
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (i, a) in said.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in heard.iter().enumerate() {
            let best = (diagonal + usize::from(a != b)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], best);
        }
    }
    row[heard.len()]
}

/// Seven octaves of held random numbers (Voss), at `db` below the speech.
fn add_pink_noise(audio: &mut [i16], db: f64) {
    let power = |samples: &[f64]| samples.iter().map(|s| s * s).sum::<f64>() / samples.len() as f64;
    let loud: Vec<f64> = audio.iter().filter(|&&s| s.unsigned_abs() > 200).map(|&s| f64::from(s)).collect();
    let mut seed = 0x2545_F491_4F6C_DD1Du64;
    let mut random = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed as i64 as f64 / i64::MAX as f64
    };
    let mut held = [0.0f64; 7];
    let noise: Vec<f64> = (0..audio.len())
        .map(|i| {
            held.iter_mut().enumerate().for_each(|(k, value)| {
                if i % (1 << k) == 0 {
                    *value = random()
                }
            });
            held.iter().sum()
        })
        .collect();
    let gain = (power(&loud) / power(&noise) / 10f64.powf(db / 10.0)).sqrt();
    audio.iter_mut().zip(&noise).for_each(|(s, n)| *s = (f64::from(*s) + gain * n) as i16);
}

/// Resident memory of this process; 0 where the system has no /proc.
fn resident_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}
