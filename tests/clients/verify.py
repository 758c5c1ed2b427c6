"""Verifies webhooks with the Python package `standardwebhooks`: for each of what stands in the file that is named,
prints whether it is taken."""

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

with open(sys.argv[1], encoding="utf-8") as file:
    given = json.load(file)

webhook = Webhook(given["secret"])


def is_taken(request: dict) -> bool:
    try:
        webhook.verify(request["body"], request["headers"])
        return True
    except WebhookVerificationError:
        return False


print(json.dumps([is_taken(request) for request in given["requests"]]))
