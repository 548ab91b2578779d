use super::*;

fn request() -> LetsEncrypt {
    LetsEncrypt {
        domains: vec![Domain::parse("hal.example.test").unwrap(), Domain::parse("www.example.test").unwrap()],
        email: None,
        server: None,
        cert_name: CERT_NAME.to_owned(),
        challenge: Challenge::Standalone { address: "127.0.0.1".to_owned(), port: CHALLENGE_PORT },
        certbot_dir: None,
        hook: Hook {
            pem: PathBuf::from("/etc/haproxy/certs/hal.pem"),
            owner: None,
            reload: Reload::Haproxy { config: PathBuf::from("/etc/haproxy/haproxy.cfg"), pid_file: None },
        },
    }
}

#[test]
fn certbot_is_never_given_a_reason_to_ask() {
    let words = request().arguments().unwrap().join(" ");
    assert_eq!(
        words,
        "certonly --non-interactive --agree-tos --register-unsafely-without-email --standalone \
         --http-01-address 127.0.0.1 --http-01-port 8888 --preferred-challenges http --key-type ecdsa \
         --cert-name hal -d hal.example.test -d www.example.test --deploy-hook /etc/letsencrypt/hal-deploy-hal.sh"
    );
    let mut own = request();
    own.email = Some("operator@example.test".to_owned());
    own.server = Some("https://127.0.0.1:14000/dir".to_owned());
    own.certbot_dir = Some(PathBuf::from("/srv/own folder"));
    own.challenge = Challenge::Webroot(PathBuf::from("/srv/acme"));
    let words = own.arguments().unwrap();
    assert!(words.windows(2).any(|pair| pair == ["-m", "operator@example.test"]));
    assert!(words.windows(2).any(|pair| pair == ["--webroot-path", "/srv/acme"]));
    assert!(words.windows(2).any(|pair| pair == ["--config-dir", "/srv/own folder/config"]));
    // A shell reads this one.
    assert_eq!(words.last().unwrap(), "'/srv/own folder/config/hal-deploy-hal.sh'");
}

#[test]
fn what_could_break_out_of_the_script_is_refused_or_quoted() {
    let refused = |change: fn(&mut LetsEncrypt)| {
        let mut request = request();
        change(&mut request);
        request.arguments().expect_err("refused")
    };
    assert_eq!(refused(|r| r.domains.clear()), Refused::NoDomain);
    for name in ["", "../hal", "-x", "a b", "a;b"] {
        let mut request = request();
        request.cert_name = name.to_owned();
        assert_eq!(request.arguments(), Err(Refused::CertName { given: name.to_owned() }));
    }
    assert!(matches!(refused(|r| r.hook.owner = Some("a; rm".to_owned())), Refused::Owner { .. }));
    assert!(matches!(refused(|r| r.hook.pem = PathBuf::from("/a\nb")), Refused::Path { .. }));
    assert_eq!(quoted("it's"), r"'it'\''s'");
    assert_eq!(quoted("/plain/path-1.pem"), "/plain/path-1.pem");
    assert_eq!(quoted("$(x)"), "'$(x)'");
}

/// Runs the script in a real shell, without certbot and without HAProxy.
#[cfg(unix)]
#[test]
fn the_hook_puts_a_private_file_in_place_in_one_step_or_leaves_the_old_one() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::Command;

    let dir = tempfile::tempdir().unwrap();
    let live = dir.path().join("live hal");
    std::fs::create_dir(&live).unwrap();
    let certificate = |name: &str| {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    };
    let (chain, key) = certificate("one.example.test");
    std::fs::write(live.join("fullchain.pem"), &chain).unwrap();
    std::fs::write(live.join("privkey.pem"), &key).unwrap();
    let (pem, told, script) =
        (dir.path().join("it's hal.pem"), dir.path().join("told"), dir.path().join("hook.sh"));
    let reload = Reload::Command(format!("echo told > {}", quoted(told.to_str().unwrap())));
    let text = hook(&Hook { pem: pem.clone(), owner: None, reload }).unwrap();
    std::fs::write(&script, text).unwrap();
    let run = || {
        // A loose mask of the caller must not matter.
        let line = "umask 000; exec sh \"$0\"";
        let mut command = Command::new("sh");
        command.arg("-c").arg(line).arg(&script).env("RENEWED_LINEAGE", &live);
        command.output().unwrap()
    };
    let out = run();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(std::fs::read_to_string(&pem).unwrap(), format!("{chain}{key}"));
    assert_eq!(std::fs::metadata(&pem).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_to_string(&told).unwrap(), "told\n");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 4, "no temporary file is left");

    // A key of another certificate: the old file stays. Without openssl the script cannot know.
    if Command::new("openssl").arg("version").output().is_ok_and(|out| out.status.success()) {
        std::fs::write(live.join("privkey.pem"), certificate("two.example.test").1).unwrap();
        let out = run();
        assert!(!out.status.success());
        assert!(String::from_utf8_lossy(&out.stderr).contains("does not belong"));
        assert_eq!(std::fs::read_to_string(&pem).unwrap(), format!("{chain}{key}"));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 4, "no temporary file is left");
    }
}

#[test]
fn what_certbot_says_is_put_into_words_that_help() {
    let (what, todo) = explain("Could not bind TCP port 80 because it is already in use").unwrap();
    assert!(what.contains("listen") && todo.contains("8888"));
    assert!(explain("dial tcp [::1]:80: connect: connection refused").unwrap().1.contains("AAAA"));
    assert!(explain("a text that nobody has met yet").is_none());
}
