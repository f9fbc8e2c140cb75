<?php
if (!defined('FREEPBX_IS_AUTH')) {
	die('No direct script access allowed');
}
?>
		<h2 id="bb-entries-title"><?php echo _('Listed addresses and your rows'); ?></h2>
		<p class="bb-small"><?php echo _('All traffic from a blocked address is stopped, not only SIP. "Allow" adds the address to the allow list: it is not blocked, whatever the feeds list. "Unblock" removes the block for the time in Settings (30 days by default). Ban Bridge does not change your own rows of the firewall blacklist.'); ?></p>
		<div class="bb-line">
			<label for="bb-entries-feed"><?php echo _('Feed'); ?></label>
			<select class="form-control" id="bb-entries-feed"></select>
		</div>
		<div class="bb-table" data-bb-region tabindex="-1" role="region" aria-labelledby="bb-entries-title">
			<table id="bb-entries" class="table table-striped"></table>
		</div>
