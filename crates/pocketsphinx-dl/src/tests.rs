//! With the real library and model when they are installed.

use super::*;

const MODEL: &str = "/usr/share/pocketsphinx/model/en-us";

fn library() -> Option<Library> {
    let library = Library::load();
    if library.is_err() || !std::path::Path::new(MODEL).exists() {
        println!("skipped: libpocketsphinx3 or pocketsphinx-en-us is not installed");
        return None;
    }
    library.ok()
}

/// A dictionary and a language model of three words.
fn settings(folder: &std::path::Path) -> Settings {
    let dictionary = folder.join("words.dict");
    std::fs::write(&dictionary, "hello HH AH L OW\nworld W ER L D\nyes Y EH S\n").unwrap();
    let language_model = folder.join("words.arpa");
    let arpa = "\\data\\\nngram 1=5\n\n\\1-grams:\n-0.7 </s>\n-99 <s> 0\n-0.7 hello 0\n-0.7 world 0\n-0.7 yes 0\n\n\\end\\\n";
    std::fs::write(&language_model, arpa).unwrap();
    Settings {
        acoustic_model: format!("{MODEL}/en-us").into(),
        dictionary,
        language_model,
        ..Settings::default()
    }
}

#[test]
fn a_library_that_is_not_there_is_an_error_with_its_name() {
    let error = Library::load_first(&["libnothing-of-that-name.so.9".into()]).unwrap_err();
    assert_eq!(error.to_string(), "no PocketSphinx library was found (libnothing-of-that-name.so.9)");
}

#[cfg(target_os = "linux")]
#[test]
fn another_library_is_refused() {
    let error = Library::load_first(&["libc.so.6".into()]).unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
}

#[test]
fn calls_in_the_wrong_order_are_refused_and_do_no_harm() {
    let Some(library) = library() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut decoder = library.decoder(&settings(folder.path())).unwrap();
    assert!(decoder.process(&[0; 320]).is_err());
    assert!(decoder.end().is_err());
    assert_eq!(decoder.hypothesis(), None);
    assert_eq!(decoder.segments(), []);
    assert_eq!(decoder.nbest(5, 100), []);
    assert_eq!(decoder.probability(), 0.0);
    decoder.start().unwrap();
    decoder.start().unwrap();
    assert!(decoder.add_word("no", "N OW").is_err());
    decoder.process(&[]).unwrap();
    decoder.process(&[0; 16_000]).unwrap();
    assert_eq!(decoder.nbest(5, 100), []);
    decoder.end().unwrap();
    decoder.add_word("no", "N OW").unwrap();
    assert!(decoder.add_word("bad", "NO SUCH PHONES").is_err());
    assert!(decoder.add_word("ze\0ro", "N OW").is_err());
}

#[test]
fn a_missing_file_is_named_before_the_library_sees_it() {
    let Some(library) = library() else { return };
    let folder = tempfile::tempdir().unwrap();
    let wrong = Settings { dictionary: folder.path().join("none.dict"), ..settings(folder.path()) };
    let error = library.decoder(&wrong).unwrap_err();
    assert!(matches!(&error, Error::NoFile(file) if file.ends_with("none.dict")), "{error}");
}

#[test]
fn a_decoder_moves_between_threads_and_hears_a_grammar() {
    let Some(library) = library() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut decoder = library.decoder(&settings(folder.path())).unwrap();
    let heard = std::thread::spawn(move || {
        decoder.set_grammar("two", "#JSGF V1.0; grammar g; public <g> = hello world | yes;").unwrap();
        decoder.start().unwrap();
        decoder.process(&[0; 8_000]).unwrap();
        decoder.end().unwrap();
        decoder.hypothesis()
    });
    // Silence: what matters is that nothing crashes and nothing of the grammar is invented.
    assert!(heard.join().unwrap().unwrap_or_default().is_empty());
}
