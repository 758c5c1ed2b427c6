// Types that a code generator makes of the schema and of operations hold for the TypeScript compiler.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { codegen } from "@graphql-codegen/core";
import * as typescript from "@graphql-codegen/typescript";
import * as operations from "@graphql-codegen/typescript-operations";
import { buildSchema, parse } from "graphql";
import ts from "typescript";

const DOCUMENT = `
  query Inbox($after: Cursor) {
    head
    conversations(first: 20, after: $after, filter: {status: [IN_QUEUE]}, orderBy: {field: LAST_ACTIVITY, direction: DESC}) {
      edges { cursor node { id status unread lastMessage { id content } contact { id phone } } }
      pageInfo { hasNextPage endCursor }
    }
  }
  subscription Follow($after: Cursor) {
    events(after: $after) { __typename ... on Event { id cursor type payload } ... on Reset { reason cursor } }
  }
  mutation Register($input: RegisterWebhookInput!) { registerWebhook(input: $input) { webhook { id url } secret } }
`;

const USE = `
import type { FollowSubscription, InboxQuery, RegisterWebhookInput } from "./types";
export function first(inbox: InboxQuery): string | undefined {
  return inbox.conversations?.edges[0]?.node.id;
}
export function cursor(update: FollowSubscription): string {
  return update.events.__typename === "Event" || update.events.__typename === "Reset" ? update.events.cursor : "";
}
export const input: RegisterWebhookInput = { name: "crm", url: "https://example.com/", idempotencyKey: "k" };
`;

test("generated types compile, and say what may be null", async () => {
  const schema = parse(await readFile(new URL("../../../schema.graphql", import.meta.url), "utf8"));
  const folder = await mkdtemp(join(tmpdir(), "inlet-types-"));
  try {
    const types = await codegen({
      schema,
      schemaAst: buildSchema(await readFile(new URL("../../../schema.graphql", import.meta.url), "utf8")),
      documents: [{ document: parse(DOCUMENT) }],
      config: { strictScalars: true, scalars: { Cursor: "string", DateTime: "string", Decimal: "string", JSON: "unknown", Revision: "number" } },
      filename: "types.ts",
      plugins: [{ typescript: {} }, { operations: {} }],
      pluginMap: { typescript, operations },
    });
    await writeFile(join(folder, "types.ts"), types);
    const compile = async (text) => {
      await writeFile(join(folder, "use.ts"), text);
      const program = ts.createProgram([join(folder, "use.ts")], {
        noEmit: true,
        strict: true,
        noUncheckedIndexedAccess: true,
        types: [],
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ESNext,
        moduleResolution: ts.ModuleResolutionKind.Bundler,
      });
      return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
    };
    assert.deepEqual(await compile(USE), []);
    assert.notDeepEqual(await compile(USE.replace("conversations?.", "conversations.")), [], "a root field may be null");
  } finally {
    await rm(folder, { recursive: true });
  }
});
