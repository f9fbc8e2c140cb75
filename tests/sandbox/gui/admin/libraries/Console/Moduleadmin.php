<?php
// Installs modules from their folder, removes them, backs them up and restores them.
namespace FreePBX\Console\Command;

use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputArgument;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;

/** ma install|uninstall|delete|enable|disable|list MODULE */
class Moduleadmin extends Command {
	protected function configure() {
		$this->setName('ma')->addArgument('args', InputArgument::IS_ARRAY);
	}

	private function folder($module) {
		return \FreePBX::Config()->get('AMPWEBROOT')."/admin/modules/$module";
	}

	private function refresh() {
		\FreePBX::Modules()->getActiveModules(false);
	}

	protected function execute(InputInterface $input, OutputInterface $output) {
		$words = $input->getArgument('args');
		$module = isset($words[1]) ? $words[1] : '';
		switch (isset($words[0]) ? $words[0] : '') {
		case 'install':
			return $this->install($module, $output);
		case 'uninstall':
			return $this->uninstall($module, $output);
		case 'delete':
			$this->uninstall($module, $output);
			exec('rm -rf '.escapeshellarg($this->folder($module)));
			return 0;
		case 'disable':
		case 'enable':
			\FreePBX::Database()->prepare('UPDATE modules SET enabled = ? WHERE modulename = ?')
				->execute(array($words[0] === 'enable' ? 1 : 0, $module));
			return 0;
		case 'list':
			foreach (\FreePBX::Modules()->getActiveModules() as $name => $info) {
				$output->writeln("$name {$info['version']} Enabled");
			}
			return 0;
		}
		$output->writeln('<error>Unknown command</error>');
		return 1;
	}

	/** Module Admin does not install a module with a missing dependency. */
	private function missing(array $info) {
		foreach (isset($info['depends']) ? $info['depends'] : array() as $need) {
			list($kind, $what) = $need;
			$words = preg_split('/\s+/', $what);
			if ($kind === 'phpversion' && version_compare(PHP_VERSION, end($words), '<')) {
				return "PHP $what";
			}
			if ($kind === 'version' && version_compare(getVersion(), end($words), '<')) {
				return "FreePBX $what";
			}
			if ($kind === 'module') {
				$found = \FreePBX::Modules()->version($words[0]);
				$wanted = count($words) > 1 ? end($words) : '0';
				if ($found === null || version_compare($found, $wanted, '<')) {
					return "module $what";
				}
			}
		}
		return null;
	}

	private function install($module, OutputInterface $output) {
		$info = preg_match('/^[a-z_]+$/', $module) ? \FreePBX::Modules()->read($module) : array();
		if (!$info) {
			$output->writeln("<error>Module $module cannot be found</error>");
			return 1;
		}
		$missing = $this->missing($info);
		if ($missing !== null) {
			$output->writeln("<error>Failed to install $module: needs $missing</error>");
			return 1;
		}
		\FreePBX::Database()->prepare('INSERT INTO modules (modulename, version, enabled) VALUES (?, ?, 1)'
			.' ON DUPLICATE KEY UPDATE version = VALUES(version), enabled = 1')->execute(array($module, $info['xml_version']));
		$this->refresh();
		$class = \FreePBX::Modules()->cleanModuleName($module);
		try {
			\modgettext::push_textdomain($module);
			\FreePBX::create()->$class->install();
			\modgettext::pop_textdomain();
		} catch (\Exception $e) {
			\FreePBX::Database()->prepare('DELETE FROM modules WHERE modulename = ?')->execute(array($module));
			$output->writeln('<error>'.$e->getMessage().'</error>');
			return 1;
		}
		$output->writeln("Module $module version {$info['xml_version']} successfully installed");
		return 0;
	}

	private function uninstall($module, OutputInterface $output) {
		$class = \FreePBX::Modules()->cleanModuleName($module);
		try {
			\FreePBX::create()->$class->uninstall();
		} catch (\Exception $e) {
			$output->writeln('<error>'.$e->getMessage().'</error>');
		}
		\FreePBX::Database()->prepare('DELETE FROM modules WHERE modulename = ?')->execute(array($module));
		// FreePBX removes the module's table and its notifications.
		\FreePBX::Database()->exec("DROP TABLE IF EXISTS `kvstore_FreePBX_modules_$class`");
		@unlink(\FreePBX::Config()->get('AMPWEBROOT')."/admin/assets/$module");
		$output->writeln("Module $module successfully uninstalled");
		return 0;
	}
}

/** backup MODULE FILE: writes the data of the module's Backup.php, as JSON. */
class BackupModule extends Command {
	protected function configure() {
		$this->setName('backup')->addArgument('module', InputArgument::REQUIRED)->addArgument('file', InputArgument::REQUIRED);
	}

	protected function execute(InputInterface $input, OutputInterface $output) {
		require_once __DIR__.'/../Backup.php';
		$class = \FreePBX::Modules()->cleanModuleName($input->getArgument('module'));
		require_once \FreePBX::Config()->get('AMPWEBROOT').'/admin/modules/'.$input->getArgument('module').'/Backup.php';
		$name = "\\FreePBX\\modules\\$class\\Backup";
		$backup = new $name(\FreePBX::create(), $class, $output);
		$backup->runBackup('sandbox', 'sandbox');
		file_put_contents($input->getArgument('file'), json_encode($backup->data));
		return 0;
	}
}

/** restore MODULE FILE: passes it to the module's Restore.php. */
class RestoreModule extends Command {
	protected function configure() {
		$this->setName('restore')->addArgument('module', InputArgument::REQUIRED)->addArgument('file', InputArgument::REQUIRED);
	}

	protected function execute(InputInterface $input, OutputInterface $output) {
		require_once __DIR__.'/../Backup.php';
		$class = \FreePBX::Modules()->cleanModuleName($input->getArgument('module'));
		require_once \FreePBX::Config()->get('AMPWEBROOT').'/admin/modules/'.$input->getArgument('module').'/Restore.php';
		$name = "\\FreePBX\\modules\\$class\\Restore";
		$restore = new $name(\FreePBX::create(), $class, $output);
		$restore->data = json_decode(file_get_contents($input->getArgument('file')), true);
		$restore->runRestore();
		return 0;
	}
}
