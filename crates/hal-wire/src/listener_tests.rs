use super::*;

fn ask(json: &str) -> Ask {
    match Request::from_json(json.as_bytes()) {
        Ok(Request::Ask(ask)) => ask,
        other => panic!("expected a question, got {other:?}"),
    }
}

fn refused(json: &str) -> Code {
    Request::from_json(json.as_bytes()).expect_err("must be refused").code
}

#[test]
fn either_key_holds_the_question_and_text_comes_first() {
    assert_eq!(ask(r#"{"transcription":"a"}"#).text.expose(), "a");
    assert_eq!(ask(r#"{"text":"b","transcription":"a"}"#).text.expose(), "b");
    assert_eq!(ask(r#"{"text":"  ","transcription":"a"}"#).text.expose(), "a");
}

#[test]
fn absent_null_and_odd_ids_are_no_error() {
    for json in [r#"{"text":"a"}"#, r#"{"text":"a","session_id":null}"#, r#"{"text":"a","session_id":7}"#] {
        assert_eq!(ask(json).session_id, UNKNOWN, "{json}");
    }
    assert_eq!(ask(&format!(r#"{{"text":"a","session_id":"{}"}}"#, "é".repeat(90))).session_id.len(), 64);
}

#[test]
fn what_is_no_question_is_refused_with_its_code() {
    assert_eq!(refused("hello"), Code::BadJson);
    assert_eq!(refused("[1]"), Code::BadJson);
    assert_eq!(refused(r#"{"text":"#), Code::BadJson);
    assert_eq!(refused(r#"{"session_id":"s"}"#), Code::BadField);
    assert_eq!(refused(&format!(r#"{{"text":"{}"}}"#, "a".repeat(TEXT_BYTES_MAX + 1))), Code::TooLarge);
}

#[test]
fn a_question_survives_the_way_to_the_listener() {
    let sent = Ask {
        text: "what \"is\" it?\n}".to_owned().into(),
        alternatives: vec!["what was it".to_owned().into()],
        session_id: "s1".into(),
        user_id: "u1".into(),
        client_type: "web".into(),
        spoken: true,
        turn: 3,
        who: Who::default(),
    };
    let line = sent.to_line();
    assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1, "one line");
    assert_eq!(Request::from_json(&line), Ok(Request::Ask(sent)));
}

#[test]
fn a_reply_is_flat_and_carries_both_text_keys() {
    let line = Reply::error(Code::BadJson, "say \"it\" again }", "s1", "2026-01-01T00:00:00Z").to_line();
    let value: serde_json::Value = serde_json::from_slice(&line).expect("valid JSON");
    assert_eq!(value["text"], value["response_text"]);
    assert_eq!(value["status"], "error");
    assert!(value.as_object().expect("an object").values().all(|field| !field.is_object()));
}

#[test]
fn a_resumption_and_what_comes_of_it_survive_their_way() {
    let who = Who { handle: Some("handle".to_owned().into()), token: None };
    let asked = Resumption { token: "secret".to_owned().into(), who };
    assert_eq!(Request::from_json(&asked.to_line()), Ok(Request::Resume(asked)));
    assert_eq!(refused(r#"{"type":"resume"}"#), Code::BadField);
    let reply = Reply::error(Code::Internal, "x", "s", "t");
    let kept = crate::resume::Kept { turn: 1 << 33, heard: Some("a".to_owned().into()), typed: None, reply };
    let found = crate::resume::Resumed { remembered: true, round: 2, replies: vec![kept] };
    let line = found.to_line();
    assert_eq!(crate::resume::Resumed::from_json(&line), Some(found));
    // The framing on the way back must take it for one object.
    let mut framer = crate::line::Framer::default();
    framer.push(&line);
    assert!(matches!(framer.next_request(), Some(crate::line::Cut::Request(_))));
    assert!(framer.next_request().is_none());
}

#[test]
fn a_log_request_keeps_both_sides_of_the_turn() {
    let json = r#"{"type":"log_conversation","session_id":"s","user_text":"q","response_text":"a","intent":"TIME","latency_ms":12}"#;
    match Request::from_json(json.as_bytes()) {
        Ok(Request::LogConversation(log)) => {
            assert_eq!((log.user_text.expose().as_str(), log.latency_ms), ("q", Some(12)));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(refused(r#"{"type":"log_conversation","user_text":"q"}"#), Code::BadField);
}
