// The talk button, tapped or held, and the space bar, held. Turns pointers and keys into `listen`, `release`, `finish`.

const HELD_MS = 350; // Shorter is a tap.

export class TalkButton {
  /** `conversation` gets `listen`, `release(held)`, `finishSpeaking`; it says with `mic` whether it is sending. */
  constructor(button, conversation, now) {
    Object.assign(this, { button, conversation, now });
    this.down_at_ms = null;
    this.ends = false;
    button.addEventListener("pointerdown", (event) => this.#pointerDown(event));
    for (const end of ["pointerup", "pointercancel"]) button.addEventListener(end, () => this.#up());
    button.addEventListener("contextmenu", (event) => event.preventDefault()); // A long press is speech, not a menu.
    button.addEventListener("click", (event) => this.#click(event));
    const { ownerDocument: page } = button;
    page.addEventListener("keydown", (event) => this.#keyDown(event));
    page.addEventListener("keyup", (event) => this.#keyUp(event));
    page.defaultView.addEventListener("blur", () => this.#up()); // The key-up would go to another window.
  }

  #pointerDown(event) {
    if (event.button !== 0) return;
    this.button.setPointerCapture(event.pointerId);
    this.by_pointer = true;
    this.#down();
  }

  // Pointers are handled above; what is left are Enter and the clicks of screen readers and voice control.
  #click() {
    if (this.by_pointer) {
      this.by_pointer = false;
      return;
    }
    this.#down();
    this.#up();
  }

  #keyDown(event) {
    if (!isTalkKey(event, this.button)) return;
    event.preventDefault();
    if (event.repeat) return;
    this.by_slip = event.target !== this.button; // If short: a key met in passing must not leave the microphone open.
    this.#down();
  }

  #keyUp(event) {
    if (event.code !== "Space" || this.down_at_ms === null) return;
    event.preventDefault(); // Else the focused button would also be clicked.
    this.#up();
  }

  #down() {
    if (this.down_at_ms !== null) return;
    this.down_at_ms = this.now();
    this.ends = this.conversation.mic === "sending"; // A press while HAL listens says "done".
    if (!this.ends) this.conversation.listen();
  }

  #up() {
    if (this.down_at_ms === null) return;
    const held = this.now() - this.down_at_ms >= HELD_MS;
    this.down_at_ms = null;
    if (this.ends) this.conversation.finishSpeaking();
    else if (this.by_slip && !held) this.conversation.stop();
    else this.conversation.release(held);
    this.by_slip = false;
  }
}

/** The space bar, unless it means something where the focus is; in an empty field it would not. */
function isTalkKey(event, talk) {
  if (event.code !== "Space" || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return false;
  const { target } = event;
  return (target.id === "question" && target.value === "") || target === talk || !target.closest("input, textarea, select, button, a, [contenteditable]");
}
