use proptest::prelude::*;

use super::super::board::{Board, TURNS_MAX, WORDS_MS};
use super::*;

fn client() -> Arc<Client> {
    Arc::new(Client { user: "ann".to_owned(), kind: "page", ..Client::default() })
}

fn of<'a>(client: &'a Arc<Client>, now: Millis) -> Of<'a> {
    Of { session: "s", client, now, unix_ms: 1_000_000 + i64::try_from(now).expect("small") }
}

fn answered() -> End {
    End::Answered {
        outcome: Outcome::Answered,
        action: "medication_list".to_owned(),
        intent: "MEDICATION".to_owned(),
    }
}

fn stages(turn: &Turn) -> Vec<(&'static str, Millis, Millis)> {
    turn.spans.iter().map(|span| (span.stage.name(), span.from_ms, span.took_ms)).collect()
}

#[test]
fn a_spoken_turn_is_told_from_its_first_sound_to_its_response() {
    let (client, turn) = (client(), TurnId(7));
    let mut under_way = UnderWay::default();
    assert!(under_way.follow([(turn, Source::Stream, 1_900)].into_iter(), Some(1_000)));
    under_way.heard(turn, 2_000);
    under_way.asked(turn, None, false, 2_010);
    under_way.answered(turn, &["MEDICATION".to_owned()], 2_030);
    under_way.speaking(turn, 2_031);
    under_way.spoken(turn, 2_131);
    let over = under_way.end(turn, answered(), None, &of(&client, 2_132)).expect("followed");
    assert_eq!(
        stages(&over),
        [
            ("say", 0, 900),
            ("hear", 900, 100),
            ("wait", 1_000, 10),
            ("answer", 1_010, 20),
            ("speak", 1_031, 100)
        ]
    );
    assert_eq!((over.whole_ms, over.waited_ms, over.at_ms), (1_132, 232, 1_001_000));
    assert_eq!(over.files, ["MEDICATION"]);
    assert!(under_way.is_empty());
    assert!(under_way.end(turn, answered(), None, &of(&client, 2_140)).is_none(), "a turn ends once");
}

#[test]
fn a_typed_turn_begins_where_it_came_also_when_it_waits() {
    let (client, one, two) = (client(), TurnId(1), TurnId(2));
    let mut under_way = UnderWay::default();
    let turns = [(one, Source::Typed, 100), (two, Source::Typed, 110)];
    assert!(!under_way.follow(turns.into_iter(), Some(5)), "no recording belongs to it");
    under_way.asked(one, None, false, 100);
    under_way.answered(one, &[], 200);
    let first = under_way.end(one, answered(), None, &of(&client, 201)).expect("followed");
    under_way.asked(two, None, false, 201);
    under_way.answered(two, &[], 205);
    let second = under_way.end(two, answered(), None, &of(&client, 206)).expect("followed");
    assert_eq!(stages(&first), [("answer", 0, 100)]);
    assert_eq!(stages(&second), [("wait", 0, 91), ("answer", 91, 4)]);
}

#[test]
fn a_turn_that_is_cut_off_says_how_far_it_came() {
    let (client, turn) = (client(), TurnId(1));
    let mut under_way = UnderWay::default();
    under_way.follow([(turn, Source::Typed, 10)].into_iter(), None);
    under_way.asked(turn, None, false, 10);
    assert!(under_way.dropped(|_| true, &End::Dropped, &of(&client, 20)).is_empty());
    let gone = under_way.dropped(|_| false, &End::Lost, &of(&client, 30));
    assert_eq!(stages(&gone[0]), [("answer", 0, 20)]);
    assert!(!gone[0].spans[0].is_whole, "it did not come to its end: no number of it counts");
    assert_eq!(gone[0].end.name(), "lost");
}

#[test]
fn the_board_keeps_the_last_turns_and_those_who_are_there() {
    let (client, board) = (client(), Arc::new(Board::default()));
    let presence = board.enter("s", &client, 5);
    for number in 0..TURNS_MAX as u64 + 20 {
        board.keep(of(&client, number).at_once(None, End::Failed(Code::Busy)), number);
    }
    presence.had_turn(9);
    presence.became("t");
    let json = board.to_json(0, 1, 1);
    let turns = json["turns"].as_array().expect("turns");
    assert_eq!(turns.len(), TURNS_MAX);
    assert_eq!(turns[0]["number"], 21);
    assert_eq!(json["turn_count"], TURNS_MAX as u64 + 20);
    assert_eq!(board.to_json(TURNS_MAX as u64 + 19, 1, 1)["turns"].as_array().expect("turns").len(), 1);
    let session = &json["sessions"][0];
    assert_eq!(
        (&session["session"], &session["turns"], &session["active_ms"]),
        (&"t".into(), &1.into(), &9.into())
    );
    drop(presence);
    assert_eq!(board.to_json(0, 1, 1)["session_count"], 0);
}

#[test]
fn words_go_when_their_time_is_over_and_when_an_owner_says_so() {
    let (client, board) = (client(), Board::default());
    let ask = |now: Millis| {
        let (turn, mut under_way) = (TurnId(now), UnderWay::default());
        under_way.follow([(turn, Source::Typed, now)].into_iter(), None);
        under_way.asked(turn, Some(&"who is xenia".to_owned().into()), board.keeps_words(now), now);
        let answer = "xenia is a cat".to_owned().into();
        board.keep(under_way.end(turn, answered(), Some(&answer), &of(&client, now)).expect("followed"), now);
        board.to_json(0, now, 0).to_string()
    };
    assert!(!ask(1).contains("xenia"));
    board.set_words(true, 10);
    let shown = ask(11);
    assert!(shown.contains("who is xenia") && shown.contains("xenia is a cat"), "{shown}");
    board.set_words(false, 12);
    board.set_words(true, 13);
    assert!(!board.to_json(0, 14, 0).to_string().contains("xenia"), "off forgets, on does not bring back");
    assert!(ask(15).contains("xenia"));
    board.sweep(13 + WORDS_MS);
    assert!(!board.to_json(0, 14, 0).to_string().contains("xenia"), "nothing is left behind the time");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is asked and answered in whatever order, no text of it is in what the page gets or what a collector is sent.
    #[test]
    fn no_words_are_anywhere_unless_they_were_asked_for(
        texts in prop::collection::vec(("[a-z]{6,12} [a-z]{6,12}", "[a-z]{6,12} [a-z]{6,12}", 0u8..4), 1..20),
    ) {
        let (client, board) = (client(), Arc::new(Board::default()));
        let mut under_way = UnderWay::default();
        let mut spans = Vec::new();
        for (number, (question, answer, way)) in texts.iter().enumerate() {
            let (turn, now) = (TurnId(number as u64), number as u64);
            let source = if way % 2 == 0 { Source::Typed } else { Source::Stream };
            under_way.follow([(turn, source, now)].into_iter(), None);
            under_way.asked(turn, Some(&question.clone().into()), board.keeps_words(now), now);
            let answer = answer.clone().into();
            let end = if *way < 2 { answered() } else { End::Failed(Code::Timeout) };
            if let Some(over) = under_way.end(turn, end, Some(&answer), &of(&client, now)) {
                spans.push(over.clone());
                board.keep(over, now);
            }
        }
        board.set_words(true, 1_000);
        let shown = format!("{} {} {spans:?}", board.to_json(0, 1_001, 0), crate::metrics::traces::message(&spans));
        for (question, answer, _) in &texts {
            prop_assert!(!shown.contains(question.as_str()) && !shown.contains(answer.as_str()));
        }
    }
}
