// Holds schema.graphql against Relay's rules, and names every change since the last release that breaks a client.
import { readFile } from "node:fs/promises";
import { ESLint } from "eslint";
import { buildSchema, findBreakingChanges } from "graphql";

const at = (path) => new URL(path, import.meta.url);
const [now, published] = await Promise.all(
  ["../../schema.graphql", "../../schema.published.graphql"].map((path) => readFile(at(path), "utf8")),
);

const eslint = new ESLint({ cwd: at(".").pathname });
const [linted] = await eslint.lintText(now, { filePath: "schema.graphql" });
for (const { line, column, ruleId, message } of linted.messages) {
  console.error(`schema.graphql:${line}:${column} ${message} (${ruleId ?? "parser"})`);
}

const breaking = findBreakingChanges(buildSchema(published), buildSchema(now));
for (const { type, description } of breaking) {
  console.error(`schema.graphql breaks clients of the last release: ${description} (${type})`);
}
if (breaking.length > 0) {
  console.error("Keep the old beside the new, with @deprecated. Where it has to go: see CONTRIBUTING.md, 'The schema'.");
}

const faults = linted.messages.length + breaking.length;
if (faults > 0) process.exit(1);
console.log("schema.graphql: Relay's rules hold, everything is described, and nothing breaks a client");
