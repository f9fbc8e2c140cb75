<?php
/**
 * A fake of FreePBX's Big Module Object: everything is one of its properties, created at first use from the class of
 * that name in this folder or in an enabled module.
 */
require_once __DIR__.'/Helpers.php';
class_alias('FreePBX\BMO', 'BMO');
class_alias('FreePBX\FreePBX_Helpers', 'FreePBX_Helpers');
class_alias('FreePBX\Request_Helper', 'Request_Helper');
class_alias('FreePBX\DB_Helper', 'DB_Helper');

#[AllowDynamicProperties]
class FreePBX extends FreePBX\FreePBX_Helpers {
	private static $obj;
	public static $conf;

	public function __construct(&$conf = null) {
		if (empty($conf)) {
			throw new Exception('conf was empty!');
		}
		self::$conf = $conf;
		self::$obj = $this;
		$this->astman = null;
		foreach (array('Database', 'Config', 'Modules') as $library) {
			require_once __DIR__."/$library.class.php";
			$class = "FreePBX\\$library";
			$this->$library = new $class($this);
		}
	}

	public static function create() {
		if (!isset(self::$obj)) {
			throw new Exception('FreePBX was not started');
		}
		return self::$obj;
	}

	public static function __callStatic($name, $arguments) {
		return self::create()->$name;
	}
}
