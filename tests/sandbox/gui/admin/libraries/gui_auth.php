<?php
// The login of config.php: a user and a password in the request, or a session with a login.
if (!isset($_SESSION['AMP_user'])) {
	$username = isset($_REQUEST['username']) ? $_REQUEST['username'] : '';
	$password = isset($_REQUEST['password']) ? $_REQUEST['password'] : '';
	$user = is_string($username) && $username !== '' ? new ampuser($username) : null;
	if ($user && is_string($password) && $user->checkPassword($password)) {
		$_SESSION['AMP_user'] = $user;
	} else {
		$no_auth = true;
	}
}
if (isset($_SESSION['AMP_user']) && !defined('FREEPBX_IS_AUTH')) {
	define('FREEPBX_IS_AUTH', 'TRUE');
}
