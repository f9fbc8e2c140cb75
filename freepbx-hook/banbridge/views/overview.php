<?php
if (!defined('FREEPBX_IS_AUTH')) {
	die('No direct script access allowed');
}
// Who is knocking, the week, and the feeds.
?>
		<h2><?php echo _('Is this address blocked?'); ?></h2>
		<form id="bb-check" class="bb-line" role="search">
			<label for="bb-check-address"><?php echo _('Address or network'); ?></label>
			<input type="text" class="form-control" id="bb-check-address" required maxlength="100" autocomplete="off" placeholder="192.0.2.1">
			<button type="submit" class="btn btn-default"><?php echo _('Check'); ?></button>
		</form>
		<div id="bb-check-answer" data-bb-region tabindex="-1" aria-live="polite"></div>
		<div class="bb-head">
			<h2 id="bb-knocking-title"><?php echo _('Who is knocking'); ?></h2>
			<button type="button" class="btn btn-default btn-sm" data-bb-tab="bb-panel-rejected"><?php echo _('All rejections'); ?></button>
		</div>
		<div class="bb-columns">
			<div>
				<p class="bb-small" id="bb-packets-words"></p>
				<div id="bb-knocking" data-bb-region tabindex="-1" role="region" aria-labelledby="bb-knocking-title"></div>
			</div>
			<div>
				<h3 class="bb-small"><?php echo _('Rejected packets by the hour, 7 days'); ?></h3>
				<div id="bb-chart"></div>
				<p class="bb-small" id="bb-week" hidden></p>
			</div>
		</div>
		<div class="bb-head">
			<h2><?php echo _('Feeds'); ?></h2>
			<?php if ($may_change) { ?>
			<div class="bb-buttons">
				<button type="button" class="btn btn-default" id="bb-catalog"><?php echo _('Add a feed from the catalog'); ?></button>
				<button type="button" class="btn btn-default" id="bb-permit"><?php echo _('Only where you do business'); ?></button>
				<button type="button" class="btn btn-default" id="bb-own"><?php echo _('Add your own list'); ?></button>
			</div>
			<?php } ?>
		</div>
		<p class="bb-small" id="bb-permit-line" hidden></p>
		<ul class="bb-cards" id="bb-feeds"></ul>
