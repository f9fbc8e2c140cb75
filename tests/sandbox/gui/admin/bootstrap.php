<?php
/**
 * A fake of FreePBX's bootstrap, which /etc/freepbx.conf includes: $bmo and $amp_conf, and the login. As in FreePBX, a
 * script that asks for no authentication (as ajax.php does, which checks later) and every script on the command line
 * count as authenticated.
 */
if (isset($bootstrap_settings['returnimmediately']) || isset($bootstrap_settings['bootstrapped'])) {
	return;
}
$bootstrap_settings['bootstrapped'] = true;
global $amp_conf, $db, $astman, $bmo, $active_modules;
$amp_conf['AMPWEBROOT'] = '/var/www/html';
date_default_timezone_set('UTC');

require_once __DIR__.'/libraries/functions.php';
require_once __DIR__.'/libraries/modgettext.class.php';
require_once __DIR__.'/libraries/ampuser.class.php';
require_once __DIR__.'/libraries/BMO/FreePBX.class.php';

// Other classes of a module: FreePBX\modules\Name\Thing is Thing.php or Thing.class.php in its folder.
spl_autoload_register(function ($class) {
	if ($class === 'FreePBX\Job\TaskInterface') {
		require_once __DIR__.'/libraries/TaskInterface.php';
	} elseif (preg_match('/^FreePBX\\\\modules\\\\(\w+)\\\\([\w\\\\]+)$/', $class, $found)) {
		$path = __DIR__.'/modules/'.strtolower($found[1]).'/'.str_replace('\\', '/', $found[2]);
		foreach (array("$path.php", "$path.class.php") as $file) {
			if (is_file($file)) {
				require_once $file;
				return;
			}
		}
	}
});

$bmo = new FreePBX($amp_conf);
$db = $bmo->Database;
$amp_conf = array_merge($amp_conf, $bmo->Config->all());
$astman = null;
error_reporting(E_ALL);
modgettext::language();

if ((isset($bootstrap_settings['freepbx_auth']) && !$bootstrap_settings['freepbx_auth']) || PHP_SAPI === 'cli') {
	if (!defined('FREEPBX_IS_AUTH')) {
		define('FREEPBX_IS_AUTH', 'TRUE');
	}
} else {
	require __DIR__.'/libraries/gui_auth.php';
}
if (!isset($no_auth) && !defined('FREEPBX_IS_AUTH')) {
	die('No direct script access allowed');
}
$active_modules = $bmo->Modules->getActiveModules();
