		<h2><?php echo _('Is this address blocked?'); ?></h2>
		<form id="bb-check" class="bb-line" role="search">
			<label for="bb-check-address"><?php echo _('Address or network'); ?></label>
			<input type="text" class="form-control" id="bb-check-address" required maxlength="100" autocomplete="off" placeholder="192.0.2.1">
			<button type="submit" class="btn btn-primary"><?php echo _('Check'); ?></button>
		</form>
		<div id="bb-check-answer" data-bb-region tabindex="-1" aria-live="polite"></div>
		<h2 id="bb-entries-title"><?php echo _('Listed addresses and your rows'); ?></h2>
		<p class="bb-small"><?php echo _('All traffic from a blocked address is stopped, not only SIP. "Allow" adds the address to the allow list: it is not blocked, whatever the feeds list. "Unblock" removes the block for the time in Settings (30 days by default). Ban Bridge does not change your own rows of the firewall blacklist.'); ?></p>
		<div class="bb-line">
			<label for="bb-entries-feed"><?php echo _('Feed'); ?></label>
			<select class="form-control" id="bb-entries-feed"></select>
			<label for="bb-entries-sort"><?php echo _('Sort by'); ?></label>
			<select class="form-control" id="bb-entries-sort">
				<option value=""></option>
				<option value="address asc"><?php echo _('Address or network'); ?></option>
				<option value="first_seen desc"><?php echo _('Newest first'); ?></option>
				<option value="expires_at asc"><?php echo _('Expiring soonest first'); ?></option>
				<option value="blocked_packets desc"><?php echo _('Most blocked packets first'); ?></option>
			</select>
		</div>
		<div class="bb-table" data-bb-region tabindex="-1" role="region" aria-labelledby="bb-entries-title">
			<table id="bb-entries" class="table table-striped"></table>
		</div>
