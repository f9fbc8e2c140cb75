<?php
// FreePBX's global functions that modules use.

if (!function_exists('_')) {
	function _($text) {
		return $text;
	}
}

/** The output of a file with these variables. */
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

/** FreePBX's debug output, into a file that a test can search. */
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

/** Shows the red button "Apply Config" in the menu. */
function needreload() {
	FreePBX::Config()->update('SANDBOX_NEEDRELOAD', '1');
}

function outn($text) {
	echo $text;
}

function out($text) {
	echo "$text\n";
}
