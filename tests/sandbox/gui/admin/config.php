<?php
/**
 * A fake of FreePBX's config.php: the login, the menu and the frame of a module's page. It checks sections by the menu
 * item; ajax.php does not.
 */
$display = isset($_REQUEST['display']) ? $_REQUEST['display'] : '';
header('Cache-Control: no-store');
header('Content-Type: text/html; charset=utf-8');
require_once __DIR__.'/libraries/ampuser.class.php';
session_set_cookie_params(60 * 60 * 24 * 30);
session_start();
if (isset($_REQUEST['logout']) && $_REQUEST['logout'] === 'true') {
	unset($_SESSION['AMP_user']);
	exit;
}
include_once '/etc/freepbx.conf';

$logged_in = isset($_SESSION['AMP_user']) && is_object($_SESSION['AMP_user']);
$fpbx_menu = array();
$item = null;
foreach ($active_modules as $key => $module) {
	foreach (isset($module['items']) ? $module['items'] : array() as $name => $entry) {
		if (!$logged_in || !$_SESSION['AMP_user']->checkSection($name)) {
			if ($display === $name) {
				$display = $logged_in ? 'noaccess' : 'noauth';
			}
			continue;
		}
		$entry['module'] = $key;
		$fpbx_menu[$name] = $entry;
		if ($display === $name) {
			$item = $entry;
		}
	}
}
if (isset($no_auth)) {
	$display = 'noauth';
} elseif ($item === null && $display !== '') {
	$display = 'noaccess';
}

ob_start();
$module_name = '';
$module_page = '';
if ($item !== null) {
	$module_name = $item['module'];
	$module_page = $display;
	$bmo->GuiHooks->doConfigPageInits($display);
	modgettext::textdomain($module_name);
	// The current directory of page.*.php files is this one.
	chdir(__DIR__);
	$file = "modules/$module_name/page.$module_page.php";
	if (file_exists($file)) {
		include $file;
	} else {
		echo sprintf(_('404 Not found (%s)'), $file);
	}
} elseif ($display === 'noauth') {
	echo load_view(__DIR__.'/views/login.php', array('failed' => !empty($_REQUEST['username'])));
} elseif ($display === 'noaccess') {
	echo '<div class="container-fluid"><h1>'._('Not found').'</h1><p>'
		._('The section you requested does not exist or you do not have access to it.').'</p></div>';
} else {
	echo load_view(__DIR__.'/views/dashboard.php');
}
$content = ob_get_clean();

$action_bar = array();
$nav_bar = null;
if ($module_name !== '') {
	$class = $bmo->Modules->cleanModuleName($module_name);
	if ($bmo->Modules->moduleHasMethod($class, 'getActionBar')) {
		$action_bar = (array) $bmo->$class->getActionBar($_REQUEST);
	}
	if ($bmo->Modules->moduleHasMethod($class, 'getRightNav')) {
		$nav_bar = $bmo->$class->getRightNav($_REQUEST);
	}
}
echo load_view(__DIR__.'/views/page.php', compact('content', 'fpbx_menu', 'display', 'module_name', 'module_page',
	'action_bar', 'nav_bar', 'logged_in'));
