<?php
/**
 * Ban Bridge: the page of the program banbridge in FreePBX. The program takes every decision.
 *
 * Copyright: the authors of banbridge. License: GPL-3.0-or-later, see LICENSE.
 */
namespace FreePBX\modules;

use FreePBX\modules\Banbridge\Commands;
use FreePBX\modules\Banbridge\Notifications;
use FreePBX\modules\Banbridge\Program;
use FreePBX\modules\Banbridge\Sentences;

require_once __DIR__ . '/Program.php';
require_once __DIR__ . '/Commands.php';
require_once __DIR__ . '/Notifications.php';
require_once __DIR__ . '/Sentences.php';

class Banbridge extends \FreePBX_Helpers implements \BMO {
	/** The permissions to see and to change: FreePBX's sections do not distinguish reading from writing. */
	const SEE = 'banbridge';
	const CHANGE = 'banbridge_change';
	/** The program's exit code: restored, and another run in progress applies it. */
	const APPLIED_LATER = 75;
	/** The session's variable with the token against forged requests. */
	const TOKEN = 'banbridge_token';

	private $pbx;

	public function __construct($freepbx = null) {
		if ($freepbx === null) {
			throw new \Exception('Not given a FreePBX Object');
		}
		$this->pbx = $freepbx;
	}

	// ---- Installing ----

	/** Also runs at each upgrade. A job that you disabled stays disabled. */
	public function install() {
		$fwconsole = $this->pbx->Config->get('AMPSBIN') . '/fwconsole';
		$command = '[ -e ' . $fwconsole . ' ] && ' . $fwconsole . ' banbridge job';
		\FreePBX::Job()->addCommand('banbridge', 'sync', $command, '*/5 * * * *', 120);
		if (Program::path() === null) {
			$this->say(_('The program banbridge is not installed. Connectivity, Ban Bridge shows how to install it.'));
		} else {
			$this->bringBack();
		}
	}

	/**
	 * Removes the job and the notifications. Without the system timer it also removes everything that the program
	 * wrote. With the timer that would only forget the allow list: its next run would block again, allowed addresses
	 * too.
	 */
	public function uninstall() {
		\FreePBX::Job()->removeAllByModule('banbridge');
		Notifications::mirror(array());
		if (Program::path() === null) {
			return;
		}
		$status = $this->ask(array('status', '--json'), array('seconds' => 60));
		if (is_object($status['data']) && !empty($status['data']->root->timer)) {
			$this->say(_('The program banbridge is still installed and its timer keeps blocking. To stop it, run as root: banbridge purge. Then remove the package.'));
			return;
		}
		$this->keep();
		$purged = $this->ask(array('purge', '--yes', '--json'), array('seconds' => 120));
		$done = _('All rows, tables and logs of banbridge are removed. Your own rows of the firewall blacklist and /etc/asterisk/banbridge.toml are unchanged.');
		$this->say($purged['status'] ? $done : $purged['message']);
		if ($purged['status'] && $purged['message'] !== '') {
			$this->say($purged['message']);
		}
	}

	/** Where the allow list and the unblocked addresses are while the module is away. */
	private function kept() {
		return $this->pbx->Config->get('ASTETCDIR') . '/banbridge-removed.json';
	}

	/**
	 * Keeps what the administrator decided: FreePBX uninstalls a module and installs it again before it restores it, and
	 * the backup may be unusable.
	 */
	private function keep() {
		$backup = $this->ask(array('backup'), array('seconds' => 120));
		if ($backup['status'] && file_put_contents($this->kept(), '') !== false && chmod($this->kept(), 0600)) {
			file_put_contents($this->kept(), json_encode($backup['data']));
		}
	}

	/** Brings it back. */
	private function bringBack() {
		if (!is_file($this->kept())) {
			return;
		}
		list($restored, $message) = $this->putBack((string) file_get_contents($this->kept()));
		if ($restored) {
			unlink($this->kept());
		} else {
			$this->say($message);
		}
	}

	/**
	 * Restores what the program's backup wrote.
	 *
	 * @return array whether it is restored, and the program's message
	 */
	public function putBack($backup) {
		$answer = $this->ask(array('restore', '--json'), array('stdin' => $backup, 'seconds' => 300));
		return array($answer['status'] || $answer['code'] === self::APPLIED_LATER, $answer['message']);
	}

	/** Module Admin's Disable: without the module its job has no command. Blocked addresses stay blocked. */
	public function disable() {
		\FreePBX::Job()->setEnabled('banbridge', 'sync', false);
		Notifications::mirror(array());
	}

	public function enable() {
		\FreePBX::Job()->setEnabled('banbridge', 'sync', true);
	}

	public function backup() {
	}

	public function restore($backup) {
	}

	private function say($text) {
		if (function_exists('out')) {
			out(htmlspecialchars($text, ENT_QUOTES, 'UTF-8'));
		}
	}

	// ---- The page ----

	/** Loading the page changes nothing: changes come by ajax, with the token. */
	public function doConfigPageInit($page) {
	}

	/** The button that saves the settings; the page shows it with them. */
	public function getActionBar($request) {
		if (Program::path() === null || !$this->may(self::CHANGE)) {
			return array();
		}
		return array('save' => array('name' => 'bb-save', 'id' => 'bb-save', 'value' => _('Save')));
	}

	public function getRightNav($request) {
		return '';
	}

	/** FreePBX's search also finds the permission "Ban Bridge: change", so its page is this one too. */
	public function showPage($page) {
		if (Program::path() === null) {
			return load_view(__DIR__ . '/views/missing.php', array('command' => $this->installation()));
		}
		return load_view(__DIR__ . '/views/main.php', array(
			'may_change' => $this->may(self::CHANGE),
			'configured' => is_file(getenv('BANBRIDGE_CONFIG') ?: $this->pbx->Config->get('ASTETCDIR') . '/banbridge.toml'),
			'token' => $this->token(),
			'address' => isset($_SERVER['REMOTE_ADDR']) ? $_SERVER['REMOTE_ADDR'] : '',
			'proxied' => isset($_SERVER['HTTP_X_FORWARDED_FOR']) || isset($_SERVER['HTTP_FORWARDED']) || isset($_SERVER['HTTP_VIA']),
		));
	}

	/** The command that installs the program on this kind of system. */
	private function installation() {
		$archive = 'tar xzf banbridge-*-x86_64.tar.gz && ./banbridge-*/install.sh';
		return is_file('/usr/bin/dpkg') ? 'apt install ./banbridge_*_amd64.deb' : $archive;
	}

	/** The entry in FreePBX's search. */
	public function search($query, &$results) {
		$results[] = array('text' => _('Ban Bridge'), 'type' => 'get', 'dest' => '?display=banbridge');
	}

	/** A line in the dashboard's overview. */
	public function dashboardService() {
		$status = $this->ask(array('status', '--json'), array('seconds' => 10));
		$icons = array(
			'blocking' => 'ok',
			'pending' => 'warning',
			'out_of_date' => 'warning',
			'not_blocking' => 'error',
			'nothing_to_block' => 'info',
			'no_run' => 'info',
			'unknown' => 'warning',
		);
		$icon = 'error';
		$text = $status['message'];
		if ($status['status']) {
			$state = isset($status['data']->state) ? $status['data']->state : '';
			$icon = isset($icons[$state]) ? $icons[$state] : 'unknown';
			$text = isset($status['data']->state_coded) ? Sentences::say($status['data']->state_coded) : _('Unknown');
			if (!empty($status['data']->packets->day)) {
				$sources = isset($status['data']->packets->day_sources) ? $status['data']->packets->day_sources : 0;
				$text .= ' ' . sprintf(_('24 hours: %s rejected packets, sources: %s.'), number_format($status['data']->packets->day), number_format($sources));
			}
			if (!empty($status['data']->week->attackers)) {
				$week = $status['data']->week;
				$text .= ' ' . sprintf(_('7 days: %s attackers reached Asterisk, %s of them on no list.'), number_format($week->attackers), number_format($week->attackers_unlisted));
			}
		}
		$line = array('title' => _('Ban Bridge'), 'order' => 4);
		// genStatusIcon escapes the text.
		return array(array_merge($line, \FreePBX::Dashboard()->genStatusIcon($icon, $text)));
	}

	// ---- Ajax ----

	/** Only known commands. The settings stay as they are, so FreePBX checks login and referrer. */
	public function ajaxRequest($command, &$setting) {
		return Commands::known($command);
	}

	/**
	 * Checks each request again: FreePBX lets some in without a login (older releases do so for requests from the machine
	 * itself), does not check sections in ajax.php and has no token.
	 */
	public function ajaxHandler() {
		$command = isset($_REQUEST['command']) ? $_REQUEST['command'] : '';
		if (!Commands::known($command)) {
			return $this->refuse(_('Unknown command.'));
		}
		if (!$this->may(self::SEE)) {
			return $this->refuse(_('You are not logged in, or have no permission to see this.'));
		}
		$token = isset($_SESSION[self::TOKEN]) ? $_SESSION[self::TOKEN] : '';
		$given = isset($_SERVER['HTTP_X_BANBRIDGE_TOKEN']) ? $_SERVER['HTTP_X_BANBRIDGE_TOKEN'] : '';
		$posted = isset($_SERVER['REQUEST_METHOD']) && $_SERVER['REQUEST_METHOD'] === 'POST';
		if (!$posted || !is_string($token) || $token === '' || !hash_equals($token, (string) $given)) {
			return $this->refuse(_('This page has expired. Reload it.'));
		}
		if (Commands::changes($command) && !$this->may(self::CHANGE)) {
			return $this->refuse(_('You have read-only access. An administrator can give you the permission "Ban Bridge: change".'));
		}
		// A long answer must not block other pages of the same user.
		if (session_id() !== '') {
			session_write_close();
		}
		return Commands::run($command, $_POST);
	}

	private function refuse($message) {
		$this->pbx->Ajax->ajaxError(403, $message);
		return array('status' => false, 'code' => null, 'message' => $message, 'data' => null);
	}

	/** Whether the user of this session has this permission. */
	private function may($section) {
		$user = isset($_SESSION['AMP_user']) ? $_SESSION['AMP_user'] : null;
		return defined('FREEPBX_IS_AUTH') && is_object($user) && method_exists($user, 'checkSection')
			&& $user->checkSection($section);
	}

	/** The session's token, created with the first page. */
	private function token() {
		if (empty($_SESSION[self::TOKEN]) || !is_string($_SESSION[self::TOKEN])) {
			$strong = false;
			$bytes = openssl_random_pseudo_bytes(32, $strong);
			if ($bytes === false || !$strong) {
				throw new \Exception('Could not get secure random numbers');
			}
			$_SESSION[self::TOKEN] = bin2hex($bytes);
		}
		return $_SESSION[self::TOKEN];
	}

	// ---- The job and the hooks ----

	/** Runs the program and returns its answer as for the page. */
	public function ask(array $args, array $options = array()) {
		return Commands::answer(Program::run($args, $options));
	}

	/**
	 * The job: starts a run in the background, so that a slow feed does not delay the jobs of other modules, waits a
	 * little for its end, and shows the program's problems as notifications.
	 *
	 * @return string|null the error message
	 */
	public function job() {
		$started = $this->ask(array('sync', '--json'), array('detach' => true));
		if (!$started['status']) {
			Notifications::mirror($this->unreachable($started));
			return $started['message'];
		}
		$status = null;
		for ($second = 0; $second < 20; $second++) {
			sleep(1);
			$status = $this->ask(array('status', '--json'), array('seconds' => 20));
			if (!$status['status'] || empty($status['data']->running)) {
				break;
			}
		}
		if (!$status['status']) {
			Notifications::mirror($this->unreachable($status));
			return $status['message'];
		}
		$problems = isset($status['data']->problems) ? $status['data']->problems : null;
		if (is_array($problems)) {
			Notifications::mirror($problems);
		}
		return null;
	}

	/** The one problem that the program cannot report: that it does not answer. */
	private function unreachable(array $answer) {
		return array((object) array(
			'id' => 'program',
			'level' => 'error',
			'coded' => (object) array('code' => 'program', 'detail' => $answer['message']),
		));
	}

	/** At the end of `fwconsole start`, as root: applies the saved state, without fetching feeds. */
	public function startFreepbx($output = null) {
		$applied = $this->ask(array('apply', '--json'), array('seconds' => 120));
		if (is_object($output)) {
			$text = $applied['status'] ? _('saved state applied') : $applied['message'];
			$output->writeln(_('Ban Bridge') . ': ' . str_replace('<', '\\<', $text));
		}
	}

	/** `fwconsole chown`: the configuration can contain an API key. */
	public function chownFreepbx() {
		$file = $this->pbx->Config->get('ASTETCDIR') . '/banbridge.toml';
		return array(array('type' => 'file', 'path' => $file, 'perms' => 0640));
	}
}
