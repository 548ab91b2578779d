// What a page that is loaded again needs to go on with its conversation: its token and numbers, never a word.
//
// In `sessionStorage`, which ends with the tab: from `localStorage` two tabs would take the same conversation, and the next
// person at the machine the last one's. The token alone opens nothing where HAL wants a sign-in: it takes the cookie too.

const KEY = "hal.conversation";

export class Tab {
  /** `storage()` gives the browser's, or throws where that is forbidden (private windows, settings). */
  constructor(storage = () => sessionStorage) {
    this.storage = storage;
    this.closed = false;
  }

  /** `{ resume, seen, open }` of the page that was here before, or null. It is taken out: a copy of this tab gets none. */
  take() {
    try {
      const text = this.storage().getItem(KEY);
      this.storage().removeItem(KEY);
      const before = JSON.parse(text);
      const numbers = (list) => Array.isArray(list) && list.every(Number.isSafeInteger);
      if (typeof before?.resume !== "string" || !numbers(before.seen)) return null;
      return { resume: before.resume, seen: before.seen, open: Number.isSafeInteger(before.open) ? before.open : null };
    } catch {
      return null; // The conversation then begins anew, as it does without a storage.
    }
  }

  /** Before the page goes. Nothing is kept without a token, and after `forget`. */
  put({ resume, seen, open }) {
    if (this.closed || typeof resume !== "string") return;
    try {
      this.storage().setItem(KEY, JSON.stringify({ resume, seen, open }));
    } catch {
      // See above.
    }
  }

  /** Whoever was here has left. */
  forget() {
    this.take();
    this.closed = true;
  }
}
