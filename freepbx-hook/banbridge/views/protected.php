<?php
if (!defined('FREEPBX_IS_AUTH')) {
	die('No direct script access allowed');
}
?>
		<h2 id="bb-allowed-title"><?php echo _('Allow list'); ?></h2>
		<p class="bb-small"><?php echo _('Addresses, networks and names on this list are not blocked. Trunks, registered phones and the networks in the firewall zones Trusted, Local and Other are protected without it.'); ?></p>
		<?php if ($may_change) { ?>
		<form id="bb-allow" class="bb-line">
			<label for="bb-allow-target"><?php echo _('Address, network or host name'); ?></label>
			<input type="text" class="form-control" id="bb-allow-target" required maxlength="255" autocomplete="off" placeholder="sip.example.com">
			<label for="bb-allow-comment"><?php echo _('Comment'); ?></label>
			<input type="text" class="form-control" id="bb-allow-comment" maxlength="200" autocomplete="off">
			<button type="submit" class="btn btn-primary" id="bb-allow-add"><?php echo _('Allow'); ?></button>
		</form>
		<p class="bb-line">
			<button type="button" class="btn btn-default" id="bb-allow-mine"><?php echo _('Add my address'); ?></button>
			<span><?php echo sprintf(_('Your browser connects from %s.'), '<code>' . htmlspecialchars($address, ENT_QUOTES, 'UTF-8') . '</code>'); ?></span>
		</p>
		<?php if ($proxied) { ?>
		<p class="alert alert-warning"><?php echo _('The connection comes through a proxy. This is the address of the proxy, not yours.'); ?></p>
		<?php } ?>
		<?php } ?>
		<div class="bb-table" data-bb-region tabindex="-1" role="region" aria-labelledby="bb-allowed-title">
			<table id="bb-allowed" class="table table-striped"></table>
		</div>
		<h2 id="bb-unblocked-title"><?php echo _('Unblocked'); ?></h2>
		<p class="bb-small"><?php echo _('You unblocked these addresses, here, in a shell, or by deleting their row in the firewall. No feed blocks them until their time expires.'); ?></p>
		<div class="bb-table" data-bb-region tabindex="-1" role="region" aria-labelledby="bb-unblocked-title">
			<table id="bb-unblocked" class="table table-striped"></table>
		</div>
		<h2 id="bb-skipped-title"><?php echo _('Skipped entries'); ?></h2>
		<p class="bb-small"><?php echo _('Feeds list these entries, but they are not blocked: they are protected, invalid or too wide.'); ?></p>
		<div class="bb-table" data-bb-region tabindex="-1" role="region" aria-labelledby="bb-skipped-title">
			<table id="bb-skipped" class="table table-striped"></table>
		</div>
