// Who is asking: looks whether HAL wants a sign-in, and shows a form for the code or token. Knows nothing of questions.

const CODE = /^[A-HJ-NP-Z2-9]{4}-?[A-HJ-NP-Z2-9]{4}$/i;

/** The pairing code behind `#`, which is never sent to a server by itself; "" when there is none. */
export function codeIn(hash) {
  const code = hash.replace(/^#/, "");
  return CODE.test(code) ? code.toUpperCase() : "";
}

/** What a refusal means to a person. `status` is that of HTTP. */
export function refusal(status) {
  if (status === 429) return "Too many wrong codes came from here. Wait a few minutes, then use a new one.";
  if (status === 503) return "HAL cannot look that up just now. Try again in a moment.";
  return "HAL does not know this code. A code is good once, for ten minutes.";
}

export class SignIn {
  /** `on.done()`: HAL has let this browser in; `on.left()`, `on.stayed()`: it is out, or could not be let out. `outside` is the browser, or a test's stand-in. */
  constructor(base_url, parts, on, outside) {
    this.base_url = base_url;
    this.parts = parts;
    this.on = on;
    this.outside = outside;
    this.asking = false;
    this.known = false;
    parts.leave.addEventListener("click", () => this.leave());
    parts.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    const code = codeIn(outside.hash());
    if (code !== "") {
      parts.secret.value = code;
      this.show("");
    }
  }

  /** A connection failed: shows the form if that is because nobody has signed in. */
  async check() {
    if (this.asking || !this.parts.form.hidden) return;
    this.asking = true;
    try {
      const answer = await this.outside.fetch(new URL("whoami", this.base_url), { credentials: "same-origin" });
      if (answer.status === 401) this.show("");
    } catch {
      // The server is away: the connection says so itself.
    } finally {
      this.asking = false;
    }
  }

  /** HAL has greeted: shows the way out to whoever came in by a sign-in, and to nobody else. */
  async greeted() {
    if (this.known) return;
    this.known = true;
    try {
      const answer = await this.outside.fetch(new URL("whoami", this.base_url), { credentials: "same-origin" });
      const who = answer.ok ? await answer.json() : {};
      this.parts.leave.hidden = !who.device;
    } catch {
      this.known = false;
    }
  }

  /** Ends the sign-in of this browser. */
  async leave() {
    if (this.asking) return;
    this.asking = true;
    try {
      const answer = await this.outside.fetch(new URL("signout", this.base_url), { method: "POST", credentials: "same-origin" });
      // Whoever is not let in any more has left already.
      if (answer.ok || answer.status === 401) return this.on.left();
      this.on.stayed();
    } catch {
      this.on.stayed();
    } finally {
      this.asking = false;
    }
  }

  show(trouble) {
    this.parts.form.hidden = false;
    this.parts.trouble.textContent = trouble;
    this.parts.secret.focus();
  }

  async submit() {
    const secret = this.parts.secret.value.trim();
    if (secret === "" || this.asking) return;
    this.asking = true;
    try {
      const answer = await this.outside.fetch(new URL("signin", this.base_url), {
        method: "POST",
        credentials: "same-origin",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ secret, device: this.outside.name() }),
      });
      if (!answer.ok) return this.show(refusal(answer.status));
      this.parts.secret.value = "";
      this.parts.form.hidden = true;
      this.outside.forgetHash();
      this.known = false;
      this.on.done();
    } catch {
      this.show("HAL does not answer. Try again in a moment.");
    } finally {
      this.asking = false;
    }
  }
}
