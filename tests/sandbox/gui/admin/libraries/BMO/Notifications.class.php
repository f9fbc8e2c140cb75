<?php
namespace FreePBX;

define('NOTIFICATION_TYPE_CRITICAL', 100);
define('NOTIFICATION_TYPE_SECURITY', 200);
define('NOTIFICATION_TYPE_SIGNATURE_UNSIGNED', 250);
define('NOTIFICATION_TYPE_UPDATE', 300);
define('NOTIFICATION_TYPE_ERROR', 400);
define('NOTIFICATION_TYPE_WARNING', 500);
define('NOTIFICATION_TYPE_NOTICE', 600);

/**
 * The notifications on the dashboard. A notification that is added again with the same text stays unchanged, and a hidden
 * one stays hidden unless $reset is set.
 */
class Notifications {
	private $freepbx;
	private $db;

	public function __construct($freepbx) {
		$this->freepbx = $freepbx;
		$this->db = $freepbx->Database;
	}

	public static function create() {
		return \FreePBX::create()->Notifications;
	}

	private function run($sql, array $values) {
		$statement = $this->db->prepare($sql);
		$statement->execute($values);
		return $statement;
	}

	public function exists($module, $id) {
		return (int) $this->run('SELECT count(*) FROM notifications WHERE module = ? AND id = ?', array($module, $id))->fetchColumn();
	}

	public function add_critical($module, $id, $text, $extended = '', $link = '', $reset = true, $candelete = false) {
		$this->add(NOTIFICATION_TYPE_CRITICAL, $module, $id, $text, $extended, $link, $reset, $candelete);
	}

	public function add_security($module, $id, $text, $extended = '', $link = '', $reset = true, $candelete = false) {
		$this->add(NOTIFICATION_TYPE_SECURITY, $module, $id, $text, $extended, $link, $reset, $candelete);
	}

	public function add_update($module, $id, $text, $extended = '', $link = '', $reset = false, $candelete = false) {
		$this->add(NOTIFICATION_TYPE_UPDATE, $module, $id, $text, $extended, $link, $reset, $candelete);
	}

	public function add_error($module, $id, $text, $extended = '', $link = '', $reset = false, $candelete = false) {
		$this->add(NOTIFICATION_TYPE_ERROR, $module, $id, $text, $extended, $link, $reset, $candelete);
	}

	public function add_warning($module, $id, $text, $extended = '', $link = '', $reset = false, $candelete = false) {
		$this->add(NOTIFICATION_TYPE_WARNING, $module, $id, $text, $extended, $link, $reset, $candelete);
	}

	public function add_notice($module, $id, $text, $extended = '', $link = '', $reset = false, $candelete = true) {
		$this->add(NOTIFICATION_TYPE_NOTICE, $module, $id, $text, $extended, $link, $reset, $candelete);
	}

	private function add($level, $module, $id, $text, $extended, $link, $reset, $candelete) {
		$old = $this->run('SELECT * FROM notifications WHERE module = ? AND id = ?', array($module, $id))->fetch(\PDO::FETCH_ASSOC);
		$candelete = $candelete ? 1 : 0;
		if (!$old) {
			$this->run('INSERT INTO notifications (level, display_text, extended_text, link, reset, candelete, timestamp, module, id)'
				.' VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?)', array($level, $text, $extended, $link, $candelete, time(), $module, $id));
			return;
		}
		$same = $old['level'] == $level && $old['display_text'] === $text && $old['extended_text'] === $extended && $old['link'] === $link;
		if (!$same || ($reset && $old['reset'])) {
			$hidden = $reset === 'PASSIVE' ? $old['reset'] : 0;
			$this->run('UPDATE notifications SET level = ?, display_text = ?, extended_text = ?, link = ?, reset = ?, candelete = ?,'
				.' timestamp = ? WHERE module = ? AND id = ?',
				array($level, $text, $extended, $link, $hidden, $candelete, time(), $module, $id));
		}
	}

	public function list_all($show_reset = false, $allow_filtering = true) {
		$where = $show_reset ? '' : ' WHERE reset = 0';
		return $this->db->query("SELECT * FROM notifications$where ORDER BY level, module")->fetchAll(\PDO::FETCH_ASSOC);
	}

	public function list_security($show_reset = false, $allow_filtering = true) {
		return $this->of(NOTIFICATION_TYPE_SECURITY, $show_reset);
	}

	public function list_error($show_reset = false, $allow_filtering = true) {
		return $this->of(NOTIFICATION_TYPE_ERROR, $show_reset);
	}

	public function list_warning($show_reset = false, $allow_filtering = true) {
		return $this->of(NOTIFICATION_TYPE_WARNING, $show_reset);
	}

	public function list_notice($show_reset = false, $allow_filtering = true) {
		return $this->of(NOTIFICATION_TYPE_NOTICE, $show_reset);
	}

	private function of($level, $show_reset) {
		return array_values(array_filter($this->list_all($show_reset), function ($row) use ($level) {
			return (int) $row['level'] === $level;
		}));
	}

	public function reset($module, $id) {
		$this->run('UPDATE notifications SET reset = 1 WHERE module = ? AND id = ?', array($module, $id));
	}

	public function delete($module, $id) {
		$this->run('DELETE FROM notifications WHERE module = ? AND id = ?', array($module, $id));
	}

	public function safe_delete($module, $id) {
		$this->run('DELETE FROM notifications WHERE module = ? AND id = ? AND candelete = 1', array($module, $id));
	}

	public function get_num_active() {
		return (int) $this->db->query('SELECT COUNT(id) FROM notifications WHERE reset = 0')->fetchColumn();
	}
}
