//! The server and folder that each test has to itself.

use std::path::Path;
use std::process::Output;

use hal_sim::client::Client;
use hal_sim::server::{Options, Server};
use tempfile::TempDir;

/// The demo household, served on free ports, gone at the end.
#[derive(Debug)]
pub(crate) struct Household {
    // Before its folder: the server ends first.
    pub(crate) server: Server,
    pub(crate) folder: TempDir,
}

impl Household {
    #[track_caller]
    pub(crate) fn start() -> Household {
        Household::start_with(&[])
    }

    #[track_caller]
    pub(crate) fn start_with(words: &[&str]) -> Household {
        let folder = TempDir::new().expect("a temporary folder");
        // What is tried through HAProxy here is the way, not the door; that is tried in `sign_in`.
        let open = Options::demo(folder.path()).open_to_all();
        let server = open.with(words).start().expect("hal serve --demo answers");
        Household { server, folder }
    }

    #[track_caller]
    pub(crate) fn connect(&self) -> Client {
        self.server.connect().expect("the gateway greets")
    }
}

/// A medication of the demo household: an answer that names it was read from a record.
pub(crate) const MEDICATION: &str = "lisinopril";

/// A question whose answer names [`MEDICATION`].
pub(crate) const QUESTION: &str = "What medications am I taking?";

/// Whether an answer names the medication. What is heard and said may differ in case.
#[track_caller]
pub(crate) fn assert_names_medication(answer: &serde_json::Value) {
    let text = answer["text"].as_str().unwrap_or_default().to_lowercase();
    assert!(text.contains(MEDICATION), "{answer}");
    assert_eq!(answer["intent"], "MEDICATION", "{answer}");
    assert_eq!(answer["outcome"], "answered", "{answer}");
}

/// A path as a word of a command line.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}

/// How a command ended and all it said.
pub(crate) fn said(out: &Output) -> String {
    let (stdout, stderr) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    format!("{}\n{stdout}{stderr}", out.status)
}
