import assert from "node:assert/strict";
import { test } from "node:test";

import { SignIn, codeIn, refusal } from "../signin.js";

function setUp(answers, hash = "") {
  const listeners = {};
  const parts = {
    form: { hidden: true, addEventListener: (name, then) => (listeners[name] = then) },
    secret: { value: "", focus: () => {} },
    trouble: { textContent: "" },
    leave: { hidden: true, addEventListener: (name, then) => (listeners[name] = then) },
  };
  const sent = [];
  const outside = {
    fetch: async (url, options) => {
      sent.push({ url: String(url), ...options });
      const answer = answers.shift();
      if (answer === undefined) throw new Error("away");
      const who = typeof answer === "object" ? answer : {};
      const status = typeof answer === "object" ? 200 : answer;
      return { status, ok: status === 200, json: async () => who };
    },
    hash: () => hash,
    forgetHash: () => (outside.forgotten = true),
    name: () => "a browser",
  };
  let done = 0;
  const told = [];
  const on = { done: () => (done += 1), left: () => told.push("left"), stayed: () => told.push("stayed") };
  const signIn = new SignIn("https://hal.example.com/voice/", parts, on, outside);
  return { signIn, parts, sent, outside, told, done: () => done };
}

test("the form shows only where HAL wants a sign-in", async () => {
  for (const [status, hidden] of [[401, false], [200, true], [503, true], [undefined, true]]) {
    const page = setUp([status]);
    await page.signIn.check();
    assert.equal(page.parts.form.hidden, hidden, String(status));
    assert.equal(page.sent[0].url, "https://hal.example.com/voice/whoami");
  }
});

test("a code that is taken lets the page in, and is forgotten", async () => {
  const page = setUp([200], "#abcd-efgh");
  assert.equal(page.parts.form.hidden, false);
  assert.equal(page.parts.secret.value, "ABCD-EFGH");
  await page.signIn.submit();
  assert.equal(page.done(), 1);
  assert.equal(page.parts.form.hidden, true);
  assert.equal(page.parts.secret.value, "");
  assert.equal(page.outside.forgotten, true);
  assert.deepEqual(JSON.parse(page.sent[0].body), { secret: "ABCD-EFGH", device: "a browser" });
});

test("a code that is not taken says why", async () => {
  const page = setUp([401, 429], "#ABCD-EFGH");
  await page.signIn.submit();
  assert.equal(page.parts.trouble.textContent, refusal(401));
  await page.signIn.submit();
  assert.equal(page.parts.trouble.textContent, refusal(429));
  await page.signIn.submit();
  assert.match(page.parts.trouble.textContent, /does not answer/);
  assert.equal(page.done(), 0);
});

test("only a code is taken from the address", () => {
  assert.equal(codeIn("#ABCDEFGH"), "ABCDEFGH");
  assert.equal(codeIn("#section"), "");
  assert.equal(codeIn(""), "");
});

test("the way out is shown to whoever came in by a sign-in, and asked for once", async () => {
  const page = setUp([{ user: "owner", device: "D1" }]);
  await page.signIn.greeted();
  await page.signIn.greeted();
  assert.equal(page.parts.leave.hidden, false);
  assert.equal(page.sent.length, 1);
  for (const answer of [{ user: "owner", device: null }, 401, undefined]) {
    const page = setUp([answer]);
    await page.signIn.greeted();
    assert.equal(page.parts.leave.hidden, true, String(answer));
  }
});

test("who signs out is out only when HAL says so, or did not know them any more", async () => {
  for (const [status, told] of [[200, "left"], [401, "left"], [503, "stayed"], [undefined, "stayed"]]) {
    const page = setUp([status]);
    await page.signIn.leave();
    assert.deepEqual(page.told, [told], String(status));
    assert.equal(page.sent[0].url, "https://hal.example.com/voice/signout");
    assert.equal(page.sent[0].method, "POST");
  }
});
