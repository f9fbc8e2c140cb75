<?php
namespace FreePBX;

/**
 * A fake of FreePBX's Ajax class, with its order of checks: first the module, which can disable the checks, then the
 * Referer, then the login. It checks no section and no token. Some releases accept every request from the machine's own
 * address without a login, as SANDBOX_TRUSTS_LOOPBACK in the settings does here.
 */
class Ajax {
	public $settings = array('authenticate' => true, 'allowremote' => false, 'changesession' => false);

	public function doRequest($module = null, $command = null) {
		if (!is_string($module) || !is_string($command) || !preg_match('/^[\w-]+$/', $module)) {
			throw new \Exception('Module requested invalid');
		}
		$class = \FreePBX::Modules()->cleanModuleName($module);
		\FreePBX::create()->injectClass($class, \FreePBX::Config()->get('AMPWEBROOT')."/admin/modules/$module/$class.class.php");
		$object = \FreePBX::create()->$class;
		if (!method_exists($object, 'ajaxRequest')) {
			$this->ajaxError(501, 'ajaxRequest not found');
		}
		$settings = array();
		if (!$object->ajaxRequest($command, $settings)) {
			$this->ajaxError(403, 'ajaxRequest declined');
		}
		$this->settings = array_merge($this->settings, array_intersect_key($settings, $this->settings));
		if ($this->settings['allowremote'] !== true && \FreePBX::Config()->get('CHECKREFERER')) {
			$from = isset($_SERVER['HTTP_REFERER']) ? parse_url($_SERVER['HTTP_REFERER']) : array();
			$host = (isset($from['host']) ? $from['host'] : '').(isset($from['port']) ? ':'.$from['port'] : '');
			if ($host !== $_SERVER['HTTP_HOST']) {
				$this->ajaxError(403, 'ajaxRequest declined - Referrer');
			}
		}
		session_start();
		if (!$this->settings['changesession']) {
			session_write_close();
		}
		if (\FreePBX::Config()->get('SANDBOX_TRUSTS_LOOPBACK') && in_array($_SERVER['REMOTE_ADDR'], array('127.0.0.1', '::1'), true)) {
			$this->settings['authenticate'] = false;
		}
		if ($this->settings['authenticate'] && !isset($_SESSION['AMP_user'])) {
			$this->ajaxError(401, 'Not Authenticated');
		}
		if (!method_exists($object, 'ajaxHandler')) {
			$this->ajaxError(501, 'ajaxHandler not found');
		}
		if (method_exists($object, 'ajaxCustomHandler') && $object->ajaxCustomHandler() === true) {
			exit;
		}
		$answer = $object->ajaxHandler();
		if ($answer === false) {
			$this->ajaxError(500, 'Unknown Error');
		}
		if (is_bool($answer)) {
			$answer = array('status' => $answer, 'message' => 'unknown');
		} elseif (is_string($answer)) {
			$answer = array('status' => true, 'message' => $answer);
		}
		$this->answer(null, $answer);
	}

	public function ajaxError($errnum, $message = 'Unknown Error') {
		$this->answer($errnum, array('error' => $message));
	}

	private function answer($status, $body) {
		if (!headers_sent()) {
			if ($status !== null) {
				http_response_code($status);
			}
			header('Content-Type: text/json');
		}
		echo json_encode(is_array($body) ? $body : array('message' => $body));
		exit;
	}
}
