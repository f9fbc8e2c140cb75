<?php
if (!defined('FREEPBX_IS_AUTH')) {
	die('No direct script access allowed');
}
?>
		<h2 id="bb-rejected-title"><?php echo _('Rejected packets'); ?></h2>
		<p class="bb-small"><?php echo _('The 1,000 addresses that sent the most packets which were rejected. A rejected packet never reaches the phone system, so nothing of it is in its log.'); ?></p>
		<p><button type="button" class="btn btn-default" id="bb-rejected-export"><?php echo _('Export as CSV'); ?></button></p>
		<div class="bb-table" data-bb-region tabindex="-1" role="region" aria-labelledby="bb-rejected-title">
			<table id="bb-rejected" class="table table-striped"></table>
		</div>
