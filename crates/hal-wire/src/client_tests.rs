use super::*;

fn read(json: &str) -> ClientMessage {
    ClientMessage::from_json(json).expect("valid").expect("not blank")
}

fn refused(json: &str) -> Refusal {
    ClientMessage::from_json(json).expect_err("must be refused")
}

#[test]
fn text_is_trimmed_and_blank_text_is_dropped_in_silence() {
    assert_eq!(
        read(r#"{"type":"text_input","text":"  hello ","session_id":null}"#),
        ClientMessage::TextInput { text: "hello".to_owned().into(), turn: None }
    );
    assert_eq!(ClientMessage::from_json(r#"{"type":"text_input","text":"  "}"#), Ok(None));
}

#[test]
fn a_session_id_of_any_kind_is_ignored() {
    for id in ["null", "\"stale\"", "17", "{\"a\":[1]}"] {
        let json = format!(r#"{{"type":"heartbeat","session_id":{id}}}"#);
        assert_eq!(read(&json), ClientMessage::Heartbeat, "{json}");
    }
}

#[test]
fn audio_comes_as_base64_or_as_integers() {
    assert_eq!(
        read(r#"{"type":"audio_chunk","audio":"AQACAA==","format":"wav","sample_rate":8000}"#),
        ClientMessage::AudioChunk { bytes: vec![1, 0, 2, 0].into(), rate_hz: 8000, is_final: false }
    );
    assert_eq!(
        read(r#"{"type":"audio_chunk","audio_data":"AQA=","is_final":true}"#),
        ClientMessage::AudioChunk { bytes: vec![1, 0].into(), rate_hz: DEFAULT_RATE_HZ, is_final: true }
    );
    assert_eq!(
        read(r#"{"type":"audio_stream","audio":[0,-5,40000,1.6]}"#),
        ClientMessage::AudioStream { samples: Samples(vec![0, -5, 32767, 1]), rate_hz: DEFAULT_RATE_HZ }
    );
}

#[test]
fn bad_input_has_its_code_and_names_what_was_wrong() {
    for (json, code, named) in [
        ("hello", Code::BadJson, "JSON object"),
        ("[1,2]", Code::BadJson, "JSON object"),
        ("\"text\"", Code::BadJson, "JSON object"),
        ("7", Code::BadJson, "JSON object"),
        ("{}", Code::UnknownType, "no `type`"),
        (r#"{"type":"dance"}"#, Code::UnknownType, "dance"),
        (r#"{"type":7}"#, Code::BadField, "`type`"),
        (r#"{"type":"text_input"}"#, Code::BadField, "`text`"),
        (r#"{"type":"text_input","text":["a"]}"#, Code::BadField, "`text`"),
        (r#"{"type":"command","command":"dance"}"#, Code::UnknownCommand, "dance"),
        (r#"{"type":"command"}"#, Code::BadField, "`command`"),
        (r#"{"type":"audio_chunk","audio":"!!"}"#, Code::BadAudio, "base64"),
        (r#"{"type":"audio_chunk"}"#, Code::BadAudio, "base64"),
        (r#"{"type":"audio_stream","audio":{"a":1}}"#, Code::BadAudio, "array"),
        (r#"{"type":"audio_stream","audio":[1],"sample_rate":1}"#, Code::BadField, "sample_rate"),
    ] {
        let refusal = refused(json);
        assert_eq!(refusal.code, code, "{json}");
        assert!(refusal.message.contains(named), "{json}: {}", refusal.message);
    }
}

#[test]
fn a_probe_without_a_type_is_a_ping() {
    assert_eq!(read(r#"{"command":"ping"}"#), ClientMessage::Ping);
    assert_eq!(read(r#"{"command":"test"}"#), ClientMessage::Ping);
}

#[test]
fn a_response_carries_every_key_that_some_client_reads() {
    let response = Response {
        turn: None,
        is_missed: false,
        text: "You are taking \"two\" medications.",
        action: "medication_list",
        intent: "MEDICATION",
        outcome: Outcome::Answered,
        transcription: None,
        question: None,
        audio_base64: Some("UklGRg=="),
        is_repeat: false,
    };
    let json = ServerMessage::response("12345678", "2026-01-01T00:00:00Z", &response).to_json();
    let value: serde_json::Value = serde_json::from_str(&json).expect("valid JSON");
    assert_eq!(value["type"], "response");
    assert_eq!(value["text"], value["response_text"]);
    assert_eq!(value["action"], value["action_taken"]);
    assert_eq!(value["outcome"], "answered");
    assert_eq!(value["audio_format"], "wav");
    assert!(value.get("is_repeat").is_none());
}

#[test]
fn an_error_says_the_same_under_both_keys() {
    let json = ServerMessage::error("12345678", "t", None, Code::BadJson, "no JSON").to_json();
    let value: serde_json::Value = serde_json::from_str(&json).expect("valid JSON");
    assert_eq!((value["message"].as_str(), value["error"].as_str()), (Some("no JSON"), Some("no JSON")));
    assert_eq!((value["code"].as_str(), value["recoverable"].as_bool()), (Some("BAD_JSON"), Some(true)));
}

#[test]
fn a_question_may_carry_its_clients_own_number() {
    let turn = |json: &str| match ClientMessage::from_json(json) {
        Ok(Some(ClientMessage::TextInput { turn, .. } | ClientMessage::Transcription { turn, .. })) => {
            Ok(turn)
        }
        Err(refusal) => Err(refusal.code),
        other => panic!("{other:?}"),
    };
    assert_eq!(turn(r#"{"type":"text_input","text":"a","turn":7}"#), Ok(Some(7)));
    assert_eq!(turn(r#"{"type":"transcription","text":"a","turn":4294967295}"#), Ok(Some(4_294_967_295)));
    for wrong in ["0", "-1", "1.5", "4294967296", "\"7\""] {
        assert_eq!(
            turn(&format!(r#"{{"type":"text_input","text":"a","turn":{wrong}}}"#)),
            Err(Code::BadField)
        );
    }
}

#[test]
fn resuming_names_the_token_and_what_was_seen() {
    let read = |json: &str| ClientMessage::from_json(json).map_err(|refusal| refusal.code);
    let resume = |seen: &[u64]| {
        Ok(Some(ClientMessage::Resume(Resume { token: "t".to_owned().into(), seen: seen.to_vec() })))
    };
    assert_eq!(read(r#"{"type":"resume","resume":"t","seen":[1,4294967297]}"#), resume(&[1, 4_294_967_297]));
    assert_eq!(read(r#"{"type":"resume","resume":"t"}"#), resume(&[]));
    assert_eq!(read(r#"{"type":"resume"}"#), Err(Code::BadField));
    assert_eq!(read(&format!(r#"{{"type":"resume","resume":"{}"}}"#, "t".repeat(65))), Err(Code::BadField));
}
