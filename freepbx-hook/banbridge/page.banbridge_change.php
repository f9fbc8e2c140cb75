<?php
// The menu entry of the permission to change, so that FreePBX can give it apart from the permission to see. FreePBX's
// search finds it, so it leads to the page.
if (!defined('FREEPBX_IS_AUTH')) {
	die('No direct script access allowed');
}
echo \FreePBX::Banbridge()->showPage('main');
