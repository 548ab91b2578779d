//! The packet filter's rules, as far as they decide about a new TCP connection from outside.

use std::time::Duration;

use serde_json::Value;

use super::run;
use crate::doctor::facts::{Chain, Firewall, Rule, Ufw, WindowsRule};

const LIMIT: Duration = Duration::from_secs(4);
const RULES_MAX: usize = 2_000;

pub(super) fn look(gateway_port: u16) -> Firewall {
    Firewall { nft: nft(), ufw: ufw(), windows: windows(gateway_port) }
}

fn nft() -> Option<Vec<Chain>> {
    let said = run("nft", &["-j", "list", "ruleset"], LIMIT)?;
    if !said.success {
        return None;
    }
    Some(chains(&serde_json::from_str(&said.stdout).ok()?))
}

/// Reads what `nft -j list ruleset` says (libnftables-json(5)).
fn chains(ruleset: &Value) -> Vec<Chain> {
    let mut chains: Vec<Chain> = Vec::new();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let table = |of: &Value, name: &str| format!("{} {}", text(&of["family"]), text(&of[name]));
    for entry in ruleset["nftables"].as_array().into_iter().flatten().take(RULES_MAX) {
        let chain = &entry["chain"];
        if chain.is_object() {
            let base = chain["hook"] == "input";
            // Chains of other hooks have nothing to say about arriving connections; those without a hook are jumped to.
            if base || chain["hook"].is_null() {
                chains.push(Chain {
                    table: table(chain, "table"),
                    name: text(&chain["name"]),
                    base,
                    priority: chain["prio"].as_i64().unwrap_or(0),
                    policy: text(&chain["policy"]),
                    rules: Vec::new(),
                });
            }
        }
        let rule = &entry["rule"];
        if rule.is_object() {
            let (of, name) = (table(rule, "table"), text(&rule["chain"]));
            if let Some(chain) = chains.iter_mut().find(|chain| chain.table == of && chain.name == name) {
                chain.rules.push(read(rule["expr"].as_array().map_or(&[], Vec::as_slice)));
            }
        }
    }
    chains
}

fn read(expressions: &[Value]) -> Rule {
    let mut rule = Rule::default();
    for expression in expressions {
        let Some((kind, value)) = expression.as_object().and_then(|object| object.iter().next()) else {
            continue;
        };
        match kind.as_str() {
            "match" => condition(value, &mut rule),
            "accept" | "drop" | "reject" | "return" => rule.verdict.clone_from(kind),
            "jump" | "goto" => {
                rule.verdict = format!("jump {}", value["target"].as_str().unwrap_or_default());
            }
            "counter" | "log" | "comment" => {}
            _ => rule.unsure = true,
        }
    }
    rule
}

fn condition(value: &Value, rule: &mut Rule) {
    let (left, right) = (&value["left"], &value["right"]);
    let equal = matches!(value["op"].as_str(), Some("==" | "in"));
    let (payload, meta) = (&left["payload"], &left["meta"]["key"]);
    let is = |name: &str| mentions(right, name);
    if payload["field"] == "dport" && equal {
        if payload["protocol"] == "tcp" || payload["protocol"] == "th" {
            rule.ports = Some(ports(right));
        } else {
            rule.other_traffic = true;
        }
    } else if (meta == "iifname" || meta == "iif") && is("lo") {
        // `!=` lets everything else meet the rule, which is where we look from.
        rule.other_traffic |= equal;
    } else if left["ct"]["key"] == "state" {
        rule.other_traffic |= equal && !is("new");
    } else if meta == "l4proto" || payload["field"] == "protocol" || payload["field"] == "nexthdr" {
        rule.other_traffic |= equal && !is("tcp");
    } else if meta == "nfproto" {
        rule.other_traffic |= equal && !is("ipv4");
    } else {
        rule.unsure = true;
    }
}

fn mentions(value: &Value, name: &str) -> bool {
    match value {
        Value::String(text) => text == name,
        Value::Array(list) => list.iter().any(|value| mentions(value, name)),
        Value::Object(object) => object.values().any(|value| mentions(value, name)),
        _ => false,
    }
}

fn ports(value: &Value) -> Vec<(u16, u16)> {
    let port = |value: &Value| value.as_u64().and_then(|port| u16::try_from(port).ok());
    if let Some(one) = port(value) {
        return vec![(one, one)];
    }
    if let Some([first, last]) = value["range"].as_array().map(Vec::as_slice) {
        return port(first).zip(port(last)).into_iter().collect();
    }
    let list = value.as_array().or_else(|| value["set"].as_array());
    list.into_iter().flatten().flat_map(ports).collect()
}

fn ufw() -> Option<Ufw> {
    let said = run("ufw", &["status", "verbose"], LIMIT)?;
    said.success.then(|| ufw_status(&said.stdout))
}

fn ufw_status(text: &str) -> Ufw {
    let mut ufw = Ufw::default();
    for line in text.lines() {
        if let Some(status) = line.strip_prefix("Status: ") {
            ufw.active = status.trim() == "active";
        } else if let Some(default) = line.strip_prefix("Default: ") {
            ufw.default = default.split_whitespace().next().unwrap_or_default().to_owned();
        } else if [" ALLOW", " DENY", " REJECT", " LIMIT"].iter().any(|verb| line.contains(verb)) {
            // From whom is left out: whole networks only, see below.
            let mut words = line.split_whitespace();
            let (port, verb) =
                (words.next().unwrap_or_default(), words.find(|w| w.chars().all(char::is_uppercase)));
            let anywhere = line.trim_end().ends_with("Anywhere") || line.contains("Anywhere  ");
            let whom = if anywhere { "" } else { " some" };
            ufw.rules.push(format!("{port} {}{whom}", verb.unwrap_or_default()));
        }
    }
    ufw
}

/// Enabled inbound rules for the gateway's port.
fn windows(gateway_port: u16) -> Option<Vec<WindowsRule>> {
    if !cfg!(windows) {
        return None;
    }
    let script = format!(
        "Get-NetFirewallRule -Direction Inbound -Enabled True | ForEach-Object {{ $p = $_ | Get-NetFirewallPortFilter; \
         if ($p.Protocol -eq 'TCP' -and $p.LocalPort -contains '{gateway_port}') {{ \"$($p.LocalPort) $($_.Action)\" }} }}"
    );
    let said = run("powershell", &["-NoProfile", "-NonInteractive", "-Command", &script], LIMIT)?;
    let rules = said.stdout.lines().filter_map(|line| line.trim().split_once(' '));
    said.success.then(|| {
        rules.map(|(port, action)| WindowsRule { port: port.to_owned(), action: action.to_owned() }).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ufws_table_is_read() {
        let text = "Status: active\nLogging: on (low)\nDefault: deny (incoming), allow (outgoing), disabled (routed)\n\n\
            To                         Action      From\n--                         ------      ----\n\
            22/tcp                     ALLOW IN    Anywhere\n443/tcp                    ALLOW IN    192.168.1.0/24\n\
            80/tcp (v6)                ALLOW IN    Anywhere (v6)\n";
        let ufw = ufw_status(text);
        assert!(ufw.active);
        assert_eq!(ufw.default, "deny");
        assert_eq!(ufw.rules[..2], ["22/tcp ALLOW".to_owned(), "443/tcp ALLOW some".to_owned()]);
    }

    #[test]
    fn rules_are_read_as_far_as_they_are_understood() {
        let ruleset = serde_json::json!({ "nftables": [
            { "chain": { "family": "inet", "table": "filter", "name": "input", "hook": "input", "prio": 0, "policy": "drop" } },
            { "rule": { "family": "inet", "table": "filter", "chain": "input", "expr": [
                { "match": { "op": "==", "left": { "meta": { "key": "iifname" } }, "right": "lo" } }, { "accept": null } ] } },
            { "rule": { "family": "inet", "table": "filter", "chain": "input", "expr": [
                { "match": { "op": "==", "left": { "payload": { "protocol": "tcp", "field": "dport" } },
                  "right": { "set": [22, { "range": [80, 90] }] } } }, { "counter": {} }, { "accept": null } ] } },
            { "rule": { "family": "inet", "table": "filter", "chain": "input", "expr": [
                { "match": { "op": "in", "left": { "ct": { "key": "state" } }, "right": ["established", "related"] } },
                { "accept": null } ] } },
        ] });
        let chains = chains(&ruleset);
        let rules = &chains[0].rules;
        assert!(chains[0].base && chains[0].policy == "drop");
        assert!(rules[0].other_traffic && rules[2].other_traffic);
        assert_eq!(rules[1].ports, Some(vec![(22, 22), (80, 90)]));
        assert_eq!(rules[1].verdict, "accept");
    }
}
