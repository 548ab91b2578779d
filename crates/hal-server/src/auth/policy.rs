//! The policy table as data: which role and which device scope may read, write and talk about what. Pure.
//!
//! Default deny: a file, field or skill that no line allows is refused, and so is a role that the table does not know.

use std::collections::{BTreeMap, BTreeSet};

use hal_db::{Access, Files};
use hal_dialog::Skills;
use serde::Deserialize;

/// The presets.
pub const PRESETS: &str = include_str!("access.toml");

/// Role of those who manage the household.
pub const OWNER: &str = "owner";
/// Role of somebody who lives there.
pub const MEMBER: &str = "member";
/// Role of a visitor.
pub const GUEST: &str = "guest";
/// Scope of a device that may do what its user may.
pub const PERSONAL: &str = "personal";

/// Roles and scopes by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    roles: BTreeMap<String, Line>,
    scopes: BTreeMap<String, Line>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default)]
    role: BTreeMap<String, Line>,
    #[serde(default)]
    scope: BTreeMap<String, Line>,
}

/// One line of the table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Line {
    read: Vec<String>,
    write: Vec<String>,
    except: Vec<String>,
    hidden: BTreeMap<String, Vec<String>>,
    rows: BTreeMap<String, BTreeMap<String, String>>,
    skills: Vec<String>,
    structure: bool,
    admin: bool,
}

/// What somebody may do: the meeting of their role and their device's scope.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Grant {
    pub access: Access,
    pub skills: Skills,
    /// Whether users, devices and the audit log may be managed.
    pub admin: bool,
}

impl Policy {
    /// The presets, and over them the lines of a household's own table.
    ///
    /// Errors: text that is no such table, with the place of the fault.
    pub fn parse(own: &str) -> Result<Policy, String> {
        let mut policy = Policy::default();
        for text in [PRESETS, own] {
            let table: Table = toml::from_str(text).map_err(|error| error.to_string())?;
            for (name, line) in table.role.iter().chain(&table.scope) {
                if let Some((file, _)) = line.rows.iter().find(|(_, items)| items.len() != 1) {
                    return Err(format!("{name}: rows of {file} need exactly one field"));
                }
            }
            policy.roles.extend(table.role);
            policy.scopes.extend(table.scope);
        }
        Ok(policy)
    }

    /// The presets alone.
    pub fn presets() -> Policy {
        Policy::parse("").expect("the presets are tested")
    }

    pub fn has_role(&self, role: &str) -> bool {
        self.roles.contains_key(role)
    }

    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.contains_key(scope)
    }

    /// Names of the roles, in order.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.roles.keys().map(String::as_str)
    }

    /// Names of the scopes, in order.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scopes.keys().map(String::as_str)
    }

    /// What somebody of this role may do on a device of this scope. `user` is how the journal names them.
    ///
    /// A role or scope that is not in the table may do nothing.
    pub fn grant(&self, role: &str, scope: &str, user: &str) -> Grant {
        let (Some(role), Some(scope)) = (self.roles.get(role), self.scopes.get(scope)) else {
            return Grant::default();
        };
        let (role, scope) = (role.grant(user), scope.grant(user));
        Grant {
            access: role.access.and(&scope.access),
            skills: role.skills.and(&scope.skills),
            admin: role.admin && scope.admin,
        }
    }
}

impl Line {
    fn grant(&self, user: &str) -> Grant {
        let except: BTreeSet<String> = self.except.iter().map(|name| name.to_uppercase()).collect();
        let files =
            |names: &[String]| {
                if names.iter().any(|name| name == "*") { Files::All } else { Files::only(names) }
                    .and(&if except.is_empty() { Files::All } else { Files::Except(except.clone()) })
            };
        let upper = |names: &Vec<String>| names.iter().map(|name| name.to_uppercase()).collect();
        let own = self.rows.iter().filter_map(|(file, items)| {
            let (item, value) = items.iter().next()?;
            Some((file.to_uppercase(), (item.to_uppercase(), value.replace("{user}", user))))
        });
        Grant {
            access: Access {
                read: files(&self.read),
                write: files(&self.write),
                structure: self.structure,
                hidden: self.hidden.iter().map(|(file, items)| (file.to_uppercase(), upper(items))).collect(),
                own: own.collect(),
            },
            skills: Skills::named(&self.skills),
            admin: self.admin,
        }
    }
}
