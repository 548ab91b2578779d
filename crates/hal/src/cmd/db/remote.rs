//! `hal db SENTENCE --data qmclient://user@host/ACCOUNT`: the sentence is run by a QM server, which answers in its own words.

use std::path::Path;
use std::time::Duration;

use hal_db::qmclient::{Address, Client, ClientError, Credentials, Options};
use hal_server::clock::Clock;

use crate::report::{self, Exit, Failure};

/// Where the password is taken from: a command line would show it to every user of the machine.
const PASSWORD: &str = "HAL_QM_PASSWORD";

/// The address, when the data lie on a QM server instead of in a folder.
pub(super) fn address(data: &Path) -> Option<&str> {
    data.to_str().filter(|text| text.starts_with("qmclient://"))
}

pub(super) fn sentence(sentence: &str, address: &str) -> Result<Exit, Failure> {
    let address: Address = address.parse().map_err(|error| failure(&error))?;
    let user = address.user.clone().ok_or_else(|| {
        Failure::new("the address names no user").hint("write it as qmclient://user@host:4243/ACCOUNT")
    })?;
    let password = std::env::var(PASSWORD).map_err(|_| {
        Failure::new(format!("{PASSWORD} is not set")).hint(
            "set it to the user's password; it travels unencrypted, so use a tunnel outside of this machine",
        )
    })?;
    let clock = Clock::start();
    let now = move || Duration::from_millis(clock.now_ms());
    let credentials = Credentials::new(user, password);
    let mut client =
        Client::connect(&address, &credentials, Options::default(), now).map_err(|error| failure(&error))?;
    let mut answer = client.execute(sentence).map_err(|error| failure(&error))?;
    client.quit();
    if !answer.is_empty() && !answer.ends_with('\n') {
        answer.push('\n');
    }
    report::data(&answer)?;
    Ok(Exit::Done)
}

fn failure(error: &ClientError) -> Failure {
    Failure::from_words(&error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_is_taken_for_a_server() {
        assert_eq!(address(Path::new("qmclient://a@b/C")), Some("qmclient://a@b/C"));
        assert_eq!(address(Path::new("/var/lib/hal")), None);
        let no_user = sentence("LIST X", "qmclient://localhost/HAL").unwrap_err();
        assert!(no_user.message.contains("no user"), "{no_user}");
        let secret = sentence("LIST X", "qmclient://ann:letmein@localhost/HAL").unwrap_err();
        assert!(!format!("{secret:?}").contains("letmein"));
    }
}
