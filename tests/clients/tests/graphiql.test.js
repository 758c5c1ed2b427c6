// GraphiQL makes no request to another host: nothing it loads names one, and its policy forbids all but our own.
import assert from "node:assert/strict";
import { test } from "node:test";
import { server } from "../inlet.js";

test("the page and its assets come from one origin, which is all that the browser allows", async () => {
  const page = await fetch(server.graphqlUrl, { headers: { accept: "text/html" } });
  const policy = Object.fromEntries(
    page.headers.get("content-security-policy").split(";").map((directive) => {
      const [name, ...sources] = directive.trim().split(/\s+/);
      return [name, sources];
    }),
  );
  assert.deepEqual(policy["default-src"], ["'none'"]);
  const local = new Set(["'none'", "'self'", "'unsafe-inline'", "data:"]);
  for (const [name, sources] of Object.entries(policy)) {
    assert.deepEqual(sources.filter((source) => !local.has(source)), [], name);
  }
  assert.deepEqual(policy["script-src"], ["'self'"]);
  assert.deepEqual(policy["connect-src"], ["'self'"]);

  const html = await page.text();
  const loaded = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, url]) => url).filter((url) => !url.startsWith("data:"));
  assert.equal(loaded.length, 5);
  for (const path of loaded) {
    assert.match(path, /^\/[^/]/);
    const asset = await fetch(server.url + path);
    assert.equal(asset.status, 200, path);
    assert.equal(asset.headers.get("x-content-type-options"), "nosniff", path);
    const text = await asset.text();
    if (path.endsWith(".css")) {
      assert.doesNotMatch(text, /@import/);
      for (const [, url] of text.matchAll(/url\(\s*["']?([^"')]*)/g)) assert.match(url, /^(data:|#)/, path);
    }
    assert.doesNotMatch(text, /sourceMappingURL=https?:|\bimport\(\s*["'`]https?:|importScripts\(\s*["'`]https?:/, path);
  }
});
