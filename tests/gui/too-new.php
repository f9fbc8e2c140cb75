<?php // For tests/lint: on every line of this file but this one there is something that 5.6, 7.4, 8.2 or 8.4 does not take.
function a(?int $a) { }
function b(Foo $a = null) { }
function c($a = 1, $b) { }
function d(): int { }
function e(string $a) { }
$a = $b ?? 1;
$a <=> $b;
$a ??= 1;
[$p, $q] = $c;
list('k' => $v) = $c;
$z = [...$c];
$z = fn($y) => $y;
$z = match (1) { 1 => 2 };
$z = $y?->x;
$z = $y->m(name: 1);
$z = $y->m(1, );
$z = a()();
$z = new class { };
$z = 1_000;
$z = "${a}";
$z = "\u{41}";
try { } catch (A | B $e) { }
try { } catch (A) { }
class F { public ?int $x; }
class G { private $x; public function list() { } }
class H { public const X = 1; }
class I { public function __construct(private $x) { } }
enum J { case A; }
random_bytes(3);
str_contains('a', 'b');
strftime('%Y');
utf8_encode('a');
each($a);
create_function('', '');
dirname(__DIR__, 2);
proc_open(array('ls'), array(), $p);
exec('ls');
$z = FILTER_SANITIZE_STRING;
$z = JSON_THROW_ON_ERROR;
$z = $y instanceof Throwable;
never_heard_of_it();
