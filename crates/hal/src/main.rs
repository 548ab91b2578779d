//! The `hal` program: what it can do, and how it ends.

mod client;
mod cmd;
mod household;
mod report;

use std::process::ExitCode;

use clap::Parser;

use report::Exit;

/// HAL answers questions about your own records, by text and by voice.
#[derive(Debug, Parser)]
#[command(name = "hal", version, max_term_width = 80, disable_help_subcommand = true, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Option<cmd::Command>,
}

const EXIT_CODES: &str = "\
Exit codes: 0 answered or done, 1 not understood or nothing found,
2 could not be reached, was refused, or failed.";

const FIRST_STEPS: &str = "\
HAL answers questions about your own records. Three steps to the first answer:

  1. Start it with an invented household:
         hal serve --demo
  2. Ask in another terminal:
         hal ask \"What medications am I taking?\"
  3. Or open it in a browser, type or talk:
         http://localhost:8768

`hal --help` lists everything else.
";

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        None => report::data(FIRST_STEPS).map(|()| Exit::Done),
        Some(command) => command.run(),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => {
            report::failure(&failure);
            Exit::Failed.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_help_fits_80_columns() {
        fn check(command: &mut clap::Command) {
            let help = command.render_long_help().to_string();
            for line in help.lines() {
                assert!(line.chars().count() <= 80, "{}: {line:?}", command.get_name());
            }
            for sub in command.get_subcommands_mut() {
                check(sub);
            }
        }
        let mut cli = Cli::command().term_width(80);
        cli.build();
        check(&mut cli);
        for line in FIRST_STEPS.lines() {
            assert!(line.chars().count() <= 80, "{line:?}");
        }
    }
}
