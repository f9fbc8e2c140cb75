<?php
if (!defined('FREEPBX_IS_AUTH')) {
	die('No direct script access allowed');
}
// Shown where nothing is set up yet.
?>
	<section class="bb-state" id="bb-welcome" aria-labelledby="bb-welcome-title" hidden>
		<h2 id="bb-welcome-title"><?php echo _('Welcome'); ?></h2>
		<p><?php echo _('Ban Bridge blocks the addresses of those who attack phone systems right now. apiban.org collects them, and gives everybody a free key.'); ?></p>
		<?php if ($may_change) { ?>
		<div id="bb-welcome-key">
			<p><a href="https://apiban.org/getkey.html" target="_blank" rel="noopener noreferrer"><?php echo _('Get a free key'); ?></a></p>
			<div class="bb-line">
				<label for="bb-welcome-field"><?php echo _('Your key for apiban.org'); ?></label>
				<input type="password" class="form-control" id="bb-welcome-field" autocomplete="new-password" maxlength="500">
				<button type="button" class="btn btn-default" id="bb-welcome-test"><?php echo _('Test'); ?></button>
			</div>
		</div>
		<div id="bb-welcome-answer" role="status"></div>
		<p><button type="button" class="btn btn-default" id="bb-welcome-start"><?php echo _('Start protecting'); ?></button></p>
		<p class="bb-small"><?php echo _('Phones that are registered, trunks and trusted networks are never blocked.'); ?></p>
		<?php } else { ?>
		<p><?php echo _('Somebody with the permission "Ban Bridge: change" can start it here.'); ?></p>
		<?php } ?>
	</section>
