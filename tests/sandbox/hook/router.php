<?php
// Takes posts on a loopback port and writes each into DIR/posts.log, a line of JSON each: path, type, body. The file
// DIR/status holds the status of the answers, 200 without it.
// Run with: DIR=DIR php -S 127.0.0.1:PORT router.php
$dir = getenv('DIR');
if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
    return true;
}
$post = [
    'path' => $_SERVER['REQUEST_URI'],
    'type' => $_SERVER['CONTENT_TYPE'] ?? '',
    'body' => json_decode(file_get_contents('php://input'), true),
];
file_put_contents("$dir/posts.log", json_encode($post) . "\n", FILE_APPEND);
if (is_file("$dir/status")) {
    http_response_code((int) file_get_contents("$dir/status"));
}
return true;
