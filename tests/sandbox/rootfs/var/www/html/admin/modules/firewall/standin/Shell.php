<?php
namespace Sandbox;

/**
 * Starts processes for the daemon, writes each one to its log and counts them.
 */
class Shell {
	public static $started = 0;

	public static function run($command, $input = null) {
		self::$started++;
		if ($input === null) {
			exec("$command 2>&1", $output, $code);
			return [$code, $output];
		}
		$process = proc_open($command, [['pipe', 'r'], ['pipe', 'w'], ['redirect', 1]], $pipes);
		fwrite($pipes[0], $input);
		fclose($pipes[0]);
		$output = explode("\n", rtrim(stream_get_contents($pipes[1])));
		return [proc_close($process), $output];
	}

	public static function logged($command) {
		self::log($command);
		return self::run($command);
	}

	public static function log($line) {
		print time().": $line\n";
	}
}
