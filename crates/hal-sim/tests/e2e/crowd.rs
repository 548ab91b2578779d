//! Many at once, and each gets its own answer.

use crate::household::{Household, QUESTION, assert_names_medication};

const PEOPLE: usize = 60;
const QUESTIONS: usize = 5;

#[test]
fn everybody_in_a_crowd_gets_the_answer_to_their_own_question() {
    let home = Household::start();
    std::thread::scope(|scope| {
        for person in 0..PEOPLE {
            let home = &home;
            scope.spawn(move || {
                let mut client = home.connect();
                let id = client.greeting["session_id"].clone();
                for number in 0..QUESTIONS {
                    // Two kinds, so that an answer to somebody else's question would show.
                    if (person + number) % 2 == 0 {
                        let answer = client.ask(QUESTION).expect("answered");
                        assert_names_medication(&answer);
                        assert_eq!(answer["session_id"], id);
                    } else {
                        let answer = client.ask("Do I have any allergies?").expect("answered");
                        assert_eq!(answer["intent"], "ALLERGY", "{answer}");
                        assert_eq!(answer["session_id"], id);
                    }
                }
            });
        }
    });
}
