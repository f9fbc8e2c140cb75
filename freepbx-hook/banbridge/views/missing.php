<?php
if (!defined('FREEPBX_IS_AUTH')) {
	die('No direct script access allowed');
}
// Shown where the program is not installed.
?>
<div class="container-fluid" id="banbridge">
	<h1><?php echo _('Ban Bridge'); ?></h1>
	<div class="alert alert-warning">
		<p><strong><?php echo _('Nothing is blocked by this module yet: the program banbridge is not installed.'); ?></strong></p>
		<p><?php echo _('This module shows what the program does. Download the package of the program onto this machine and run as root:'); ?></p>
		<p><code><?php echo htmlspecialchars($command, ENT_QUOTES, 'UTF-8'); ?></code></p>
		<p><?php echo _('Then load this page again.'); ?></p>
	</div>
</div>
