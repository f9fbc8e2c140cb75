<?php
// A publisher of lists on a loopback port: files of the directory LISTS with ETag and Last-Modified, faults beside
// them. FILE.login holds the header that must come with a request, "Name: value". FILE.fault holds one: "status 503", "html", "redirect URL", "cut N" (promises more than the N bytes it sends).
// What is posted to FILE is kept in FILE.posted, a line each.
// Run with: LISTS=DIR php -S 127.0.0.1:PORT router.php
$dir = getenv('LISTS');
$name = basename(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH));
$file = "$dir/$name";
$line = $name . ' ' . ($_SERVER['HTTP_IF_NONE_MATCH'] ?? '-') . ' ' . ($_SERVER['HTTP_IF_MODIFIED_SINCE'] ?? '-');
file_put_contents("$dir/requests.log", $line . "\n", FILE_APPEND);
$fault = is_file("$file.fault") ? explode(' ', trim(file_get_contents("$file.fault"))) : [''];
if (is_file("$file.login")) {
    list($header, $value) = explode(': ', trim(file_get_contents("$file.login")), 2);
    $came = array_change_key_case(getallheaders());
    if (($came[strtolower($header)] ?? '') !== $value) {
        http_response_code(isset($came[strtolower($header)]) ? 403 : 401);
        return true;
    }
}
switch ($fault[0]) {
case 'status':
    http_response_code((int) $fault[1]);
    return true;
case 'html':
    header('Content-Type: text/html');
    echo "<!DOCTYPE html>\n<html><body>Please log in \x1b[2J</body></html>\n";
    return true;
case 'redirect':
    http_response_code(307);
    header("Location: {$fault[1]}");
    return true;
case 'cut':
    header('Content-Length: ' . filesize($file));
    echo substr(file_get_contents($file), 0, (int) $fault[1]);
    return true;
}
if ($_SERVER['REQUEST_METHOD'] === 'POST' && is_file($file)) {
    file_put_contents("$file.posted", file_get_contents('php://input') . "\n", FILE_APPEND);
    http_response_code(201);
    return true;
}
if (!is_file($file)) {
    http_response_code(404);
    return true;
}
$etag = '"' . md5_file($file) . '"';
header("ETag: $etag");
header('Last-Modified: ' . gmdate('D, d M Y H:i:s', filemtime($file)) . ' GMT');
if (($_SERVER['HTTP_IF_NONE_MATCH'] ?? '') === $etag) {
    http_response_code(304);
    return true;
}
header('Content-Type: text/plain');
readfile($file);
return true;
