//! stub
use super::{QueryPlan, Rows};
use crate::Env;
use crate::account::Catalog;
use crate::error::{Error, Result};
use crate::store::View;
pub(crate) fn run(_view: &dyn View, _catalog: &Catalog, _plan: &QueryPlan, _env: &Env) -> Result<Rows> {
    Err(Error::Closed)
}
