<?php
/**
 * The commands of the page, and the program's arguments for each. Nothing about blocking is decided here.
 */
namespace FreePBX\modules\Banbridge;

class Commands {
	/** All commands that ajax.php accepts for this module. True: needs the permission to change. */
	private static $all = array(
		'status' => false,
		'entries' => false,
		'rejected' => false,
		'overlap' => false,
		'coverage' => false,
		'skipped' => false,
		'unblocked' => false,
		'allowed' => false,
		'check' => false,
		'feeds' => false,
		'catalog' => false,
		'settings' => false,
		'log' => false,
		// These send requests to feeds, or change something.
		'preview' => true,
		'sync' => true,
		'feed_test' => true,
		'feed_add' => true,
		'feed_test_own' => true,
		'feed_add_own' => true,
		'permit_preview' => true,
		'permit_add' => true,
		'feed_remove' => true,
		'feed_login' => true,
		'feed_review' => true,
		'feed_accept' => true,
		'feed_enable' => true,
		'feed_disable' => true,
		'key_test' => true,
		'allow' => true,
		'unallow' => true,
		'unblock' => true,
		'unblock_undo' => true,
		'setting' => true,
	);

	/** The settings that the page can change. */
	const SETTING = '/\A(feed\.[a-z0-9_-]{1,64}\.(key|dataset|ttl|interval)|blacklist\.(limit|aggregate|writer)|set\.(enabled|action|without_firewall)|permit\.ports|protect\.unblock|log\.level)\z/';

	/** Whether this is a command of the page. */
	public static function known($command) {
		return is_string($command) && isset(self::$all[$command]);
	}

	/** Exit codes of a command that was done, where there are more than 0: not blocked; remembered, and not in effect yet. */
	private static $success = array(
		'check' => array(0, 1),
		'allow' => array(0, 75),
		'unallow' => array(0, 75),
	);

	/** Whether the command needs the permission to change. */
	public static function changes($command) {
		return self::$all[$command];
	}

	/**
	 * Runs a known command.
	 *
	 * @param string $command A name in $all
	 * @param array $fields The fields that the page sent
	 * @return array status, code, message, data
	 */
	public static function run($command, array $fields) {
		try {
			list($args, $options) = self::ask($command, $fields);
		} catch (\InvalidArgumentException $error) {
			return array('status' => false, 'code' => 2, 'message' => $error->getMessage(), 'data' => null);
		}
		return self::answer(Program::run($args, $options), isset(self::$success[$command]) ? self::$success[$command] : array(0));
	}

	/** The program's answer for the page, with its JSON unchanged. */
	public static function answer(array $result, array $success = array(0)) {
		$data = $result['out'] === '' ? null : json_decode($result['out']);
		$status = $result['code'] !== null && in_array($result['code'], $success, true);
		$message = $result['message'];
		if ($status && $data === null) {
			$status = false;
			$message = _('Could not read the answer of banbridge. Do the program and this module have the same version?');
		} elseif (!$status && $message === '') {
			$message = sprintf(_('banbridge exited with code %d and printed nothing.'), $result['code']);
		}
		return array('status' => $status, 'code' => $result['code'], 'message' => $message, 'data' => $data);
	}

	/** The arguments for a command, and the options for Program::run. */
	private static function ask($command, array $fields) {
		switch ($command) {
			case 'status':
				return array(array('status', '--json'), array('seconds' => 60));
			case 'overlap':
				return array(array('feed', 'overlap', '--json'), array('seconds' => 60));
			case 'entries':
			case 'rejected':
			case 'skipped':
			case 'unblocked':
			case 'allowed':
				return array(self::listing($command, $fields), array('seconds' => 60));
			case 'coverage':
				$days = self::number($fields, 'days', 7, 1, 90);
				return array(array('coverage', '--json', '--top=50', '--since=' . $days . 'd'), array('seconds' => 60));
			case 'check':
				return array(array('check', '--json', '--', self::text($fields, 'address', 100)), array());
			case 'feeds':
				return array(array('feed', 'list', '--json'), array());
			case 'catalog':
				return array(array('feed', 'catalog', '--json'), array());
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
			case 'permit_preview':
				$from = isset($_SERVER['REMOTE_ADDR']) ? filter_var($_SERVER['REMOTE_ADDR'], FILTER_VALIDATE_IP) : false;
				$args = array('feed', 'add', '--permit', '--preview', '--json');
				return array(array_merge($args, $from === false ? array() : array('--from=' . $from), array('--', self::where($fields))), array('seconds' => 300));
			case 'permit_add':
				return array(array('feed', 'add', '--permit', '--yes', '--json', '--', self::where($fields)), array('seconds' => 300));
			case 'feed_test_own':
				return array(self::own('test', $fields), array('seconds' => 300));
			case 'feed_add_own':
				return array(self::own('add', $fields), array('seconds' => 60));
			case 'feed_remove':
				return array(array('feed', 'remove', '--json', '--', self::feed($fields)), array('seconds' => 120));
			case 'feed_login':
				return self::login($fields);
			case 'feed_review':
				$args = array('sync', '--dry-run', '--accept', '--json', '--feed=' . self::feed($fields));
				return array($args, array('seconds' => 300));
			case 'feed_accept':
				return array(array('sync', '--accept', '--json', '--feed=' . self::feed($fields)), array('seconds' => 300));
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
				return array(array('unallow', '--json', '--', self::text($fields, 'target', 255)), array('seconds' => 120));
			case 'unblock':
				return array(array('unblock', '--json', '--', self::text($fields, 'target', 255)), array('seconds' => 120));
			case 'unblock_undo':
				return array(array('unblock', '--undo', '--json', '--', self::text($fields, 'target', 255)), array('seconds' => 120));
			case 'setting':
				return self::setting($fields);
		}
		throw new \InvalidArgumentException(_('Unknown command.'));
	}

	/** A page of one of the lists, as bootstrap-table asks for it. */
	private static function listing($command, array $fields) {
		$args = array('list', '--json');
		if ($command !== 'entries') {
			$args[] = $command === 'rejected' ? '--packets' : '--' . $command;
		}
		$args[] = '--offset=' . self::number($fields, 'offset', 0, 0, 100000000);
		$args[] = '--limit=' . self::number($fields, 'limit', 25, 1, 1000);
		$search = self::text($fields, 'search', 100, true);
		if ($search !== '') {
			$args[] = '--search=' . $search;
		}
		if ($command === 'entries' || $command === 'rejected') {
			if ($command === 'entries') {
				$args[] = '--with-other-rows';
			}
			$columns = array('address', 'feed', 'first_seen', 'expires_at', 'blocked_packets', 'last_blocked');
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
		// By standard input, so that a key never appears in the list of processes.
		$value = self::text($fields, 'value', 500);
		return array(array('config', 'set', '--json', '--', $name, '-'), array('stdin' => $value));
	}

	/** A list of one's own, to be tested or added. */
	private static function own($what, array $fields) {
		$args = array('feed', $what, '--json');
		$format = self::text($fields, 'format', 10, true);
		if ($format !== '') {
			$args[] = '--format=' . $format;
		}
		$column = self::text($fields, 'column', 100, true);
		if ($column !== '') {
			$args[] = '--column=' . $column;
		}
		foreach (explode(',', self::text($fields, 'field', 500, true)) as $field) {
			if (trim($field) !== '') {
				$args[] = '--field=' . trim($field);
			}
		}
		return array_merge($args, array('--', self::feed($fields), self::text($fields, 'url', 1000)));
	}

	/** The login of a list. Its secret goes by standard input, so that it never appears in the list of processes. */
	private static function login(array $fields) {
		$ways = array('user' => '--user=', 'header' => '--header=');
		$way = self::text($fields, 'way', 10);
		if (!isset($ways[$way])) {
			return array(array('feed', 'login', '--json', '--remove', '--', self::feed($fields)), array('seconds' => 60));
		}
		$args = array('feed', 'login', '--json', $ways[$way] . self::text($fields, 'who', 200), '--', self::feed($fields));
		return array($args, array('seconds' => 60, 'stdin' => self::text($fields, 'secret', 500)));
	}

	/** Countries or registries, as the program takes them. */
	private static function where(array $fields) {
		$words = self::text($fields, 'words', 300);
		if (!preg_match('/\Acountry:[a-z]{2}(,[a-z]{2}){0,39}\z|\Aregistry:[a-z]{4,8}(,[a-z]{4,8}){0,4}\z/', $words)) {
			throw new \InvalidArgumentException(_('Choose countries or registries.'));
		}
		return $words;
	}

	/** A feed's name, with the characters that such a name can have. */
	private static function feed(array $fields, $field = 'name') {
		$name = self::text($fields, $field, 64);
		if (!preg_match('/\A[A-Za-z0-9_-]+\z/', $name)) {
			throw new \InvalidArgumentException(_('This is not a valid feed name.'));
		}
		return $name;
	}

	private static function text(array $fields, $field, $longest, $may_be_empty = false) {
		$value = isset($fields[$field]) && is_string($fields[$field]) ? trim($fields[$field]) : '';
		if ($value === '' && !$may_be_empty) {
			throw new \InvalidArgumentException(_('Fill in this field.'));
		}
		if (strlen($value) > $longest || preg_match('/[\x00-\x1f\x7f]/', $value) || !preg_match('//u', $value)) {
			throw new \InvalidArgumentException(_('The text is too long or contains characters that are not allowed.'));
		}
		return $value;
	}

	private static function number(array $fields, $field, $default, $lowest, $highest) {
		$value = isset($fields[$field]) && is_string($fields[$field]) ? $fields[$field] : '';
		return preg_match('/\A[0-9]{1,9}\z/', $value) ? max($lowest, min($highest, (int) $value)) : $default;
	}
}
