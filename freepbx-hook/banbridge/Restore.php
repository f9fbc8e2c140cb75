<?php
/** From FreePBX's backup. The program brings the blacklist in line with what is restored. */
namespace FreePBX\modules\Banbridge;

use FreePBX\modules\Backup as Base;

class Restore extends Base\RestoreBase {
	/** The program took it over, and another run that is at work brings it into force. */
	const LATER = 75;

	public function runRestore() {
		$configs = $this->getConfigs();
		if (empty($configs['banbridge']) || !is_string($configs['banbridge'])) {
			$this->log(_('Ban Bridge') . ': ' . _('the backup holds nothing for it'), 'WARNING');
			return;
		}
		$module = \FreePBX::Banbridge();
		$options = array('stdin' => $configs['banbridge'], 'seconds' => 300);
		$answer = $module->ask(array('restore', '--json'), $options);
		if (!$answer['status'] && $answer['code'] !== self::LATER) {
			$this->log(_('Ban Bridge') . ': ' . $answer['message'], 'ERROR');
			return;
		}
		$this->log(_('Ban Bridge') . ': ' . _('configuration, allow list and what was let through are restored'), 'INFO');
		if ($answer['message'] !== '') {
			$this->log(_('Ban Bridge') . ': ' . $answer['message'], 'WARNING');
		}
	}

	/** Releases before FreePBX 15 had no Ban Bridge. */
	public function processLegacy($pdo, $data, $tables, $unknownTables) {
	}
}
