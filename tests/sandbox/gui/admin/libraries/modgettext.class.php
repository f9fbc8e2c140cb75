<?php
/** A module's own translations: i18n/LANGUAGE/LC_MESSAGES/MODULE.mo in its folder. */
class modgettext {
	private static $stack = array();
	private static $now = 'amp';

	/** The language, from the cookie that the menu sets. */
	public static function language() {
		$language = isset($_COOKIE['lang']) ? $_COOKIE['lang'] : FreePBX::Config()->get('UIDEFAULTLANG');
		if (PHP_SAPI === 'cli' && !isset($_COOKIE['lang'])) {
			return;
		}
		if (!preg_match('/^[a-z]{2}_[A-Z]{2}$/', $language)) {
			$language = 'en_US';
		}
		putenv("LANGUAGE=$language");
		// gettext translates nothing in the locale C. The sandbox always has C.UTF-8.
		setlocale(LC_MESSAGES, "$language.UTF-8", "$language.utf8", 'C.UTF-8');
	}

	public static function textdomain($module) {
		if (!extension_loaded('gettext')) {
			return null;
		}
		$folder = FreePBX::Config()->get('AMPWEBROOT')."/admin/modules/$module/i18n";
		if (!preg_match('/^\w+$/', $module) || !is_dir($folder)) {
			$module = 'amp';
			$folder = FreePBX::Config()->get('AMPWEBROOT').'/admin/i18n';
		}
		bindtextdomain($module, $folder);
		bind_textdomain_codeset($module, 'utf8');
		return self::$now = textdomain($module);
	}

	public static function push_textdomain($module) {
		self::$stack[] = self::$now;
		return self::textdomain($module);
	}

	public static function pop_textdomain() {
		$before = array_pop(self::$stack);
		return self::textdomain($before === null ? 'amp' : $before);
	}

	public static function _($text, $module) {
		self::push_textdomain($module);
		$translated = _($text);
		self::pop_textdomain();
		return $translated;
	}
}
