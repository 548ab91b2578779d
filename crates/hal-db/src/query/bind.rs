//! Parameters of a plan: which there are, and putting values in their places.

use super::plan::{Condition, Count, Operand, QueryPlan};
use crate::error::{Error, Result};

/// Longest text that may be bound to a parameter, in bytes.
const PARAMETER_BYTES_MAX: usize = 4096;

impl QueryPlan {
    /// Fills in the parameters: `value(name)` gives the text as a person would write it, `None` when unknown.
    ///
    /// A value stays one operand whatever it contains; it cannot change the structure of the query.
    ///
    /// # Errors
    /// [`Error::UnboundParameter`]; [`Error::TooLarge`] past 4,096 bytes; [`Error::BadValue`] where a number is needed.
    pub fn bind(&self, mut value: impl FnMut(&str) -> Option<String>) -> Result<QueryPlan> {
        let mut lookup = |name: &str| -> Result<String> {
            let value = value(name).ok_or_else(|| Error::UnboundParameter { name: name.to_owned() })?;
            if value.len() > PARAMETER_BYTES_MAX {
                let hint = "shorten it";
                let what = format!("the value of {{{name}}}");
                return Err(Error::TooLarge { what, limit: PARAMETER_BYTES_MAX as u64, hint });
            }
            Ok(value)
        };
        let mut plan = self.clone();
        for id in &mut plan.ids {
            bind_operand(id, &mut lookup)?;
        }
        for condition in plan.select.iter_mut().chain(&mut plan.when) {
            bind_condition(condition, &mut lookup)?;
        }
        for text in &mut plan.search {
            bind_operand(text, &mut lookup)?;
        }
        for count in plan.sample.iter_mut().map(|sample| &mut sample.count).chain(&mut plan.every_nth) {
            let Count::Parameter(name) = count else { continue };
            let value = lookup(name)?;
            let number = value.trim().parse().map_err(|_| Error::BadValue {
                item: format!("{{{name}}}"),
                value: value.clone(),
                code: "a number of records".to_owned(),
            })?;
            *count = Count::Fixed(number);
        }
        Ok(plan)
    }

    /// Names of the parameters that [`QueryPlan::bind`] will ask for, in order, each once.
    #[must_use]
    pub fn parameters(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        // Binding visits every parameter, so it knows best which there are.
        let all = self.bind(|name| {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
            Some("1".to_owned())
        });
        debug_assert!(all.is_ok(), "\"1\" is short and a number");
        names
    }

    /// The plan in words, one line a step: where records come from, what is tested, how they are ordered.
    #[must_use]
    pub fn explain(&self) -> String {
        super::explain::plan(self)
    }
}

fn bind_condition(condition: &mut Condition, lookup: &mut impl FnMut(&str) -> Result<String>) -> Result<()> {
    match condition {
        Condition::Test(test) => {
            test.operands.iter_mut().try_for_each(|operand| bind_operand(operand, lookup))
        }
        Condition::And(a, b) | Condition::Or(a, b) => {
            bind_condition(a, lookup)?;
            bind_condition(b, lookup)
        }
        Condition::Not(inner) => bind_condition(inner, lookup),
    }
}

fn bind_operand(operand: &mut Operand, lookup: &mut impl FnMut(&str) -> Result<String>) -> Result<()> {
    if let Operand::Parameter(name) = operand {
        *operand = Operand::Literal(lookup(name)?);
    }
    Ok(())
}
