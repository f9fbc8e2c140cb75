<?php
/**
 * Shows the program's notices in FreePBX's notification system, and takes away those that are over. What is a notice
 * is decided by the program.
 */
namespace FreePBX\modules\Banbridge;

class Notices {
	/** FreePBX keeps so many letters of a notification's id. */
	const LONGEST_ID = 24;
	const MODULE = 'banbridge';

	/** Makes the notifications of this module the given ones, and touches only what differs. */
	public static function mirror(array $notices) {
		$notifications = \FreePBX::Notifications();
		$shown = self::shown($notifications);
		foreach ($notices as $notice) {
			if (!is_object($notice) || !isset($notice->id) || !isset($notice->title)) {
				continue;
			}
			$id = self::id((string) $notice->id);
			// FreePBX prints both as HTML, and feeds and trunks have a say in them.
			$title = htmlspecialchars(_('Ban Bridge') . ': ' . $notice->title, ENT_QUOTES, 'UTF-8');
			$text = htmlspecialchars(isset($notice->text) ? $notice->text : '', ENT_QUOTES, 'UTF-8');
			$level = isset($notice->level) && $notice->level === 'error' ? 'error' : 'warning';
			$same = isset($shown[$id]) && $shown[$id]['display_text'] === $title
				&& $shown[$id]['extended_text'] === $text && $shown[$id]['level'] == self::number($level);
			unset($shown[$id]);
			if ($same) {
				continue;
			}
			// PASSIVE: one that an administrator hid stays hidden.
			$add = 'add_' . $level;
			$notifications->$add(self::MODULE, $id, $title, $text, '?display=banbridge', 'PASSIVE', false);
		}
		foreach (array_keys($shown) as $id) {
			$notifications->delete(self::MODULE, $id);
		}
	}

	/** The notifications of this module that FreePBX has now, by their id. */
	private static function shown($notifications) {
		$shown = array();
		foreach ((array) $notifications->list_all(true, false) as $row) {
			if ($row['module'] === self::MODULE) {
				$shown[$row['id']] = $row;
			}
		}
		return $shown;
	}

	private static function id($id) {
		return strlen($id) <= self::LONGEST_ID ? $id : substr($id, 0, 15) . '_' . substr(md5($id), 0, 8);
	}

	private static function number($level) {
		return $level === 'error' ? NOTIFICATION_TYPE_ERROR : NOTIFICATION_TYPE_WARNING;
	}
}
