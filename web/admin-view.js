// What the owner sees. Shows what it is told and decides nothing; all text goes in as text, never as markup. A part is made
// anew only when what it shows has changed, and whoever stands on a button there stands on it afterwards.

import { ago, backupState, byUser, duration, endsAt, inWords, refusals, scale, segments, size, typical } from "./admin-data.js";

const TURNS_SHOWN = 15;
const AUDIT_SHOWN = 12;

// Before a value that does not say by itself what it is.
const SHORT = { "Last seen": "seen ", Ends: "ends ", Since: "since ", Turns: "turns ", "Last turn": "last ", From: "at " };

const OUTCOME = {
  answered: ["answered", "good"],
  asked: ["asked back", "good"],
  nothing_found: ["nothing found", "plain"],
  not_understood: ["not understood", "warn"],
  denied: ["refused", "warn"],
  failed: ["failed", "bad"],
  error: ["error", "bad"],
  dropped: ["interrupted", "plain"],
  lost: ["connection lost", "plain"],
};

export class AdminView {
  /** `on.revoke(device)`: the person wants to shut this device out. */
  constructor(document, on) {
    this.document = document;
    this.on = on;
    this.shown = new Map();
    this.all_turns = false;
    this.all_audit = false;
    const part = (id) => document.getElementById(id);
    this.parts = {
      audit: part("audit"),
      auditMore: part("audit-more"),
      away: part("away"),
      backup: part("backup"),
      backupNote: part("backup-note"),
      backupSaid: part("backup-said"),
      backups: part("backups"),
      board: part("board"),
      devices: part("devices"),
      engines: part("engines"),
      foot: part("foot"),
      lineText: part("line-text"),
      notices: part("notices"),
      numbers: part("numbers"),
      refused: part("refused"),
      refusedText: part("refused-text"),
      said: part("said"),
      scale: part("scale"),
      sessions: part("sessions"),
      signOut: part("signout"),
      tileAnswer: part("tile-answer"),
      tileBackup: part("tile-backup"),
      tileBackupBox: part("tile-backup-box"),
      tileSessions: part("tile-sessions"),
      tileTurns: part("tile-turns"),
      turns: part("turns"),
      turnsMore: part("turns-more"),
      wordsLeft: part("words-left"),
      wordsOn: part("words-on"),
      wordsStart: part("words-start"),
    };
    this.parts.turnsMore.addEventListener("click", () => {
      this.all_turns = !this.all_turns;
      this.again();
    });
    this.parts.auditMore.addEventListener("click", () => {
      this.all_audit = !this.all_audit;
      this.again();
    });
  }

  /** `view`: `loading`, `signin`, `refused` or `board`. */
  view(view, text = "") {
    this.document.body.dataset.view = view;
    this.parts.board.hidden = view !== "board";
    this.parts.refused.hidden = view !== "refused";
    if (view === "refused") setText(this.parts.refusedText, text);
    if (view !== "board") {
      // Nothing of a household stays behind for whoever comes next.
      this.shown.clear();
      this.last = undefined;
      for (const id of ["turns", "sessions", "devices", "backups", "audit", "numbers", "engines", "notices"]) this.parts[id].replaceChildren();
      this.parts.wordsOn.hidden = true;
      this.parts.away.hidden = true;
      this.parts.signOut.hidden = view !== "refused";
    }
  }

  /** How the line stands: `open` or `waiting`. */
  line(state, text) {
    this.document.body.dataset.connection = state;
    setText(this.parts.lineText, text);
  }

  /** A sentence about what was done or why not; "" takes it away. */
  say(text, isTrouble = false) {
    this.parts.said.hidden = text === "";
    this.parts.said.classList.toggle("warn", isTrouble);
    setText(this.parts.said, text);
  }

  /** Everything. `turns` are all that are known, newest first. */
  show(state, turns) {
    this.last = [state, turns];
    const { gateway, listener, now_ms } = state;
    this.view("board");
    this.parts.away.hidden = listener !== null;
    for (const section of this.document.querySelectorAll(".from-listener")) section.hidden = listener === null;
    this.#words(gateway, now_ms);
    setText(this.parts.tileSessions, String(gateway.session_count));
    setText(this.parts.tileTurns, String(gateway.turn_count));
    const middle = typical(turns);
    setText(this.parts.tileAnswer, middle === null ? "–" : duration(middle));
    this.#turns(turns, gateway, listener, now_ms);
    this.#part("sessions", gateway.sessions, () => this.#sessions(gateway, listener, now_ms));
    this.#engines(gateway);
    this.parts.tileBackupBox.hidden = listener === null;
    if (listener !== null) this.#listener(listener, now_ms);
    const you = listener === null ? "" : `You are ${listener.you.name}. `;
    setText(this.parts.foot, `${you}HAL ${gateway.version}, running for ${duration(gateway.up_ms).replace(/\.\d s$/, " s")}.`);
    this.#times(now_ms);
  }

  again() {
    this.shown.delete("turns");
    this.shown.delete("audit");
    if (this.last) this.show(...this.last);
  }

  #listener(listener, now_ms) {
    this.parts.signOut.hidden = listener.you.device === null;
    this.#part("devices", [listener.users, listener.devices, listener.you], () => this.#devices(listener, now_ms));
    this.#part("audit", listener.audit, () => this.#audit(listener.audit, now_ms));
    this.#backups(listener.backups, now_ms);
  }

  /** Makes a part anew if what it shows has changed, and gives the focus back. */
  #part(name, shows, make) {
    const key = JSON.stringify(shows);
    if (this.shown.get(name) === key) return;
    this.shown.set(name, key);
    const { activeElement } = this.document;
    const place = this.parts[name];
    const focused = place.contains(activeElement) ? activeElement.dataset.key : undefined;
    const open = [...place.querySelectorAll("details[open]")].map((details) => details.dataset.key);
    place.replaceChildren(...make());
    for (const details of place.querySelectorAll("details")) details.open = open.includes(details.dataset.key);
    if (focused !== undefined) [...place.querySelectorAll("[data-key]")].find((one) => one.dataset.key === focused)?.focus();
  }

  #words(gateway, now_ms) {
    const until_ms = gateway.words_until_ms;
    this.parts.wordsOn.hidden = until_ms === null;
    this.parts.wordsStart.hidden = until_ms !== null;
    if (until_ms !== null) setText(this.parts.wordsLeft, `, for ${duration(Math.max(60000, until_ms - now_ms))} more`);
  }

  #turns(turns, gateway, listener, now_ms) {
    const shown = this.all_turns ? turns : turns.slice(0, TURNS_SHOWN);
    const whole_ms = scale(shown);
    setText(this.parts.scale, duration(whole_ms).replace(".0 s", " s"));
    this.#part("turns", [shown, whole_ms], () => {
      if (shown.length === 0) return [this.#element("li", "empty", "Nobody has asked anything since this gateway was started.")];
      return shown.map((turn) => this.#turn(turn, whole_ms, listener, now_ms));
    });
    this.parts.turnsMore.hidden = turns.length <= TURNS_SHOWN;
    setText(this.parts.turnsMore, this.all_turns ? `Show the last ${TURNS_SHOWN}` : `Show all ${turns.length}`);
  }

  #turn(turn, whole_ms, listener, now_ms) {
    const row = this.#element("li", "turn");
    const head = this.#element("div", "turn-head");
    const [word, tone] = OUTCOME[turn.outcome] ?? [turn.outcome, "plain"];
    const what = this.#element("span", "what");
    what.append(this.#element("span", "action", (turn.action ?? turn.code ?? "turn").replaceAll("_", " ").toLowerCase()));
    what.append(this.#element("span", `badge ${tone}`, word));
    head.append(what, this.#element("span", "waited", duration(turn.waited_ms)));
    const who = [name(listener, turn.user), deviceName(listener, turn.device), turn.spoken ? "spoken" : "typed"].filter(Boolean).join(" · ");
    const meta = this.#element("p", "meta", `${who} · `);
    meta.append(this.#time(turn.at_ms, now_ms));
    const bar = this.#element("div", "bar");
    // The line below says the same in words.
    bar.setAttribute("aria-hidden", "true");
    for (const piece of segments(turn, whole_ms)) {
      const stage = this.#element("i", `stage stage-${piece.stage}`);
      stage.style.left = `${piece.from}%`;
      stage.style.width = `${piece.width}%`;
      bar.append(stage);
    }
    if (turn.waited_ms > whole_ms) bar.classList.add("longer");
    row.append(head, meta, bar);
    const foot = this.#element("p", "turn-foot");
    foot.append(this.#element("span", "spans", inWords(turn) || "at once"));
    if (turn.files.length > 0) {
      foot.append(this.#element("span", "for-ears", ". Files: "));
      for (const file of turn.files) foot.append(this.#element("span", "file", file), " ");
    }
    row.append(foot);
    if (turn.question !== undefined) {
      row.append(this.#element("p", "words asked-words", turn.question));
      if (turn.answer !== "") row.append(this.#element("p", "words told-words", turn.answer));
    }
    return row;
  }

  #sessions(gateway, listener, now_ms) {
    if (gateway.sessions.length === 0) return [this.#element("p", "empty", "Nobody is connected.")];
    const rows = gateway.sessions.map((one) => [
      [name(listener, one.user) || one.name || "unknown"],
      [deviceName(listener, one.device) || "this machine"],
      [one.client],
      [one.address],
      [this.#time(one.since_ms, now_ms)],
      [String(one.turns), "number"],
      [one.turns === 0 ? "–" : this.#time(one.active_ms, now_ms)],
    ]);
    const table = this.#table(["Who", "Device", "Client", "Address", "Since", "Turns", "Last turn"], rows, "dense");
    const more = gateway.session_count - gateway.sessions.length;
    return more > 0 ? [table, this.#element("p", "note", `and ${more} more`)] : [table];
  }

  #engines(gateway) {
    const { hearing, speaking, notices } = gateway.engines;
    const load = (engine) => (engine === null ? "none" : `${engine.name}, ${engine.busy === 0 ? "idle" : "at work on " + engine.busy} (up to ${engine.of} at once)`);
    this.#part("engines", [hearing, speaking], () =>
      [["Hearing", hearing], ["Speaking", speaking]].map(([label, engine]) => {
        const pair = this.#element("div", "");
        pair.append(this.#element("dt", "", label), this.#element("dd", "", load(engine)));
        return pair;
      }),
    );
    this.#part("notices", notices, () => notices.map((notice) => this.#element("li", "", notice)));
    const told = refusals(gateway.numbers);
    this.#part("numbers", told, () => {
      if (told.length === 0) return [this.#element("p", "empty", "None.")];
      return [this.#table(["What", "Why", "How often"], told.map(({ name, label, value }) => [[name], [label || "–"], [String(value), "number"]]))];
    });
  }

  #devices(listener, now_ms) {
    const groups = byUser(listener).map(({ user, devices, out }) => {
      const group = this.#element("div", "group");
      const title = this.#element("h3", "", user.name);
      title.append(" ", this.#element("span", "badge plain", user.role));
      group.append(title);
      if (devices.length === 0) group.append(this.#element("p", "empty", "No device."));
      else group.append(this.#deviceTable(devices, listener, now_ms));
      if (out.length > 0) {
        const details = this.#element("details", "");
        details.dataset.key = `out-${user.id}`;
        details.append(this.#element("summary", "", out.length === 1 ? "1 is shut out" : `${out.length} are shut out`));
        details.append(this.#table(["Device", "Shut out"], out.map((device) => [[device.name], [this.#time(device.revoked_ms, now_ms)]])));
        group.append(details);
      }
      return group;
    });
    if (listener.devices_more > 0) groups.push(this.#element("p", "note", `and ${listener.devices_more} more: hal device list`));
    return groups;
  }

  #deviceTable(devices, listener, now_ms) {
    const rows = devices.map((device) => {
      const ends_ms = endsAt(device);
      const kinds = [...new Set(device.credentials.map((one) => one.kind))].join(", ") || "none";
      const revoke = this.#element("button", "danger small", "Revoke");
      revoke.type = "button";
      revoke.dataset.key = device.id;
      revoke.setAttribute("aria-label", `Revoke ${device.name}`);
      revoke.addEventListener("click", () => this.on.revoke(device, listener.you.device === device.id));
      const name = this.#element("span", "", device.name);
      if (listener.you.device === device.id) name.append(" ", this.#element("span", "badge good", "this one"));
      const end = ends_ms === undefined || (ends_ms !== null && ends_ms <= now_ms) ? "over" : ends_ms === null ? "never" : this.#time(ends_ms, now_ms);
      return [[name], [device.scope], [kinds], [this.#time(device.seen_ms, now_ms)], [end], [revoke, "act"]];
    });
    return this.#table(["Device", "Scope", "Signs in by", "Last seen", "Ends", ""], rows, "dense devices");
  }

  #backups(backups, now_ms) {
    const last = backups.files[0];
    const state = backupState(backups, now_ms);
    this.parts.tileBackupBox.classList.toggle("warned", state !== "fresh");
    setText(this.parts.tileBackup, last === undefined ? "none" : ago(last.made_ms, now_ms));
    const runs = backups.running_since_ms !== undefined;
    this.parts.backup.disabled = runs || backups.folder === "";
    setText(this.parts.backup, runs ? "Backing up…" : "Back up now");
    const where = backups.folder === "" ? "This server has no folder for backups." : `In ${backups.folder}, on the server. The last ${backups.kept} are kept; each is read back and compared.`;
    setText(this.parts.backupNote, where);
    const done = backups.last;
    let said = "";
    if (runs) said = "A backup is being made.";
    else if (done?.error) said = `The last backup failed: ${done.error}`;
    else if (done) said = `Made and verified: ${done.entries} entries.`;
    this.parts.backupSaid.classList.toggle("bad-text", Boolean(done?.error) && !runs);
    setText(this.parts.backupSaid, said);
    this.#part("backups", backups.files, () => {
      if (last === undefined) return [this.#element("p", "empty", "There is no backup here yet.")];
      const rows = backups.files.map((file) => [[file.name], [size(file.bytes), "number"], [this.#time(file.made_ms, now_ms)]]);
      return [this.#table(["File", "Size", "Made"], rows, "dense")];
    });
  }

  #audit(entries, now_ms) {
    const shown = this.all_audit ? entries : entries.slice(0, AUDIT_SHOWN);
    this.parts.auditMore.hidden = entries.length <= AUDIT_SHOWN;
    setText(this.parts.auditMore, this.all_audit ? "Show fewer" : `Show ${entries.length}`);
    if (shown.length === 0) return [this.#element("p", "empty", "Nothing is noted yet.")];
    const good = ["ok", "answered", "asked", "nothing_found", "not_understood"];
    const rows = shown.map((entry) => [
      [this.#time(entry.at_ms, now_ms)],
      [entry.what.replaceAll("_", " ")],
      [entry.user || "–"],
      [[entry.about.replaceAll("_", " "), entry.files.join(", ")].filter(Boolean).join(": ") || "–"],
      [entry.address || "–"],
      [this.#element("span", `badge ${good.includes(entry.result) ? "plain" : "warn"}`, entry.result.replaceAll("_", " "))],
    ]);
    return [this.#table(["When", "What", "Who", "About", "From", "Result"], rows, "dense")];
  }

  // Narrow windows show each row as a card: its heads are beside the values, or, where it is dense, before those that need one.
  #table(heads, rows, className = "") {
    const table = this.#element("table", className);
    const head = this.#element("tr", "");
    for (const text of heads) {
      const cell = this.#element("th", "", text);
      cell.scope = "col";
      head.append(cell);
    }
    const top = this.#element("thead", "");
    top.append(head);
    const body = this.#element("tbody", "");
    for (const row of rows) {
      const line = this.#element("tr", "");
      row.forEach(([value, className], index) => {
        const cell = this.#element("td", className ?? "");
        cell.dataset.label = heads[index];
        cell.dataset.short = SHORT[heads[index]] ?? "";
        if (value === "–") cell.classList.add("none");
        cell.append(value);
        line.append(cell);
      });
      body.append(line);
    }
    table.append(top, body);
    return table;
  }

  #time(at_ms, now_ms) {
    const time = this.#element("time", "", ago(at_ms, now_ms));
    const date = new Date(at_ms);
    time.dateTime = date.toISOString();
    time.title = date.toLocaleString();
    time.dataset.at = String(at_ms);
    return time;
  }

  #times(now_ms) {
    for (const time of this.document.querySelectorAll("time[data-at]")) setText(time, ago(Number(time.dataset.at), now_ms));
  }

  #element(name, className, text = "") {
    const element = this.document.createElement(name);
    if (className !== "") element.className = className;
    if (text !== "") element.textContent = text;
    return element;
  }
}

function name(listener, user) {
  return listener?.users.find((one) => one.id === user)?.name ?? user;
}

function deviceName(listener, device) {
  if (device === null || device === undefined) return "";
  return listener?.devices.find((one) => one.id === device)?.name ?? device;
}

// Only what changes is written: a live region speaks at every write.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
