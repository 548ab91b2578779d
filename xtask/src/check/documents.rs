//! What programs send and people set is documented: code and document change in the same commit.

use crate::check::tidy::Files;

pub(crate) fn check(files: &Files) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut each = |source: &str, find: fn(&str) -> Vec<String>, document: &str| {
        let text =
            |name: &str| files.texts.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str());
        let (Some(code), Some(prose)) = (text(source), text(document)) else {
            complaints.push(format!("{source} or {document} is missing"));
            return;
        };
        let names = find(code);
        if names.is_empty() {
            complaints.push(format!(
                "{source}: nothing found that {document} should explain; has its form changed?"
            ));
        }
        let absent = names.iter().filter(|name| !prose.contains(&format!("`{name}`")));
        complaints.extend(absent.map(|name| format!("{document}: `{name}` of {source} is not explained")));
    };
    each("crates/hal-wire/src/code.rs", error_codes, "docs/protocol.md");
    each("crates/hal-wire/src/client.rs", message_types, "docs/protocol.md");
    each("crates/hal-server/src/config.rs", settings, "docs/configuration.md");
    complaints
}

/// `Variant = "CODE", …` in the table of codes.
fn error_codes(code: &str) -> Vec<String> {
    let texts = code.lines().filter_map(|line| line.split_once(" = \"")?.1.split('"').next());
    texts.filter(|text| text.chars().all(|c| c.is_ascii_uppercase() || c == '_')).map(str::to_owned).collect()
}

/// `"type" => …` in the match over a client's message.
fn message_types(code: &str) -> Vec<String> {
    let body = code.split("match kind.as_str() {").nth(1).and_then(|rest| rest.split("other =>").next());
    let arms =
        body.unwrap_or_default().lines().filter_map(|line| line.trim().strip_prefix('"')?.split_once("=>"));
    arms.flat_map(|(pattern, _)| pattern.split('"').map(str::trim))
        .filter(|word| !word.is_empty() && *word != "|")
        .map(str::to_owned)
        .collect()
}

/// `section.key` for each field of the sections of `struct Config`.
fn settings(code: &str) -> Vec<String> {
    let fields = |name: &str| -> Vec<(String, String)> {
        let body =
            code.split(&format!("pub struct {name} {{")).nth(1).and_then(|rest| rest.split("\n}").next());
        let lines = body
            .unwrap_or_default()
            .lines()
            .filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(':'));
        lines.map(|(name, of)| (name.to_owned(), of.trim().trim_end_matches(',').to_owned())).collect()
    };
    let sections = fields("Config").into_iter();
    sections
        .flat_map(|(section, of)| fields(&of).into_iter().map(move |(key, _)| format!("{section}.{key}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_types_and_settings_are_read_from_the_source() {
        assert_eq!(
            error_codes("    BadJson = \"BAD_JSON\", true, \"That was = \\\"no\\\".\";\n"),
            ["BAD_JSON"]
        );
        let code = "match kind.as_str() {\n \"a\" => x,\n \"b\" | \"c\" => match y {\n other => z }";
        assert_eq!(message_types(code), ["a", "b", "c"]);
        let code = "pub struct Config {\n    pub gateway: Gateway,\n}\npub struct Gateway {\n    /// why\n    pub listen: u8,\n}";
        assert_eq!(settings(code), ["gateway.listen"]);
    }
}
