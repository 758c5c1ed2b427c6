// Where the server is that the tests talk to, and what they all do with it.
import { createHmac } from "node:crypto";

const given = process.env.INLET_UNDER_TEST;
if (!given) throw new Error("these tests are run by `make test`: tests/tests/api/clients.rs starts the server");

/** `graphqlUrl`, `url`, `apiKey`, `email`, `password`, `mobtexting: {url, secret}`, `control`. */
export const server = JSON.parse(given);
export const socketUrl = server.graphqlUrl.replace(/^http/, "ws");
export const authorization = `Bearer ${server.apiKey}`;

/** The `data` of an operation over plain HTTP. */
export async function graphql(query, variables = {}) {
  const response = await fetch(server.graphqlUrl, {
    method: "POST",
    headers: { "content-type": "application/json", authorization },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

/** A message from `phone`, posted as the provider would. */
export async function receive(id, phone, text) {
  const body = JSON.stringify({
    event: "whatsapp:message:in",
    payload: {
      id,
      channels: [{ name: "whatsapp", to: "919019120123" }],
      recipient: { from: phone, user: { id: `u-${phone}`, first_name: "Asha", phone } },
      message: { type: "text", payload: { text } },
    },
  });
  const { url, secret } = server.mobtexting;
  const signature = createHmac("sha256", secret).update(body).digest("hex");
  const headers = { "content-type": "application/json", signature };
  const response = await fetch(url, { method: "POST", headers, body });
  const { outcome } = await response.json();
  if (outcome !== "accepted") throw new Error(`${response.status} ${outcome}`);
}

/** The number in a cursor of the log. */
export const seq = (cursor) => Number(cursor.split("-")[1]);

/** Fails instead of waiting for ever. */
export function soon(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), 60_000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
