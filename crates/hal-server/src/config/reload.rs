//! Which settings have changed since they were read, and which of them can be taken over while the server runs.

/// Keys that are taken over while the server runs.
pub const RELOADABLE: [&str; 4] =
    ["gateway.origins", "gateway.proxies", "gateway.proxy_certificates", "log.level"];

fn is_reloadable(name: &str) -> bool {
    RELOADABLE.contains(&name) || name.starts_with("limits.")
}

/// What a reload found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// In force at once.
    pub taken: Vec<String>,
    /// In force after the next start.
    pub waiting: Vec<String>,
}

/// The keys as they were given. Some may be secrets: `Debug` tells their number.
#[derive(Clone, Default)]
pub(super) struct Given(toml::Table);

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} sections", self.0.len())
    }
}

impl Given {
    pub(super) fn new(table: toml::Table) -> Given {
        Given(table)
    }

    pub(super) fn changed_since(&self, before: &Given) -> Changed {
        let mut names: Vec<String> = Vec::new();
        for (section, keys) in before.0.iter().chain(&self.0) {
            let keys = keys.as_table().into_iter().flat_map(toml::Table::keys);
            names.extend(keys.map(|key| format!("{section}.{key}")));
        }
        names.sort();
        names.dedup();
        let value = |table: &toml::Table, name: &str| {
            let (section, key) = name.split_once('.')?;
            table.get(section)?.get(key).cloned()
        };
        names.retain(|name| value(&before.0, name) != value(&self.0, name));
        let (taken, waiting) = names.into_iter().partition(|name| is_reloadable(name));
        Changed { taken, waiting }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_changed_is_told_and_what_needs_a_new_start() {
        let given = |text: &str| Given::new(toml::from_str(text).expect("valid"));
        let before = given("[gateway]\norigins = []\ndrain_seconds = 5\n[speech]\nhear = \"none\"");
        let after = given(
            "[gateway]\norigins = [\"https://a\"]\ndrain_seconds = 5\n[log]\nlevel = \"debug\"\n[limits]\ntext_kilobytes = 9",
        );
        let changed = after.changed_since(&before);
        assert_eq!(changed.taken, ["gateway.origins", "limits.text_kilobytes", "log.level"]);
        assert_eq!(changed.waiting, ["speech.hear"]);
        assert_eq!(after.changed_since(&after.clone()), Changed::default());
        assert!(!format!("{after:?}").contains("https"), "values are not repeated");
    }
}
