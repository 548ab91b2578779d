use super::*;

fn config(cert: Option<PathBuf>, key: Option<PathBuf>) -> config::Tls {
    config::Tls { enabled: true, cert, key, ..config::Tls::default() }
}

fn served(tls: &Tls) -> Vec<u8> {
    tls.keys.current.read().unwrap().cert[0].to_vec()
}

#[test]
fn a_certificate_of_our_own_is_made_once_and_names_this_machine() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::start();
    let first = Tls::open(&config(None, None), dir.path(), clock).unwrap();
    let told = certs::describe(&served(&first)).unwrap();
    for name in ["localhost", "127.0.0.1", "::1"] {
        assert!(inspect::covers(&told.names, name), "{told:?}");
    }
    assert!(first.own_authority().unwrap().is_file());
    let again = Tls::open(&config(None, None), dir.path(), clock).unwrap();
    assert_eq!(served(&again), served(&first), "a restart makes no new one");
    // A name more in the settings does.
    let more = config::Tls { names: vec!["hal.example.test".to_owned()], ..config(None, None) };
    let named = Tls::open(&more, dir.path(), clock).unwrap();
    assert!(certs::describe(&served(&named)).unwrap().names.contains(&"hal.example.test".to_owned()));
}

#[test]
fn a_certificate_of_our_own_is_made_again_before_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let names = ["localhost".to_owned()];
    let (now, day) = (1_800_000_000, 86_400);
    let leaf = || std::fs::read(dir.path().join(certs::PEM_FILE)).unwrap();
    renew_own(dir.path(), &names, now).unwrap();
    let first = leaf();
    renew_own(dir.path(), &names, now + 366 * day).unwrap();
    assert_eq!(leaf(), first);
    renew_own(dir.path(), &names, now + 368 * day).unwrap();
    assert_ne!(leaf(), first);
}

#[test]
fn a_new_file_is_taken_a_bad_one_is_not_and_a_half_changed_pair_waits() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::start();
    let make = || {
        let made = tempfile::tempdir().unwrap();
        let now = u64::try_from(clock.unix_ms() / 1000).unwrap();
        let pem =
            certs::self_signed(&SelfSigned::new(&["localhost"], made.path(), now).unwrap()).unwrap().pem;
        let text = std::fs::read_to_string(pem).unwrap();
        let at = text.find("-----BEGIN PRIVATE KEY").unwrap();
        (text[..at].to_owned(), text[at..].to_owned())
    };
    let (cert, key) = (dir.path().join("fullchain.pem"), dir.path().join("privkey.pem"));
    // The time of a file may have the grain of a second; the length tells these apart in any case.
    let write = |path: &Path, text: &str, extra: usize| {
        std::fs::write(path, format!("{text}{}", "\n".repeat(extra))).unwrap();
    };
    let (one, two) = (make(), make());
    write(&cert, &one.0, 0);
    write(&key, &one.1, 0);
    let tls = Tls::open(&config(Some(cert.clone()), Some(key.clone())), dir.path(), clock).unwrap();
    let first = served(&tls);
    write(&cert, &two.0, 1);
    tls.look();
    assert_eq!(served(&tls), first, "certificate and key do not fit");
    write(&key, &two.1, 1);
    tls.look();
    let second = served(&tls);
    assert_ne!(second, first);
    write(&cert, "nothing", 2);
    tls.look();
    assert_eq!(served(&tls), second);
    std::fs::remove_file(&cert).unwrap();
    tls.look();
    assert_eq!(served(&tls), second);
}

#[test]
fn what_cannot_be_served_is_refused_at_the_start_with_a_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::start();
    let file = dir.path().join("hal.pem");
    let error = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let error = Tls::open(&config(Some(file.clone()), None), dir.path(), clock).unwrap_err();
        format!("{error:#}")
    };
    assert!(error("").contains("it is empty"));
    let made = tempfile::tempdir().unwrap();
    let now = u64::try_from(clock.unix_ms() / 1000).unwrap();
    let pem = certs::self_signed(&SelfSigned::new(&["localhost"], made.path(), now).unwrap()).unwrap().pem;
    let text = std::fs::read_to_string(pem).unwrap();
    let told = error(&text[..text.find("-----BEGIN PRIVATE KEY").unwrap()]);
    assert!(told.contains("no private key") && told.contains("hint: "), "{told}");
    let error = Tls::open(&config(None, Some(file.clone())), dir.path(), clock).unwrap_err();
    assert!(error.to_string().contains("tls.cert"), "{error:#}");
}

#[tokio::test]
async fn http_is_sent_to_https_and_a_challenge_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join(&CHALLENGE_PATH[1..]);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("tok-en_1"), "tok-en_1.thumb").unwrap();
    std::fs::write(dir.path().join("secret"), "secret").unwrap();
    let ask = async |port: Option<u16>, path: &str, host: Option<&str>| {
        let mut request = Request::builder().uri(path);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let state = Redirect { port, webroot: dir.path().to_owned() };
        let response = redirect(State(state), request.body(Body::empty()).unwrap()).await;
        let location = response.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        (response.status().as_u16(), location.unwrap_or_default())
    };
    let same = ask(None, "/a?b=c", Some("hal.example.test:8768")).await;
    assert_eq!(same, (308, "https://hal.example.test:8768/a?b=c".to_owned()));
    assert_eq!(ask(Some(443), "/", Some("10.0.0.5:80")).await.1, "https://10.0.0.5/");
    assert_eq!(ask(Some(8768), "/x", Some("[::1]")).await.1, "https://[::1]:8768/x");
    assert_eq!(ask(Some(443), "/", None).await.0, 400);
    assert_eq!(ask(Some(443), "/", Some("a b")).await.0, 400);
    assert_eq!(ask(Some(443), "/.well-known/acme-challenge/tok-en_1", None).await.0, 200);
    for path in ["../../secret", "..%2f..%2fsecret", "other", "", "a/b"] {
        let path = format!("{CHALLENGE_PATH}{path}");
        assert_eq!(ask(Some(443), &path, Some("h")).await.0, 404, "{path}");
    }
}

#[test]
fn browsers_insist_on_tls_unless_the_certificate_is_our_own_or_the_setting_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::start();
    let own = Tls::open(&config(None, None), dir.path(), clock).unwrap();
    assert!(!own.is_for_good());
    let wanted = config::Tls { hsts: Some(true), ..config(None, None) };
    assert!(Tls::open(&wanted, dir.path(), clock).unwrap().is_for_good());

    // Of an authority that somebody else has.
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "Example Authority");
    let authority = rcgen::Issuer::new(params, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(["hal.example.test".to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let leaf = params.signed_by(&key, &authority).unwrap();
    let pem = dir.path().join("theirs.pem");
    std::fs::write(&pem, format!("{}{}", leaf.pem(), key.serialize_pem())).unwrap();
    let theirs = config(Some(pem), None);
    assert!(Tls::open(&theirs, dir.path(), clock).unwrap().is_for_good());
    let unwanted = config::Tls { hsts: Some(false), ..theirs };
    assert!(!Tls::open(&unwanted, dir.path(), clock).unwrap().is_for_good());
}
