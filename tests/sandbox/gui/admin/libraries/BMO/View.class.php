<?php
namespace FreePBX;

/** Times and languages, as in the settings. */
class View {
	public function getTimezone() {
		return date_default_timezone_get();
	}

	public function getDateTime($timestamp = null) {
		return date('D, M j, Y g:i A', $timestamp ?: time());
	}

	public function getLocale() {
		return isset($_COOKIE['lang']) ? $_COOKIE['lang'] : 'en_US';
	}

	public function replaceState() {
		return false;
	}
}
