<?php
/** The logged-in user, kept in the session, with their sections; * is all of them. */
#[AllowDynamicProperties]
class ampuser {
	public $username;
	public $id;
	private $password;
	private $extension_high = '';
	private $extension_low = '';
	private $sections = array();
	private $mode;

	public function __construct($username, $mode = 'database') {
		$this->username = $username;
		$this->mode = $mode;
		$user = $this->getAmpUser($username);
		$this->password = $user ? $user['password_sha1'] : false;
		$this->sections = $user ? $user['sections'] : array();
	}

	public function setAdmin() {
		$this->sections = array('*');
	}

	public function checkPassword($password) {
		return $this->password === sha1((string) $password);
	}

	public function checkSection($section) {
		if (empty($this->sections) || !is_array($this->sections)) {
			return false;
		}
		return in_array('*', $this->sections) || in_array($section, $this->sections);
	}

	public function getAmpUser($username) {
		$found = FreePBX::Database()->prepare('SELECT * FROM ampusers WHERE username = ?');
		$found->execute(array($username));
		$user = $found->fetch(\PDO::FETCH_ASSOC);
		if (!$user) {
			return false;
		}
		$user['sections'] = explode(';', $user['sections']);
		return $user;
	}

	public function getExtensionHigh() {
		return $this->extension_high;
	}

	public function getExtensionLow() {
		return $this->extension_low;
	}

	public function getOpMode() {
		return null;
	}

	public function getMode() {
		return $this->mode;
	}

	public function getSections() {
		return $this->sections;
	}
}
