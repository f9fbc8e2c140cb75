<?php
// The functions of FreePBX that modules use without saying where they are from.

if (!function_exists('_')) {
	function _($text) {
		return $text;
	}
}

/** A file's output, with these variables in its scope. */
function load_view($view_filename_protected, $vars = array()) {
	if (!$view_filename_protected || !is_readable($view_filename_protected)) {
		return false;
	}
	extract((array) $vars, EXTR_SKIP);
	ob_start();
	include $view_filename_protected;
	return ob_get_clean();
}

function show_view($view_filename_protected, $vars = array()) {
	$shown = load_view($view_filename_protected, $vars);
	if ($shown !== false) {
		echo $shown;
	}
}

/** Debugging of FreePBX's: to a file, where a test can look for what should not be there. */
function dbug() {
	file_put_contents('/var/log/asterisk/freepbx_dbug', print_r(func_get_args(), true), FILE_APPEND);
}

define('FPBX_LOG_CRITICAL', 'CRITICAL');
define('FPBX_LOG_ERROR', 'ERROR');
define('FPBX_LOG_WARNING', 'WARNING');
define('FPBX_LOG_NOTICE', 'NOTICE');
define('FPBX_LOG_INFO', 'INFO');

function freepbx_log($level, $message) {
	@file_put_contents('/var/log/asterisk/freepbx.log', "[$level]: $message\n", FILE_APPEND);
}

function get_framework_version() {
	return getVersion();
}

function getVersion() {
	return FreePBX::Modules()->version('framework');
}

/** Marks that the dialplan is to be reloaded: a red button in the menu. */
function needreload() {
	FreePBX::Config()->update('SANDBOX_NEEDRELOAD', '1');
}

function outn($text) {
	echo $text;
}

function out($text) {
	echo "$text\n";
}
