import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

const folder = new URL("../", import.meta.url);
const read = (name) => readFileSync(new URL(name, folder), "utf8");
const files = readdirSync(folder).filter((name) => /\.(html|js|css|svg)$/.test(name));
const table = read("assets.rs");

test("every file of the page is embedded", () => {
  for (const name of files) assert.ok(table.includes(`("${name}", `) && table.includes(`include_bytes!("${name}")`), name);
});

test("the page fetches nothing from elsewhere and works below any prefix", () => {
  for (const name of files) {
    const text = read(name).replaceAll("http://www.w3.org/2000/svg", "");
    assert.doesNotMatch(text, /(src|href)="(https?:)?\//, name);
    assert.doesNotMatch(text, /url\(|@import|from "[^.]/, name);
  }
});

test("a strict content security policy is enough: no inline script, style or handler", () => {
  for (const page of ["index.html", "admin.html"]) {
    assert.doesNotMatch(read(page), /<style|style="|\son\w+="|<script(?![^>]*src=)/, page);
  }
});

test("every module that is imported exists, and every id the scripts look for is on the page", () => {
  for (const name of files.filter((name) => name.endsWith(".js"))) {
    const text = read(name);
    const page = read(name.startsWith("admin") ? "admin.html" : "index.html");
    for (const [, module] of text.matchAll(/from "\.\/([^"]+)"/g)) assert.ok(files.includes(module), `${name}: ${module}`);
    for (const [, id] of text.matchAll(/\b(?:part|element)\("([a-z-]+)"\)/g)) assert.ok(page.includes(`id="${id}"`), `${name}: #${id}`);
  }
});
