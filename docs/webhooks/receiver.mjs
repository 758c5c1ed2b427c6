// node receiver.mjs, with WEBHOOK_SECRET and PORT; npm install standardwebhooks
import { createServer } from 'node:http';
import { Webhook } from 'standardwebhooks';

const webhook = new Webhook(process.env.WEBHOOK_SECRET);

createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString('utf8'); // the bytes as they came, not parsed and written anew
  try {
    const event = webhook.verify(body, request.headers);
    // An event may come more than once: do your work once for each `webhook-id`.
    console.log(event.id, event.type);
    response.writeHead(204).end();
  } catch {
    response.writeHead(401).end();
  }
}).listen(process.env.PORT, '127.0.0.1');
