<?php
namespace Sandbox;

/**
 * The module's key-value store, as FreePBX keeps it.
 */
class Store {
	private const TABLE = '`kvstore_FreePBX_modules_Firewall`';
	private const LONGEST = 4000;

	private $pdo;

	public function __construct() {
		$this->pdo = self::connect();
	}

	/** Reads the settings as text: the daemon runs as root, the file is asterisk's. */
	private static function connect() {
		preg_match_all('/^\s*\$amp_conf\[[\'"](\w+)[\'"]\]\s*=\s*[\'"](.*)[\'"]\s*;/m', file_get_contents('/etc/freepbx.conf'), $lines, PREG_SET_ORDER);
		$conf = array_column($lines, 2, 1);
		if (!empty($conf['AMPDBSOCK'])) {
			$where = 'unix_socket='.$conf['AMPDBSOCK'];
		} else {
			$host = empty($conf['AMPDBHOST']) ? 'localhost' : $conf['AMPDBHOST'];
			$where = $host === 'localhost' ? 'unix_socket=/run/mysqld/mysqld.sock' : "host=$host;port=".($conf['AMPDBPORT'] ?? 3306);
		}
		return new \PDO("mysql:$where;dbname={$conf['AMPDBNAME']};charset=utf8mb4", $conf['AMPDBUSER'], $conf['AMPDBPASS'], [
			\PDO::ATTR_ERRMODE => \PDO::ERRMODE_EXCEPTION,
		]);
	}

	private function run($sql, array $values) {
		$statement = $this->pdo->prepare($sql);
		$statement->execute($values);
		return $statement;
	}

	public function get($key, $id = 'noid') {
		$row = $this->run('SELECT `val`, `type` FROM '.self::TABLE.' WHERE `key` = ? AND `id` = ?', [$key, $id])->fetch(\PDO::FETCH_ASSOC);
		if (!$row) {
			return false;
		}
		if ($row['type'] === 'blob') {
			$row = $this->run('SELECT `content` AS `val`, `type` FROM `kvblobstore` WHERE `uuid` = ?', [$row['val']])->fetch(\PDO::FETCH_ASSOC);
		}
		if ($row['type'] === 'json-arr' || $row['type'] === 'json-obj') {
			return json_decode($row['val'], true);
		}
		return $row['val'];
	}

	/** False deletes. An existing row is deleted and written again, whatever it held. */
	public function set($key, $value, $id = 'noid') {
		$this->run('DELETE FROM `kvblobstore` WHERE `uuid` IN (SELECT `val` FROM '.self::TABLE.' WHERE `key` = ? AND `id` = ? AND `type` = "blob")', [$key, $id]);
		$this->run('DELETE FROM '.self::TABLE.' WHERE `key` = ? AND `id` = ?', [$key, $id]);
		if ($value === false) {
			return;
		}
		$type = null;
		if (is_array($value)) {
			$type = 'json-arr';
			$value = json_encode($value, JSON_FORCE_OBJECT);
		} elseif ($value === true) {
			$value = '1';
		}
		if (strlen($value) > self::LONGEST) {
			$uuid = $this->run('SELECT UUID()', [])->fetchColumn();
			$this->run('INSERT INTO `kvblobstore` (`uuid`, `type`, `content`) VALUES (?, ?, ?)', [$uuid, $type, $value]);
			$value = $uuid;
			$type = 'blob';
		}
		$this->run('INSERT INTO '.self::TABLE.' (`key`, `val`, `type`, `id`) VALUES (?, ?, ?, ?)', [$key, $value, $type, $id]);
	}

	/** All keys of an id, and as the real one does it, a SELECT for each. */
	public function all($id) {
		$keys = $this->run('SELECT `key` FROM '.self::TABLE.' WHERE `id` = ?', [$id])->fetchAll(\PDO::FETCH_COLUMN);
		$found = [];
		foreach ($keys as $key) {
			$found[$key] = $this->get($key, $id);
		}
		return $found;
	}
}
