//! `hal chat`: a conversation, line by line.
//!
//! One thread reads lines, one waits for bytes on the socket, and the main thread does everything: it sends,
//! answers pings while the person thinks, and connects again when the connection is gone.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};

use clap::Args;

use super::ask::Server;
use crate::client::conversation::{self, Back, Conversation, Question};
use crate::client::stream::now;
use crate::client::{Answer, Client, Lost, Target};
use crate::report::{self, Exit, Failure};

/// Talk with HAL line by line.
///
/// Answers go to stdout. /quit, Ctrl-D or Ctrl-C end it. If the connection drops, it
/// comes back by itself and the conversation goes on, for ten minutes and over a
/// restart of the server.
#[derive(Debug, Args)]
pub(crate) struct Chat {
    #[command(flatten)]
    server: Server,
}

enum Event {
    Line(String),
    /// No more lines.
    End,
    /// Bytes lie ready on connection `of`, or it has ended.
    Readable {
        of: u64,
    },
}

impl Chat {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let target = self.server.target()?;
        // The first connection must work: a wrong address is better told now than after the first question.
        let mut conversation = Conversation::default();
        let client = conversation.connect(&target)?.client;
        let (sender, events) = mpsc::channel();
        read_lines(sender.clone());
        let prompt = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        if prompt {
            report::talk(format_args!("connected to {}; /quit ends", target.url));
        }
        let mut talk = Talk {
            target,
            conversation,
            client: None,
            number: 0,
            attempts: 0,
            waiting: false,
            sender,
            prompt,
        };
        talk.adopt(client)?;
        talk.run(&events)
    }
}

struct Talk {
    target: Target,
    conversation: Conversation,
    client: Option<Client>,
    /// Counts connections, so that news of an old one is not taken for the new one's.
    number: u64,
    attempts: usize,
    /// A thread waits for bytes on this connection; there is never a second one.
    waiting: bool,
    sender: Sender<Event>,
    prompt: bool,
}

impl Talk {
    fn run(mut self, events: &Receiver<Event>) -> Result<Exit, Failure> {
        self.show_prompt();
        loop {
            let event = match &self.client {
                // `sender` lives as long as `self`: the channel cannot end.
                Some(_) => events.recv().expect("a sender is left"),
                None => match events.recv_timeout(conversation::pause(self.attempts)) {
                    Ok(event) => event,
                    Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                        self.reconnect()?;
                        continue;
                    }
                },
            };
            match event {
                Event::End => break,
                Event::Line(line) => {
                    let line = line.trim();
                    if matches!(line, "/quit" | "/exit") {
                        break;
                    }
                    if !line.is_empty() {
                        self.question(line)?;
                    }
                    self.show_prompt();
                }
                Event::Readable { of } if of == self.number => {
                    self.waiting = false;
                    if let Some(client) = self.client.take() {
                        self.rest(client)?;
                    }
                }
                Event::Readable { .. } => {}
            }
        }
        if let Some(client) = self.client.take() {
            client.close();
        }
        Ok(Exit::Done)
    }

    /// Asks, on as many connections as it takes within the time an answer may take.
    fn question(&mut self, line: &str) -> Result<(), Failure> {
        let question = Question::Typed(line.to_owned());
        let number = self.conversation.number();
        let deadline = now() + self.target.limits.answer;
        loop {
            let mut client = match self.client.take() {
                Some(client) => client,
                None => {
                    let patience = now() + self.target.limits.connect;
                    let mut back = match self.conversation.come_back(&self.target, patience.min(deadline)) {
                        Ok(back) => back,
                        Err(lost) => {
                            report::failure(&conversation::away(lost));
                            return Ok(());
                        }
                    };
                    let answer = conversation::take_missed(&mut back.missed, number, &question);
                    let client = self.welcome(back)?;
                    if let Some(answer) = answer {
                        tell(&answer)?;
                        return self.adopt(client);
                    }
                    self.number += 1;
                    self.waiting = false;
                    client
                }
            };
            match self.conversation.ask(&mut client, number, &question, deadline) {
                Ok(answer) => {
                    tell(&answer)?;
                    return self.rest(client);
                }
                Err(Lost::Refused { failure, .. }) => {
                    report::failure(&failure);
                    return self.rest(client);
                }
                Err(lost) if conversation::is_gone(&lost, &self.conversation) && now() < deadline => {}
                // Asking a server of before again could do a thing twice, so the person decides.
                Err(lost) => {
                    report::failure(&lost.into());
                    return Ok(());
                }
            }
        }
    }

    /// Tries once, while nobody waits for it.
    fn reconnect(&mut self) -> Result<(), Failure> {
        let Ok(back) = self.conversation.connect(&self.target) else {
            self.attempts += 1;
            return Ok(());
        };
        let client = self.welcome(back)?;
        self.adopt(client)?;
        self.show_prompt();
        Ok(())
    }

    /// Says in one line that the connection is back, and shows what was missed.
    fn welcome(&mut self, back: Back) -> Result<Client, Failure> {
        self.attempts = 0;
        if self.prompt {
            report::talk(conversation::quiet_line(&back));
        }
        for answer in &back.missed {
            tell(answer)?;
        }
        Ok(back.client)
    }

    fn adopt(&mut self, client: Client) -> Result<(), Failure> {
        self.number += 1;
        self.waiting = false;
        self.rest(client)
    }

    /// Takes what has come by itself (pings, a goodbye, news), then waits for bytes on a thread that ends with the first.
    ///
    /// In this order: a frame that was read together with the one before lies in a buffer, where no thread sees it.
    fn rest(&mut self, mut client: Client) -> Result<(), Failure> {
        let Ok(answers) = client.unasked() else {
            if self.prompt {
                report::talk("\nthe connection is gone; connecting again");
            }
            return Ok(());
        };
        for answer in &answers {
            self.conversation.arrived(answer);
            tell(answer)?;
        }
        if !self.waiting {
            let ready = client.rest().and_then(|()| client.tcp().try_clone());
            // A socket that cannot even be cloned is as good as gone; the next question finds out.
            if let Ok(tcp) = ready {
                wait_for_bytes(tcp, self.number, self.sender.clone());
                self.waiting = true;
            }
        }
        self.client = Some(client);
        Ok(())
    }

    fn show_prompt(&self) {
        if self.prompt {
            let mut err = std::io::stderr();
            // A prompt that cannot be shown is no reason to stop.
            err.write_all(b"> ").and_then(|()| err.flush()).ok();
        }
    }
}

fn tell(answer: &Answer) -> Result<(), Failure> {
    report::data(&format!("{}\n", answer.text))
}

fn read_lines(sender: Sender<Event>) {
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if sender.send(Event::Line(line)).is_err() {
                return;
            }
        }
        sender.send(Event::End).ok();
    });
}

fn wait_for_bytes(tcp: TcpStream, number: u64, sender: Sender<Event>) {
    std::thread::spawn(move || {
        let mut byte = [0];
        // A look without taking: the bytes are the main thread's. Whatever ends the look is news: bytes, the end of
        // the connection, or a limit that a question has just put on the socket.
        while let Err(error) = tcp.peek(&mut byte) {
            if error.kind() != std::io::ErrorKind::Interrupted {
                break;
            }
        }
        // At the end of the program nobody listens.
        sender.send(Event::Readable { of: number }).ok();
    });
}
