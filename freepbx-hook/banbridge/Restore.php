<?php
/** Restores from FreePBX's backup. The program then updates the firewall blacklist. */
namespace FreePBX\modules\Banbridge;

use FreePBX\modules\Backup as Base;

class Restore extends Base\RestoreBase {
	/** The program's exit code: restored, and another run in progress applies it. */
	const APPLIED_LATER = 75;

	public function runRestore() {
		$configs = $this->getConfigs();
		if (empty($configs['banbridge']) || !is_string($configs['banbridge'])) {
			$this->log(_('Ban Bridge') . ': ' . _('the backup contains no data'), 'WARNING');
			return;
		}
		$module = \FreePBX::Banbridge();
		$options = array('stdin' => $configs['banbridge'], 'seconds' => 300);
		$answer = $module->ask(array('restore', '--json'), $options);
		if (!$answer['status'] && $answer['code'] !== self::APPLIED_LATER) {
			$this->log(_('Ban Bridge') . ': ' . $answer['message'], 'ERROR');
			return;
		}
		$this->log(_('Ban Bridge') . ': ' . _('configuration, allow list and unblocked addresses are restored'), 'INFO');
		if ($answer['message'] !== '') {
			$this->log(_('Ban Bridge') . ': ' . $answer['message'], 'WARNING');
		}
	}

	/** There was no Ban Bridge before FreePBX 15. */
	public function processLegacy($pdo, $data, $tables, $unknownTables) {
	}
}
