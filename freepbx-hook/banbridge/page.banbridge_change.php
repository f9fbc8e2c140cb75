<?php
// No page: the entry exists so that FreePBX can give the right to change things apart from the right to see them.
if (!defined('FREEPBX_IS_AUTH')) {
	die('No direct script access allowed');
}
echo \FreePBX::Banbridge()->showPage('change');
