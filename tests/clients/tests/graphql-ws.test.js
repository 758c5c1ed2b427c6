// The npm package graphql-ws against the server; and every code of its protocol's table, by a socket that errs.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { authorization, graphql, receive, seq, server, socketUrl, soon } from "../inlet.js";

const FOLLOW = `subscription Follow($after: Cursor) {
  events(after: $after) { __typename ... on Event { cursor type message { content } } ... on Reset { reason cursor } }
}`;

const clients = [];
after(() => Promise.all(clients.map((client) => client.dispose())));

function client(options = {}) {
  const made = createClient({
    url: socketUrl,
    webSocketImpl: WebSocket,
    connectionParams: { authorization },
    retryAttempts: 0,
    ...options,
  });
  clients.push(made);
  return made;
}

test("a query has its answer and an end", async () => {
  const answers = [];
  for await (const answer of client().iterate({ query: "{ head viewer { workspaceId } }" })) answers.push(answer);
  assert.equal(answers.length, 1);
  assert.match(answers[0].data.head, /^\d+-\d+$/);
});

test("an operation that does not fit the schema is an error of its own, and the socket stays", async () => {
  const one = client({ lazy: false });
  const failing = one.iterate({ query: "{ nope }" }).next();
  await assert.rejects(failing, (errors) => errors[0].extensions.code === "GRAPHQL_VALIDATION_FAILED");
  const { value } = await one.iterate({ query: "{ head }" }).next();
  assert.ok(value.data.head);
});

test("a subscription that comes back with its last cursor misses nothing and sees nothing twice", async () => {
  const { head } = await graphql("{ head }");
  let socket;
  const first = client({ on: { connected: (opened) => (socket = opened) } });
  const stream = first.iterate({ query: FOLLOW, variables: { after: head } });
  const seen = [];
  const take = async (from, content) => {
    for (;;) {
      const { value } = await soon(from.next(), content);
      const event = value.data.events;
      assert.equal(event.__typename, "Event");
      seen.push(seq(event.cursor));
      if (event.message?.content === content) return event.cursor;
    }
  };
  await receive("ws-1", "919876500001", "before the break");
  const cursor = await take(stream, "before the break");
  const broken = assert.rejects(soon(stream.next(), "the break"), (closed) => closed.code === 1006);
  socket.terminate();
  await broken;
  await receive("ws-2", "919876500001", "while away");
  const again = client().iterate({ query: FOLLOW, variables: { after: cursor } });
  await take(again, "while away");
  await receive("ws-3", "919876500001", "live again");
  await take(again, "live again");
  assert.deepEqual(seen, seen.map((_, index) => seq(head) + 1 + index));
  await again.return();
});

test("a subscription that is completed ends alone", async () => {
  const one = client();
  const stream = one.iterate({ query: FOLLOW });
  const next = stream.next();
  await one.iterate({ query: "{ head }" }).next();
  await stream.return();
  assert.equal((await soon(next, "the end of the stream")).done, true);
  const { value } = await one.iterate({ query: "{ head }" }).next();
  assert.ok(value.data.head, "the socket goes on");
});

/** A socket that says what it likes; `closed` is the code it is closed with. */
async function raw(protocols = "graphql-transport-ws") {
  const socket = new WebSocket(socketUrl, protocols);
  const closed = new Promise((resolve) => socket.on("close", (code, reason) => resolve({ code, reason: `${reason}` })));
  const messages = [];
  const waiting = [];
  socket.on("message", (text) => {
    const message = JSON.parse(text);
    waiting.length > 0 ? waiting.shift()(message) : messages.push(message);
  });
  const next = () =>
    messages.length > 0 ? messages.shift() : soon(new Promise((resolve) => waiting.push(resolve)), "a message");
  await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
  return { socket, closed, next, send: (message) => socket.send(typeof message === "string" ? message : JSON.stringify(message)) };
}

async function introduced(token = server.apiKey) {
  const one = await raw();
  one.send({ type: "connection_init", payload: { authorization: `Bearer ${token}` } });
  assert.deepEqual(await one.next(), { type: "connection_ack" });
  return one;
}

const subscribe = (id, query = "subscription { events { __typename } }") => ({ id, type: "subscribe", payload: { query } });

/** What leads to which code. */
const TABLE = [
  [4400, "a message that is no JSON", async () => { const one = await introduced(); one.send("nonsense"); return one; }],
  [4400, "a message of an unknown type", async () => { const one = await introduced(); one.send({ type: "start" }); return one; }],
  [4400, "a binary message", async () => { const one = await introduced(); one.socket.send(Buffer.from("{}")); return one; }],
  [4401, "an operation before the introduction", async () => { const one = await raw(); one.send(subscribe("1")); return one; }],
  [4401, "a credential that is revoked", async () => {
    const made = await graphql(
      'mutation { createApiKey(input: {name: "short", scopes: [READ], idempotencyKey: "ws-4401"}) { token apiKey { id } } }',
    );
    const one = await introduced(made.createApiKey.token);
    one.send(subscribe("1"));
    await graphql("mutation Revoke($id: ID!) { revokeApiKey(input: {id: $id}) { apiKey { id } } }", {
      id: made.createApiKey.apiKey.id,
    });
    return one;
  }],
  [4403, "a credential that is none", async () => {
    const one = await raw();
    one.send({ type: "connection_init", payload: { authorization: "Bearer ik_nothing" } });
    return one;
  }],
  [4406, "another subprotocol", () => raw("graphql-ws")],
  [4406, "no subprotocol", () => raw([])],
  [4408, "no introduction in time", () => raw()],
  [4409, "an id that is taken", async () => {
    const one = await introduced();
    one.send(subscribe("same"));
    one.send(subscribe("same"));
    return one;
  }],
  [4429, "a second introduction", async () => { const one = await introduced(); one.send({ type: "connection_init" }); return one; }],
  [1009, "a message beyond the limit", async () => {
    const one = await introduced();
    one.send(subscribe("1", `{ head } # ${"x".repeat(1 << 20)}`));
    return one;
  }],
  [1013, "a client that does not read", async () => {
    const one = await introduced();
    one.socket.on("error", () => {});
    one.socket._socket.pause();
    // More than the buffers of two sockets and the server hold.
    const introspection = `{ __schema { types { name description fields { name description args { name description } } } } }`;
    for (let id = 0; id < 90; id += 1) one.send(subscribe(`${id}`, introspection));
    const closing = async () => /inlet_socket_closes_total\{code="1013"\}/.test(await (await fetch(`${server.url}/metrics`)).text());
    const limit = Date.now() + 60_000;
    while (!(await closing()) && Date.now() < limit) await new Promise((resolve) => setImmediate(resolve));
    one.socket._socket.resume();
    return one;
  }],
];

for (const [code, why, provoke] of TABLE) {
  test(`${code} closes the socket of ${why}`, async () => {
    const one = await provoke();
    const { code: got, reason } = await soon(one.closed, `${code}`);
    console.log(`close ${got} "${reason}": ${why}`);
    assert.equal(got, code);
  });
}

test("what cannot be mended by coming again is fatal to the client, and it does not come again", async () => {
  const fatal = client({ connectionParams: {}, retryAttempts: 5, shouldRetry: () => false });
  await assert.rejects(fatal.iterate({ query: "{ head }" }).next(), (closed) => closed.code === 4403);
});
