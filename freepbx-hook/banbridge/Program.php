<?php
/**
 * Runs the program banbridge, which takes every decision.
 */
namespace FreePBX\modules\Banbridge;

class Program {
	/**
	 * Where the program can be, and the command for each place. A shell sees nothing but these constants: the request
	 * goes to the program's standard input, as JSON.
	 */
	private static $places = array(
		'/usr/bin/banbridge' => 'exec /usr/bin/banbridge call',
		'/usr/local/bin/banbridge' => 'exec /usr/local/bin/banbridge call',
		'/usr/sbin/banbridge' => 'exec /usr/sbin/banbridge call',
		'/usr/local/sbin/banbridge' => 'exec /usr/local/sbin/banbridge call',
	);

	/** The longest answer that is read, in bytes. */
	const MAX_ANSWER = 33554432;
	/** The longest error message that is shown, in bytes. */
	const MAX_MESSAGE = 4000;

	/** The program's path, or null if it is not installed. */
	public static function path() {
		foreach (array_keys(self::$places) as $path) {
			if (is_file($path) && is_executable($path)) {
				return $path;
			}
		}
		return null;
	}

	/**
	 * Runs the program with these arguments.
	 *
	 * @param array $args The arguments; text that a user typed comes after "--" or in "--option=..."
	 * @param array $options seconds: the time limit; stdin: text for the command; key: an apiban key to test;
	 *                       detach: run in the background
	 * @return array code (null: it could not run), out, message
	 */
	public static function run(array $args, array $options = array()) {
		$path = self::path();
		if ($path === null) {
			return self::failed(_('The program banbridge is not installed.'));
		}
		$seconds = isset($options['seconds']) ? $options['seconds'] : 30;
		$request = json_encode(array(
			'args' => array_values($args),
			'stdin' => isset($options['stdin']) ? $options['stdin'] : null,
			'env' => isset($options['key']) ? array('BANBRIDGE_APIBAN_KEY' => $options['key']) : null,
			'detach' => !empty($options['detach']),
		));
		if ($request === false) {
			return self::failed(_('The text is not valid UTF-8.'));
		}
		$pipes = array();
		$descriptors = array(array('pipe', 'r'), array('pipe', 'w'), array('pipe', 'w'));
		$process = proc_open(self::$places[$path], $descriptors, $pipes, '/', self::environment());
		if (!is_resource($process)) {
			return self::failed(_('Could not start the program banbridge.'));
		}
		list($out, $error, $failure) = self::talk($pipes, $request, $seconds);
		foreach ($pipes as $pipe) {
			if (is_resource($pipe)) {
				fclose($pipe);
			}
		}
		if ($failure !== null) {
			proc_terminate($process);
			proc_close($process);
			return self::failed($failure);
		}
		return array('code' => proc_close($process), 'out' => $out, 'message' => self::readable($error));
	}

	/**
	 * Writes the request and reads both outputs until the program ends.
	 *
	 * @return array output, errors, and why reading was stopped (or null)
	 */
	private static function talk(array &$pipes, $request, $seconds) {
		foreach ($pipes as $pipe) {
			stream_set_blocking($pipe, false);
		}
		$end = microtime(true) + $seconds;
		$texts = array(1 => '', 2 => '');
		while (isset($pipes[1]) || isset($pipes[2])) {
			$left = $end - microtime(true);
			if ($left <= 0) {
				return array('', '', sprintf(_('banbridge did not answer within %d s.'), $seconds));
			}
			$read = array_intersect_key($pipes, $texts);
			$write = isset($pipes[0]) ? array($pipes[0]) : array();
			$except = null;
			$wait = (int) min(1, ceil($left));
			if (@stream_select($read, $write, $except, $wait) === false) {
				continue;
			}
			if ($write) {
				$written = @fwrite($pipes[0], $request);
				$request = $written ? (string) substr($request, $written) : $request;
				if ($written === false || $request === '') {
					fclose($pipes[0]);
					unset($pipes[0]);
				}
			}
			foreach (array_keys($texts) as $number) {
				if (!isset($pipes[$number]) || !in_array($pipes[$number], $read, true)) {
					continue;
				}
				$piece = fread($pipes[$number], 65536);
				$texts[$number] .= $piece;
				if (strlen($texts[$number]) > self::MAX_ANSWER) {
					return array('', '', _('The answer of banbridge is too long to show.'));
				}
				if (($piece === '' || $piece === false) && feof($pipes[$number])) {
					fclose($pipes[$number]);
					unset($pipes[$number]);
				}
			}
		}
		return array($texts[1], $texts[2], null);
	}

	/**
	 * The environment of the program: constants, and the paths that the web server's administrator set. Nothing from a
	 * request, such as a proxy, enters it.
	 */
	private static function environment() {
		$environment = array('PATH' => '/usr/sbin:/usr/bin:/sbin:/bin', 'LANG' => 'C', 'HOME' => '/');
		foreach (array('BANBRIDGE_CONFIG', 'BANBRIDGE_FREEPBX_CONF') as $name) {
			$value = getenv($name);
			if (is_string($value) && $value !== '') {
				$environment[$name] = $value;
			}
		}
		return $environment;
	}

	private static function failed($message) {
		return array('code' => null, 'out' => '', 'message' => $message);
	}

	/** The program's messages: without its name before each, shortened, and in bytes that JSON allows. */
	private static function readable($text) {
		$text = trim(preg_replace('/^banbridge: /m', '', substr($text, 0, self::MAX_MESSAGE)));
		return preg_match('//u', $text) ? $text : preg_replace('/[^\x09\x0a\x20-\x7e]/', '?', $text);
	}
}
