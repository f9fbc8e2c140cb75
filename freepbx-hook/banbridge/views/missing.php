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
		<p><?php echo _('Download the package for this PBX from the releases of banbridge, and run these two commands as root, in the same folder:'); ?></p>
		<p><code><?php echo htmlspecialchars($command, ENT_QUOTES, 'UTF-8'); ?></code></p>
		<p><code>banbridge setup</code></p>
		<p><?php echo _('Then reload this page.'); ?></p>
	</div>
</div>
