<?php
// The menu entry of the permission to change, so that FreePBX can give it apart from the permission to see.
if (!defined('FREEPBX_IS_AUTH')) {
	die('No direct script access allowed');
}
echo \FreePBX::Banbridge()->showPage('change');
