		<h2><?php echo _('Is this address blocked?'); ?></h2>
		<form id="bb-check" class="bb-line" role="search">
			<label for="bb-check-address"><?php echo _('Address or network'); ?></label>
			<input type="text" class="form-control" id="bb-check-address" required maxlength="100" autocomplete="off" placeholder="192.0.2.1">
			<button type="submit" class="btn btn-primary"><?php echo _('Ask'); ?></button>
		</form>
		<div id="bb-check-answer" data-bb-region tabindex="-1" aria-live="polite"></div>
		<h2 id="bb-entries-title"><?php echo _('What is listed and what blocks it'); ?></h2>
		<p class="bb-small"><?php echo _('"Allow" never blocks the address again, whatever the feeds say. "Let through" takes it out at once and keeps it out for the time that the settings say. Rows of the blacklist that you or others put there are shown as yours; this page does not touch them.'); ?></p>
		<div class="bb-line">
			<label for="bb-entries-feed"><?php echo _('Feed'); ?></label>
			<select class="form-control" id="bb-entries-feed"></select>
			<label for="bb-entries-sort"><?php echo _('Sort by'); ?></label>
			<select class="form-control" id="bb-entries-sort">
				<option value=""></option>
				<option value="prefix asc"><?php echo _('Address or network'); ?></option>
				<option value="first_seen desc"><?php echo _('Newest first'); ?></option>
				<option value="expires_at asc"><?php echo _('Soonest let go first'); ?></option>
				<option value="refused_packets desc"><?php echo _('Most packets first'); ?></option>
			</select>
		</div>
		<div class="bb-table" data-bb-region tabindex="-1" role="region" aria-labelledby="bb-entries-title">
			<table id="bb-entries" class="table table-striped"></table>
		</div>
