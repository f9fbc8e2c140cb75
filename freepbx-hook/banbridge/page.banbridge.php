<?php
// The page. What it shows comes by ajax.php, and there each request is checked again.
if (!defined('FREEPBX_IS_AUTH')) {
	die('No direct script access allowed');
}
echo \FreePBX::Banbridge()->showPage('main');
