<?php
if (!defined('FREEPBX_IS_AUTH')) {
	die('No direct script access allowed');
}
// Shown where the program is not installed.
?>
<div class="container-fluid" id="banbridge">
	<h1><?php echo _('Ban Bridge'); ?></h1>
	<div class="alert alert-warning">
		<p><strong><?php echo _('Nothing is blocked yet: the program banbridge is not installed.'); ?></strong></p>
		<p><?php echo _('This module needs it. Download its package to this PBX, then run as root:'); ?></p>
		<p><code><?php echo htmlspecialchars($command, ENT_QUOTES, 'UTF-8'); ?></code></p>
		<p><?php echo _('Then reload this page.'); ?></p>
	</div>
</div>
