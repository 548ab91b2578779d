import assert from "node:assert/strict";
import { test } from "node:test";

import { SignIn, codeIn, refusal } from "../signin.js";

function setUp(answers, hash = "") {
  const listeners = {};
  const parts = {
    form: { hidden: true, addEventListener: (name, then) => (listeners[name] = then) },
    secret: { value: "", focus: () => {} },
    trouble: { textContent: "" },
  };
  const sent = [];
  const outside = {
    fetch: async (url, options) => {
      sent.push({ url: String(url), ...options });
      const answer = answers.shift();
      if (answer === undefined) throw new Error("away");
      return { status: answer, ok: answer === 200 };
    },
    hash: () => hash,
    forgetHash: () => (outside.forgotten = true),
    name: () => "a browser",
  };
  let done = 0;
  const signIn = new SignIn("https://hal.example.com/voice/", parts, { done: () => (done += 1) }, outside);
  return { signIn, parts, sent, outside, done: () => done };
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
