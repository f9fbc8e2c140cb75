<?php
namespace FreePBX;

/** FreePBX's database: PDO that throws, connected with the settings of /etc/freepbx.conf. */
#[\AllowDynamicProperties]
class Database extends \PDO {
	public function __construct() {
		$conf = \FreePBX::$conf;
		$host = empty($conf['AMPDBHOST']) ? 'localhost' : $conf['AMPDBHOST'];
		$where = $host === 'localhost' ? 'unix_socket=/run/mysqld/mysqld.sock' : "host=$host;port=".$conf['AMPDBPORT'];
		parent::__construct("mysql:$where;dbname={$conf['AMPDBNAME']};charset=utf8mb4", $conf['AMPDBUSER'], $conf['AMPDBPASS'], array(
			\PDO::ATTR_ERRMODE => \PDO::ERRMODE_EXCEPTION,
		));
	}
}
