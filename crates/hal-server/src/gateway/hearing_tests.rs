use hal_speech::{Recognition, Transcript};

use super::*;
use crate::config::Speech;

/// An engine that takes any number of utterances and understands none.
struct Deaf;

impl SpeechToText for Deaf {
    fn name(&self) -> &str {
        "deaf"
    }

    fn start(&self) -> Result<Box<dyn Recognition>, SpeechError> {
        Ok(Box::new(Deaf))
    }
}

impl Recognition for Deaf {
    fn push(&mut self, _: &[i16]) -> Result<(), SpeechError> {
        Ok(())
    }

    fn partial(&mut self) -> Option<String> {
        None
    }

    fn finish(self: Box<Self>) -> Result<Transcript, SpeechError> {
        Ok(Transcript::default())
    }
}

#[tokio::test]
async fn recordings_take_no_more_threads_than_there_are_recognisers() {
    let speech = Speech { hear: "none".into(), speak: "none".into(), recognisers: 1, ..Speech::default() };
    let engines = Arc::new(Engines::open(&speech));
    let (events, mut heard) = tokio::sync::mpsc::channel(8);
    let ear = || Hearing::new(Arc::new(Deaf), Arc::clone(&engines), events.clone());
    let (mut one, mut two) = (ear(), ear());
    let sound = || vec![1_000; 1_600];
    for ear in [&mut one, &mut two] {
        let taken = ear.samples(0, sound(), RATE_HZ, Source::Chunks);
        assert_eq!(taken, Ok(Change::Recorded));
    }
    assert_eq!(two.finish(TurnId(2)), Finished::Busy, "told at once, by nobody's thread");
    assert_eq!(one.finish(TurnId(1)), Finished::Heard);
    let event = heard.recv().await.expect("its words");
    assert!(matches!(*event, Event::NotHeard { turn: TurnId(1), code: Code::NotHeard }), "{event:?}");
    assert_eq!(one.finish(TurnId(3)), Finished::Nothing);
    // The thread is free again, now or soon: its permit goes a moment after its event.
    while engines.recording().is_none() {
        tokio::task::yield_now().await;
    }
    two.samples(0, sound(), RATE_HZ, Source::Chunks).expect("taken");
    assert_eq!(two.finish(TurnId(4)), Finished::Heard);
}
