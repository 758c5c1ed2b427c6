// The npm package graphql-sse against the server, one operation for each connection ("distinct connections mode").
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createClient } from "graphql-sse";
import { authorization, graphql, receive, seq, server, soon } from "../inlet.js";

const clients = [];
after(() => clients.forEach((client) => client.dispose()));

function client(options = {}) {
  const made = createClient({ url: server.graphqlUrl, headers: { authorization }, retryAttempts: 0, ...options });
  clients.push(made);
  return made;
}

async function all(operation, options) {
  const answers = [];
  for await (const answer of client(options).iterate(operation)) answers.push(answer);
  return answers;
}

test("a query and a mutation have one answer each", async () => {
  const [query] = await all({ query: "{ head }" });
  assert.match(query.data.head, /^\d+-\d+$/);
  const answers = await all({
    query: 'mutation { createApiKey(input: {name: "sse", scopes: [READ], idempotencyKey: "sse-1"}) { apiKey { name } } }',
  });
  assert.deepEqual(answers, [{ data: { createApiKey: { apiKey: { name: "sse" } } } }]);
});

test("errors of a request come as an answer, with their codes", async () => {
  for (const [query, code] of [
    ["{", "GRAPHQL_PARSE_FAILED"],
    ["{ nope }", "GRAPHQL_VALIDATION_FAILED"],
    ['subscription { events(after: "x") { __typename } }', "BAD_USER_INPUT"],
    [`{ ${Array.from({ length: 101 }, (_, n) => `a${n}: __typename`).join(" ")} }`, "LIMIT_EXCEEDED"],
  ]) {
    const [answer, ...more] = await all({ query });
    assert.equal(answer.errors[0].extensions.code, code, query);
    assert.equal(answer.data ?? null, null);
    assert.deepEqual(more, []);
  }
});

test("a subscription follows the log from its cursor", async () => {
  const { head } = await graphql("{ head }");
  const query = `subscription { events(after: "${head}") { ... on Event { cursor message { content } } } }`;
  const stream = client().iterate({ query });
  await receive("sse-1", "919876500002", "over an event stream");
  for (let next = seq(head) + 1; ; next += 1) {
    const { value } = await soon(stream.next(), "an event");
    assert.equal(seq(value.data.events.cursor), next);
    if (value.data.events.message?.content === "over an event stream") break;
  }
  await stream.return();
});

test("a stream of a credential that is revoked is told so and ends", async () => {
  const made = await graphql(
    'mutation { createApiKey(input: {name: "short", scopes: [READ], idempotencyKey: "sse-2"}) { token apiKey { id } } }',
  );
  let connected;
  const open = new Promise((resolve) => (connected = resolve));
  const headers = { authorization: `Bearer ${made.createApiKey.token}` };
  const stream = client({ headers }).iterate({ query: "subscription { events { __typename } }" }, { connected });
  const next = stream.next();
  await soon(open, "the connection");
  await graphql("mutation Revoke($id: ID!) { revokeApiKey(input: {id: $id}) { apiKey { id } } }", {
    id: made.createApiKey.apiKey.id,
  });
  const { value } = await soon(next, "the last word");
  assert.equal(value.errors[0].extensions.code, "UNAUTHENTICATED");
  assert.equal((await stream.next()).done, true);
});

test("who has no right to the transport gets a plain answer, and the client gives up", async () => {
  await assert.rejects(all({ query: "{ head }" }, { headers: { authorization: "Bearer ik_nothing" } }), (error) => {
    return error.response.status === 401;
  });
  await assert.rejects(all({ query: "{ head }" }, { singleConnection: true }), (error) => error.response.status === 405);
});

test("a browser's EventSource can follow by GET, and cannot change anything", async () => {
  const get = (query) =>
    fetch(`${server.graphqlUrl}?${new URLSearchParams({ query })}`, { headers: { accept: "text/event-stream", authorization } });
  const { head } = await graphql("{ head }");
  const answer = await get(`subscription { events(after: "${head}") { __typename } }`);
  assert.equal(answer.headers.get("content-type"), "text/event-stream; charset=utf-8");
  await receive("sse-3", "919876500003", "by GET");
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n\nevent: next\ndata: ")) text += (await soon(reader.read(), "an event")).value;
  assert.ok(text.startsWith(":\n\n"), "a comment comes first");
  await reader.cancel();
  const refused = await get("mutation { logout { deletedSessionId } }");
  assert.equal(refused.status, 405);
  assert.match(refused.headers.get("content-type"), /^application\/json/);
});
