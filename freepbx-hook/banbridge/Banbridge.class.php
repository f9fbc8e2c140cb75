<?php
/**
 * Ban Bridge: the face of the program banbridge in FreePBX. It asks the program for everything and decides nothing.
 *
 * Copyright: the authors of banbridge. License: GPL-3.0-or-later, see LICENSE.
 */
namespace FreePBX\modules;

use FreePBX\modules\Banbridge\Commands;
use FreePBX\modules\Banbridge\Notices;
use FreePBX\modules\Banbridge\Program;

require_once __DIR__ . '/Program.php';
require_once __DIR__ . '/Commands.php';
require_once __DIR__ . '/Notices.php';

class Banbridge extends \FreePBX_Helpers implements \BMO {
	/** The right to see, and the right to change: FreePBX knows sections, and no reading apart from writing. */
	const SEE = 'banbridge';
	const CHANGE = 'banbridge_change';
	/** Where the session keeps the token against forged requests. */
	const TOKEN = 'banbridge_token';

	private $pbx;

	public function __construct($freepbx = null) {
		if ($freepbx === null) {
			throw new \Exception('Not given a FreePBX Object');
		}
		$this->pbx = $freepbx;
	}

	// ---- Installing ----

	/** Also run by each upgrade. An administrator who switched the job off finds it off. */
	public function install() {
		$fwconsole = $this->pbx->Config->get('AMPSBIN') . '/fwconsole';
		$command = '[ -e ' . $fwconsole . ' ] && ' . $fwconsole . ' banbridge job';
		\FreePBX::Job()->addCommand('banbridge', 'sync', $command, '*/5 * * * *', 120);
		if (Program::path() === null) {
			$this->say(_('The program banbridge is not installed: the page Connectivity, Ban Bridge says how to do it.'));
		}
	}

	/**
	 * Takes away the job and the notifications, and, where no timer of root goes on without the module, all that
	 * the program wrote. Where one does, taking that away would only forget the allow list: the next run of the timer
	 * would block again, also who was allowed.
	 */
	public function uninstall() {
		\FreePBX::Job()->removeAllByModule('banbridge');
		Notices::mirror(array());
		if (Program::path() === null) {
			return;
		}
		$status = $this->ask(array('status', '--json'), array('seconds' => 60));
		if (is_object($status['data']) && !empty($status['data']->root->timer)) {
			$this->say(_('The program banbridge is still installed, runs by its own timer and goes on blocking. To end that, run as root: banbridge purge, and remove the package.'));
			return;
		}
		$purged = $this->ask(array('purge', '--yes', '--json'), array('seconds' => 120));
		$done = _('Every row, table and log of banbridge is taken away. Your own rows of the blacklist are as they were, and so is /etc/asterisk/banbridge.toml.');
		$this->say($purged['status'] ? $done : $purged['message']);
		if ($purged['status'] && $purged['message'] !== '') {
			$this->say($purged['message']);
		}
	}

	/** Module Admin's Disable: without the module its job has no command. What is blocked stays as it is. */
	public function disable() {
		\FreePBX::Job()->setEnabled('banbridge', 'sync', false);
		Notices::mirror(array());
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

	/** Nothing is done by a page load: what changes something comes by ajax, with the token. */
	public function doConfigPageInit($page) {
	}

	/** The page's own buttons stand where they belong. */
	public function getActionBar($request) {
		return array();
	}

	public function getRightNav($request) {
		return '';
	}

	public function showPage($page) {
		if ($page === 'change') {
			return load_view(__DIR__ . '/views/change.php', array());
		}
		if (Program::path() === null) {
			return load_view(__DIR__ . '/views/missing.php', array('command' => $this->installation()));
		}
		return load_view(__DIR__ . '/views/main.php', array(
			'may_change' => $this->may(self::CHANGE),
			'token' => $this->token(),
			'address' => isset($_SERVER['REMOTE_ADDR']) ? $_SERVER['REMOTE_ADDR'] : '',
			'proxied' => isset($_SERVER['HTTP_X_FORWARDED_FOR']) || isset($_SERVER['HTTP_FORWARDED']) || isset($_SERVER['HTTP_VIA']),
		));
	}

	/** The one command that installs the program, for the kind of system that this is. */
	private function installation() {
		$archive = 'tar xzf banbridge-*-x86_64.tar.gz && ./banbridge-*/install.sh';
		return is_file('/usr/bin/dpkg') ? 'apt install ./banbridge_*_amd64.deb' : $archive;
	}

	/** The entry in FreePBX's search. */
	public function search($query, &$results) {
		$results[] = array('text' => _('Ban Bridge'), 'type' => 'get', 'dest' => '?display=banbridge');
	}

	/** A line of the dashboard's overview. */
	public function dashboardService() {
		$status = $this->ask(array('status', '--json'), array('seconds' => 10));
		$icons = array(
			'in_force' => 'ok',
			'waiting' => 'warning',
			'not_up_to_date' => 'warning',
			'not_in_force' => 'error',
			'nothing_wanted' => 'info',
			'no_run' => 'info',
		);
		$icon = 'error';
		$text = $status['message'];
		if ($status['status']) {
			$state = isset($status['data']->state) ? $status['data']->state : '';
			$icon = isset($icons[$state]) ? $icons[$state] : 'unknown';
			$text = isset($status['data']->state_text) ? $status['data']->state_text : _('Unknown');
		}
		$line = array('title' => _('Ban Bridge'), 'order' => 4);
		// The dashboard prints the text as HTML.
		$text = htmlspecialchars($text, ENT_QUOTES, 'UTF-8');
		return array(array_merge($line, \FreePBX::Dashboard()->genStatusIcon($icon, $text)));
	}

	// ---- Ajax ----

	/** Only what is listed. The settings stay as they are: login and referrer are checked. */
	public function ajaxRequest($command, &$setting) {
		return Commands::known($command);
	}

	/**
	 * Each request is checked here once more: FreePBX lets some in without a login (older releases do so for requests
	 * of the machine itself), looks at no section in ajax.php and has no token.
	 */
	public function ajaxHandler() {
		$command = isset($_REQUEST['command']) ? $_REQUEST['command'] : '';
		if (!Commands::known($command)) {
			return $this->refuse(_('There is no such command.'));
		}
		if (!$this->may(self::SEE)) {
			return $this->refuse(_('You are not logged in, or may not see this.'));
		}
		$token = isset($_SESSION[self::TOKEN]) ? $_SESSION[self::TOKEN] : '';
		$given = isset($_SERVER['HTTP_X_BANBRIDGE_TOKEN']) ? $_SERVER['HTTP_X_BANBRIDGE_TOKEN'] : '';
		$posted = isset($_SERVER['REQUEST_METHOD']) && $_SERVER['REQUEST_METHOD'] === 'POST';
		if (!$posted || !is_string($token) || $token === '' || !hash_equals($token, (string) $given)) {
			return $this->refuse(_('This page is too old. Load it again.'));
		}
		if (Commands::changes($command) && !$this->may(self::CHANGE)) {
			return $this->refuse(_('You may see this and not change it. An administrator can give you the right "Ban Bridge: change".'));
		}
		// A long answer holds up no other page of the same person.
		if (session_id() !== '') {
			session_write_close();
		}
		return Commands::run($command, $_POST);
	}

	private function refuse($message) {
		$this->pbx->Ajax->ajaxError(403, $message);
		return array('status' => false, 'code' => null, 'message' => $message, 'data' => null);
	}

	/** Whether the person of this session may enter the section. */
	private function may($section) {
		$user = isset($_SESSION['AMP_user']) ? $_SESSION['AMP_user'] : null;
		return defined('FREEPBX_IS_AUTH') && is_object($user) && method_exists($user, 'checkSection')
			&& $user->checkSection($section);
	}

	/** The session's token; made with the first page. */
	private function token() {
		if (empty($_SESSION[self::TOKEN]) || !is_string($_SESSION[self::TOKEN])) {
			$strong = false;
			$bytes = openssl_random_pseudo_bytes(32, $strong);
			if ($bytes === false || !$strong) {
				throw new \Exception('No good random numbers are to be had');
			}
			$_SESSION[self::TOKEN] = bin2hex($bytes);
		}
		return $_SESSION[self::TOKEN];
	}

	// ---- The job and the hooks ----

	/** The program's answer as the page gets it. */
	public function ask(array $args, array $options = array()) {
		return Commands::answer(Program::run($args, $options));
	}

	/**
	 * The job: starts a run that goes on by itself, so that no slow feed holds up the jobs of other modules, waits a
	 * little for its end, and shows the program's notices.
	 *
	 * @return string|null what went wrong
	 */
	public function job() {
		$started = $this->ask(array('sync', '--json'), array('detach' => true));
		if (!$started['status']) {
			Notices::mirror($this->unreachable($started));
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
			Notices::mirror($this->unreachable($status));
			return $status['message'];
		}
		$notices = isset($status['data']->notices) ? $status['data']->notices : null;
		if (is_array($notices)) {
			Notices::mirror($notices);
		}
		return null;
	}

	/** The one notice that the program cannot give: that it does not answer. */
	private function unreachable(array $answer) {
		return array((object) array(
			'id' => 'program',
			'level' => 'error',
			'title' => _('the blacklist is not kept up to date'),
			'text' => $answer['message'],
		));
	}

	/** At the end of `fwconsole start`, as root: what is remembered is in force again, without asking any feed. */
	public function startFreepbx($output = null) {
		$applied = $this->ask(array('apply', '--json'), array('seconds' => 120));
		if (is_object($output)) {
			$text = $applied['status'] ? _('what is wanted is applied') : $applied['message'];
			$output->writeln(_('Ban Bridge') . ': ' . str_replace('<', '\\<', $text));
		}
	}

	/** `fwconsole chown`: the configuration may hold a key. */
	public function chownFreepbx() {
		$file = $this->pbx->Config->get('ASTETCDIR') . '/banbridge.toml';
		return array(array('type' => 'file', 'path' => $file, 'perms' => 0640));
	}
}
