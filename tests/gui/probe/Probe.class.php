<?php
// A module for the tests of the fake FreePBX, without any use of its own.
namespace FreePBX\modules;

class Probe extends \FreePBX_Helpers implements \BMO {
	public function __construct($freepbx = null) {
		if ($freepbx === null) {
			throw new \Exception('Not given a FreePBX Object');
		}
		$this->FreePBX = $freepbx;
	}

	public function install() {
		$this->FreePBX->Job->addCommand('probe', 'beat', 'echo beat >>/var/lib/asterisk/probe', '*/5 * * * *', 5);
	}

	public function uninstall() {
		$this->FreePBX->Job->removeAllByModule('probe');
	}

	public function doConfigPageInit($page) {
	}

	public function ajaxRequest($command, &$settings) {
		if ($command === 'open') {
			$settings['authenticate'] = false;
			$settings['allowremote'] = true;
		}
		return in_array($command, array('who', 'open', 'no', 'word', 'array', 'token'), true);
	}

	public function ajaxHandler() {
		switch ($_REQUEST['command']) {
		case 'no':
			return false;
		case 'word':
			return 'done';
		}
		return array('who' => isset($_SESSION['AMP_user']) ? $_SESSION['AMP_user']->username : null,
			'authenticated' => defined('FREEPBX_IS_AUTH'),
			'section' => isset($_SESSION['AMP_user']) && $_SESSION['AMP_user']->checkSection('probe'));
	}

	public function getActionBar($request) {
		return array('submit' => array('name' => 'submit', 'id' => 'submit', 'value' => _('Submit')));
	}

	public function dashboardService() {
		return array(array('title' => 'Probe', 'order' => 1) + $this->Dashboard()->genStatusIcon('ok', 'Probe is well'));
	}

	public function started($output) {
		$output->writeln('Probe was told of the start');
	}
}
