<?php
if (!defined('FREEPBX_IS_AUTH')) {
	die('No direct script access allowed');
}
?>
		<h2><?php echo _('Settings'); ?></h2>
		<p class="bb-small"><?php echo _('The next run uses what you save.'); ?></p>
		<div id="bb-settings"></div>
		<p id="bb-settings-save"></p>
