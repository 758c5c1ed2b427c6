// The example of docs/live.md: it type-checks, and what it keeps while connections break and processes are killed is what
// is read anew.
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isDeepStrictEqual } from "node:util";
import ts from "typescript";
import WebSocket from "ws";
import { graphql, seq, server, soon } from "../inlet.js";

const clients = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(clients, "live");

test("the example type-checks", () => {
  const { config } = ts.readConfigFile(join(folder, "tsconfig.json"), ts.sys.readFile);
  const { fileNames, options } = ts.parseJsonConfigFileContent(config, ts.sys, folder);
  assert.equal(fileNames.length, 1);
  const found = ts.getPreEmitDiagnostics(ts.createProgram(fileNames, options));
  assert.deepEqual(found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n")), []);
});

/** The example as Node runs it; beside the packages, so that it finds its own. */
async function example() {
  const source = await readFile(join(folder, "inbox.ts"), "utf8");
  const { outputText } = ts.transpileModule(source, { compilerOptions: { target: "ES2022", module: "ESNext" } });
  const built = join(clients, "node_modules", ".live", "inbox.mjs");
  await mkdir(dirname(built), { recursive: true });
  await writeFile(built, outputText);
  return import(pathToFileURL(built));
}

const ROW = "id status unread assignee { id } labels { id } contact { id } lastMessage { id content }";

async function anew(filter) {
  const query = `query ($filter: ConversationFilter, $after: Cursor) {
    conversations(first: 100, filter: $filter, after: $after) { nodes { ${ROW} } pageInfo { hasNextPage endCursor } } }`;
  const found = new Map();
  for (let after = null; ; ) {
    const { conversations } = await graphql(query, { filter, after });
    for (const node of conversations.nodes) found.set(node.id, node);
    after = conversations.pageInfo.endCursor;
    if (!conversations.pageInfo.hasNextPage) return found;
  }
}

const sorted = (rows) => [...rows.values()].sort((one, other) => (one.id < other.id ? -1 : 1));

test("a list that is followed through breaks and kills is the list that is read anew", async () => {
  const { Inbox } = await example();
  const open = new Set();
  const closes = {};
  class Fragile extends WebSocket {
    constructor(...given) {
      super(...given);
      open.add(this);
      this.on("close", (code) => {
        open.delete(this);
        closes[code] = (closes[code] ?? 0) + 1;
      });
      this.on("error", () => {});
    }
  }
  let turn = 0;
  let updates = 0;
  let isBreaking = false;
  const filters = [
    {},
    { status: ["IN_QUEUE"] },
    { status: ["OPEN", "PENDING"] },
    { status: ["CLOSED"] },
    { unassigned: true },
    { assigneeId: [server.member], status: ["OPEN", "IN_QUEUE"] },
    { labelId: [server.label] },
    { medium: ["WHATSAPP"], status: ["IN_QUEUE", "CLOSED"] },
  ];
  const all = filters.map((filter) => {
    let changes = 0;
    const waiting = [];
    const inbox = new Inbox({
      url: () => server.urls[turn++ % server.urls.length],
      token: server.apiKey,
      filter,
      webSocketImpl: Fragile,
      onChange: () => {
        changes += 1;
        updates += 1;
        if (isBreaking && updates % 8 === 0) [...open][Math.floor(Math.random() * open.size)]?.terminate();
        for (const look of waiting) look();
      },
    });
    /** Resolves when the list has come so far in the log, and has the counters if some are given. */
    const until = (goal, counts) =>
      new Promise((resolve) => {
        const look = () => seq(inbox.cursor) >= goal && (!counts || isDeepStrictEqual(inbox.counts, counts)) && resolve();
        waiting.push(look);
        if (inbox.cursor) look();
      });
    // Else they would come again for ever after a test that failed.
    after(() => inbox.stop());
    return { filter, inbox, until, running: inbox.run(), changes: () => changes };
  });
  const failed = Promise.all(all.map(({ running }) => running));
  failed.catch(() => {});
  await soon(Promise.race([failed, Promise.all(all.map(({ until }) => until(1)))]), "all lists");

  isBreaking = true;
  await fetch(server.control);
  isBreaking = false;

  const { head, inboxCounts } = await graphql("{ head inboxCounts { total unassigned unread byStatus { status count } } }");
  await soon(Promise.race([failed, Promise.all(all.map(({ until }) => until(seq(head), inboxCounts)))]), `${head} in all lists`);
  for (const { filter, inbox, changes } of all) {
    const expected = sorted(await anew(filter));
    assert.deepEqual(sorted(inbox.conversations), expected, JSON.stringify(filter));
    console.log(`compared ${expected.length} conversations after ${changes()} updates, ${JSON.stringify(filter)}`);
  }
  console.log(`close ${JSON.stringify(closes)}`);
  assert.ok(Object.values(closes).reduce((sum, times) => sum + times, 0) > 20);
  await Promise.all(all.map(({ inbox }) => inbox.stop()));
  await failed;
});
