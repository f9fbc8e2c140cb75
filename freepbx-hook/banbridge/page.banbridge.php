<?php
// The page. Its data comes by ajax.php, where each request is checked again.
if (!defined('FREEPBX_IS_AUTH')) {
	die('No direct script access allowed');
}
echo \FreePBX::Banbridge()->showPage('main');
