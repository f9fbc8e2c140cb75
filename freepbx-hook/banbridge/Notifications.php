<?php
/**
 * Shows the program's problems as FreePBX notifications, and removes those that are solved. The program decides what
 * a problem is.
 */
namespace FreePBX\modules\Banbridge;

class Notifications {
	/** The longest id of a notification in FreePBX. */
	const LONGEST_ID = 24;
	const MODULE = 'banbridge';

	/** Shows exactly these problems as notifications of this module, and changes only what differs. */
	public static function mirror(array $problems) {
		$notifications = \FreePBX::Notifications();
		$shown = self::shown($notifications);
		foreach ($problems as $problem) {
			if (!is_object($problem) || !isset($problem->id) || !isset($problem->coded)) {
				continue;
			}
			$id = self::id((string) $problem->id);
			// FreePBX prints both as HTML, and they contain text from feeds and trunks.
			$title = htmlspecialchars(_('Ban Bridge') . ': ' . Sentences::say($problem->coded), ENT_QUOTES, 'UTF-8');
			$text = htmlspecialchars(Sentences::more($problem->coded), ENT_QUOTES, 'UTF-8');
			$level = isset($problem->level) && $problem->level === 'error' ? 'error' : 'warning';
			$same = isset($shown[$id]) && $shown[$id]['display_text'] === $title
				&& $shown[$id]['extended_text'] === $text && $shown[$id]['level'] == self::number($level);
			unset($shown[$id]);
			if ($same) {
				continue;
			}
			// PASSIVE: a notification that you hid stays hidden.
			$add = 'add_' . $level;
			$notifications->$add(self::MODULE, $id, $title, $text, '?display=banbridge', 'PASSIVE', false);
		}
		foreach (array_keys($shown) as $id) {
			$notifications->delete(self::MODULE, $id);
		}
	}

	/** The current notifications of this module, by id. */
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
