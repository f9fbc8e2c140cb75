<?php
if (!defined('FREEPBX_IS_AUTH')) {
	die('No direct script access allowed');
}
// What the entry "Ban Bridge: change" says when somebody opens it.
?>
<div class="container-fluid" id="banbridge">
	<h1><?php echo _('Ban Bridge: change'); ?></h1>
	<p><?php echo _('This is a right, and no page: who has it may change what Ban Bridge does. Who has "Ban Bridge" alone sees everything and changes nothing.'); ?></p>
	<p><a href="?display=banbridge"><?php echo _('To the page'); ?></a></p>
</div>
