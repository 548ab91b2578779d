// Who has the word: the person, HAL, or nobody. Turns messages and button presses into what the microphone, the
// player, the connection and the view do. Knows no DOM and no socket: all four come in, so tests bring their own.

export const OUTBOX_MAX = 5; // Questions typed while HAL was away.
const ANSWER_MS_MAX = 75000; // HAL's own limit is 60 s; beyond it nothing will come.
const SIGN_OF_LIFE_MS = 10000; // HAL says `processing` at once; silence means that the line is dead.
const SPEECH_MS_MAX = 60000;
const RELEASE_MS = 200; // Sound still on its way from the device when the button is let go.
const OWN_TURNS_MAX = 2 ** 32 - 1; // Numbers of questions that were typed here; larger ones are HAL's.
const WAKE_MS = 2000; // How long a state of before our wake word may still arrive.

export class Conversation {
  /** `before`: what the page that was here before knew, `{ seen, open }`, where its conversation may go on. */
  constructor({ connection, microphone, player, view, clock, before = null, random = Math.random }) {
    Object.assign(this, { connection, microphone, player, view, clock });
    this.mic = "closed"; // closed → opening → sending ⇄ paused → closed
    this.hands_free = false; // A tap, not a held button: HAL decides when speech ends, and may be answered again.
    this.awaiting = false;
    this.asked = null; // The question under way, when it was typed.
    this.outbox = [];
    this.before = before;
    // A copied tab knows this conversation too: their numbers must not meet.
    this.questions = before === null ? 0 : Math.floor(random() * (OWN_TURNS_MAX / 2));
    this.lost = null; // What was under way when the line was lost: { question }, or {} for a spoken one.
    this.came_back = false;
    this.follow_up_until_ms = 0;
    this.wake_until_ms = 0;
    this.server_listens = false;
    this.last_answer = null;
    this.greeted = false;
    this.timers = {};
  }

  /** One word for the page: connecting offline idle opening listening thinking speaking follow-up. */
  get state() {
    const follows = this.follow_up_until_ms > this.clock.now();
    if (this.player.isPlaying) return "speaking";
    if (!this.connection.isOpen) return this.greeted || this.connection.status.phase === "waiting" ? "offline" : "connecting";
    if (this.mic === "opening") return "opening";
    if (this.mic === "sending") return follows ? "follow-up" : "listening";
    if (this.awaiting) return "thinking";
    return follows ? "follow-up" : "idle";
  }

  /** The number of the typed question that is under way, for a page that is loaded again; null when there is none. */
  get openTurn() {
    return (this.asked ?? this.lost?.question)?.turn ?? null;
  }

  // What the person does.

  /** A typed question. False when it could not be taken; the text then stays where it is. */
  ask(text) {
    const question = text.trim();
    if (question === "") return false;
    const must_wait = !this.connection.isOpen || this.outbox.length > 0;
    if (must_wait && this.outbox.length >= OUTBOX_MAX) {
      this.view.trouble(`${OUTBOX_MAX} questions are waiting already. They are sent as soon as HAL answers again.`);
      return false;
    }
    this.view.troubleOver();
    this.player.stop();
    this.#closeMicrophone();
    this.#submit({ text: question, bubble: this.view.question(question, { heard: false }) }, must_wait);
    return true;
  }

  /** The talk button went down: whatever HAL is doing gives way. */
  async listen() {
    if (!this.connection.isOpen) {
      this.view.trouble("HAL cannot hear you while it is not connected. You can type: it is sent as soon as HAL is back.");
      return;
    }
    if (this.mic === "opening" || this.mic === "sending") return;
    const interrupts = this.player.isPlaying || this.awaiting;
    this.player.stop();
    if (interrupts) this.#command("stop");
    this.#answered();
    this.hands_free = false;
    this.mic = "opening";
    this.#changed();
    try {
      await this.microphone.open();
    } catch (error) {
      this.mic = "closed";
      this.view.trouble(error.message);
      this.#changed();
      return;
    }
    if (this.mic === "closed") this.microphone.close(); // Stopped or cut off while the browser was asking.
    if (this.mic !== "opening") return;
    this.view.troubleOver();
    // The gateway may be waiting for its wake word; the button is one.
    this.wake_until_ms = this.clock.now() + WAKE_MS;
    this.#send({ type: "wake_word_detected", wake_word: "button" });
    this.follow_up_until_ms = 0;
    this.#startSending();
  }

  /** The button came up. `held`: it was kept down while speaking; else it was a tap and HAL finds the end itself. */
  release(held) {
    if (held && this.mic === "sending") this.finishSpeaking();
    else this.hands_free = true;
  }

  /** The person says that they are done. */
  finishSpeaking() {
    if (this.mic !== "sending") return;
    this.#set("release", RELEASE_MS, () => {
      if (this.mic !== "sending") return;
      this.#pauseMicrophone(() => this.microphone.finish());
      this.#send({ type: "speech_ended" });
      this.#await(null);
      this.#changed();
    });
  }

  /** Silence, now. While HAL only listens, that is `hold`; while it thinks or speaks, `stop`. */
  stop() {
    const only_listens = !this.player.isPlaying && !this.awaiting;
    this.player.stop();
    this.#closeMicrophone();
    this.#answered();
    this.follow_up_until_ms = 0;
    this.#command(only_listens ? "hold" : "stop");
    this.#changed();
  }

  repeat() {
    this.player.stop();
    if (this.#command("repeat")) this.#await(null);
    this.#changed();
  }

  // What the world does.

  connectionChanged() {
    const { phase } = this.connection.status;
    if (phase === "waiting") {
      this.#lineLost();
    }
    this.view.connection(this.connection.status);
    this.#changed();
  }

  playerChanged() {
    if (!this.player.isPlaying) {
      this.#resume();
      if (this.mic === "paused" && !this.server_listens && !this.awaiting) this.#closeMicrophone();
    }
    this.#changed();
  }

  /** A frame of the microphone, PCM16LE at 16 kHz. */
  frame(bytes) {
    if (this.connection.sendBinary(bytes)) return true;
    if (this.mic === "sending" && this.connection.isOpen) {
      this.#closeMicrophone();
      this.view.trouble("The connection is too slow for voice just now. Typing works.");
      this.#changed();
    }
    return false;
  }

  microphoneLost() {
    this.mic = "closed";
    this.view.trouble("The microphone was disconnected. Connect it and press the button again. Typing works without it.");
    this.#changed();
  }

  message(message) {
    const handle = {
      connected: () => this.#greeted(message),
      resumed: () => this.#resumed(message),
      ack: () => (this.wake_until_ms = 0),
      processing: () => this.#processing(),
      transcription: () => this.#heard(message.text),
      response: () => this.#response(message),
      state_change: () => this.#stateChange(message),
      error: () => this.#error(message),
      goodbye: () => this.#goodbye(message),
    };
    if (!Object.hasOwn(handle, message.type)) return; // A newer server may say more than this page understands.
    handle[message.type]();
    this.#changed();
  }

  #greeted({ session_id, notices }) {
    this.greeted = true;
    this.session_id = session_id;
    this.server_listens = false;
    this.view.notices(Array.isArray(notices) ? notices.map(noticeText).filter(Boolean) : []);
    this.#sendNext();
  }

  /** HAL goes on with the conversation: what it missed to tell has come, and what it did not get is asked again. */
  #resumed({ session_id, resumed }) {
    this.session_id = session_id;
    if (this.before !== null) return this.#loadedAgain(resumed);
    this.#cameBack(resumed ? "Connected again. The conversation goes on." : "Connected again. HAL no longer knows what you talked about.");
    this.came_back = false;
    const { lost } = this;
    this.lost = null;
    if (lost?.question) this.#submit(lost.question, false);
    else if (lost) this.view.note("The connection was lost before the answer came. Please ask again.");
    this.#sendNext();
  }

  #loadedAgain(resumed) {
    const { seen, open } = this.before;
    this.before = null;
    this.came_back = false;
    if (this.last_answer !== null) this.view.cameBack("The page was loaded again. The conversation goes on.");
    else if (!resumed && seen.length > 0) this.view.note("The page was loaded again. HAL no longer knows what you talked about.");
    if (open !== null) this.view.note("No answer came to your last question. Please ask again.");
    this.#sendNext();
  }

  /** An answer of before the page was loaded again. HAL tells them in order, so that what was not shown yet comes last. */
  #toldAgain(message) {
    const { text, turn, transcription, question } = message;
    if (!this.before.seen.includes(turn) && !this.came_back) {
      this.came_back = true;
      this.view.cameBack("This came while the page was loading:");
    }
    if (this.before.open === turn) this.before.open = null;
    if (transcription) this.view.question(transcription, { heard: true });
    else if (question) this.view.question(question, { heard: false });
    this.view.answer(text, message);
    this.last_answer = text;
  }

  // One quiet line, and none on a page where nothing was said yet.
  #cameBack(text) {
    if (this.came_back || (this.last_answer === null && this.lost === null)) return;
    this.came_back = true;
    this.view.cameBack(text);
  }

  #missed(message) {
    if (this.before !== null) return this.#toldAgain(message);
    const { text, turn, transcription } = message;
    const question = this.lost?.question;
    const is_typed = turn <= OWN_TURNS_MAX;
    if (is_typed && question?.turn !== turn) return; // Given up: the person asked for something else, or for silence.
    this.#cameBack("Connected again. This came meanwhile:");
    if (is_typed) this.view.waiting(question.bubble, false);
    else if (transcription && transcription !== this.heard) this.view.question(transcription, { heard: true });
    if (is_typed || !question) this.lost = null;
    this.view.answer(text, message);
    this.last_answer = text;
  }

  #processing() {
    if (this.#wakePending()) return; // Of the turn that the button has just ended.
    this.#pauseMicrophone();
    if (!this.awaiting) this.#await(null);
  }

  #heard(text) {
    if (!text || this.#wakePending()) return;
    this.#pauseMicrophone();
    if (!this.awaiting) this.#await(null);
    this.heard = text;
    this.view.question(text, { heard: true });
  }

  #response(message) {
    if (message.is_missed) return this.#missed(message);
    const text = message.text ?? message.response_text ?? "";
    if (message.transcription && message.transcription !== this.heard && this.asked === null) {
      this.view.question(message.transcription, { heard: true });
    }
    this.#answered();
    if (!this.#wakePending()) this.#pauseMicrophone();
    if (!message.is_repeat || text !== this.last_answer) this.view.answer(text, message);
    this.last_answer = text;
    if (message.audio && this.mic !== "sending" && this.mic !== "opening") this.player.enqueueBase64(message.audio);
    this.#sendNext();
  }

  #stateChange({ new_state, countdown_ms }) {
    if (new_state === "active_listening") {
      this.wake_until_ms = 0;
      this.server_listens = true;
      if (countdown_ms > 0) {
        this.#answered();
        this.#followUp(countdown_ms);
        this.#resume();
      }
    } else if (new_state === "passive_listening" && !this.#wakePending()) {
      this.server_listens = false;
      this.follow_up_until_ms = 0;
      this.#answered();
      if (this.mic !== "opening") this.#closeMicrophone();
      this.#sendNext();
    }
  }

  #error({ message, error, code }) {
    // HAL closes the line now; what it did not begin is asked again on the next.
    if (code === "DRAINING" && this.connection.canResume) return;
    this.#answered();
    this.#closeMicrophone();
    this.view.error(message || error || "Something went wrong with this question.", code);
    this.#sendNext();
  }

  #goodbye({ message }) {
    this.#answered();
    this.#closeMicrophone();
    this.follow_up_until_ms = 0;
    this.view.note(message || "Goodbye.");
  }

  #lineLost() {
    this.#closeMicrophone();
    this.follow_up_until_ms = 0;
    const { asked, awaiting } = this;
    this.#answered();
    if (this.connection.canResume) {
      if (asked) this.view.waiting(asked.bubble, true);
      if (asked || awaiting) this.lost = asked ? { question: asked } : {};
      return;
    }
    // Not sent again by itself: this HAL may do what was asked a second time.
    if (asked) this.view.unanswered(asked.bubble, () => this.#submit(asked, !this.connection.isOpen));
    else if (awaiting) this.view.note("The connection was lost before the answer came. Please ask again.");
  }

  // The question under way.

  #submit(question, must_wait) {
    if (must_wait) {
      this.outbox.push(question);
      this.view.waiting(question.bubble, true);
      return;
    }
    this.view.waiting(question.bubble, false);
    this.follow_up_until_ms = 0;
    question.turn ??= this.questions += 1;
    this.#send({ type: "text_input", text: question.text, turn: question.turn });
    this.#await(question);
    this.#changed();
  }

  // One at a time: a question sent while another is under way takes its place.
  #sendNext() {
    if (this.connection.isOpen && !this.awaiting && this.outbox.length > 0) this.#submit(this.outbox.shift(), false);
  }

  #await(question) {
    this.awaiting = true;
    this.asked = question;
    this.heard = null;
    this.connection.expectReply(SIGN_OF_LIFE_MS);
    this.#set("answer", ANSWER_MS_MAX, () => {
      this.#answered();
      this.view.error("No answer came. Please ask again.", "TIMEOUT");
      this.#sendNext();
      this.#changed();
    });
  }

  #answered() {
    this.#clear("answer");
    this.awaiting = false;
    this.asked = null;
  }

  #followUp(countdown_ms) {
    this.follow_up_until_ms = this.clock.now() + countdown_ms;
    this.#set("follow_up", countdown_ms, () => this.#changed());
  }

  // The microphone.

  #startSending() {
    this.mic = "sending";
    this.microphone.start();
    this.#set("speech", SPEECH_MS_MAX, () => this.finishSpeaking());
    this.#changed();
  }

  // HAL's own voice must not come back as a question, so nothing is sent while it speaks.
  #resume() {
    const follows = this.follow_up_until_ms > this.clock.now();
    if (this.hands_free && this.mic === "paused" && follows && !this.player.isPlaying) this.#startSending();
  }

  #pauseMicrophone(pause = () => this.microphone.pause()) {
    if (this.mic !== "sending") return;
    this.#clear("speech");
    this.#clear("release");
    pause();
    this.mic = "paused";
  }

  #closeMicrophone() {
    this.#clear("speech");
    this.#clear("release");
    if (this.mic === "closed") return;
    this.mic = "closed";
    this.microphone.close();
  }

  #wakePending() {
    return this.wake_until_ms > this.clock.now();
  }

  #command(command) {
    return this.#send({ type: "command", command });
  }

  #send(message) {
    return this.connection.send({ ...message, session_id: this.session_id });
  }

  #changed() {
    const remaining_ms = Math.max(0, this.follow_up_until_ms - this.clock.now());
    this.view.show(this.state, { follow_up_ms: remaining_ms, microphone_on: this.mic === "sending" });
  }

  #set(name, wait_ms, then) {
    this.#clear(name);
    this.timers[name] = this.clock.setTimeout(then, wait_ms);
  }

  #clear(name) {
    if (this.timers[name] !== undefined) this.clock.clearTimeout(this.timers[name]);
    delete this.timers[name];
  }
}

function noticeText(notice) {
  return typeof notice === "string" ? notice : (notice?.message ?? notice?.text ?? "");
}
