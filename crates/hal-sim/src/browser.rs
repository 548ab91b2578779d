//! Headless Chromium, driven over its DevTools protocol.

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::{Message, WebSocket};

use crate::process::Process;
use crate::programs;
use crate::wait::{self, PATIENCE};

/// The names under which it is installed.
pub const NAMES: &[&str] = &["chromium", "chromium-browser", "google-chrome"];

/// One browser with one page. Ended when dropped.
#[derive(Debug)]
pub struct Browser {
    devtools: WebSocket<TcpStream>,
    session: String,
    next_id: u64,
    /// What the page wrote to its console, and exceptions that nobody caught.
    pub console: Vec<String>,
    // Declared last: the profile may only go when the process is gone.
    pub process: Process,
    _profile: TempDir,
}

impl Browser {
    /// Starts it with `microphone`, a WAV file that it plays over and over as what it hears.
    ///
    /// Certificates of test authorities are accepted; everything else is as a person's browser does it.
    pub fn start(microphone: &Path) -> Result<Browser> {
        let program =
            NAMES.iter().find_map(|name| programs::find(name)).context("chromium is not installed")?;
        let profile = TempDir::new()?;
        let mut command = Command::new(program);
        command
            .args([
                "--headless=new",
                "--remote-debugging-port=0",
                "--no-first-run",
                "--no-default-browser-check",
            ])
            // As root, and in containers, its sandbox cannot start.
            .args(["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            // It would look for updates and Google's hosts, which a test must not.
            .args(["--disable-quic", "--disable-background-networking", "--disable-component-update"])
            .args(["--disable-sync", "--no-proxy-server", "--ignore-certificate-errors"])
            .args(["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"])
            .arg("--autoplay-policy=no-user-gesture-required")
            .arg(format!("--use-file-for-fake-audio-capture={}", microphone.display()))
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank");
        let mut process = Process::start(command)?;
        let address = process.wait_for_line("its DevTools address", |line| {
            line.strip_prefix("DevTools listening on ").map(|url| url.trim().to_owned())
        })?;
        let host = address
            .strip_prefix("ws://")
            .and_then(|rest| rest.split('/').next())
            .context("a ws:// address")?;
        let stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let (devtools, _) = match tungstenite::client(address.as_str(), stream) {
            Ok(pair) => pair,
            Err(error) => bail!("DevTools: {error}"),
        };
        let mut browser = Browser {
            devtools,
            session: String::new(),
            next_id: 0,
            console: Vec::new(),
            process,
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}))?;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", attach)?;
        browser.session = session["sessionId"].as_str().context("a session id")?.to_owned();
        browser.call("Page.enable", json!({}))?;
        browser.call("Runtime.enable", json!({}))?;
        Ok(browser)
    }

    /// Opens a page. Returns when its scripts can be asked; the page may still be loading.
    pub fn open(&mut self, url: &str) -> Result<()> {
        let result = self.call("Page.navigate", json!({"url": url}))?;
        match result["errorText"].as_str() {
            Some(error) => bail!("{url}: {error}"),
            None => Ok(()),
        }
    }

    /// The value of a JavaScript expression; a promise is awaited. It counts as a person's gesture, so that it may
    /// start sound.
    pub fn evaluate(&mut self, expression: &str) -> Result<Value> {
        let parameters = json!({"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true});
        let result = self.call("Runtime.evaluate", parameters)?;
        if !result["exceptionDetails"].is_null() {
            bail!("{expression}: {}", result["exceptionDetails"]["exception"]["description"]);
        }
        Ok(result["result"]["value"].clone())
    }

    /// Waits until an expression is truthy; a page that is still loading counts as not yet.
    pub fn until(&mut self, expression: &str) -> Result<Value> {
        let mut last = String::new();
        let found = wait::until(expression, || match self.evaluate(expression) {
            Ok(value) if is_truthy(&value) => Some(value),
            Ok(_) => None,
            Err(error) => {
                last = format!("{error:#}");
                None
            }
        });
        found.with_context(|| format!("last error: {last}; console: {:?}", self.console))
    }

    /// Makes it a telephone, 360 points wide and touched.
    pub fn phone(&mut self) -> Result<()> {
        let screen = json!({"width": 360, "height": 640, "deviceScaleFactor": 2, "mobile": true});
        self.call("Emulation.setDeviceMetricsOverride", screen)?;
        self.call("Emulation.setTouchEmulationEnabled", json!({"enabled": true})).map(drop)
    }

    /// Runs `script` in each page from now on, before its own scripts.
    pub fn before_each_page(&mut self, script: &str) -> Result<()> {
        self.call("Page.addScriptToEvaluateOnNewDocument", json!({"source": script})).map(drop)
    }

    /// Loads the page again, as a person does, and returns when the new one is there.
    pub fn reload(&mut self) -> Result<()> {
        self.evaluate("window.isOld = true")?;
        self.call("Page.reload", json!({}))?;
        self.until("!window.isOld").map(drop)
    }

    /// The cookies that the page's address is sent, those that scripts cannot read among them.
    pub fn cookies(&mut self) -> Result<Vec<Value>> {
        let result = self.call("Network.getCookies", json!({}))?;
        Ok(result["cookies"].as_array().cloned().unwrap_or_default())
    }

    /// A PNG of the page, for a person who looks into a failure.
    pub fn screenshot(&mut self) -> Result<Vec<u8>> {
        let result = self.call("Page.captureScreenshot", json!({"format": "png"}))?;
        hal_wire::audio::from_base64(result["data"].as_str().unwrap_or_default()).context("a base64 picture")
    }

    /// One DevTools command and its result.
    fn call(&mut self, method: &str, parameters: Value) -> Result<Value> {
        self.next_id += 1;
        let id = self.next_id;
        let mut command = json!({"id": id, "method": method, "params": parameters});
        if !self.session.is_empty() {
            command["sessionId"] = self.session.as_str().into();
        }
        self.devtools.send(Message::text(command.to_string()))?;
        loop {
            let message = self.devtools.read().with_context(|| format!("no answer to {method}"))?;
            let Message::Text(text) = message else { continue };
            let message: Value = serde_json::from_str(&text)?;
            if message["id"] == id {
                if !message["error"].is_null() {
                    bail!("{method}: {}", message["error"]["message"]);
                }
                return Ok(message["result"].clone());
            }
            self.note(&message);
        }
    }

    fn note(&mut self, event: &Value) {
        match event["method"].as_str() {
            Some("Runtime.consoleAPICalled") => {
                let arguments = event["params"]["args"].as_array().map(Vec::as_slice).unwrap_or_default();
                let words: Vec<String> = arguments
                    .iter()
                    .map(|argument| {
                        argument["value"].as_str().map_or(argument["description"].to_string(), Into::into)
                    })
                    .collect();
                self.console.push(words.join(" "));
            }
            Some("Runtime.exceptionThrown") => {
                self.console
                    .push(event["params"]["exceptionDetails"]["exception"]["description"].to_string());
            }
            _ => {}
        }
    }
}

fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}
