<?php
/** Adds to FreePBX's backup: the configuration with its API key, the allow list and the unblocked addresses. */
namespace FreePBX\modules\Banbridge;

use FreePBX\modules\Backup as Base;

class Backup extends Base\BackupBase {
	public function runBackup($id, $transaction) {
		$module = \FreePBX::Banbridge();
		$answer = $module->ask(array('backup'), array('seconds' => 120));
		if (!$answer['status']) {
			$this->log(_('Ban Bridge') . ': ' . $answer['message'], 'ERROR');
			return;
		}
		// As text: only the program reads what it wrote.
		$this->addConfigs(array('banbridge' => json_encode($answer['data'])));
	}
}
