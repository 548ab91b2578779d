//! Items of a plan made ready to be read from records: fields in place, expressions compiled once.

use std::borrow::Cow;
use std::sync::Arc;

use super::exec::Run;
use super::plan::QueryPlan;
use crate::Env;
use crate::account::Catalog;
use crate::conv;
use crate::dict::{DataItem, Dictionary, Source};
use crate::dynarray::{TM, extract, field};
use crate::error::{Error, Result};
use crate::itype::{Compiler, Context, Place, Program, Scope, Surroundings, is_correlative};
use crate::store::View;

/// A record as the items of a query see it.
#[derive(Clone, Copy)]
pub(super) struct Rec<'a> {
    pub id: &'a [u8],
    pub record: &'a [u8],
    pub context: Context<'a>,
}

/// Where an item's content comes from.
#[derive(Debug, Clone)]
pub(super) enum Getter {
    Id,
    Field(usize),
    Program(Arc<Program>),
}

impl Getter {
    /// The content as stored.
    pub(super) fn get<'a>(&'a self, rec: &Rec<'a>) -> Cow<'a, [u8]> {
        match self {
            Getter::Id => Cow::Borrowed(rec.id),
            Getter::Field(number) => Cow::Borrowed(field(rec.record, *number)),
            Getter::Program(program) => program.run(rec.id, rec.record, &rec.context).into_bytes(),
        }
    }
}

/// How an item's values are converted for output.
#[derive(Debug, Clone)]
pub(super) enum Conversion {
    Nothing,
    Codes(String),
    /// A code that reads other fields or files.
    Program(Arc<Program>),
}

impl Conversion {
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Conversion::Nothing)
    }

    /// The value as shown; what cannot be converted stays as it is.
    pub(super) fn apply<'a>(&self, value: &'a [u8], rec: &Rec<'_>) -> Cow<'a, [u8]> {
        match self {
            Conversion::Nothing => Cow::Borrowed(value),
            Conversion::Codes(codes) => {
                let around = Surroundings { id: rec.id, record: rec.record, context: &rec.context };
                Cow::Owned(conv::oconv_with(value, codes, &around).0)
            }
            Conversion::Program(program) => {
                Cow::Owned(program.convert(value, rec.id, rec.record, &rec.context))
            }
        }
    }
}

/// What items are compiled with: the dictionary of the query, the files of the account, the day.
pub(super) struct Builder<'c> {
    compiler: Compiler<'c>,
    dictionary: Arc<Dictionary>,
    file: String,
    pub catalog: &'c Catalog,
    pub view: &'c dyn View,
    pub env: Env,
    /// Whether ids of the query's file that differ in case alone are the same.
    pub ids_no_case: bool,
}

impl<'c> Builder<'c> {
    pub(super) fn new(
        view: &'c dyn View,
        catalog: &'c Catalog,
        plan: &QueryPlan,
        env: &Env,
    ) -> Result<Builder<'c>> {
        let dictionary = Arc::clone(&catalog.file(&plan.dictionary)?.dictionary);
        let compiler = Compiler::new(Some(catalog));
        let ids_no_case = catalog.file(&plan.file)?.no_case;
        let file = plan.dictionary.clone();
        Ok(Builder { compiler, dictionary, file, catalog, view, env: *env, ids_no_case })
    }

    pub(super) fn getter(&mut self, item: &DataItem) -> Result<Getter> {
        match (&item.source, item.field) {
            (Source::Field, 0) => return Ok(Getter::Id),
            (Source::Field, number @ 1..9998) => return Ok(Getter::Field(number)),
            _ => {}
        }
        let scope = Scope { file: &self.file, dictionary: &self.dictionary };
        let program = self.compiler.item(item, scope).map_err(|error| Error::BadItem {
            file: self.file.clone(),
            item: item.name.clone(),
            reason: error.message,
        })?;
        Ok(Getter::Program(program))
    }

    pub(super) fn conversion(&mut self, item: &DataItem) -> Result<Conversion> {
        if item.conversion.trim().is_empty() {
            return Ok(Conversion::Nothing);
        }
        if !item.conversion.split('\u{FD}').any(is_correlative) {
            return Ok(Conversion::Codes(item.conversion.clone()));
        }
        let scope = Scope { file: &self.file, dictionary: &self.dictionary };
        let program = self.compiler.conversion(&item.conversion, scope).map_err(|error| Error::BadItem {
            file: self.file.clone(),
            item: item.name.clone(),
            reason: format!("conversion {}: {}", item.conversion, error.message),
        })?;
        Ok(Conversion::Program(Arc::new(program)))
    }

    /// The surroundings of an expression while no report is written.
    pub(super) fn context<'a>(run: Run<'a>) -> Context<'a> {
        Context {
            env: *run.env,
            file: &run.plan.file,
            view: Some(run.view),
            catalog: Some(run.catalog),
            place: Place::default(),
        }
    }
}

/// Whether two items line up: the same item, or items of one association.
pub(super) fn together(a: &DataItem, b: &DataItem) -> bool {
    a.name == b.name || (a.association.is_some() && a.association == b.association)
}

/// One value (and subvalue) of a content; 0 for the whole.
pub(super) fn pick(content: Cow<'_, [u8]>, value: usize, subvalue: usize) -> Cow<'_, [u8]> {
    let (value, subvalue) = (i64::try_from(value).unwrap_or(0), i64::try_from(subvalue).unwrap_or(0));
    match content {
        Cow::Borrowed(bytes) => Cow::Borrowed(extract(bytes, 1, value, subvalue)),
        Cow::Owned(bytes) => Cow::Owned(extract(&bytes, 1, value, subvalue).to_vec()),
    }
}

/// Whether bytes hold a mark.
pub(super) fn has_marks(bytes: &[u8]) -> bool {
    bytes.iter().any(|&b| b >= TM)
}
