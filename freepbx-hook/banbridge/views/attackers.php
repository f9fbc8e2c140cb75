<?php
if (!defined('FREEPBX_IS_AUTH')) {
	die('No direct script access allowed');
}
?>
		<h2 id="bb-attackers-title"><?php echo _('Who reached the phone system'); ?></h2>
		<p class="bb-small"><?php echo _('From the log of the phone system, which every sync reads. What is blocked never arrives there.'); ?></p>
		<div class="bb-line">
			<label for="bb-attackers-days"><?php echo _('Time'); ?></label>
			<select class="form-control" id="bb-attackers-days">
				<option value="1"><?php echo _('24 hours'); ?></option>
				<option value="7" selected><?php echo _('7 days'); ?></option>
				<option value="30"><?php echo _('30 days'); ?></option>
				<option value="90"><?php echo _('90 days'); ?></option>
			</select>
		</div>
		<div id="bb-attackers" data-bb-region tabindex="-1" role="region" aria-labelledby="bb-attackers-title" aria-live="polite"></div>
