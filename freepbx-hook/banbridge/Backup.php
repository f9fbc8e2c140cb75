<?php
/** Into FreePBX's backup: the configuration with its key, the allow list and what was let through. */
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
		// As text: the program reads again what it wrote, and nothing in between understands it.
		$this->addConfigs(array('banbridge' => json_encode($answer['data'])));
	}
}
