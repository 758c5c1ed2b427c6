// A server that stops sends its clients elsewhere: both follow the log of a server of their own, which is then told to stop.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient as createStreams } from "graphql-sse";
import { createClient as createSockets } from "graphql-ws";
import WebSocket from "ws";
import { authorization, server, socketUrl, soon } from "../inlet.js";

const query = "subscription { events { __typename } }";

test("1012 closes the sockets of a server that stops, and its streams end so that clients come again", async () => {
  const sockets = createSockets({
    url: socketUrl,
    webSocketImpl: WebSocket,
    connectionParams: { authorization },
    retryAttempts: 0,
  });
  const acknowledged = new Promise((resolve) => sockets.on("connected", resolve));
  const overSocket = sockets.iterate({ query }).next();
  let connected;
  const open = new Promise((resolve) => (connected = resolve));
  const streams = createStreams({ url: server.graphqlUrl, headers: { authorization }, retryAttempts: 0 });
  const overStream = streams.iterate({ query }, { connected }).next();
  await soon(Promise.all([acknowledged, open]), "both connections");
  const ended = Promise.all([
    assert.rejects(soon(overSocket, "1012"), (closed) => {
      console.log(`close ${closed.code} "${closed.reason}": a server that stops`);
      return closed.code === 1012;
    }),
    assert.rejects(soon(overStream, "the end of the stream"), (error) => {
      console.log(`stream: ${error.message}`);
      return error.name === "NetworkError" || error.constructor.name === "NetworkError";
    }),
  ]);
  await fetch(server.control);
  await ended;
});
