//! Each dependency may be used under a licence that deny.toml allows.
//!
//! The same list serves `cargo deny`; the reading here needs nothing installed and nothing downloaded.

use anyhow::{Context as _, Result, bail};

use crate::check::metadata::Metadata;

pub(crate) fn check(metadata: &Metadata) -> Result<Vec<String>> {
    let allowed = allowed_licences(&std::fs::read_to_string("deny.toml").context("deny.toml")?)?;
    let mut complaints = Vec::new();
    let mut used = Vec::new();
    for package in metadata.packages.iter().filter(|package| !package.is_ours) {
        let Some(license) = &package.license else {
            complaints.push(format!("{} {}: names no licence", package.name, package.version));
            continue;
        };
        match satisfied(license, &allowed) {
            Ok(true) => used.push(license.clone()),
            Ok(false) => complaints
                .push(format!("{} {}: {license} is not in deny.toml", package.name, package.version)),
            Err(error) => complaints.push(format!("{} {}: {error:#}", package.name, package.version)),
        }
    }
    // A list that only ever grows says nothing: an allowed licence that nobody uses goes.
    for allowed in allowed.iter().filter(|name| !used.iter().any(|license| words(license).contains(name))) {
        complaints.push(format!("deny.toml allows {allowed}, which no dependency uses"));
    }
    Ok(complaints)
}

fn allowed_licences(deny: &str) -> Result<Vec<String>> {
    let deny: toml::Table = deny.parse().context("deny.toml")?;
    let list = deny.get("licenses").and_then(|section| section.get("allow")).and_then(toml::Value::as_array);
    let list = list.context("deny.toml: no list `allow` in [licenses]")?;
    list.iter()
        .map(|name| Ok(name.as_str().context("deny.toml: a licence that is not a string")?.to_owned()))
        .collect()
}

fn words(expression: &str) -> Vec<String> {
    // Old manifests write `MIT/Apache-2.0` for OR.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words: Vec<String> = Vec::new();
    let mut parts = spaced.split_whitespace().peekable();
    while let Some(part) = parts.next() {
        // `Apache-2.0 WITH LLVM-exception` is one licence.
        if parts.peek() == Some(&"WITH") {
            parts.next();
            words.push(format!("{part} WITH {}", parts.next().unwrap_or_default()));
        } else {
            words.push(part.to_owned());
        }
    }
    words
}

/// Whether an SPDX expression can be fulfilled with allowed licences. AND binds tighter than OR.
fn satisfied(expression: &str, allowed: &[String]) -> Result<bool> {
    let words = words(expression);
    let (value, used) = any_of(&words, allowed)?;
    if used != words.len() {
        bail!("cannot read the licence `{expression}`");
    }
    Ok(value)
}

fn any_of(words: &[String], allowed: &[String]) -> Result<(bool, usize)> {
    let (mut value, mut at) = all_of(words, allowed)?;
    while words.get(at).is_some_and(|word| word == "OR") {
        let (other, used) = all_of(&words[at + 1..], allowed)?;
        value |= other;
        at += 1 + used;
    }
    Ok((value, at))
}

fn all_of(words: &[String], allowed: &[String]) -> Result<(bool, usize)> {
    let (mut value, mut at) = one(words, allowed)?;
    while words.get(at).is_some_and(|word| word == "AND") {
        let (other, used) = one(&words[at + 1..], allowed)?;
        value &= other;
        at += 1 + used;
    }
    Ok((value, at))
}

fn one(words: &[String], allowed: &[String]) -> Result<(bool, usize)> {
    match words.first().map(String::as_str) {
        Some("(") => {
            let (value, used) = any_of(&words[1..], allowed)?;
            if words.get(1 + used).map(String::as_str) != Some(")") {
                bail!("a bracket is not closed");
            }
            Ok((value, used + 2))
        }
        Some(name) if name != ")" && name != "OR" && name != "AND" => {
            Ok((allowed.iter().any(|entry| entry == name), 1))
        }
        other => bail!("a licence is missing before `{}`", other.unwrap_or("the end")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_expression(expression: &str, expected: Option<bool>) {
        let allowed = ["MIT", "Apache-2.0", "Unicode-3.0"].map(String::from);
        assert_eq!(satisfied(expression, &allowed).ok(), expected, "{expression}");
    }

    #[test]
    fn one_allowed_alternative_is_enough_and_each_of_a_conjunction_is_needed() {
        check_expression("MIT", Some(true));
        check_expression("GPL-3.0 OR MIT", Some(true));
        check_expression("GPL-3.0/MIT", Some(true));
        check_expression("GPL-3.0", Some(false));
        check_expression("(MIT OR Apache-2.0) AND Unicode-3.0", Some(true));
        check_expression("(MIT OR Apache-2.0) AND OpenSSL", Some(false));
        check_expression("MIT OR GPL-3.0 AND OpenSSL", Some(true));
    }

    #[test]
    fn an_exception_is_part_of_the_licence() {
        check_expression("Apache-2.0 WITH LLVM-exception", Some(false));
        check_expression("Apache-2.0 WITH LLVM-exception OR MIT", Some(true));
    }

    #[test]
    fn what_cannot_be_read_is_an_error_not_a_yes() {
        check_expression("", None);
        check_expression("MIT OR", None);
        check_expression("(MIT", None);
        check_expression("MIT Apache-2.0", None);
    }
}
