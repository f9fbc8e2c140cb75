<?php
namespace FreePBX;

/** The interface of every module. */
interface BMO {
	public function install();
	public function uninstall();
}

/**
 * getConfig and setConfig: a table for each class, with a second key (`id`), arrays and objects as JSON, false for a
 * missing value, and another table for values that are too long for a column.
 */
#[\AllowDynamicProperties]
class DB_Helper {
	const LONGEST = 4000;
	private static $made = array();
	public $classOverride = false;

	public function __construct() {
		throw new \Exception("You should never 'new' DB_Helper. Just use it as an 'extends'");
	}

	private function table() {
		$class = $this->classOverride ?: get_class($this);
		$this->classOverride = false;
		$table = '`kvstore_'.str_replace('\\', '_', $class).'`';
		if (!isset(self::$made[$table])) {
			\FreePBX::Database()->exec("CREATE TABLE IF NOT EXISTS $table (`key` CHAR(255) NOT NULL, `val` VARCHAR(4096) DEFAULT NULL,"
				.' `type` CHAR(16) DEFAULT NULL, `id` CHAR(255) DEFAULT NULL, UNIQUE KEY `uniqueindex` (`key`(190), `id`(190)),'
				.' KEY `keyindex` (`key`(190)), KEY `idindex` (`id`(190)))');
			self::$made[$table] = true;
		}
		return $table;
	}

	private function run($sql, array $values) {
		$statement = \FreePBX::Database()->prepare($sql);
		$statement->execute($values);
		return $statement;
	}

	public function getConfig($var = null, $id = 'noid') {
		if ($var === null) {
			throw new \Exception("Can't getConfig for null");
		}
		$row = $this->run('SELECT `val`, `type` FROM '.$this->table().' WHERE `key` = ? AND `id` = ?', array($var, $id))
			->fetch(\PDO::FETCH_ASSOC);
		if (!$row) {
			return false;
		}
		if ($row['type'] === 'blob') {
			$row = $this->run('SELECT `content` AS `val`, `type` FROM `kvblobstore` WHERE `uuid` = ?', array($row['val']))
				->fetch(\PDO::FETCH_ASSOC);
		}
		if ($row['type'] === 'json-obj') {
			return json_decode($row['val']);
		}
		return $row['type'] === 'json-arr' ? json_decode($row['val'], true) : $row['val'];
	}

	public function setConfig($key = null, $val = false, $id = 'noid') {
		if ($key === null) {
			throw new \Exception("Can't setConfig null");
		}
		$table = $this->table();
		$this->run("DELETE FROM `kvblobstore` WHERE `uuid` IN (SELECT `val` FROM $table WHERE `key` = ? AND `id` = ? AND `type` = 'blob')",
			array($key, $id));
		$this->run("DELETE FROM $table WHERE `key` = ? AND `id` = ?", array($key, $id));
		if ($val === false) {
			return true;
		}
		$type = is_array($val) ? 'json-arr' : (is_object($val) ? 'json-obj' : null);
		$val = $type ? json_encode($val) : $val;
		if (strlen($val) > self::LONGEST) {
			$uuid = $this->run('SELECT UUID()', array())->fetchColumn();
			$this->run('INSERT INTO `kvblobstore` (`uuid`, `type`, `content`) VALUES (?, ?, ?)', array($uuid, $type, $val));
			$val = $uuid;
			$type = 'blob';
		}
		$this->run("INSERT INTO $table (`key`, `val`, `type`, `id`) VALUES (?, ?, ?, ?)", array($key, $val, $type, $id));
		return true;
	}

	public function delConfig($key = null, $id = 'noid') {
		return $this->setConfig($key, false, $id);
	}

	public function setMultiConfig($keyval = false, $id = 'noid') {
		if (!is_array($keyval)) {
			throw new \Exception('setMultiConfig was not given an array');
		}
		foreach ($keyval as $key => $val) {
			$this->setConfig($key, $val, $id);
		}
	}

	public function getAllKeys($id = 'noid') {
		return $this->run('SELECT `key` FROM '.$this->table().' WHERE `id` = ? ORDER BY `key`', array($id))
			->fetchAll(\PDO::FETCH_COLUMN);
	}

	public function getAll($id = 'noid') {
		$all = array();
		foreach ($this->getAllKeys($id) as $key) {
			$all[$key] = $this->getConfig($key, $id);
		}
		return $all;
	}

	public function getAllids() {
		return $this->run('SELECT DISTINCT `id` FROM '.$this->table()." WHERE `id` <> 'noid'", array())
			->fetchAll(\PDO::FETCH_COLUMN);
	}

	public function delById($id = null) {
		if ($id === null) {
			throw new \Exception("Coder error. You can't delete a blank ID");
		}
		$this->run('DELETE FROM '.$this->table().' WHERE `id` = ?', array($id));
	}

	public function deleteAll() {
		$this->run('DELETE FROM '.$this->table(), array());
	}
}

/** Any unknown property or method is another object of FreePBX. */
#[\AllowDynamicProperties]
class Self_Helper extends DB_Helper {
	protected $moduleNamespace = '\\FreePBX\\modules\\';

	public function __construct($freepbx = null) {
		if (!is_object($freepbx)) {
			throw new \Exception('Need to be instantiated with a FreePBX Object');
		}
		$this->FreePBX = \FreePBX::create();
	}

	public function __get($name) {
		return $this->autoLoad($name);
	}

	public function __call($name, $arguments) {
		return $this->autoLoad($name);
	}

	public function injectClass($name, $file = null) {
		if ($file !== null && !file_exists($file)) {
			throw new \Exception(sprintf('Attempted to load %s with a hint of %s and it didn\'t exist', $name, $file));
		}
		return $this->autoLoad($name);
	}

	private function autoLoad($name) {
		$freepbx = \FreePBX::create();
		if (property_exists($freepbx, $name)) {
			return $freepbx->$name;
		}
		if (!preg_match('/^[A-Z]\w*$/', $name)) {
			throw new \Exception("BMO Objects must have their first letter captialized. You provided $name");
		}
		$library = __DIR__."/$name.class.php";
		$class = "\\FreePBX\\$name";
		if (!file_exists($library)) {
			$module = strtolower($name);
			$library = \FreePBX::Config()->get('AMPWEBROOT')."/admin/modules/$module/$name.class.php";
			$class = $this->moduleNamespace.$name;
			if (!array_key_exists($module, \FreePBX::Modules()->getActiveModules()) || !file_exists($library)) {
				throw new \Exception("Unable to locate the FreePBX BMO Class '$name'");
			}
		}
		require_once $library;
		return $freepbx->$name = new $class($freepbx);
	}
}

/** $_REQUEST, cleaned or unchanged. */
#[\AllowDynamicProperties]
class Request_Helper extends Self_Helper {
	private $overrides = array();

	public function getReqUnsafe($var = null, $def = true) {
		if (!$var) {
			throw new \Exception("Wasn't given anything to get from REQUEST.");
		}
		if (isset($this->overrides[$var])) {
			return $this->overrides[$var];
		}
		if (isset($_REQUEST[$var])) {
			return $_REQUEST[$var];
		}
		return $def === true ? '' : $def;
	}

	public function getReq($var = null, $def = true) {
		$value = $this->getReqUnsafe($var, $def);
		$clean = function ($text) {
			return is_string($text) ? htmlentities($text, ENT_QUOTES, 'UTF-8', false) : $text;
		};
		return is_array($value) ? array_map($clean, $value) : $clean($value);
	}

	public function setReq($var = null, $val = null) {
		if ($val === null) {
			unset($this->overrides[$var]);
		} else {
			$this->overrides[$var] = $val;
		}
	}
}

#[\AllowDynamicProperties]
class FreePBX_Helpers extends Request_Helper {
}
