<?php
if (!defined('FREEPBX_IS_AUTH')) {
	die('No direct script access allowed');
}
echo load_view(__DIR__.'/view.php', array('name' => 'probe <b>'));
