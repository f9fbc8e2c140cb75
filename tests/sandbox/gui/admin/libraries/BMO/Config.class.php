<?php
namespace FreePBX;

/** The advanced settings: rows of freepbx_settings, and those in /etc/freepbx.conf. */
class Config {
	private $settings;

	public function all() {
		if ($this->settings === null) {
			$rows = \FreePBX::Database()->query('SELECT keyword, value FROM freepbx_settings')->fetchAll(\PDO::FETCH_KEY_PAIR);
			$this->settings = array_merge(\FreePBX::$conf, $rows);
		}
		return $this->settings;
	}

	public function get($keyword, $passthru = false) {
		$all = $this->all();
		return isset($all[$keyword]) ? $all[$keyword] : false;
	}

	public function get_conf_setting($keyword, $passthru = false) {
		return $this->get($keyword);
	}

	public function conf_setting_exists($keyword) {
		return array_key_exists($keyword, $this->all());
	}

	public function exists($keyword) {
		return $this->conf_setting_exists($keyword);
	}

	public function update($keyword, $value) {
		\FreePBX::Database()->prepare('REPLACE INTO freepbx_settings (keyword, value) VALUES (?, ?)')->execute(array($keyword, $value));
		$this->settings = null;
	}

	public function set_conf_values($values, $commit = false, $override = false) {
		foreach ($values as $keyword => $value) {
			$this->update($keyword, $value);
		}
	}
}
