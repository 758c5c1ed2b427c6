// GraphQL over HTTP, by the audits of its reference implementation.
import assert from "node:assert/strict";
import { test } from "node:test";
import { serverAudits } from "graphql-http";
import { authorization, server } from "../inlet.js";

// Some of the audits ask for the schema, which is for whoever has a credential.
const known = (url, options = {}) => fetch(url, { ...options, headers: { ...options.headers, authorization } });

test("every audit passes", async () => {
  const audits = serverAudits({ url: server.graphqlUrl, fetchFn: known });
  const failed = [];
  for (const audit of audits) {
    const { name, status, reason } = await audit.fn();
    if (status !== "ok") failed.push(`${status} ${audit.id} ${name}: ${reason}`);
  }
  console.log(`${audits.length - failed.length} of ${audits.length} audits`);
  assert.deepEqual(failed, []);
  assert.equal(audits.length, 61);
});
