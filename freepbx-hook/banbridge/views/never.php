		<h2 id="bb-allowed-title"><?php echo _('Allow list'); ?></h2>
		<p class="bb-small"><?php echo _('Who is here is never blocked. Trunks, registered phones and the trusted networks of the firewall need not be here: they are protected anyway.'); ?></p>
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
			<span><?php echo sprintf(_('This page was asked for from %s.'), '<code>' . htmlspecialchars($address, ENT_QUOTES, 'UTF-8') . '</code>'); ?></span>
		</p>
		<?php if ($proxied) { ?>
		<p class="alert alert-warning"><?php echo _('It came through a proxy: the address above is the proxy\'s and not yours.'); ?></p>
		<?php } ?>
		<?php } ?>
		<div class="bb-table" data-bb-region tabindex="-1" role="region" aria-labelledby="bb-allowed-title">
			<table id="bb-allowed" class="table table-striped"></table>
		</div>
		<h2 id="bb-released-title"><?php echo _('Let through'); ?></h2>
		<p class="bb-small"><?php echo _('What somebody took out of what is blocked, here or by deleting its row in the firewall. Until its time is over no feed brings it back.'); ?></p>
		<div class="bb-table" data-bb-region tabindex="-1" role="region" aria-labelledby="bb-released-title">
			<table id="bb-released" class="table table-striped"></table>
		</div>
		<h2 id="bb-refused-title"><?php echo _('Listed by a feed and not blocked'); ?></h2>
		<p class="bb-small"><?php echo _('Because it is protected, or because it is no address.'); ?></p>
		<div class="bb-table" data-bb-region tabindex="-1" role="region" aria-labelledby="bb-refused-title">
			<table id="bb-refused" class="table table-striped"></table>
		</div>
