<?php
/**
 * A fake fwconsole without its firewall command: modules, jobs, notifications, the hooks of its start, and the commands
 * of modules, each a Symfony command as in FreePBX.
 */
namespace FreePBX\Console\Command;

use Symfony\Component\Console\Application;
use Symfony\Component\Console\CommandLoader\FactoryCommandLoader;

$bootstrap_settings['freepbx_auth'] = false;
include_once '/etc/freepbx.conf';
require_once '/usr/share/php/Symfony/Component/Console/autoload.php';
require_once __DIR__.'/Console/Framework.php';
require_once __DIR__.'/Console/Moduleadmin.php';

$commands = array();
foreach (array('ma' => 'Moduleadmin', 'moduleadmin' => 'Moduleadmin', 'job' => 'Job', 'notifications' => 'Notifications',
	'start' => 'Start', 'stop' => 'Stop', 'chown' => 'Chown', 'reload' => 'Reload', 'backup' => 'BackupModule',
	'restore' => 'RestoreModule') as $name => $class) {
	$class = __NAMESPACE__.'\\'.$class;
	$commands[$name] = function () use ($class) { return new $class(); };
}
foreach (\FreePBX::Modules()->getActiveModules() as $module => $info) {
	foreach (isset($info['commands']) ? $info['commands'] : array() as $name => $class) {
		$file = \FreePBX::Config()->get('AMPWEBROOT')."/admin/modules/$module/Console/$class.class.php";
		if (is_file($file)) {
			include_once $file;
			$class = __NAMESPACE__.'\\'.$class;
			$commands[$name] = function () use ($class) { return new $class(); };
		}
	}
}
$application = new Application('FW Console - FreePBX Utility', getVersion());
$application->setCommandLoader(new FactoryCommandLoader($commands));
$application->run();
