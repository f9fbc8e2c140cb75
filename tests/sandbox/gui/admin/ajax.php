<?php
// A fake of FreePBX's ajax.php. The login is checked after the module was asked for the command.
$module = isset($_REQUEST['module']) ? $_REQUEST['module'] : 'framework';
$command = isset($_REQUEST['command']) ? $_REQUEST['command'] : 'unset';
$bootstrap_settings['freepbx_auth'] = false;
$restrict_mods = true;
include_once '/etc/freepbx.conf';
session_set_cookie_params(60 * 60 * 24 * 30);
modgettext::textdomain($module);
$bmo->Ajax->doRequest($module, $command);
