<?php
if (!defined('FREEPBX_IS_AUTH')) {
	die('No direct script access allowed');
}
// Shown when somebody opens the menu entry "Ban Bridge: change", which exists only as a permission.
?>
<div class="container-fluid" id="banbridge">
	<h1><?php echo _('Ban Bridge: change'); ?></h1>
	<p><?php echo _('This permission lets a user change Ban Bridge. A user who only has "Ban Bridge" has read-only access.'); ?></p>
	<p><a href="?display=banbridge"><?php echo _('Open Ban Bridge'); ?></a></p>
</div>
