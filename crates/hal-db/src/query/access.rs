//! stub
use super::plan::QueryPlan;
pub(super) fn explain(_plan: &QueryPlan) -> String {
    String::new()
}
