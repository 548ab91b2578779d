//! The verbs that are built in: their names, how they are written, what runs them.

use super::args::Args;
use super::{Done, Session, World};

/// A sentence with its verb.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    pub verb: &'static Verb,
    /// The whole sentence.
    pub text: &'a str,
    /// What stands behind the verb.
    pub rest: &'a str,
}

impl Call<'_> {
    pub(super) fn args(&self) -> Done<Args> {
        Args::new(self.rest, self.verb.usage)
    }
}

/// Runs a verb.
type Work = fn(&mut Session, &Call<'_>, &mut World<'_>) -> Done;

/// A verb that is built in.
pub(super) struct Verb {
    pub name: &'static str,
    /// Heading of HELP that it stands under; empty for one that is not shown.
    pub group: &'static str,
    pub usage: &'static str,
    pub about: &'static str,
    pub run: Work,
}

impl std::fmt::Debug for Verb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Other names of verbs.
const SYNONYMS: &[(&str, &str)] = &[
    ("CLEARSELECT", "CLEAR.SELECT"),
    ("GETLIST", "GET.LIST"),
    ("SAVELIST", "SAVE.LIST"),
    ("DELETELIST", "DELETE.LIST"),
    ("CREATE-FILE", "CREATE.FILE"),
    ("CLEARFILE", "CLEAR.FILE"),
    ("DELETEFILE", "DELETE.FILE"),
    ("CLEARDATA", "CLEAR.DATA"),
    ("CLEARPROMPTS", "CLEAR.PROMPTS"),
    ("CLEAR.PROMPT", "CLEAR.PROMPTS"),
    ("LISTI", "LIST.INDEX"),
    ("QUIT", "OFF"),
    ("EXIT", "OFF"),
    ("LO", "OFF"),
    ("BYE", "OFF"),
    ("LOGOUT", "OFF"),
    ("CLR", "CS"),
    ("CLEAR", "CS"),
    ("EDIT", "ED"),
    ("SED", "ED"),
    ("MODIFY", "ED"),
    ("EDIT.LIST", "ED"),
    ("UPDATE.RECORD", "ED"),
    ("!", "SH"),
    ("DOS", "SH"),
    ("FIND", "SH"),
    ("CATALOG", "CATALOGUE"),
    ("T.LOAD", "T.DUMP"),
    ("?", "HELP"),
    ("CONFIGURE-FILE", "CONFIGURE.FILE"),
    ("GOTO", "GO"),
];

/// The verb of a name.
pub(super) fn builtin(name: &str) -> Option<&'static Verb> {
    let name = name.to_ascii_uppercase();
    let name = SYNONYMS.iter().find(|(other, _)| *other == name).map_or(name.as_str(), |(_, verb)| verb);
    VERBS.iter().find(|verb| verb.name == name)
}

const fn verb(
    name: &'static str,
    group: &'static str,
    usage: &'static str,
    about: &'static str,
    run: Work,
) -> Verb {
    Verb { name, group, usage, about, run }
}

/// Headings of HELP, in order.
pub(super) const GROUPS: &[&str] = &[ASK, LISTS, RECORDS, CHANGES, FILES, INDICES, SESSION, PARAGRAPHS];

const ASK: &str = "Ask";
const LISTS: &str = "Select lists";
const RECORDS: &str = "Records";
const CHANGES: &str = "Changes and locks";
const FILES: &str = "Files";
const INDICES: &str = "Indices";
const SESSION: &str = "Session";
const PARAGRAPHS: &str = "Paragraphs";

/// All of them.
pub(super) const VERBS: &[Verb] = &[
    verb(
        "LIST",
        ASK,
        "LIST {DICT} file {ids} {WITH item = \"value\"} {BY item} {items} {options}",
        "records in columns",
        Session::query,
    ),
    verb(
        "SORT",
        ASK,
        "SORT {DICT} file {ids} {WITH item = \"value\"} {BY item} {items} {options}",
        "records in columns, in the order of their ids",
        Session::query,
    ),
    verb("COUNT", ASK, "COUNT {DICT} file {WITH item = \"value\"}", "the number of records", Session::query),
    verb("SUM", ASK, "SUM {DICT} file items {WITH item = \"value\"}", "totals of items", Session::query),
    verb(
        "LIST.ITEM",
        ASK,
        "LIST.ITEM {DICT} file {ids} {WITH item = \"value\"}",
        "whole records, field by field",
        Session::query,
    ),
    verb(
        "SORT.ITEM",
        ASK,
        "SORT.ITEM {DICT} file {ids} {WITH item = \"value\"}",
        "whole records in order",
        Session::query,
    ),
    verb(
        "LIST.LABEL",
        ASK,
        "LIST.LABEL file {WITH item = \"value\"} items",
        "records as labels beside each other",
        Session::query,
    ),
    verb("SORT.LABEL", ASK, "SORT.LABEL file {BY item} items", "labels in order", Session::query),
    verb(
        "REFORMAT",
        ASK,
        "REFORMAT file items TO file",
        "rows written to another file; the first item is the id",
        Session::query,
    ),
    verb("SREFORMAT", ASK, "SREFORMAT file items TO file", "as REFORMAT, in order", Session::query),
    verb("EXPLAIN", ASK, "EXPLAIN query", "how a query would be run", Session::explain),
    verb(
        "SELECT",
        LISTS,
        "SELECT file {WITH item = \"value\"} {SAVING item} {TO n}",
        "ids of records",
        Session::query,
    ),
    verb(
        "SSELECT",
        LISTS,
        "SSELECT file {WITH item = \"value\"} {BY item} {TO n}",
        "ids of records, in order",
        Session::query,
    ),
    verb(
        "SEARCH",
        LISTS,
        "SEARCH file \"text\" {NO.CASE} {TO n}",
        "ids of records that hold a text",
        Session::query,
    ),
    verb(
        "SAVE.LIST",
        LISTS,
        "SAVE.LIST {file} name {FROM n} {KEEP}",
        "keep a list under a name",
        Session::save_list,
    ),
    verb("GET.LIST", LISTS, "GET.LIST name.. {TO n}", "fetch saved lists", Session::get_list),
    verb("DELETE.LIST", LISTS, "DELETE.LIST name", "delete a saved list", Session::delete_list),
    verb(
        "COPY.LIST",
        LISTS,
        "COPY.LIST name{,new} {TO file} {OVERWRITING}",
        "copy a saved list",
        Session::copy_list,
    ),
    verb("LIST.LISTS", LISTS, "LIST.LISTS", "names of the saved lists", Session::list_lists),
    verb(
        "FORM.LIST",
        LISTS,
        "FORM.LIST {DICT} file id {TO n}",
        "the fields of a record as a list",
        Session::form_list,
    ),
    verb(
        "QSELECT",
        LISTS,
        "QSELECT file ids|*|FROM n {TO n} {SAVING item}",
        "what stands in records as a list",
        Session::qselect,
    ),
    verb(
        "NSELECT",
        LISTS,
        "NSELECT file {FROM n} {TO n}",
        "ids of a list that are not in a file",
        Session::nselect,
    ),
    verb(
        "MERGE.LIST",
        LISTS,
        "MERGE.LIST n UNION|INTERSECTION|DIFFERENCE m {TO n}",
        "two lists become one",
        Session::merge_list,
    ),
    verb("CLEAR.SELECT", LISTS, "CLEAR.SELECT {n|ALL}", "forget a list", Session::clear_select),
    verb("CT", RECORDS, "CT {DICT} file ids", "records as they are stored", Session::ct),
    verb("DUMP", RECORDS, "DUMP {DICT} file ids", "records byte by byte", Session::dump),
    verb(
        "COPY",
        RECORDS,
        "COPY FROM {DICT} file {TO {DICT} file} ids{,new}|ALL {OVERWRITING} {DELETING}",
        "copy records",
        Session::copy,
    ),
    verb("DELETE", RECORDS, "DELETE {DICT} file ids|ALL {NO.QUERY}", "delete records", Session::delete),
    verb(
        "SET",
        RECORDS,
        "SET {DICT} file id item{<n>} \"value\"",
        "change an item of a record, or value n of it",
        Session::set,
    ),
    verb(
        "SET.JSON",
        RECORDS,
        "SET.JSON file {\"id\": \"P1\", \"town\": \"Rome\"}",
        "change what an object names, or make a record",
        Session::set_json,
    ),
    verb(
        "CREATE.FILE",
        FILES,
        "CREATE.FILE name {USING DICT file}",
        "make a file; options that tune hashing are ignored",
        Session::create_file,
    ),
    verb(
        "DELETE.FILE",
        FILES,
        "DELETE.FILE name {NO.QUERY}",
        "delete a file with its dictionary",
        Session::delete_file,
    ),
    verb("CLEAR.FILE", FILES, "CLEAR.FILE {DICT} name", "delete all its records", Session::clear_file),
    verb("CNAME", FILES, "CNAME old,new", "give a file another name", Session::cname),
    verb("CONFIGURE.FILE", "", "CONFIGURE.FILE name", "", Session::configure_file),
    verb(
        "SET.FILE",
        FILES,
        "SET.FILE account file {pointer}",
        "point to a file of another account",
        Session::set_file,
    ),
    verb("LISTF", FILES, "LISTF", "the files", Session::listf),
    verb("LISTFL", FILES, "LISTFL", "the files with their numbers of records", Session::listf),
    verb("LISTQ", FILES, "LISTQ", "pointers to files", Session::list_voc),
    verb("LISTPA", PARAGRAPHS, "LISTPA", "the paragraphs", Session::list_voc),
    verb("LISTPH", "", "LISTPH", "the phrases of the VOC", Session::list_voc),
    verb("LISTS", "", "LISTS", "the sentences of the VOC", Session::list_voc),
    verb("LISTR", "", "LISTR", "the remote items of the VOC", Session::list_voc),
    verb("LISTDICT", FILES, "LISTDICT file", "the items of its dictionary", Session::listdict),
    verb(
        "CREATE.INDEX",
        INDICES,
        "CREATE.INDEX file items {NO.CASE}",
        "make and fill an index",
        Session::create_index,
    ),
    verb(
        "MAKE.INDEX",
        "",
        "MAKE.INDEX file items {NO.CASE}",
        "make and fill an index",
        Session::create_index,
    ),
    verb("BUILD.INDEX", INDICES, "BUILD.INDEX file item|ALL", "fill an index again", Session::build_index),
    verb("DELETE.INDEX", INDICES, "DELETE.INDEX file item|ALL", "delete an index", Session::delete_index),
    verb("LIST.INDEX", INDICES, "LIST.INDEX file {item|ALL}", "the indices of a file", Session::list_index),
    verb(
        "COMPILE.DICT",
        INDICES,
        "COMPILE.DICT file {items}",
        "whether the expressions of a dictionary compile",
        Session::compile_dict,
    ),
    verb("DISABLE.INDEX", "", "DISABLE.INDEX file item", "", Session::disable_index),
    verb("WHO", SESSION, "WHO", "number of the session and account", Session::who),
    verb(
        "CREATE.ACCOUNT",
        SESSION,
        "CREATE.ACCOUNT name",
        "make an account, a folder beside this one",
        Session::create_account,
    ),
    verb("LOGTO", SESSION, "LOGTO account", "work in another account", Session::logto),
    verb("DATE", SESSION, "DATE {number|date}", "the day, or what number it has", Session::date),
    verb("TIME", SESSION, "TIME", "the time", Session::time),
    verb("TERM", SESSION, "TERM {width{,height}|DEFAULT}", "the size of the screen", Session::term),
    verb("STATUS", SESSION, "STATUS", "account, lists and counters", Session::status),
    verb("LISTU", SESSION, "LISTU", "who is here", Session::listu),
    verb("NOSYNC", SESSION, "NOSYNC {ON|OFF}", "whether writes wait for the disk", Session::nosync),
    verb(
        "BEGIN",
        CHANGES,
        "BEGIN TRANSACTION",
        "write all of what follows at once, or nothing",
        Session::begin,
    ),
    verb("COMMIT", CHANGES, "COMMIT", "end a transaction: all of it is on disk", Session::end_transaction),
    verb("ROLLBACK", CHANGES, "ROLLBACK", "end a transaction: nothing of it was", Session::end_transaction),
    verb(
        "END",
        "",
        "END TRANSACTION",
        "end a transaction; what is not committed is undone",
        Session::end_transaction,
    ),
    verb(
        "TRANSACTION",
        "",
        "TRANSACTION START|COMMIT|ABORT",
        "begin or end a transaction",
        Session::transaction,
    ),
    verb(
        "AS.OF",
        CHANGES,
        "AS.OF yyyy-mm-dd {hh:mm} | COMMIT n | NOW {sentence}",
        "read records as they were",
        Session::as_of,
    ),
    verb(
        "HISTORY",
        CHANGES,
        "HISTORY {DICT} file id | HISTORY KEEP days | HISTORY OFF",
        "what a record was before; how long that is kept",
        Session::history,
    ),
    verb(
        "UNDO",
        CHANGES,
        "UNDO {DICT} file id | UNDO COMMIT n",
        "take back the last change of a record, or a commit",
        Session::undo,
    ),
    verb(
        "WATCH",
        CHANGES,
        "WATCH {DICT} file|ALL {FROM n} {COUNT n} {NO.WAIT}",
        "show what changes, when it does; Ctrl-C ends it",
        Session::watch,
    ),
    verb(
        "LIST.READU",
        CHANGES,
        "LIST.READU {USER n} {FILE file} {DETAIL}",
        "locks on records and files",
        Session::list_readu,
    ),
    verb("RELEASE", CHANGES, "RELEASE {{DICT} file {ids}}", "let go of own locks", Session::release),
    verb(
        "UNLOCK",
        CHANGES,
        "UNLOCK {USER n} {FILE file} ids|ALL|FILELOCK",
        "let go of anybody's locks",
        Session::unlock,
    ),
    verb("LOCK", CHANGES, "LOCK n", "set a task lock, 0 to 63", Session::lock),
    verb("LIST.LOCKS", CHANGES, "LIST.LOCKS", "the task locks", Session::list_locks),
    verb("CLEAR.LOCKS", CHANGES, "CLEAR.LOCKS {n}", "let go of own task locks", Session::clear_locks),
    verb("OPTION", "", "OPTION {name {ON|OFF|DISPLAY}}", "", Session::option),
    verb("DATE.FORMAT", "", "DATE.FORMAT {ON|OFF}", "", Session::date_format),
    verb("CS", SESSION, "CS", "empty the screen", Session::clear_screen),
    verb("HELP", SESSION, "HELP {command}", "this", Session::help),
    verb("OFF", SESSION, "OFF", "leave; so do QUIT and Ctrl-D", Session::off),
    verb("DISPLAY", PARAGRAPHS, "DISPLAY text", "show a text", Session::display),
    verb("IF", PARAGRAPHS, "IF value EQ value THEN sentence", "a sentence under a condition", Session::if_),
    verb("PAUSE", PARAGRAPHS, "PAUSE", "wait for return", Session::pause),
    verb("STOP", PARAGRAPHS, "STOP {text}", "end the paragraph", Session::stop),
    verb("ABORT", PARAGRAPHS, "ABORT {text}", "end everything that runs", Session::stop),
    verb(
        "CLEAR.PROMPTS",
        PARAGRAPHS,
        "CLEAR.PROMPTS",
        "forget answers to <<prompts>>",
        Session::clear_prompts,
    ),
    verb("CLEAR.DATA", PARAGRAPHS, "CLEAR.DATA", "forget lines of DATA", Session::clear_data),
    verb("GO", PARAGRAPHS, "GO label", "go on behind `label:`", Session::only_in_paragraphs),
    verb(
        "LOOP",
        PARAGRAPHS,
        "LOOP",
        "what stands before REPEAT again and again",
        Session::only_in_paragraphs,
    ),
    verb("REPEAT", "", "REPEAT", "back to LOOP", Session::only_in_paragraphs),
    verb(
        "DATA",
        PARAGRAPHS,
        "DATA text",
        "answer a question of the sentence before",
        Session::only_in_paragraphs,
    ),
    verb("ED", "", "ED file id", "", Session::no_editor),
    verb("SH", "", "SH command", "", Session::no_system),
    verb("SHOW", "", "SHOW file", "", Session::no_show),
    verb("RUN", "", "RUN program", "", Session::no_programs),
    verb("BASIC", "", "BASIC file program", "", Session::no_programs),
    verb("CATALOGUE", "", "CATALOGUE file program", "", Session::no_programs),
    verb("PHANTOM", "", "PHANTOM command", "", Session::no_programs),
    verb("BACKUP", "", "BACKUP", "", Session::elsewhere),
    verb("RESTORE", "", "RESTORE", "", Session::elsewhere),
    verb("VERIFY", "", "VERIFY", "", Session::elsewhere),
    verb("IMPORT.QM", "", "IMPORT.QM path", "", Session::elsewhere),
    verb("EXPORT.QM", "", "EXPORT.QM", "", Session::elsewhere),
    verb("T.DUMP", "", "T.DUMP", "", Session::elsewhere),
];
