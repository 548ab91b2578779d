//! A client that comes back by itself, as HAL's own do: it numbers its questions, goes on with its conversation, and asks
//! again what was not answered. It fails when anything is answered twice.

use std::collections::HashSet;
use std::ops::ControlFlow;

use hal_db::{Database, Record};
use hal_sim::client::{Client, Target};
use hal_sim::wait;
use serde_json::{Value, json};

/// One person at one address.
#[derive(Debug)]
pub(crate) struct Talker {
    port: u16,
    client: Option<Client>,
    /// The greeting of the conversation's first connection.
    greeting: Value,
    /// Questions so far, which is the number of the last one.
    pub(crate) questions: u64,
    /// The last question, until it is answered.
    open: Option<String>,
    answered: HashSet<u64>,
    /// How often it connected.
    pub(crate) connections: usize,
}

impl Talker {
    #[track_caller]
    pub(crate) fn new(port: u16) -> Talker {
        let client = Client::connect(&Target::plain(port)).expect("the gateway greets");
        Talker {
            port,
            greeting: client.greeting.clone(),
            client: Some(client),
            questions: 0,
            open: None,
            answered: HashSet::new(),
            connections: 1,
        }
    }

    pub(crate) fn session_id(&self) -> &str {
        self.greeting["session_id"].as_str().expect("an id")
    }

    #[track_caller]
    pub(crate) fn ask(&mut self, text: &str) -> Value {
        self.send(text);
        self.wait_for_answer()
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.questions += 1;
        self.open = Some(text.to_owned());
        self.send_open();
    }

    /// A line that is gone shows when the answer is waited for.
    fn send_open(&mut self) {
        let (Some(client), Some(text)) = (&mut self.client, &self.open) else { return };
        let question = json!({"type": "text_input", "text": text, "turn": self.questions});
        if client.send(&question).is_err() {
            self.client = None;
        }
    }

    #[track_caller]
    pub(crate) fn wait_for_answer(&mut self) -> Value {
        loop {
            let frame = match self.client.as_mut().map(Client::next_frame) {
                Some(Ok(frame)) => frame,
                // Closed with 1012, cut, or not there yet.
                Some(Err(_)) | None => match self.come_back() {
                    Some(missed) => missed,
                    None => {
                        self.send_open();
                        continue;
                    }
                },
            };
            match frame["type"].as_str() {
                Some("response") => {
                    self.take(&frame);
                    return frame;
                }
                Some("error") if frame["code"] == "DRAINING" => self.client = None,
                Some("error") => panic!("question {}: {frame}", self.questions),
                _ => {}
            }
        }
    }

    /// Every answer is one to the question that is open, and comes once.
    #[track_caller]
    fn take(&mut self, response: &Value) {
        let turn = response["turn"].as_u64().expect("an answer has its question's number");
        assert_eq!(turn, self.questions, "{response}");
        assert!(self.answered.insert(turn), "answered twice: {response}");
        self.open = None;
    }

    /// Connects again and goes on. Returns the answer to the open question if it was missed.
    #[track_caller]
    fn come_back(&mut self) -> Option<Value> {
        self.client = None;
        let (client, missed) = wait::until("to connect again and go on", || {
            let mut client = Client::connect(&Target::plain(self.port)).ok()?;
            let seen: Vec<&u64> = self.answered.iter().filter(|turn| **turn + 16 > self.questions).collect();
            client.send(&json!({"type": "resume", "resume": self.greeting["resume"], "seen": seen})).ok()?;
            let mut missed = None;
            loop {
                let frame = client.next_frame().ok()?;
                match frame["type"].as_str() {
                    Some("response") => assert!(missed.replace(frame).is_none(), "one question, two answers"),
                    Some("resumed") => {
                        assert_eq!(frame["resumed"], true, "forgotten: {frame}");
                        assert_eq!(frame["session_id"], self.greeting["session_id"]);
                        return Some((client, missed));
                    }
                    // The gateway began to drain in this instant.
                    _ => return None,
                }
            }
        })
        .expect("a gateway is there");
        self.connections += 1;
        self.client = Some(client);
        missed
    }
}

/// Questions of a session that the journal has.
#[track_caller]
pub(crate) fn questions_of(database: &Database, session: &str) -> u64 {
    const SESSION_ID: usize = 1;
    let snapshot = database.snapshot().expect("a snapshot");
    let mut count = 0;
    snapshot
        .scan("CONVERSATION", &mut |id, bytes| {
            // The answer's record has the same name with an A.
            let is_question = id.ends_with('U');
            if is_question && Record::from_bytes(bytes).field_text(SESSION_ID) == session {
                count += 1;
            }
            ControlFlow::Continue(())
        })
        .expect("readable");
    count
}
