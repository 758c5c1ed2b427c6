<?php
// php -S 127.0.0.1:$PORT receiver.php, with WEBHOOK_SECRET; PHP's own library is enough.

function verified(string $body, string $secret, int $now): bool
{
    $id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
    $timestamp = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
    if (!ctype_digit($timestamp) || abs($now - (int) $timestamp) > 300) {
        return false;
    }
    $key = base64_decode(substr($secret, strlen('whsec_')));
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
    // While a secret rotates there is one signature for each.
    foreach (explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '') as $signature) {
        if (hash_equals($expected, $signature)) {
            return true;
        }
    }
    return false;
}

$body = file_get_contents('php://input');
if (!verified($body, getenv('WEBHOOK_SECRET'), time())) {
    http_response_code(401);
    return;
}
$event = json_decode($body, true);
// An event may come more than once: do your work once for each `webhook-id`.
file_put_contents('php://stdout', "{$event['id']} {$event['type']}\n");
http_response_code(204);
