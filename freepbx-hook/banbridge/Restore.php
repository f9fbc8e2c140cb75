<?php
/** Restores from FreePBX's backup. The program then updates the firewall blacklist. */
namespace FreePBX\modules\Banbridge;

use FreePBX\modules\Backup as Base;

class Restore extends Base\RestoreBase {
	public function runRestore() {
		$configs = $this->getConfigs();
		if (empty($configs['banbridge']) || !is_string($configs['banbridge'])) {
			$this->log(_('Ban Bridge') . ': ' . _('the backup contains no data'), 'WARNING');
			return;
		}
		$module = \FreePBX::Banbridge();
		list($restored, $message) = $module->putBack($configs['banbridge']);
		if (!$restored) {
			$this->log(_('Ban Bridge') . ': ' . $message, 'ERROR');
			return;
		}
		$this->log(_('Ban Bridge') . ': ' . _('configuration, allow list and unblocked addresses are restored'), 'INFO');
		if ($message !== '') {
			$this->log(_('Ban Bridge') . ': ' . $message, 'WARNING');
		}
	}

	/** There was no Ban Bridge before FreePBX 15. */
	public function processLegacy($pdo, $data, $tables, $unknownTables) {
	}
}
