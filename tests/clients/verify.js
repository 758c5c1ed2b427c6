// Verifies webhooks with the npm package `standardwebhooks`: for each of what stands in the file that is named, prints
// whether it is taken.
import { readFileSync } from 'node:fs';
import { Webhook } from 'standardwebhooks';

const { secret, requests } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const webhook = new Webhook(secret);
const taken = requests.map(({ body, headers }) => {
  try {
    webhook.verify(body, headers);
    return JSON.stringify(JSON.parse(body)) === body;
  } catch {
    return false;
  }
});
console.log(JSON.stringify(taken));
