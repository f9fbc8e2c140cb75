<?php
/**
 * What the page may ask, and how the program is asked for it. One method a group; no decision about bans is made here.
 */
namespace FreePBX\modules\Banbridge;

class Commands {
	/** Everything that ajax.php hands to this module; what is not here is refused. True: it needs the right to change. */
	private static $all = array(
		'status' => false,
		'entries' => false,
		'refused' => false,
		'released' => false,
		'allowed' => false,
		'check' => false,
		'feeds' => false,
		'catalogue' => false,
		'settings' => false,
		'log' => false,
		// These ask the outside world, or change something.
		'preview' => true,
		'sync' => true,
		'feed_test' => true,
		'feed_add' => true,
		'feed_enable' => true,
		'feed_disable' => true,
		'key_test' => true,
		'allow' => true,
		'unallow' => true,
		'release' => true,
		'unrelease' => true,
		'setting' => true,
	);

	/** The settings that the page may change. */
	const SETTING = '/\A(feed\.[a-z0-9_-]{1,64}\.(key|dataset|ttl|interval)|blacklist\.(limit|aggregate|writer)|set\.enabled|protect\.unblock|log\.level)\z/';

	/** Whether there is such a command. */
	public static function known($command) {
		return is_string($command) && isset(self::$all[$command]);
	}

	/** Whether the command needs the right to change. */
	public static function changes($command) {
		return self::$all[$command];
	}

	/**
	 * Carries out a known command.
	 *
	 * @param string $command One of the list
	 * @param array $fields What the page sent
	 * @return array status, code, message, data
	 */
	public static function run($command, array $fields) {
		try {
			list($args, $options) = self::ask($command, $fields);
		} catch (\InvalidArgumentException $error) {
			return array('status' => false, 'code' => 2, 'message' => $error->getMessage(), 'data' => null);
		}
		return self::answer(Program::run($args, $options), $command === 'check' ? array(0, 1) : array(0));
	}

	/** What the program answered, for the page. Its JSON is handed on as it is. */
	public static function answer(array $result, array $good = array(0)) {
		$data = $result['out'] === '' ? null : json_decode($result['out']);
		$status = $result['code'] !== null && in_array($result['code'], $good, true);
		$message = $result['message'];
		if ($status && $data === null) {
			$status = false;
			$message = _('The answer of the program cannot be read. Is the program as new as this module?');
		} elseif (!$status && $message === '') {
			$message = sprintf(_('The program ended with %d and said nothing.'), $result['code']);
		}
		return array('status' => $status, 'code' => $result['code'], 'message' => $message, 'data' => $data);
	}

	/** The arguments for a command, and how it is to be run. */
	private static function ask($command, array $fields) {
		switch ($command) {
			case 'status':
				return array(array('status', '--json'), array('seconds' => 60));
			case 'entries':
			case 'refused':
			case 'released':
			case 'allowed':
				return array(self::listing($command, $fields), array('seconds' => 60));
			case 'check':
				return array(array('check', '--json', '--', self::text($fields, 'address', 100)), array());
			case 'feeds':
				return array(array('feed', 'list', '--json'), array());
			case 'catalogue':
				return array(array('feed', 'catalogue', '--json'), array());
			case 'settings':
				return array(array('config', 'show', '--json'), array());
			case 'log':
				$lines = (string) self::number($fields, 'lines', 200, 1, 2000);
				return array(array('log', '--json', '--lines', $lines), array());
			case 'preview':
				return array(array('sync', '--dry-run', '--json'), array('seconds' => 300));
			case 'sync':
				return array(array('sync', '--json'), array('detach' => true));
			case 'feed_test':
				return array(array('feed', 'test', '--json', '--', self::feed($fields)), array('seconds' => 300));
			case 'feed_add':
				return array(array('feed', 'add', '--json', '--', self::feed($fields)), array('seconds' => 60));
			case 'feed_enable':
				return array(array('feed', 'enable', '--json', '--', self::feed($fields)), array('seconds' => 120));
			case 'feed_disable':
				return array(array('feed', 'disable', '--json', '--', self::feed($fields)), array('seconds' => 120));
			case 'key_test':
				$key = self::text($fields, 'key', 500, true);
				$options = array('seconds' => 60) + ($key === '' ? array() : array('key' => $key));
				return array(array('feed', 'test', '--json', '--', self::feed($fields)), $options);
			case 'allow':
				$comment = self::text($fields, 'comment', 200, true);
				$args = $comment === '' ? array('allow', '--json') : array('allow', '--json', '--comment=' . $comment);
				return array(array_merge($args, array('--', self::text($fields, 'target', 255))), array('seconds' => 120));
			case 'unallow':
			case 'release':
			case 'unrelease':
				$target = self::text($fields, 'target', 255);
				return array(array($command, '--json', '--', $target), array('seconds' => 120));
			case 'setting':
				return self::setting($fields);
		}
		throw new \InvalidArgumentException(_('There is no such command.'));
	}

	/** A page of one of the lists, as bootstrap-table asks for it. */
	private static function listing($command, array $fields) {
		$args = array('list', '--json');
		if ($command !== 'entries') {
			$args[] = '--' . $command;
		}
		$args[] = '--offset=' . self::number($fields, 'offset', 0, 0, 100000000);
		$args[] = '--limit=' . self::number($fields, 'limit', 25, 1, 1000);
		$search = self::text($fields, 'search', 100, true);
		if ($search !== '') {
			$args[] = '--search=' . $search;
		}
		if ($command === 'entries') {
			$args[] = '--with-foreign';
			$columns = array('prefix', 'feed', 'first_seen', 'expires_at', 'refused_packets');
			$sort = self::text($fields, 'sort', 20, true);
			if (in_array($sort, $columns, true)) {
				$args[] = '--sort=' . $sort;
				$args[] = '--order=' . (self::text($fields, 'order', 4, true) === 'desc' ? 'desc' : 'asc');
			}
			if (self::text($fields, 'feed', 64, true) !== '') {
				$args[] = '--feed=' . self::feed($fields, 'feed');
			}
		}
		return $args;
	}

	private static function setting(array $fields) {
		$name = self::text($fields, 'name', 100);
		if (!preg_match(self::SETTING, $name)) {
			throw new \InvalidArgumentException(_('This setting cannot be changed here.'));
		}
		// By standard input, so that a key stands in no list of processes.
		$value = self::text($fields, 'value', 500);
		return array(array('config', 'set', '--json', '--', $name, '-'), array('stdin' => $value));
	}

	/** A feed's name, in the letters that such a name has. */
	private static function feed(array $fields, $field = 'name') {
		$name = self::text($fields, $field, 64);
		if (!preg_match('/\A[A-Za-z0-9_-]+\z/', $name)) {
			throw new \InvalidArgumentException(_('This is no name of a feed.'));
		}
		return $name;
	}

	private static function text(array $fields, $field, $most, $may_be_empty = false) {
		$value = isset($fields[$field]) && is_string($fields[$field]) ? trim($fields[$field]) : '';
		if ($value === '' && !$may_be_empty) {
			throw new \InvalidArgumentException(_('Something is missing: fill in the field.'));
		}
		if (strlen($value) > $most || preg_match('/[\x00-\x1f\x7f]/', $value) || !preg_match('//u', $value)) {
			throw new \InvalidArgumentException(_('The text is too long or holds signs that do not belong there.'));
		}
		return $value;
	}

	private static function number(array $fields, $field, $otherwise, $least, $most) {
		$value = isset($fields[$field]) && is_string($fields[$field]) ? $fields[$field] : '';
		return preg_match('/\A[0-9]{1,9}\z/', $value) ? max($least, min($most, (int) $value)) : $otherwise;
	}
}
